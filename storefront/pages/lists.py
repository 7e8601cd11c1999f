"""How pages of the console word amounts, instants and codes, and how a list keeps its filters in its address."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict
from urllib.parse import urlencode

from storefront.core.analytics.periods import Period, period_of
from storefront.core.catalog import text_in
from storefront.core.clock import DAY_MS, parse_iso
from storefront.core.errors import FieldError, Invalid
from storefront.core.services import Services
from storefront.design.money import is_real
from storefront.pages import amount_words
from storefront.panels import Asking, Chip
from storefront.panels.wording import instant_words

PERIODS = (("7", "7 d"), ("30", "30 d"), ("90", "90 d"), ("12m", "12 mo"))
PERIOD_QUERY: Mapping[str, Any] = {"type": "string", "enum": [name for name, _ in PERIODS]}
"""Schema of ``span``, by which a page's figures are asked for."""
_PERIOD = "30"


class PeriodTerms(TypedDict, total=False):
    """A period up to today: so many days, or whole months."""

    days: int
    months: int


def period_terms(query: Mapping[str, Any]) -> PeriodTerms:
    """Return the period that a page shows as ``period_of`` and ``read_overview`` take it."""
    span = query.get("span", _PERIOD)
    return {"months": 12} if span == "12m" else {"days": int(span)}


def period_asked(asking: Asking) -> Period:
    """Return the days that a page shows."""
    return period_of(asking.services.clock.now(), **period_terms(asking.query))


def period_chips(path: str, query: Mapping[str, Any]) -> list[Chip]:
    """Return the switch between periods."""
    chosen = query.get("span", _PERIOD)
    return [Chip(label, link(path, query, span=name), name == chosen) for name, label in PERIODS]


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


def offer_title(asking: Asking, sku: str) -> str:
    """Return an offer's title as it is sold now, or its SKU where it is not any more."""
    catalog = asking.services.catalogs.active
    offer = catalog.offers.get(sku)
    return (None if offer is None else text_in(offer.title, asking.language, catalog.default_language)) or sku


def at(text: str | None) -> int | None:
    """Return an answered time in ms."""
    return None if text is None else parse_iso(text)


def spoken(code: str) -> str:
    """Word a code: ``payment.fraud_warning`` -> ``Payment fraud warning``."""
    words = code.replace(".", " ").replace("_", " ").replace(":", " ").strip()
    return words[:1].upper() + words[1:]


def counted(many: int, word: str, words: str = "") -> str:
    """Word a number of things: ``1 dispute``, ``2,000 disputes``; ``words`` is a plural that does not end in s."""
    return f"{many:,} {word if many == 1 else words or word + 's'}"


def moment_words(text: str) -> str:
    """Word a day or time as filters have it: ``2 Feb 2031``, also for its first instant; ``2 Feb 2031, 09:30 UTC``."""
    try:
        at = instant(text, "")
    except Invalid:
        return text
    return instant_words(at).partition(",")[0] if at % DAY_MS == 0 else instant_words(at)


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
