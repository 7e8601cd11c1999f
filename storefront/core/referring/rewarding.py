"""What becomes of a referral: qualified in the commit of the purchase that pays, rewarded by a job, taken back by one.

    waiting ──► qualified ──► rewarded ──► clawed_back
                    └──► canceled

The purchase's commit only notes that it qualified: a reward moves another customer's wallet, and neither their full
wallet nor their cap may ever stand in the way of somebody's purchase. The job runs at once, or after the days in which
a refund or a dispute may come. Every move is a compare-and-set on the row, so that each happens once.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import bindparam, select

from storefront.core.accounts import issuance
from storefront.core.catalog import Catalog
from storefront.core.clock import DAY_MS
from storefront.core.commit.closed import CustomerErased
from storefront.core.commit.outcome import LimitReached, Stale
from storefront.core.commit.plan import Change, Insert, LotPart, Otherwise, Plan, TakeBack
from storefront.core.config.model_promos import Referrals, Reward
from storefront.core.errors import Unavailable
from storefront.core.given import CREDITED
from storefront.core.granting import add_grant
from storefront.core.jobs import Again
from storefront.core.limits import window_start
from storefront.core.promos.codes import anchor_of, random_code
from storefront.core.promos.generating import batch_key, code_row
from storefront.core.purchasing import read_purchase
from storefront.core.reading import Query, Row
from storefront.core.referring.entering import REFERRAL, paid_key
from storefront.core.refunds import TAKING, read_reversals
from storefront.core.services import Services
from storefront.core.tables import counters, customers, grants, promo_codes, redemptions, referrals

REWARD, CLAW_BACK = "referral.reward", "referral.claw_back"
ACTOR = "referrals"
_TIMES_DECIDED = 10
_BY_PURCHASE = Query(select(referrals).where(referrals.c.purchase_id == bindparam("purchase_id")))
_GRANT = Query(select(grants).where(grants.c.id == bindparam("id")))
_CUSTOMER = Query(select(customers.c.erased_at).where(customers.c.id == bindparam("id")))
_COUNTER = Query(select(counters.c.value).where(counters.c.key == bindparam("key")))
_PROMO_CODE = Query(select(promo_codes).where(promo_codes.c.code == bindparam("code")))
_USED = Query(
    select(redemptions.c.code)
    .where(redemptions.c.code == bindparam("code"), redemptions.c.state != "given_back")
    .limit(1)
)


async def qualify_referral(services: Services, plan: Plan, purchase: Row, catalog: Catalog) -> None:
    """Note in the commit of a paid purchase that it is the one which its buyer's referral waited for."""
    terms, customer_id = catalog.referrals, purchase["customer_id"]
    if terms is None:
        return
    # From now on they are no new customer, whatever this purchase is worth.
    plan.count(paid_key(customer_id), anchor=customer_id, at_most=1, otherwise=Otherwise.SKIP)
    if not _is_enough(terms, purchase["total"], purchase["currency"], catalog):
        return
    row = await services.reader.first(REFERRAL, customer_id=customer_id)
    if row is None or row["state"] != "waiting":
        return
    now = services.clock.now()
    due_at = now + terms.hold_back_days * DAY_MS
    _move(plan, row, "qualified", now, purchase_id=purchase["id"], due_at=due_at)
    plan.schedule(
        REWARD,
        anchor=row["customer_id"],
        unique_key=f"{REWARD}:{row['id']}",
        due_at=due_at,
        now=now,
        payload={"customer_id": row["customer_id"]},
    )


def _is_enough(terms: Referrals, total: int, currency: str, catalog: Catalog) -> bool:
    if catalog.is_virtual(currency) or (terms.minimum and currency not in terms.minimum):
        return False
    return total >= max(1, terms.minimum.get(currency, 1))


