"""Goals and leaderboards as the API, the tip page and the overlays show them: the same figures everywhere."""

from collections.abc import Sequence
from typing import Any

from storefront.core.catalog import text_in
from storefront.core.clock import iso
from storefront.core.services import Services
from storefront.pages import amount_words
from storefront.shapes import BOOLEAN, INTEGER, MONEY, TEXT, TIME, nullable, table
from storefront_fanfunding.badges import held_by, titles
from storefront_fanfunding.board_schema import ALL_OR_NOTHING, KEEP_IT_ALL, MEASURES, MODES, RESETS
from storefront_fanfunding.boards import SPANS, BoardLine
from storefront_fanfunding.campaigns import CAMPAIGN_STATES
from storefront_fanfunding.config import WHOLE
from storefront_fanfunding.creators import Creator, find_creator_id
from storefront_fanfunding.goals import Progress, Step, end_of

_STEP = {"title": TEXT, "target": MONEY, "reached": BOOLEAN, "reached_at": nullable(TIME)}
CAMPAIGN = table(
    {
        "state": {"type": "string", "enum": list(CAMPAIGN_STATES)},
        "deadline": TIME,
        "min_collected": MONEY,
        "pledged": MONEY,
        "backers": INTEGER,
        "collected": MONEY,
    }
)
GOAL = table(
    {
        "id": TEXT,
        **_STEP,
        "stretch": {"type": "array", "items": table(_STEP)},
        "active": BOOLEAN,
        "measure": {"type": "string", "enum": list(MEASURES)},
        "reset": {"type": "string", "enum": list(RESETS)},
        "until": nullable(TIME),
        "amount": MONEY,
        "tips": INTEGER,
        "mode": {"type": "string", "enum": list(MODES)},
        "campaign": nullable(CAMPAIGN),
        "aim": table({"title": TEXT, "target": MONEY, "percent": INTEGER}),
        "words": table({"amount": TEXT, "target": TEXT}),
    }
)
GOALS = table({"data": {"type": "array", "items": GOAL}})
BADGE = table({"id": TEXT, "title": TEXT, "color": nullable(TEXT)})
LINE = table(
    {
        "rank": INTEGER,
        "name": nullable(TEXT),
        "badges": {"type": "array", "items": BADGE},
        "amount": MONEY,
        "words": TEXT,
    }
)
BOARD = table(
    {
        "span": {"type": "string", "enum": list(SPANS)},
        "currency": nullable(TEXT),
        "data": {"type": "array", "items": LINE},
    }
)


def show_goal(services: Services, progress: Progress, language: str | None) -> dict[str, Any]:
    """Return a goal as everybody sees it; ``aim`` is what is collected for now, ``words`` are amounts to be read."""
    goal, default = progress.goal, services.catalogs.active.default_language
    over, aim = end_of(progress.span), progress.aim

    def money(amount: int) -> dict[str, Any]:
        return {"amount": amount, "currency": goal.currency}

    def title(said: Any) -> str:
        return said if isinstance(said, str) else text_in(said, language, default) or goal.id

    def step(one: Step) -> dict[str, Any]:
        at = progress.reached_at.get(one.number)
        return {
            "title": title(one.title),
            "target": money(one.target),
            "reached": progress.has(one),
            "reached_at": None if at is None else iso(at),
        }

    steps = [step(one) for one in goal.steps]
    return {
        "id": goal.id,
        **steps[0],
        "stretch": steps[1:],
        "active": goal.is_active,
        "measure": goal.measure,
        "reset": goal.reset,
        "until": None if over is None else iso(int(over.timestamp()) * 1000),
        "amount": money(progress.amount),
        "tips": progress.tips,
        "mode": KEEP_IT_ALL if goal.pledges is None else ALL_OR_NOTHING,
        "campaign": _show_campaign(progress),
        "aim": {"title": title(aim.title), "target": money(aim.target), "percent": progress.percent},
        "words": {
            "amount": amount_words(services, language or default, progress.amount, goal.currency),
            "target": amount_words(services, language or default, aim.target, goal.currency),
        },
    }


def _show_campaign(progress: Progress) -> dict[str, Any] | None:
    """Return what is pledged to an all-or-nothing goal, and what was collected of that."""
    goal, campaign = progress.goal, progress.campaign
    if goal.pledges is None or campaign is None:
        return None
    least = -(-goal.steps[0].target * goal.pledges.min_collected // WHOLE)
    amounts = {"pledged": progress.amount, "collected": progress.collected, "min_collected": least}
    return {
        "state": campaign["state"],
        "deadline": iso(goal.pledges.deadline),
        "backers": campaign["backers"],
        **{name: {"amount": amount, "currency": goal.currency} for name, amount in amounts.items()},
    }


async def show_lines(
    services: Services, creator: Creator, lines: Sequence[BoardLine], currency: str, language: str | None
) -> list[dict[str, Any]]:
    """Return a board's lines as everybody sees them; whoever has no name there has no badges either."""
    identity, now = await find_creator_id(services, creator.name) or "", services.clock.now()
    spoken = language or services.catalogs.active.default_language
    return [
        {
            "rank": line.rank,
            "name": line.name,
            "badges": []
            if line.name is None
            else titles(services, await held_by(services.reader, creator, identity, line.customer_id, now), language),
            "amount": {"amount": line.amount, "currency": currency},
            "words": amount_words(services, spoken, line.amount, currency),
        }
        for line in lines
    ]
