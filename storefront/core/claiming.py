"""Claiming what is free again: goods that a reversal sets free belong to those that still stand against the purchase.

A refund that fails, or a dispute that is won, leaves others behind, which were decided beside it. They are decided
anew: what a bank takes back, or any reversal once nothing of the money is left, claims more of the goods. None lets go
of a unit that it has, but a right ends only for those of whose units nothing is left with the customer.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import bindparam, select

from storefront.core.commit.freezes import demand_of
from storefront.core.commit.outcome import NotEnoughItems, Stale, Taken
from storefront.core.commit.plan import Plan
from storefront.core.demands import Held, Wanted, want_back
from storefront.core.errors import Unavailable
from storefront.core.giving_again import give_rights_again
from storefront.core.purchasing import read_payment, read_purchase, receiver_of
from storefront.core.reading import Query, Row
from storefront.core.refunds import (
    CLAWING,
    DISPUTE,
    HOLDING,
    REFUND,
    TakenLine,
    is_effective,
    read_reversals,
    taken_back,
)
from storefront.core.reversal_events import tell_claim
from storefront.core.reversal_moves import Moving, demand_taken, freeze_id
from storefront.core.services import Services
from storefront.core.tables import entitlements, freezes

TIMES_DECIDED = 40
_FREEZE = Query(select(freezes).where(freezes.c.id == bindparam("id")))
_RIGHTS = Query(
    select(entitlements.c.key, entitlements.c.sku).where(
        entitlements.c.customer_id == bindparam("customer_id"), entitlements.c.source_id == bindparam("source_id")
    )
)


async def claim_freed(services: Services, purchase_id: str) -> None:
    """Let what still stands against a purchase claim the goods that a reversal has just freed.

    Raises:
        Unavailable: too much changes at once; nothing is lost by doing it again.
    """
    for _ in range(TIMES_DECIDED):
        plan = await _plan_claim(services, purchase_id)
        if plan is None:
            return
        try:
            await services.engine.commit(plan)
        except (Stale, Taken, NotEnoughItems):
            continue
    raise Unavailable("Too much is changing at once; try again.")


async def _plan_claim(services: Services, purchase_id: str) -> Plan | None:
    """Return the plan by which one of the reversals claims what it lacks; None if none lacks anything."""
    purchase, payment = await read_purchase(services, purchase_id), await read_payment(services, purchase_id)
    assert payment is not None, "only purchases through a gateway are reversed here"
    rows = await read_reversals(services.reader, purchase_id)
    standing = [row for row in rows if is_effective(row) and row["gateway"]]
    is_all = sum(row["amount"] for row in standing) >= payment["received_amount"]
    for row in sorted(standing, key=lambda row: (row["cause"] == REFUND, row["number"])):
        grows = row["cause"] != REFUND or is_all
        plan = Plan(actor=f"gateway:{row['gateway']}", anchors={row["customer_id"]})
        held = await _held(services, row)
        wanted = await want_back(
            services,
            purchase,
            received=payment["received_amount"],
            amount=row["amount"],
            quantity=None if grows else 0,
            in_proportion=row["cause"] == DISPUTE,
            follows=row["cause"] in CLAWING,
            besides=row["id"],
            held=held,
        )
        returned = await _returned(services, purchase, held, wanted)
        if _is_settled(held, wanted, returned):
            continue
        await _claim(services, plan, purchase, payment, row, held=held, wanted=wanted, returned=returned)
        return plan
    return None


async def _held(services: Services, row: Row) -> Held:
    told = taken_back(row)
    if row["state"] not in HOLDING:
        return Held(told, frozenset(told.entitlements), is_taken=True)
    frozen = await services.reader.first(_FREEZE, id=freeze_id(row["id"], msgspec.json.decode(row["facts"])))
    if frozen is None:
        return Held(told)
    return Held(told, frozenset(demand_of(frozen).rights), Counter(dict(msgspec.json.decode(frozen["items"]))))


async def _returned(services: Services, purchase: Row, held: Held, wanted: Wanted) -> tuple[str, ...]:
    """Return the rights that a reversal ended, and of whose units something is with the customer again."""
    if not held.is_taken or not held.rights or wanted.ended is None:
        return ()
    given = await services.reader.all(_RIGHTS, customer_id=receiver_of(purchase), source_id=purchase["id"])
    skus = {row["key"]: row["sku"] for row in given}
    return tuple(key for key in held.told.entitlements if skus[key] not in wanted.ended)


def _is_settled(held: Held, wanted: Wanted, returned: Sequence[str]) -> bool:
    told = held.told
    is_same = (told.quantity, _units(told.lines)) == (wanted.quantity, _units(wanted.lines)) and not returned
    return is_same and (held.is_taken or frozenset(wanted.demand.rights) == held.rights)


def _units(lines: Iterable[TakenLine]) -> dict[str, int]:
    return {line.sku: line.quantity for line in lines}


async def _claim(
    services: Services,
    plan: Plan,
    purchase: Row,
    payment: Row,
    row: Row,
    *,
    held: Held,
    wanted: Wanted,
    returned: tuple[str, ...],
) -> None:
    """Add to the plan that a reversal claims what it wants; a right that it ended, and should not have, is given again.

    What is set aside is set aside anew, with more, in one commit: nobody comes in between. What was taken stays so.
    """
    told = wanted.told(held.told.strategy)
    becomes = {**row, "taken_back": msgspec.json.encode(told).decode()}
    moving = Moving(
        services, plan, purchase, payment, becomes, demand=wanted.demand, left=wanted.unreversed,
        set_aside=wanted.there, elsewhere=wanted.elsewhere, opened=wanted.opened,
    )  # fmt: skip
    tell_claim(plan, purchase, row, before=held.told, after=told)
    if not held.is_taken:
        await moving.claim_anew(row)
        return
    kept = tuple(key for key in held.told.entitlements if key not in returned)
    if returned:
        terms = (await demand_taken(services, row)).terms
        await give_rights_again(services, plan, purchase, returned, terms=terms)
    await moving.claim_more(row, msgspec.structs.replace(held.told, entitlements=kept))
