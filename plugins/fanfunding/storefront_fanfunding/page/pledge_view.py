"""A goal that is pledged to, and a pledge, as their pages say them."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec

from storefront.core.catalog import text_in
from storefront.core.clock import iso, to_datetime
from storefront.core.errors import NotFound, StorefrontError
from storefront.core.quotes import WALLET
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront.pages import Moment, PageFrame, amount_words
from storefront_fanfunding.campaigns import (
    CHARGING,
    COLLECTED,
    COLLECTING,
    FAILED,
    METHOD_GONE,
    OPEN,
    PENDING,
    REFUNDED,
    RELEASED,
    VOID,
    WITHDRAWN,
    need_campaign,
    total_of,
)
from storefront_fanfunding.counting import factors_of
from storefront_fanfunding.creators import Creator, find_creator_id
from storefront_fanfunding.goals import goals_of, stand
from storefront_fanfunding.page.collecting import day_words
from storefront_fanfunding.page.view import real_currencies
from storefront_fanfunding.pledge_links import action_of, setup_page_of

_CARD_GONE = ("Taken back", "Its card was removed, so this pledge does not count any more. Nothing was charged.")
_ENDED: Mapping[str, tuple[str, str]] = {
    COLLECTED: ("Paid", "The goal was reached, and this pledge is a tip now."),
    FAILED: ("Not paid", "The goal was reached, but it could not be charged. You paid nothing."),
    WITHDRAWN: ("Taken back", "You took this pledge back. Nothing was charged."),
    RELEASED: ("Not reached", "The goal was not reached in time. Nothing was charged."),
    VOID: ("Not pledged", "No card was saved in time, so this pledge never counted. Nothing was charged."),
    REFUNDED: ("Given back", "Too little of the goal could be collected, so your money goes back to you."),
}


@dataclass(frozen=True, slots=True)
class OfferView:
    """What is pledged to: in ``currencies`` that count for it; ``is_open``: until ``deadline``."""

    title: str
    path: str
    currencies: tuple[str, ...]
    pledged: str
    target: str
    percent: int
    backers: int
    deadline: Moment
    least: str | None
    is_open: bool


@dataclass(frozen=True, slots=True)
class PledgeView:
    """The page of one pledge; ``act`` is where its fan goes on, by a link."""

    page: PageFrame
    creator: str
    path: str
    title: str
    says: str
    goal: str
    amount: str
    steps: tuple[str, ...] = ()
    act: tuple[str, str] | None = None
    withdraw: str | None = None


async def offer_view(services: Services, creator: Creator, goal_id: str, language: str) -> OfferView:
    """Return a goal of all or nothing as its page shows it; raises ``NotFound`` of any other."""
    goal = next((one for one in goals_of(creator) if one.id == goal_id and one.is_active), None)
    if goal is None or goal.pledges is None:
        raise NotFound("There is no such goal.")
    found = await stand(services, await find_creator_id(services, creator.name) or "", goal)
    terms, campaign = found.goal.pledges, found.campaign
    assert terms is not None, "it is all or nothing"
    assert campaign is not None, "all or nothing has one, or the one that it begins with"
    code, target = found.goal.currency, found.goal.steps[0].target
    least = -(-target * terms.min_collected // 10_000)
    return OfferView(
        title=_title(services, goal.title, language) or goal.id,
        path=f"/tip/{creator.name}/goals/{goal.id}",
        currencies=tuple(one for one in real_currencies(services, creator) if _counts(services, creator, one, code)),
        pledged=amount_words(services, language, found.amount, code),
        target=amount_words(services, language, target, code),
        percent=found.percent,
        backers=int(campaign["backers"]),
        deadline=_moment(terms.deadline),
        least=amount_words(services, language, least, code) if least else None,
        is_open=campaign["state"] == COLLECTING and services.clock.now() < terms.deadline,
    )


async def pledge_view(
    services: Services, creator: Creator, page: PageFrame, pledge: Row, *, is_own: bool
) -> PledgeView:
    """Return a pledge's page: to its fan with what they can do, to everybody else how it stands."""
    campaign, here = await need_campaign(services, pledge), f"/tip/{creator.name}"
    amount = amount_words(services, page.locale, pledge["amount"], pledge["currency"])
    act = await _act(services, page, pledge, here) if is_own or pledge["state"] == COLLECTED else None
    title, says = _words(creator, pledge, amount, is_own=is_own, is_asked=act is not None)
    if pledge["state"] == COLLECTED and campaign["state"] == FAILED:
        title, says = _ENDED[REFUNDED]
    may_withdraw = is_own and pledge["state"] in (PENDING, OPEN) and services.clock.now() < campaign["deadline"]
    return PledgeView(
        page=page,
        creator=creator.shown_name,
        path=here,
        title=title,
        says=says,
        goal=_title(services, msgspec.json.decode(campaign["title"]), page.locale) or pledge["goal"],
        amount=amount,
        steps=_open_steps(services, page, campaign, pledge) if pledge["state"] == OPEN else (),
        act=act,
        withdraw=f"{here}/pledges/{pledge['id']}/withdraw" if may_withdraw else None,
    )


