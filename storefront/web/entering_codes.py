"""Codes that are typed in: read from a request, and guarded against guessing."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from storefront.core.errors import FieldError, Invalid
from storefront.core.principals import Role
from storefront.core.promos.codes import UNKNOWN, PromoCodeInvalid
from storefront.core.referring.entering import ReferralRefused
from storefront.routing import Call
from storefront.web.services import LIMITER


def typed_codes(body: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the promo codes of a request: one, or several."""
    if "promo_code" in body and "promo_codes" in body:
        raise Invalid(
            "There is one promo code, or a list of them.",
            errors=[FieldError("/promo_codes", "or /promo_code: give one")],
        )
    return (body["promo_code"],) if "promo_code" in body else tuple(body.get("promo_codes", ()))


@contextmanager
def entering_codes(call: Call, codes: Sequence[str], customer_id: str) -> Iterator[None]:
    """Look at codes inside the block; a code that there is not counts as a guess of this customer and network.

    A game's server speaks for many players from one address: there only the customer counts. Raises ``RateLimited``
    when there were too many wrong guesses.
    """
    if not codes:
        yield
        return
    address = call.address if call.principal.role is Role.CUSTOMER else None
    forgive = call.app[LIMITER].take_guess(customer_id, address)
    try:
        yield
    except (PromoCodeInvalid, ReferralRefused) as refusal:
        if refusal.reason != UNKNOWN:
            forgive()
        raise
    except BaseException:
        forgive()
        raise
    else:
        forgive()
