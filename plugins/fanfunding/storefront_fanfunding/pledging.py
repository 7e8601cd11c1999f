"""Pledging to an all-or-nothing goal: what a fan wants, checked as a tip is, with its method saved or its hold placed.

Nothing is charged. Through a gateway the pledge is written first (``pending``), then the gateway's page is opened on
which the fan saves a method; it opens when that is saved, and only open pledges count.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
import structlog

from storefront.core.buyer_caps import refuse_card_testing
from storefront.core.clock import DAY_MS
from storefront.core.commit.outcome import Answer, KeyReused, Outcome, Stale
from storefront.core.commit.plan import Change, PlaceHold, Plan, ReleaseHold
from storefront.core.customers import Newcomer, introduce
from storefront.core.errors import FieldError, Invalid, NotFound, StorefrontError, Unavailable
from storefront.core.gateways import OffSession
from storefront.core.idempotency import RECORD
from storefront.core.ids import new_id
from storefront.core.payment_methods import check_method, keeper, open_setup, show_setup
from storefront.core.purchases import CannotBeCharged
from storefront.core.quotes import WALLET, payer
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront_fanfunding.campaigns import (
    ACTOR,
    BY_SETUP,
    COLLECTING,
    OPEN,
    OPEN_OF_FAN,
    PENDING,
    VOID,
    WITHDRAWN,
    AlreadyPledged,
    GoalNotOpen,
    PledgeOver,
    find_campaign,
    need_campaign,
    need_pledge,
    total_of,
)
from storefront_fanfunding.config import Settings
from storefront_fanfunding.counting import factors_of, worth
from storefront_fanfunding.creators import Creator, creator_id, need_creator
from storefront_fanfunding.goals import Goal, goals_of, new_campaign
from storefront_fanfunding.pledge_moves import add_begun, add_ended, add_letting_go, add_opening, add_withdrawal
from storefront_fanfunding.pledge_shapes import show_pledge
from storefront_fanfunding.pledge_tables import PLEDGES
from storefront_fanfunding.tipping import TipRequest
from storefront_fanfunding.wording import message_of, name_of

HOLD_BEYOND_MS = 30 * DAY_MS
"""How much longer than to the deadline a wallet's part is set aside: the server may be down when that comes."""
TIMES_DECIDED = 5

log = structlog.get_logger("storefront.pledges")


async def make_pledge(services: Services, settings: Settings, goal: str, wanted: TipRequest) -> tuple[Answer, bool]:
    """Begin a pledge, once per key; return the answer and whether it is a replay.

    201: it is open. 202: it opens once its fan has saved a method at ``setup.redirect_url``.

    Raises:
        NotFound, Invalid, AmountOutOfRange, GoalNotOpen, AlreadyPledged: it cannot be made like that.
        InsufficientFunds, DebtOpen, TooManyHolds: the wallet has not so much; nothing was written.
        GatewayFailed: it is stored; the same key may be sent again.
    """
    try:
        return await _make(services, settings, goal, wanted)
    except StorefrontError:
        replayed = await _replay(services, wanted)
        if replayed is None:
            raise
        return replayed


async def _make(services: Services, settings: Settings, goal: str, wanted: TipRequest) -> tuple[Answer, bool]:
    for _ in range(TIMES_DECIDED):
        creator = need_creator(services, settings, wanted.creator)
        pledge, campaign = await _decide(services, creator, goal, wanted)
        plan = Plan(actor=ACTOR, idempotency=wanted.idempotency, object_id=pledge["id"])
        if isinstance(wanted.fan, Newcomer):
            introduce(plan, wanted.fan, services.clock.now())
        add_begun(plan, pledge, campaign)
        if pledge["hold_id"] is not None:
            until = campaign["deadline"] + HOLD_BEYOND_MS
            plan.add(PlaceHold(pledge["hold_id"], wanted.customer_id, pledge["currency"], pledge["amount"], until,
                               f"pledge {pledge['id']}"))  # fmt: skip
        if wanted.payment_method is not None:
            # Whoever removes this card meanwhile takes back what it would have paid: it is kept, or decided again.
            key = (wanted.payment_method,)
            plan.add(Change("payment_methods", key, wanted.customer_id, {"forgotten_at": None}, {}))
        if pledge["hold_id"] is not None or wanted.payment_method is not None:
            add_opening(plan, pledge, wanted.payment_method)
            opened = {**pledge, "state": OPEN, "method": wanted.payment_method, "opened_at": services.clock.now()}
            plan.answer = _answer(201, show_pledge(opened, campaign, creator.name, total=total_of(services, pledge)))
        else:
            plan.is_answer_open = True
        try:
            outcome = await services.engine.commit(plan)
        except Stale:
            continue  # this goal's first pledge has just been made, by other terms
        if outcome.answer is not None:
            return outcome.answer, outcome.is_replay
        return await _open_page(services, pledge["id"], wanted), False
    raise Unavailable("Too much is changing at once; try again.")


