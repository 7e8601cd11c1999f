"""How the console words creators, payouts and what becomes of a tip."""

from collections.abc import Mapping, Sequence
from typing import Any

from storefront.core.catalog import text_in
from storefront.core.operators.people import find_row
from storefront.core.services import Services
from storefront.pages.lists import money
from storefront.panels import Asking, Cell, Tone
from storefront_fanfunding.payout_rows import CREATED, FAILED, IN_PROGRESS, PAID

PATH = "/console/creators"
LOOK, PAYOUT, INVITE, STEER = "purchases:read", "fanfunding:payout", "fanfunding:invite", "fanfunding:steer"
"""Who may look is who may look at purchases, as with the export ``tips``; the others are the routes' own."""
HELD_FOR = {
    "links": "Has a link",
    "words": "A word of their list",
    "often": "Many at once",
    "blocked": "Blocked sender",
}
ALERTS = {
    "queued": ("Waits for its turn", Tone.INFO),
    "shown": ("On screen", Tone.GOOD),
    "done": ("Was shown", Tone.GOOD),
    "skipped": ("Not shown", Tone.PLAIN),
    "held": ("To be read first", Tone.PLAY),
    "unsettled": ("Waits for its money", Tone.PLAIN),
}
_PAYOUTS = {
    CREATED: ("Waits for approval", Tone.PLAY),
    IN_PROGRESS: ("On its way", Tone.INFO),
    PAID: ("Paid", Tone.GOOD),
    FAILED: ("Came back", Tone.BAD),
}
_TIPS = {
    "pending": ("Not paid yet", Tone.PLAIN),
    "paid": ("Paid", Tone.GOOD),
    "refunded": ("Gone back", Tone.PLAIN),
    "void": ("Never paid", Tone.PLAIN),
}


def payout_badge(state: str) -> Cell:
    words, tone = _PAYOUTS[state]
    return Cell(words, tone=tone)


def tip_badge(state: str) -> Cell:
    words, tone = _TIPS[state]
    return Cell(words, tone=tone)


def alert_badge(state: str | None) -> Cell:
    """Return what became of an alert; None: there is none."""
    words, tone = ALERTS.get(state or "", ("–", Tone.PLAIN))
    return Cell(words, tone=tone)


def sums(asking: Asking, amounts: Mapping[str, int]) -> str:
    """Word amounts of several currencies, those that are nothing left out: ``$9.00, 40 gems``."""
    return ", ".join(money(asking, amount, code) for code, amount in sorted(amounts.items()) if amount) or "–"


def said(services: Services, title: Any, language: str) -> str:
    """Return a text as a creator's file has it: one, or one for each language."""
    default = services.catalogs.active.default_language
    return title if isinstance(title, str) else text_in(title, language, default) or ""


def fan(row: Mapping[str, Any]) -> str:
    """Return who gave, as an operator may know it."""
    name = row["name"] or "Somebody"
    return f"{name} (not shown)" if row["is_anonymous"] else name


async def who(services: Services, actor: str | None) -> str:
    """Return who did something: the login of an operator, else what the audit trail calls them."""
    if actor is None:
        return "–"
    kind, _, identity = actor.partition(":")
    row = await find_row(services, identity) if kind == "operator" else None
    return actor if row is None else str(row["login"])


def choices(codes: Sequence[str]) -> list[tuple[str, str]]:
    return [(code, code) for code in codes]
