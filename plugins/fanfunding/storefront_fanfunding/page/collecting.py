"""What the tip page shows of goals and of who gave most; the same figures as the API and the overlays."""

from collections.abc import Sequence
from dataclasses import dataclass

from storefront.core.services import Services
from storefront.pages import PageFrame, amount_words
from storefront_fanfunding.board_shapes import show_goal
from storefront_fanfunding.boards import top
from storefront_fanfunding.creators import Creator, find_creator_id
from storefront_fanfunding.goals import progress_of

_KINDEST, _MOST_GOALS = 5, 3


@dataclass(frozen=True, slots=True)
class GoalLine:
    """A goal as the page draws it; ``percent`` is 0 to 100."""

    id: str
    title: str
    amount: str
    target: str
    percent: int
    tips: int


@dataclass(frozen=True, slots=True)
class Kind:
    """Somebody who gave much; nameless if they want to be."""

    name: str | None
    amount: str


async def goal_lines(services: Services, creator: Creator, page: PageFrame) -> Sequence[GoalLine]:
    """Return the first active goals of a creator, as they stand now."""
    active = [one for one in await progress_of(services, creator) if one.goal.is_active]
    shown = [show_goal(services, one, page.locale) for one in active[:_MOST_GOALS]]
    return [
        GoalLine(one["id"], one["aim"]["title"], one["words"]["amount"], one["words"]["target"],
                 one["aim"]["percent"], one["tips"])
        for one in shown
    ]  # fmt: skip


async def kindest(services: Services, creator: Creator, page: PageFrame, currency: str | None) -> Sequence[Kind]:
    """Return who gave most of all, in the page's currency and what counts for it."""
    if currency is None:
        return []
    identity = await find_creator_id(services, creator.name)
    lines = await top(services, identity, currency=currency, span="all", most=_KINDEST)
    return [Kind(line.name, amount_words(services, page.locale, line.amount, currency)) for line in lines]