async def _replay(services: Services, wanted: TipRequest) -> tuple[Answer, bool] | None:
    """Answer a key that is known: with its stored answer, or by going on with what it began."""
    key = wanted.idempotency
    record = await services.reader.first(RECORD, caller=key.caller, operation=key.operation, key=key.key)
    if record is None:
        return None
    if record["fingerprint"] != key.fingerprint:
        raise KeyReused
    if record["state"] == "answered":
        return Answer(record["status"], record["body"]), True
    return await _open_page(services, record["object_id"], wanted), True


async def _open_page(services: Services, pledge_id: str, wanted: TipRequest) -> Answer:
    """Open the page on which the fan saves a method, name it in the pledge, and answer the key."""
    for _ in range(TIMES_DECIDED):
        pledge = await need_pledge(services, pledge_id)
        campaign, changes, address = await need_campaign(services, pledge), {}, None
        if pledge["state"] == PENDING and pledge["setup_id"] is None:
            back = wanted.return_url or f"{services.public_url}/tip/{wanted.creator}/pledged"
            setup = await open_setup(services, pledge["customer_id"], pledge["pay_with"], currency=pledge["currency"],
                                     return_url=back, network=wanted.network)  # fmt: skip
            changes, address = {"setup_id": setup["id"]}, setup["redirect_url"]
        plan = Plan(actor=ACTOR, anchors={pledge["customer_id"]}, idempotency=wanted.idempotency, object_id=pledge_id)
        expect = {"state": pledge["state"], "setup_id": pledge["setup_id"]}
        plan.add(Change(PLEDGES, (pledge_id,), pledge["customer_id"], expect, changes))
        shown = show_pledge({**pledge, **changes}, campaign, wanted.creator, total=total_of(services, pledge),
                            setup_url=address)  # fmt: skip
        plan.answer = _answer(202, shown)
        try:
            outcome = await services.engine.commit(plan)
        except Stale:
            continue
        assert outcome.answer is not None, "the plan has one"
        return outcome.answer
    raise Unavailable("Too much is changing at once; try again.")


def _answer(status: int, shown: Mapping[str, Any]) -> Any:
    def answer(outcome: Outcome) -> Answer:
        return Answer(status, msgspec.json.encode(shown))

    return answer


async def _decide(
    services: Services, creator: Creator, goal_id: str, wanted: TipRequest
) -> tuple[dict[str, Any], Mapping[str, Any]]:
    """Return the row of a new pledge and its campaign, as that stands or begins now."""
    goal = next((one for one in goals_of(creator) if one.id == goal_id), None)
    if goal is None:
        raise NotFound("This creator has no such goal.")
    if goal.pledges is None or not goal.is_active:
        raise GoalNotOpen(goal=goal_id, reason="keep_it_all" if goal.pledges is None else "inactive")
    creator.check(wanted.amount)
    pay_with = await _payer(services, wanted)
    identity, now = await creator_id(services, creator.name), services.clock.now()
    campaign = await find_campaign(services, identity, goal_id) or new_campaign(identity, goal, now)
    if campaign["state"] != COLLECTING or now >= campaign["deadline"]:
        raise GoalNotOpen(goal=goal_id, reason="over")
    asked = {"customer_id": wanted.customer_id, "creator_id": identity, "goal": goal_id}
    before = await services.reader.first(OPEN_OF_FAN, **asked)
    if before is not None:
        raise AlreadyPledged(pledge=before["id"])
    return _row(services, creator, goal, wanted, campaign=campaign, pay_with=pay_with), campaign


async def _payer(services: Services, wanted: TipRequest) -> str:
    """Return who will pay: ``wallet``, or a gateway that keeps methods and charges them; raises ``Invalid``."""
    catalog, code = services.catalogs.active, wanted.amount.currency
    if wanted.is_guest and catalog.is_virtual(code):
        errors = [FieldError("/amount/currency", "is kept in a wallet: sign in to pledge it")]
        raise Invalid("Nobody is signed in.", errors=errors)
    named = wanted.pay_with if wanted.pay_with not in (None, WALLET) else services.default_gateway
    pay_with = payer(catalog, code, wanted.pay_with, named)
    if pay_with == WALLET:
        if wanted.payment_method is not None:
            raise Invalid("A wallet pays this.", errors=[FieldError("/payment_method", "must be absent")])
        return pay_with
    gateway = keeper(services, pay_with)
    problem = services.gateway(pay_with).can_charge(wanted.amount)
    if problem is not None or not isinstance(gateway, OffSession):
        raise CannotBeCharged(problem or f"{pay_with} charges nobody who is away.")
    await refuse_card_testing(services, wanted.network)
    await check_method(services, wanted.customer_id, pay_with, method=wanted.payment_method, saves=True)
    return pay_with


