"""Forms of text that a pattern cannot say well: instants, origins, networks, languages. Each answers what is wrong."""

import base64
import ipaddress
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from urllib.parse import SplitResult, urlsplit

from storefront.core.countries import is_country
from storefront.core.signing_pem import NotASigningKey, read_signing_key

_OFFSET = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?) ?([Zz]|[+-]\d\d:?\d\d)")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|\d{3}))?")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9a-fA-F:.]+")


def wrong_form(form: str, text: str) -> str | None:
    """What is wrong with ``text`` as a ``form``, in words that follow the path; ``None`` if nothing is."""
    return _FORMS[form](text)


def read_instant(text: str) -> datetime:
    """An instant with its offset from UTC, as UTC.

    Raises:
        ValueError: not a date and time with an offset.
    """
    found = _OFFSET.fullmatch(text)
    if found is None:
        raise ValueError("not an instant with an offset")
    return datetime.fromisoformat(f"{found[1]}T{found[2]}{found[3].upper()}").astimezone(UTC)


def read_origin(text: str) -> str:
    """``scheme://host[:port]`` in lower case, without a slash at its end."""
    return text.rstrip("/").lower()


def _instant(text: str) -> str | None:
    try:
        read_instant(text)
    except (ValueError, OverflowError):
        return "must be a date and time with an offset from UTC"
    return None


def _origin(text: str) -> str | None:
    says = "must be an address without a path, like https://shop.example"
    parts = _split(text)
    if parts is None or parts.scheme not in ("http", "https") or not _HOST.fullmatch(parts.hostname or ""):
        return says
    if parts.username is not None or parts.password is not None:
        return "must not hold a user name or password"
    return says if parts.path not in ("", "/") or "?" in text or "#" in text else None


def _https(text: str) -> str | None:
    parts = _split(text)
    is_address = parts is not None and parts.scheme == "https" and _HOST.fullmatch(parts.hostname or "") is not None
    return None if is_address and not re.search(r"\s", text) else "must be an https:// address"


def _receiver(text: str) -> str | None:
    """Where our own webhooks go: to the world by https only, to this machine also without."""
    parts = _split(text)
    if parts is None or parts.scheme not in ("http", "https") or not _HOST.fullmatch(parts.hostname or ""):
        return "must be an https:// address"
    if parts.username is not None or parts.password is not None:
        return "must not hold a user name or password"
    is_here = parts.hostname in ("localhost", "127.0.0.1", "::1")
    return (
        None if parts.scheme == "https" or is_here else "must be an https:// address; http:// is for this machine only"
    )


def _signing_secret(text: str) -> str | None:
    says = "must be whsec_ and 24 to 64 bytes in base64"
    try:
        key = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except ValueError:
        return says
    return None if text.startswith("whsec_") and 24 <= len(key) <= 64 else says


def _signing_key(text: str) -> str | None:
    try:
        read_signing_key(text)
    except NotASigningKey as error:
        return str(error)
    return None


def _split(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    return None if port == 0 or re.search(r"[\s\\]", text) else parts


def _network(text: str) -> str | None:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        try:
            ipaddress.ip_network(text, strict=False)
        except ValueError:
            return "must be an IP address or a network"
        return "has bits set beyond its prefix"
    return None


def _language(text: str) -> str | None:
    return None if _LANGUAGE.fullmatch(text) else "must be a language code like en, de or pt-BR"


def _country(text: str) -> str | None:
    return None if is_country(text) else "must be the two letters of a country, like DE"


def _database(text: str) -> str | None:
    if text.startswith("sqlite:///") and len(text) > len("sqlite:///"):
        return None
    if text.startswith(("postgresql://", "postgres://")):
        return _postgres(text)
    return "must be sqlite:///<file> or postgresql://<user>:<password>@<host>/<database>"


def _postgres(text: str) -> str | None:
    if text.startswith("postgres://"):
        return "write postgresql:// in full"
    parts = urlsplit(text)
    try:
        has_port = parts.port is None or parts.port > 0
    except ValueError:
        has_port = False
    if not has_port:
        return "the port must be a number, as in postgresql://shop@db.example:5432/shop"
    if not parts.path.strip("/"):
        return "must name a database, as in postgresql://shop@db.example/shop"
    return None


_FORMS: Mapping[str, Callable[[str], str | None]] = {
    "time": _instant,
    "origin": _origin,
    "https": _https,
    "receiver": _receiver,
    "signing_secret": _signing_secret,
    "signing_key": _signing_key,
    "network": _network,
    "language": _language,
    "country": _country,
    "database": _database,
}
