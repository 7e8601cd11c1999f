"""What the tip page shows of goals and of who gave most; the same figures as the API and the overlays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from storefront.core.clock import parse_iso, to_datetime
from storefront.core.services import Services
from storefront.pages import PageFrame, amount_words
from storefront_fanfunding.board_shapes import show_goal
from storefront_fanfunding.boards import top
from storefront_fanfunding.campaigns import COLLECTED, COLLECTING, FAILED, MISSED, REACHED
from storefront_fanfunding.creators import Creator, find_creator_id
from storefront_fanfunding.goals import progress_of

_KINDEST, _MOST_GOALS = 5, 12
_ENDED = {
    REACHED: "Reached. Pledges are being charged.",
    COLLECTED: "Reached.",
    MISSED: "Not reached in time. Nothing was charged.",
    FAILED: "Reached, but too little could be collected. All of it goes back.",
}


@dataclass(frozen=True, slots=True)
class GoalLine:
    """A goal as the page draws it; ``percent`` is 0 to 100. ``says`` are the terms of one that is all or nothing."""

    id: str
    title: str
    amount: str
    target: str
    percent: int
    so_far: str
    says: str | None = None
    pledge_url: str | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """Somebody who gave much; nameless if they want to be."""

    name: str | None
    amount: str


async def goal_lines(services: Services, creator: Creator, page: PageFrame) -> Sequence[GoalLine]:
    """Return the first active goals of a creator, as they stand now."""
    active = [one for one in await progress_of(services, creator) if one.goal.is_active]
    shown = [show_goal(services, one, page.locale) for one in active[:_MOST_GOALS]]
    return [_line(services, creator, one) for one in shown]


def _line(services: Services, creator: Creator, one: Mapping[str, Any]) -> GoalLine:
    campaign, words = one["campaign"], one["words"]
    line = GoalLine(one["id"], one["aim"]["title"], words["amount"], words["target"], one["aim"]["percent"],
                    so_far(one))  # fmt: skip
    if campaign is None:
        return line
    if campaign["state"] != COLLECTING:
        return replace(line, says=_ENDED[campaign["state"]])
    is_real = not services.catalogs.active.is_virtual(one["target"]["currency"])
    url = f"/tip/{creator.name}/goals/{one['id']}" if is_real else None
    return replace(line, says=f"All or nothing, until {day_words(campaign['deadline'])}.", pledge_url=url)


def so_far(goal: Mapping[str, Any]) -> str:
    """Word how many have given so far; ``tip.js`` says the same."""
    campaign = goal["campaign"]
    many = goal["tips"] if campaign is None else campaign["backers"]
    noun = "tip" if campaign is None else "backer"
    return f"{many} {noun if many == 1 else noun + 's'} so far"


def day_words(instant: str) -> str:
    """Word an instant (RFC 3339): ``24 December 2026, 19:00 UTC``."""
    at = to_datetime(parse_iso(instant))
    return f"{at.day} {at:%B %Y, %H:%M} UTC"


async def kindest(services: Services, creator: Creator, page: PageFrame, currency: str | None) -> Sequence[Kind]:
    """Return who gave most of all, in the page's currency and what counts for it."""
    if currency is None:
        return []
    identity = await find_creator_id(services, creator.name)
    lines = await top(services, identity, currency=currency, span="all", most=_KINDEST)
    return [Kind(line.name, amount_words(services, page.locale, line.amount, currency)) for line in lines]
