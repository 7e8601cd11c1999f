"""The control page as its template and its script show it: the queue, what must be read, money, the overlay's link."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, func, or_, select

from storefront.core.clock import DAY_MS, SECOND_MS, to_datetime
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront.core.tables import accounts
from storefront.pages import Moment, PageFrame, amount_words
from storefront_fanfunding.alert_queue import HELD, SHOWN, waiting
from storefront_fanfunding.alert_shapes import show_alert, words_of
from storefront_fanfunding.alert_styles import DURATION, GAP, milliseconds
from storefront_fanfunding.creators import Creator
from storefront_fanfunding.moderating import blocked_senders
from storefront_fanfunding.overlay_tokens import find_overlay, is_connected
from storefront_fanfunding.page.view import initials
from storefront_fanfunding.rows import PAID, QUEUED, UNSETTLED
from storefront_fanfunding.tables import payouts, tips

_REASONS = {"links": "Link", "words": "Word list", "often": "Many at once"}
SOMEONE = "Someone kind"
"""Who wants no name shown."""
_PAYOUT = Query(select(payouts.c.id).where(payouts.c.creator_id == bindparam("creator_id")).limit(1))
_EARNED = Query(
    select(tips.c.currency, func.sum(tips.c.reserved).label("reserved"))
    .where(tips.c.creator_id == bindparam("creator_id"), tips.c.sequence.is_not(None))
    .group_by(tips.c.currency)
    .order_by(tips.c.currency)
)
_TODAY = Query(
    select(tips.c.currency, func.count().label("tips"), func.sum(tips.c.amount - tips.c.returned).label("amount"))
    .where(tips.c.creator_id == bindparam("creator_id"), tips.c.state == PAID, tips.c.paid_at >= bindparam("since"))
    .group_by(tips.c.currency)
    .order_by(tips.c.currency)
)
_BALANCES = Query(
    select(accounts.c.role, accounts.c.asset, accounts.c.balance).where(
        accounts.c.id > bindparam("first"),
        accounts.c.id < bindparam("last"),
        or_(accounts.c.role == "payable", accounts.c.role == "debt"),
    )
)


@dataclass(frozen=True, slots=True)
class Purse:
    """What a creator has in one asset, in words: ready to be paid, still waiting, and owed if anything is."""

    ready: str
    waiting: str | None
    owed: str | None


@dataclass(frozen=True, slots=True)
class Blocked:
    """A sender whom the creator has blocked, by the alert for which that was."""

    sequence: int
    name: str
    since: Moment


@dataclass(frozen=True, slots=True)
class ControlView:
    """The whole page. ``queue`` is what the script asks for again."""

    page: PageFrame
    name: str
    initials: str
    tip_path: str
    csrf: str
    queue: Mapping[str, Any]
    purses: list[Purse]
    has_payouts: bool
    blocked: list[Blocked]
    today: list[str]
    note: str | None


async def control_view(
    services: Services, creator: Creator, identity: str, page: PageFrame, *, csrf: str, note: str | None
) -> ControlView:
    """Return a creator's page; ``note`` says what has just become of a form."""
    overlay = await find_overlay(services, identity)
    since = services.clock.now() // DAY_MS * DAY_MS
    today = await services.reader.all(_TODAY, creator_id=identity, since=since)

    def words(amount: int, currency: str) -> str:
        return amount_words(services, page.locale, amount, currency)

    return ControlView(
        page=page,
        name=creator.shown_name,
        initials=initials(creator.shown_name),
        tip_path=f"/tip/{creator.name}",
        csrf=csrf,
        queue=await queue_view(services, creator, identity, overlay),
        purses=await purses_of(services, identity, page),
        has_payouts=await services.reader.first(_PAYOUT, creator_id=identity) is not None,
        blocked=[_blocked(row) for row in await blocked_senders(services, identity)],
        today=[f"{words(one['amount'], one['currency'])} in {_many(one['tips'], 'tip')}" for one in today],
        note=note,
    )


async def queue_view(services: Services, creator: Creator, identity: str, overlay: Row | None) -> dict[str, Any]:
    """Return the queue in words, as JSON can carry it: the switches, what is on screen, what waits, what is held."""
    told: Mapping[str, Any] = creator.told.get("alerts", {})
    each = milliseconds(told.get("duration", DURATION)) + milliseconds(told.get("gap", GAP))
    found = {state: await waiting(services, identity, state) for state in (SHOWN, QUEUED, HELD, UNSETTLED)}
    seconds = each * len(found[QUEUED]) // SECOND_MS
    return {
        "paused": overlay is not None and bool(overlay["is_paused"]),
        "hidden": overlay is not None and bool(overlay["is_hidden"]),
        "linked": overlay is not None,
        "connected": overlay is not None and is_connected(services, overlay),
        "waiting": " · ".join(
            [f"{len(found[QUEUED])} waiting · about {_span(seconds)}"] * bool(found[QUEUED])
            + [f"{len(found[UNSETTLED])} not settled yet"] * bool(found[UNSETTLED])
        ),
        "rows": [
            *(_line(services, row, "On screen") for row in found[SHOWN]),
            *(_line(services, row, "" if at else "next") for at, row in enumerate(found[QUEUED])),
        ],
        "held": [_line(services, row, _REASONS.get(row["held_for"], "Held")) for row in found[HELD]],
    }


def _blocked(row: Row) -> Blocked:
    at = to_datetime(row["created_at"])
    name = SOMEONE if row["is_anonymous"] else row["name"]
    return Blocked(row["sequence"], name, Moment.at(at, f"{at.day} {at:%b %H:%M} UTC"))


def _line(services: Services, row: Row, says: str) -> dict[str, Any]:
    shown = show_alert(row)
    return {
        "sequence": shown["sequence"],
        "on_screen": shown["state"] == SHOWN,
        "amount": words_of(services, row),
        "name": shown["name"] or SOMEONE,
        "message": shown["message"],
        "says": says,
        "test": shown["test"],
    }


async def purses_of(services: Services, identity: str, page: PageFrame) -> list[Purse]:
    """Return what a creator has, in each currency that they have earned."""
    earned = await services.reader.all(_EARNED, creator_id=identity)
    balances = await services.reader.all(_BALANCES, first=f"creator:{identity}:", last=f"creator:{identity};")
    held = {(one["role"], one["asset"]): int(one["balance"] or 0) for one in balances}

    def words(amount: int, currency: str) -> str | None:
        return amount_words(services, page.locale, amount, currency) if amount else None

    return [
        Purse(
            ready=amount_words(services, page.locale, held.get(("payable", code), 0), code),
            waiting=words(int(one["reserved"]), code),
            owed=words(held.get(("debt", code), 0), code),
        )
        for one in earned
        for code in [str(one["currency"])]
    ]


def _many(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def _span(seconds: int) -> str:
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"