async def reward_referral(services: Services, payload: Mapping[str, Any]) -> Again | None:
    """Reward both, unless the purchase went back meanwhile; while a dispute is open, wait. Safe to repeat."""
    for _ in range(_TIMES_DECIDED):
        row = await services.reader.first(REFERRAL, customer_id=payload["customer_id"])
        if row is None or row["state"] != "qualified":
            return None
        purchase, now = await read_purchase(services, row["purchase_id"]), services.clock.now()
        if purchase["dispute"] == "open":
            return Again(now + DAY_MS)
        catalog = await services.catalogs.version(purchase["catalog_version"])
        assert catalog.referrals is not None, "a purchase qualifies by the terms of its catalog version"
        plan = Plan(actor=ACTOR, anchors={row["customer_id"]})
        left = purchase["total"] - await _refunded(services, purchase)
        if purchase["dispute"] == "lost" or not _is_enough(catalog.referrals, left, purchase["currency"], catalog):
            _move(plan, row, "canceled", now)
        else:
            await _reward(services, plan, row, catalog.referrals, now)
        try:
            await services.engine.commit(plan)
        except (Stale, LimitReached, CustomerErased):
            continue
        return None
    raise Unavailable("Too much is changing at once; try again.")


async def _refunded(services: Services, purchase: Row) -> int:
    if purchase["refunded"] == "none":
        return 0
    rows = await read_reversals(services.reader, purchase["id"])
    return sum(row["amount"] for row in rows if row["state"] in TAKING)


async def _reward(services: Services, plan: Plan, row: Row, terms: Referrals, now: int) -> None:
    """Reward both; whoever was erased gets nothing, and the other their own."""
    given: list[dict[str, Any]] = []
    if not await _is_erased(services, row["customer_id"]):
        given += _give(services, plan, row, "referred", terms.referred)
    referrer_id = row["referrer_id"]
    if not await _is_erased(services, referrer_id) and await _count_reward(services, plan, terms, referrer_id, now):
        given += _give(services, plan, row, "referrer", terms.referrer)
    rewards = msgspec.json.encode(given).decode()
    _move(plan, row, "rewarded", now, rewards=rewards)


async def _is_erased(services: Services, customer_id: str) -> bool:
    row = await services.reader.first(_CUSTOMER, id=customer_id)
    return row is not None and row["erased_at"] is not None


async def _count_reward(services: Services, plan: Plan, terms: Referrals, referrer_id: str, now: int) -> bool:
    """Count a referrer's reward; False if they have had as many as they may. Who is overtaken decides again."""
    plan.anchors.add(referrer_id)
    if terms.most is None or terms.referrer == Reward():
        return True
    key = f"referral_rewards:{referrer_id}:{terms.window}:{window_start(terms.window, now)}"
    counter = await services.reader.first(_COUNTER, key=key)
    had = 0 if counter is None else int(counter["value"])
    if had >= terms.most:
        return False
    plan.count(key, anchor=referrer_id, at_most=had + 1)
    return True


def _give(services: Services, plan: Plan, row: Row, to: str, reward: Reward) -> list[dict[str, Any]]:
    """Give one side (``referrer``, ``referred``) its reward; return what was given, as the referral keeps it."""
    customer_id = row["referrer_id"] if to == "referrer" else row["customer_id"]
    now, wall = services.clock.now(), services.clock.wall()
    given: list[dict[str, Any]] = []
    for asset, amount in reward.credits.items():
        grant_id = add_grant(
            plan, customer_id=customer_id, asset=asset, amount=amount, reason=f"referral {row['id']}", actor=ACTOR,
            now=now, wall=wall,
        )  # fmt: skip
        given.append({"to": to, "customer_id": customer_id, "grant": grant_id, "asset": asset, "amount": amount})
    if reward.promo_code is None:
        return given
    # A batch of its own for every code: nobody waits for another's.
    code, campaign = random_code(), reward.promo_code
    batch = f"{row['id']}-{to}"
    plan.anchors.add(anchor_of(code))
    plan.count(batch_key(campaign, batch), anchor=anchor_of(code), at_most=1)
    plan.add(Insert("promo_codes", (code,), anchor_of(code),
                    code_row(code, campaign, batch, 1, now, customer_id=customer_id)))  # fmt: skip
    return [*given, {"to": to, "customer_id": customer_id, "code": code}]


