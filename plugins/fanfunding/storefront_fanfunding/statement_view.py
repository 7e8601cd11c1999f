"""A payout's statement as its page shows it, to the operator and to its creator: the same figures, in words."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Template

from storefront.core.clock import to_datetime
from storefront.core.journal import show_amount
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront.design import asset_url
from storefront.pages import Moment, amount_words, make_templates
from storefront_fanfunding.statements import WORDS, show_statement, totals_of

PAGE = Path(__file__).parent / "page"
MOST_ON_A_PAGE = 5_000
STATES = {"created": "Waits for approval", "in_progress": "On its way", "paid": "Paid", "failed": "Came back"}
_FIGURES = ("tip", "share", "amount", "owed", "balance", "debt")


def statement_template() -> Template:
    """Return the page of a statement."""
    templates = make_templates(PAGE / "templates")
    sheet = partial(asset_url, "statement.css", folder=PAGE / "static", mount="/fanfunding")
    templates.globals.update(sheet=lambda base: sheet(base=base))
    return templates.get_template("statement.html")


async def statement_view(services: Services, payout: Row, language: str) -> dict[str, Any]:
    """Return a payout's statement: of very many lines the first, and all sums."""
    told = await show_statement(services, payout, limit=MOST_ON_A_PAGE, after=None)
    totals, exponent = await totals_of(services, payout), services.catalogs.active.exponent(payout["currency"])

    def text(amount: int | None) -> str:
        return "" if amount is None else show_amount(amount, exponent).replace("-", "−")

    return {
        "id": payout["id"],
        "creator": payout["creator"],
        "state": STATES[payout["state"]],
        "amount": amount_words(services, language, payout["amount"], payout["currency"]),
        "currency": payout["currency"],
        "at": day(payout["created_at"]),
        "reference": payout["reference"],
        "opening": {name: text(amount) for name, amount in told["opening"].items()},
        "closing": {name: text(amount) for name, amount in told["closing"].items()},
        "lines": [{**line, "word": _word(line["kind"]), **{name: text(line[name]) for name in _FIGURES},
                   "day": line["at"][:10]} for line in told["lines"]],
        "totals": [{"word": _word(kind), "many": many, "amount": text(amount), "owed": text(owed)}
                   for kind, (many, amount, owed) in sorted(totals.items(), key=_tips_first)],
        "owes": _owes(told),
        "is_cut": told["next"] is not None,
        "back": None,
        "csv": None,
    }  # fmt: skip


def day(time_ms: int) -> Moment:
    """Return a day in words (UTC)."""
    at = to_datetime(time_ms)
    return Moment.at(at, f"{at.day} {at:%b %Y}")


def _tips_first(total: tuple[str, tuple[int, int, int]]) -> tuple[bool, str]:
    """Order sums as they come about: what fans gave, then what was paid of it."""
    return total[0].startswith("payout."), total[0]


def _owes(told: Mapping[str, Any]) -> bool:
    """Whether debts have to be shown: there was one, or there is."""
    return any((told["opening"]["debt"], told["closing"]["debt"], *(line["owed"] for line in told["lines"])))


def _word(kind: str) -> str:
    return WORDS.get(kind, kind)
