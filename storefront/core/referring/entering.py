"""A customer's own referral code, and its use by a new customer: once for ever, and never in a circle.

Who was brought by whom is a chain of rows that never change. A circle can only be closed at the end of the chain that
begins with the referrer; so the commit that adds a customer asks, under both anchors, that this end still stands.
"""

import secrets
from typing import Any

import msgspec
from sqlalchemy import bindparam, func, select

from storefront.core.clock import iso
from storefront.core.commit.outcome import Taken
from storefront.core.commit.plan import Claim, Insert, Plan
from storefront.core.config.model_promos import normal_code
from storefront.core.errors import NotFound, Refused, Unavailable
from storefront.core.ids import new_id
from storefront.core.promos.codes import ALPHABET, shown_code
from storefront.core.promos.finding import has_paid
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront.core.tables import referral_codes, referrals

LENGTH = 10
MOST_SHOWN = 100
_TIMES_DECIDED = 10
_OWN_CODE = Query(select(referral_codes).where(referral_codes.c.customer_id == bindparam("customer_id")))
_CODE = Query(select(referral_codes).where(referral_codes.c.code == bindparam("code")))
REFERRAL = Query(select(referrals).where(referrals.c.customer_id == bindparam("customer_id")))
_DETAILS = {
    "unknown": "This referral code is not known here. Look for a typing mistake.",
    "own": "This is your own code: give it to others.",
    "already": "You have used a referral code before; it can be done once.",
    "not_new": "A referral code is used before the first purchase.",
    "circle": "You have brought this player yourself, or somebody who did.",
}


class ReferralRefused(Refused):
    """A referral code that this customer cannot use; the fact ``reason`` says why."""

    code = "referral_refused"
    title = "This referral code cannot be used"

    def __init__(self, reason: str) -> None:
        super().__init__(_DETAILS[reason], reason=reason)
        self.reason = reason


class _Overtaken(Refused):
    """The customer, or the end of the chain, was brought by somebody in the meantime: judged again, never answered."""


async def referral_state(services: Services, customer_id: str) -> dict[str, Any]:
    """Return a customer's code (made on first sight), whom they brought, and who brought them.

    Raises:
        NotFound: the shop has no referrals.
    """
    terms = services.catalogs.active.referrals
    if terms is None:
        raise NotFound("This shop has no referrals.")
    code = await _own_code(services, customer_id)
    newest = select(referrals).where(referrals.c.referrer_id == customer_id).order_by(referrals.c.customer_id.desc())
    brought = await services.reader.scan(newest.limit(MOST_SHOWN))
    count = select(referrals.c.state, func.count().label("count")).where(referrals.c.referrer_id == customer_id)
    counts = {row["state"]: int(row["count"]) for row in await services.reader.scan(count.group_by(referrals.c.state))}
    mine = await services.reader.first(REFERRAL, customer_id=customer_id)
    return {
        "code": code,
        "link": f"{services.public_url}/shop?referral={code}",
        "referred": sum(counts.values()),
        "rewarded": counts.get("rewarded", 0),
        "referrals": [_brought_json(row, customer_id) for row in brought],
        "referred_by_code": mine is not None,
        "rewards": [] if mine is None else rewards_of(mine, customer_id),
    }


async def enter_referral(services: Services, customer_id: str, typed: str) -> dict[str, Any]:
    """Note that a customer was brought by whoever has this code; answer their referral state.

    Safe to repeat with the same code.

    Raises:
        ReferralRefused: there is no such code, it is their own, or it is too late.
        NotFound: the shop has no referrals.
    """
    if services.catalogs.active.referrals is None:
        raise NotFound("This shop has no referrals.")
    for _ in range(_TIMES_DECIDED):
        found = await services.reader.first(_CODE, code=normal_code(typed) or "")
        mine = await services.reader.first(REFERRAL, customer_id=customer_id)
        if mine is not None and found is not None and mine["referrer_id"] == found["customer_id"]:
            break
        end = await _judge(services, customer_id, found, mine)
        assert found is not None, "what is not found is refused"
        try:
            await services.engine.commit(_plan(services, customer_id, found["customer_id"], end))
        except _Overtaken:
            continue
        break
    else:
        raise Unavailable("Too much is changing at once; try again.")
    return await referral_state(services, customer_id)