async def see_to_referral(services: Services, plan: Plan, purchase: Row) -> None:
    """Schedule that rewards which a purchase brought are taken back, in the commit that takes the purchase back."""
    row = await services.reader.first(_BY_PURCHASE, purchase_id=purchase["id"])
    if row is not None:
        now = services.clock.now()
        plan.schedule(
            CLAW_BACK,
            anchor=row["customer_id"],
            unique_key=f"{CLAW_BACK}:{row['id']}",
            due_at=now,
            now=now,
            payload={"customer_id": row["customer_id"]},
        )


async def claw_back_referral(services: Services, payload: Mapping[str, Any]) -> None:
    """Take back what of the rewards is unspent and unused, and write the rest off. Safe to repeat."""
    for _ in range(_TIMES_DECIDED):
        row = await services.reader.first(REFERRAL, customer_id=payload["customer_id"])
        if row is None or row["state"] != "rewarded":
            return  # not rewarded yet: the reward's own job sees that the purchase went back
        purchase = await read_purchase(services, row["purchase_id"])
        if purchase["refunded"] != "full" and purchase["dispute"] != "lost":
            return
        plan, now = Plan(actor=ACTOR, anchors={row["customer_id"], row["referrer_id"]}), services.clock.now()
        for one in msgspec.json.decode(row["rewards"]):
            await _take_back(services, plan, row, one)
        _move(plan, row, "clawed_back", now)
        try:
            await services.engine.commit(plan)
        except Stale:
            continue
        return
    raise Unavailable("Too much is changing at once; try again.")


async def _take_back(services: Services, plan: Plan, row: Row, one: Mapping[str, Any]) -> None:
    if "code" in one:
        code = await services.reader.first(_PROMO_CODE, code=one["code"])
        if code is not None and code["disabled_at"] is None and not await _is_used(services, one["code"]):
            plan.anchors.add(anchor_of(one["code"]))
            expect = {"disabled_at": None}
            plan.add(
                Change(
                    "promo_codes", (one["code"],), anchor_of(one["code"]), expect, {"disabled_at": services.clock.now()}
                )
            )
        return
    grant = await services.reader.first(_GRANT, id=one["grant"])
    assert grant is not None, "a reward names its grant"
    label, customer_id, asset, original = one["grant"], one["customer_id"], one["asset"], grant["entry_id"]
    credited = await services.reader.all(CREDITED, entry_id=original)
    parts = tuple(LotPart(lot["id"], lot["credited"]) for lot in credited)
    if not parts:
        return  # it paid a debt off, and is gone
    at_most = sum(part.amount for part in parts)
    plan.entry("referral.clawed_back", about=row["id"], anchor=customer_id, reverses=original, label=label)
    plan.add(
        TakeBack(label, original, customer_id, asset, at_most, issuance(asset), parts, at_most, is_partial=True,
                 label=label)
    )  # fmt: skip


async def _is_used(services: Services, code: str) -> bool:
    return await services.reader.first(_USED, code=code) is not None


def _move(plan: Plan, row: Row, to: str, now: int, **also: Any) -> None:
    customer_id = row["customer_id"]
    expect = {"state": row["state"], "updated_at": row["updated_at"]}
    plan.add(Change("referrals", (customer_id,), customer_id, expect, {"state": to, "updated_at": now, **also}))
    payload: dict[str, Any] = {"id": row["id"], "customer_id": customer_id, "referrer_id": row["referrer_id"]}
    payload["purchase_id"] = also.get("purchase_id", row["purchase_id"])
    if "rewards" in also:
        payload["rewards"] = [
            {name: value for name, value in one.items() if name != "code"}
            for one in msgspec.json.decode(also["rewards"])
        ]
    plan.emit(f"referral.{to}", anchor=customer_id, subject=row["id"], payload=payload)
