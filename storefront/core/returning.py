"""Where a payment page may send a buyer back to: our own origin and those that the operator allowed."""

from collections.abc import Collection

from yarl import URL

from storefront.core.errors import FieldError, Invalid
from storefront.core.services import Services


def is_allowed_return(address: str, public_url: str, allowed: Collection[str]) -> bool:
    """Tell whether ``address`` is an absolute http(s) URL whose origin is ours or allowed: visible ASCII,
    no credentials, no fragment."""
    if not all("!" <= character <= "~" for character in address):
        return False
    try:
        url = URL(address)
        if url.scheme not in ("http", "https") or not url.host or url.user is not None or url.fragment:
            return False
        origins = {URL(public_url).origin(), *(URL(origin).origin() for origin in allowed)}
        return url.origin() in origins
    except ValueError:
        return False


def check_return(services: Services, return_url: str | None) -> None:
    """Refuse (``Invalid``) to send a buyer anywhere but to this shop or an origin that the YAML allows."""
    if return_url is not None and not is_allowed_return(
        return_url, services.public_url, services.config.web.return_origins
    ):
        raise Invalid(
            "The buyer may not be sent there.",
            errors=[FieldError("/return_url", "must be on this shop or an origin of web.return_origins")],
        )