def _row(
    services: Services,
    creator: Creator,
    goal: Goal,
    wanted: TipRequest,
    *,
    campaign: Mapping[str, Any],
    pay_with: str,
) -> dict[str, Any]:
    """Return a pledge's row: what its tip will be is decided here, once."""
    now, terms, tiered = services.clock.now(), creator.settings.terms(creator.name), creator.tier_of(wanted.amount)
    name, message = name_of(wanted.name), message_of(wanted.message, tiered.max_chars)
    row: dict[str, Any] = {
        "id": new_id("plg"),
        "creator_id": campaign["creator_id"],
        "goal": goal.id,
        "customer_id": wanted.customer_id,
        "is_guest": int(wanted.is_guest),
        "country": wanted.country,
        "name": name,
        "message": message,
        "is_anonymous": int(wanted.is_anonymous),
        "held_for": creator.holds_for(name, message),
        "currency": wanted.amount.currency,
        "amount": wanted.amount.amount_minor,
        "tier": tiered.tier,
        "gives": msgspec.json.encode(tiered.grants).decode(),
        "rates": msgspec.json.encode(creator.settings.rates.get(wanted.amount.currency, {})).decode(),
        "share": terms.share,
        "hold_ms": terms.hold_ms,
        "pay_with": pay_with,
        "hold_id": new_id("hold") if pay_with == WALLET else None,
        "state": PENDING,
        "attempts": 0,
        "failures": 0,
        "created_at": now,
        "updated_at": now,
    }
    unknown = ("setup_id", "method", "reason", "purchase_id", "failed_purchase_id", "tip_id", "next_attempt_at",
               "opened_at", "closed_at")  # fmt: skip
    factor = factors_of(services.catalogs.active, row).get(campaign["currency"])
    counts = 0 if factor is None else worth(row["amount"], factor)
    if counts < 1:
        errors = [FieldError("/amount/currency", f"counts for nothing in {campaign['currency']}")]
        raise Invalid("This goal collects another currency.", errors=errors)
    return {**row, **dict.fromkeys(unknown), "worth": counts}


async def withdraw_pledge(services: Services, pledge_id: str, *, reason: str | None = None) -> Row:
    """Take a pledge back, until its goal's deadline; return it as it is then. Safe to repeat.

    ``reason`` says why, where its fan has not asked for just that.

    Raises:
        PledgeOver: it is too late.
    """
    for _ in range(TIMES_DECIDED):
        pledge = await need_pledge(services, pledge_id)
        if pledge["state"] == WITHDRAWN:
            return pledge
        plan = Plan(actor=ACTOR)
        add_withdrawal(plan, pledge, reason=reason)
        if pledge["hold_id"] is not None and pledge["state"] == OPEN:
            plan.add(ReleaseHold(pledge["hold_id"], pledge["customer_id"], pledge["currency"]))
        add_letting_go(plan, pledge, pledge["method"], services.clock.now())
        try:
            await services.engine.commit(plan)
        except Stale:
            continue
        return await need_pledge(services, pledge_id)
    raise Unavailable("Too much is changing at once; try again.")


async def finalize_pledge(services: Services, pledge: Row) -> Row:
    """Ask the gateway now whether a pledge's method is saved, and return the pledge as it is then. Safe to repeat."""
    if pledge["state"] == PENDING and pledge["setup_id"] is not None:
        await show_setup(services, pledge["customer_id"], pledge["setup_id"])
        await note_setup(services, pledge["setup_id"])
    return await need_pledge(services, pledge["id"])


async def note_setup(services: Services, setup_id: str) -> None:
    """Open the pledge for which a method is saved now, or let it go; that of another setup means nothing here."""
    for _ in range(TIMES_DECIDED):
        pledge = await services.reader.first(BY_SETUP, setup_id=setup_id)
        if pledge is None:
            return
        setup = await show_setup(services, pledge["customer_id"], setup_id)
        if setup["state"] == "open":
            return
        try:
            await _note(services, pledge, setup["payment_method"])
        except Stale:
            continue
        return
    raise Unavailable("Too much is changing at once; try again.")


async def _note(services: Services, pledge: Row, method: str | None) -> None:
    now, plan = services.clock.now(), Plan(actor=ACTOR, anchors={pledge["customer_id"]})
    if pledge["state"] != PENDING:
        if pledge["method"] is None and method is not None:  # it was over before this method was saved
            add_letting_go(plan, pledge, method, now)
            await services.engine.commit(plan)
        return
    reason = "no_payment_method"
    if method is not None:
        add_opening(plan, pledge, method)
        try:
            await services.engine.commit(plan)
        except (GoalNotOpen, AlreadyPledged) as refused:
            log.info("pledge_not_opened", pledge=pledge["id"], reason=refused.code)
            reason = refused.code
        except PledgeOver:
            raise Stale("the pledge has moved") from None
        else:
            return
    plan = Plan(actor=ACTOR)
    add_ended(plan, pledge, VOID, reason=reason, now=now)
    add_letting_go(plan, pledge, method, now)
    await services.engine.commit(plan)