def _words(creator: Creator, pledge: Row, amount: str, *, is_own: bool, is_asked: bool) -> tuple[str, str]:
    """Return how a pledge stands: in a heading, and in a sentence."""
    state = pledge["state"]
    if state == PENDING:
        return f"Pledge of {amount}", "No card is saved for it yet, so this pledge does not count."
    if state == OPEN:
        thanks = f"Thank you, {pledge['name']}. " if is_own else ""
        return f"{amount} pledged", f"{thanks}Nothing is charged before the deadline."
    if state == CHARGING:
        return "The goal is reached", "Your bank asks you to confirm this payment." if is_asked else _charging(pledge)
    if state == REFUNDED and pledge["reason"] != "too_little_collected":
        return "Too little collected", f"Whoever runs this shop for {creator.shown_name} sees to your money."
    if state == WITHDRAWN and pledge["reason"] == METHOD_GONE:
        return _CARD_GONE
    return _ENDED[state]


async def _act(services: Services, page: PageFrame, pledge: Row, here: str) -> tuple[str, str] | None:
    """Return what can be done next, in words, and where; None too while the gateway cannot say it."""
    if pledge["state"] == COLLECTED:
        return "See the tip", f"{page.base}{here}/tips/{pledge['tip_id']}"
    with suppress(StorefrontError):
        if (setup := await setup_page_of(services, pledge)) is not None:
            return "Save a card", setup
        if (action := await action_of(services, pledge)) is not None:
            return "Confirm with your bank", action
    return None


def _open_steps(services: Services, page: PageFrame, campaign: Row, pledge: Row) -> tuple[str, ...]:
    total = total_of(services, pledge)
    amount = amount_words(services, page.locale, total.amount_minor, total.currency)
    if total.amount_minor != pledge["amount"]:
        amount = f"{amount} ({amount_words(services, page.locale, pledge['amount'], pledge['currency'])} and tax)"
    target = amount_words(services, page.locale, campaign["target"], campaign["currency"])
    when, whence = day_words(iso(campaign["deadline"])), "wallet" if pledge["pay_with"] == WALLET else "card"
    aside = " It is set aside there until then." if whence == "wallet" else ""
    return (
        "Pledged",
        f"If {target} are pledged by {when}, your {whence} is charged {amount} then.{aside}",
        "If not, nobody pays. Until then you can take your pledge back on this page.",
    )


def _charging(pledge: Row) -> str:
    if pledge["next_attempt_at"] is None:
        return "Your payment is being made. You will not be charged twice."
    again = day_words(iso(pledge["next_attempt_at"]))
    return f"Your card could not be charged. It is tried again on {again}."


def _counts(services: Services, creator: Creator, code: str, goal_code: str) -> bool:
    """Tell whether pledges in a currency come to something in the goal's."""
    rates = msgspec.json.encode(creator.settings.rates.get(code, {})).decode()
    return goal_code in factors_of(services.catalogs.active, {"currency": code, "rates": rates, "amount": 1})


def _title(services: Services, said: Any, language: str) -> str | None:
    return said if isinstance(said, str) else text_in(said, language, services.catalogs.active.default_language)


def _moment(time_ms: int) -> Moment:
    return Moment.at(to_datetime(time_ms), day_words(iso(time_ms)))