def rewards_of(row: Row, customer_id: str) -> list[dict[str, Any]]:
    """Return what a referral gave to one of its two, as they see it."""
    shown = []
    for one in msgspec.json.decode(row["rewards"]):
        if one["customer_id"] == customer_id:
            given = {name: one[name] for name in ("asset", "amount") if name in one}
            shown.append(given if "code" not in one else {"promo_code": shown_code(one["code"])})
    return shown


async def _judge(services: Services, customer_id: str, found: Row | None, mine: Row | None) -> str:
    """Refuse what cannot be; return the end of the chain that begins with the referrer."""
    if found is None:
        raise ReferralRefused("unknown")
    if found["customer_id"] == customer_id:
        raise ReferralRefused("own")
    if mine is not None:
        raise ReferralRefused("already")
    if await has_paid(services, customer_id):
        raise ReferralRefused("not_new")
    end: str = found["customer_id"]
    while (above := await services.reader.first(REFERRAL, customer_id=end)) is not None:
        end = above["referrer_id"]
        if end == customer_id:
            raise ReferralRefused("circle")
    return end


def _plan(services: Services, customer_id: str, referrer_id: str, end: str) -> Plan:
    now = services.clock.now()
    plan = Plan(actor=customer_id, anchors={customer_id, end})
    plan.count(_key(customer_id), anchor=customer_id, at_most=1, refusal=_Overtaken())
    plan.count(paid_key(customer_id), anchor=customer_id, by=0, at_most=0, refusal=ReferralRefused("not_new"))
    plan.count(_key(end), anchor=end, by=0, at_most=0, refusal=_Overtaken())
    row = {
        "customer_id": customer_id,
        "id": new_id("ref"),
        "referrer_id": referrer_id,
        "state": "waiting",
        "purchase_id": None,
        "rewards": "[]",
        "due_at": None,
        "created_at": now,
        "updated_at": now,
    }
    plan.add(Insert("referrals", (customer_id,), customer_id, row))
    payload = {"id": row["id"], "customer_id": customer_id, "referrer_id": referrer_id}
    plan.emit("referral.entered", anchor=customer_id, subject=str(row["id"]), payload=payload)
    return plan


def paid_key(customer_id: str) -> str:
    """Return the counter that is 1 once a customer has paid real money, since the shop has referrals."""
    return f"referral_paid:{customer_id}"


def _key(customer_id: str) -> str:
    return f"referred:{customer_id}"


async def _own_code(services: Services, customer_id: str) -> str:
    """Return a customer's code, making it on first sight. Safe to race."""
    for _ in range(_TIMES_DECIDED):
        row = await services.reader.first(_OWN_CODE, customer_id=customer_id)
        if row is not None:
            return str(row["code"])
        code = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
        plan = Plan(actor=customer_id, anchors={customer_id})
        plan.add(Claim(f"referral_code:{code}", customer_id))
        made = {"customer_id": customer_id, "code": code, "created_at": services.clock.now()}
        plan.add(Insert("referral_codes", (customer_id,), customer_id, made, once=True))
        try:
            await services.engine.commit(plan)
        except Taken:
            continue
    raise Unavailable("Too much is changing at once; try again.")


def _brought_json(row: Row, customer_id: str) -> dict[str, Any]:
    """Show one whom a customer brought: no name, because players do not see each other's ids."""
    return {"id": row["id"], "state": row["state"], "created_at": iso(row["created_at"]),
            "rewards": rewards_of(row, customer_id)}  # fmt: skip
