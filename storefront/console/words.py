"""How the console words what the books say: amounts, states, who did something, what happened."""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlencode

from storefront.core.clock import DAY_MS, parse_iso
from storefront.core.errors import FieldError, Invalid
from storefront.core.money import MAX_AMOUNT
from storefront.core.services import Services
from storefront.design.money import exponent_of, is_real
from storefront.pages import amount_words
from storefront.panels import Asking, Cell, Chip, Tone

_STATUS = {
    "pending": ("Pending", Tone.PLAIN),
    "in_review": ("In review", Tone.PLAY),
    "paid": ("Paid, goods owed", Tone.PLAY),
    "completed": ("Completed", Tone.GOOD),
    "canceled": ("Canceled", Tone.PLAIN),
    "expired": ("Expired", Tone.PLAIN),
    "failed": ("Declined", Tone.BAD),
}
SPANS = (("24h", "Last 24 hours", DAY_MS), ("7d", "Last 7 days", 7 * DAY_MS), ("30d", "Last 30 days", 30 * DAY_MS))


def money(asking: Asking, amount: int, currency: str) -> str:
    """Word an amount: ``€9.99``, ``1,200 gems``."""
    return sum_words(asking.services, asking.language, amount, currency)


def sum_words(services: Services, language: str, amount: int, currency: str) -> str:
    """Word an amount of any currency, also of one that has left the YAML."""
    if is_real(currency) or services.catalogs.active.is_virtual(currency):
        return amount_words(services, language, amount, currency)
    return f"{amount:,} {currency}"


def total(asking: Asking, document: Mapping[str, Any]) -> str:
    """Word ``{"amount", "currency"}``."""
    return money(asking, document["amount"], document["currency"])


def status(purchase: Mapping[str, Any]) -> Cell:
    """Return a purchase's badge; what came back of it says more than that it was completed."""
    if purchase["dispute"] not in ("none", "won", "withdrawn"):
        return Cell("Disputed", tone=Tone.BAD)
    if purchase["refunded"] == "full":
        return Cell("Refunded", tone=Tone.PLAIN)
    if purchase["refunded"] not in ("none", "full"):
        return Cell("Part refunded", tone=Tone.PLAIN)
    words, tone = _STATUS.get(purchase["status"], (purchase["status"], Tone.PLAIN))
    return Cell(words, tone=tone)


def at(text: str | None) -> int | None:
    """Return an answered time in ms."""
    return None if text is None else parse_iso(text)


def spoken(code: str) -> str:
    """Word a code: ``payment.fraud_warning`` -> ``Payment fraud warning``."""
    words = code.replace(".", " ").replace("_", " ").replace(":", " ").strip()
    return words[:1].upper() + words[1:]


def minor_units(services: Services, text: str, currency: str, *, pointer: str = "/amount") -> int:
    """Read an amount as people type it (``2.50``) in a currency; raises ``Invalid``."""
    exponent = exponent_of(currency) if is_real(currency) else 0
    if not is_real(currency):
        asset = services.catalogs.active.assets.get(currency)
        exponent = 0 if asset is None else asset.exponent
    try:
        minor = Decimal(text.replace(" ", "").replace(",", "")).scaleb(exponent)
    except InvalidOperation as error:
        raise Invalid(f"{text} is no amount.", errors=[FieldError(pointer, "is no amount")]) from error
    if not minor.is_finite() or minor != minor.to_integral_value() or not 0 < minor <= MAX_AMOUNT:
        wrong = f"must be more than nothing, with at most {exponent} decimals"
        raise Invalid(f"The amount {wrong}.", errors=[FieldError(pointer, wrong)])
    return int(minor)


def link(path: str, query: Mapping[str, Any], **changed: str | None) -> str:
    """Return an address with the filters of now, some of them changed; None takes one away."""
    kept = {name: str(value) for name, value in query.items() if value not in (None, "") and name != "says"}
    for name, value in changed.items():
        kept.pop(name, None)
        if value is not None:
            kept[name] = value
    return f"{path}?{urlencode(kept)}" if kept else path


def chips(path: str, query: Mapping[str, Any], name: str, choices: Sequence[tuple[str, str]]) -> list[Chip]:
    """Return a filter's choices as links; the chosen one takes itself away. Pages begin anew."""
    found = []
    for value, label in choices:
        is_chosen = query.get(name) == value
        url = link(path, query, **{name: None if is_chosen else value, "after": None})
        found.append(Chip(label, url, is_chosen))
    return found


def instant(text: str, pointer: str) -> int:
    """Read a day (``2026-11-20``, its first millisecond in UTC) or an RFC 3339 time; raises ``Invalid``."""
    try:
        return parse_iso(f"{text}T00:00:00Z" if len(text) == len("2026-11-20") else text)
    except ValueError as error:
        message = "must be a day as 2026-11-20, or a time with its zone"
        raise Invalid(f"{text} is no time.", errors=[FieldError(pointer, message)]) from error
