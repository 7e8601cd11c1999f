"""What a dispute would take if it were lost now: the very plan that takes it, applied to the books, and not written."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import bindparam, select

from storefront.core.commit.outcome import NotEnoughItems, Outcome, Stale
from storefront.core.commit.plan import FromResults, Insert, Plan
from storefront.core.errors import Conflict, Unavailable
from storefront.core.operating.disputes import UNDECIDED, DisputeDecided, need_dispute
from storefront.core.passed_on import owner_of
from storefront.core.purchasing import Status, read_payment, read_purchase, receiver_of
from storefront.core.reading import Query, Row
from storefront.core.refunds import (
    DISPUTE,
    Strategy,
    TakenBack,
    is_effective,
    read_reversals,
    taken_back,
    taken_json,
)
from storefront.core.reversal_moves import Moving, Told
from storefront.core.services import Services
from storefront.core.tables import lots
from storefront.core.taken_credits import by_asset
from storefront.core.taking_back import Beginning, moving_of, plan_beginning

TIMES_DECIDED = 5
ACTOR = "operator"
_LOT = Query(select(lots).where(lots.c.id == bindparam("id")))


class NothingToDispute(Conflict):
    code = "nothing_to_dispute"
    title = "Nothing of this payment is left that could be disputed"


async def show_loss(services: Services, dispute_id: str) -> dict[str, Any]:
    """Return what a dispute that is not decided would take if it were lost now; nothing is written.

    Raises:
        NotFound, DisputeDecided: there is none, or what it took is told by the dispute itself.
    """
    for _ in range(TIMES_DECIDED):
        row = await need_dispute(services, dispute_id)
        if row["state"] not in UNDECIDED:
            raise DisputeDecided(f"It is {row['state']}: see what it took.", state=row["state"])
        purchase = await read_purchase(services, row["purchase_id"])
        payment = await read_payment(services, row["purchase_id"])
        assert payment is not None, "only purchases through a gateway are disputed"
        told, plan = Told("lost", row["gateway_ref"], True), Plan(actor=ACTOR, anchors={row["customer_id"]})
        moving = await moving_of(services, plan, purchase, payment, row=row, told=told)
        await moving.move(row, told)
        try:
            return await _shown(services, moving, await services.engine.preview(plan), dispute=row["id"])
        except (Stale, NotEnoughItems):
            continue
    raise Unavailable("Too much is changing at once; try again.")


async def show_possible_loss(services: Services, purchase_id: str) -> dict[str, Any]:
    """Return what a dispute about all that is left of a purchase's payment would take if it were lost now.

    Raises:
        NotFound: there is no such purchase.
        NothingToDispute: it was not paid through a gateway, or all of it has gone back.
    """
    for _ in range(TIMES_DECIDED):
        purchase, payment = await read_purchase(services, purchase_id), await read_payment(services, purchase_id)
        rows = await read_reversals(services.reader, purchase_id)
        left = 0 if payment is None else payment["received_amount"]
        left -= sum(row["amount"] for row in rows if is_effective(row))
        if left <= 0 or purchase["status"] not in (Status.COMPLETED, Status.PAID):
            is_open = [row["id"] for row in rows if row["cause"] == DISPUTE and row["state"] in UNDECIDED]
            raise NothingToDispute(*(f"A dispute about it is open: ask about {one}." for one in is_open[:1]))
        begins = Beginning(
            cause=DISPUTE,
            amount=left,
            strategy=Strategy(services.config.purchases.dispute_strategy),
            actor=ACTOR,
            reason="a dry run",
            in_proportion=True,
        )
        moving = await plan_beginning(services, purchase_id, begins, Told("lost", None, True))
        try:
            return await _shown(services, moving, await services.engine.preview(moving.plan), dispute=None)
        except (Stale, NotEnoughItems):
            continue
    raise Unavailable("Too much is changing at once; try again.")


async def _shown(services: Services, moving: Moving, outcome: Outcome, *, dispute: str | None) -> dict[str, Any]:
    told = _told(moving, outcome)
    owes = _owes(moving.purchase, told)
    return {
        "purchase": moving.purchase["id"],
        "dispute": dispute,
        "amount": {"amount": moving.row["amount"], "currency": moving.row["currency"]},
        "strategy": told.strategy,
        "quantity": told.quantity,
        "taken_back": taken_json(told),
        "lots": [await _lot(services, *part) for part in _drawn(outcome.results)],
        "owed": [
            {"customer": {"id": await services.customers.external_id(owner)}, "asset": asset, "amount": amount}
            for (owner, asset), amount in owes.items()
        ],
        "undone": [await _undone(services, row) for row in _clawed_back(moving.plan)],
        "dry_run": True,
    }


def _told(moving: Moving, outcome: Outcome) -> TakenBack:
    text = moving.row_after["taken_back"]
    rendered = text.render(outcome.results) if isinstance(text, FromResults) else text
    return taken_back({"taken_back": rendered})


def _owes(purchase: Row, told: TakenBack) -> Mapping[tuple[str, str], int]:
    """Return ``(customer, asset) -> amount`` of what would be owed."""
    owes: dict[tuple[str, str], int] = {}
    for credit in by_asset(told):
        of_receiver = told.owed_by_receiver(credit)
        for owner, amount in (
            (purchase["customer_id"], credit.owed - of_receiver),
            (receiver_of(purchase), of_receiver),
        ):
            if amount:
                owes[owner, credit.asset] = owes.get((owner, credit.asset), 0) + amount
    return owes


def _drawn(results: Mapping[str, Any]) -> Iterable[tuple[str, int]]:
    """Yield the lots that freezes of the plan took from, and how much."""
    for name, row in results.items():
        if name.startswith("freeze:") and row["state"] == "taken":
            for _, lot_id, amount in msgspec.json.decode(row["parts"]):
                yield lot_id, amount


async def _lot(services: Services, lot_id: str, amount: int) -> Mapping[str, Any]:
    row = await services.reader.first(_LOT, id=lot_id)
    assert row is not None, "a lot is never removed"
    owner = await services.customers.external_id(owner_of(row))
    return {"lot": lot_id, "customer": {"id": owner}, "source": row["source"], "amount": amount}


def _clawed_back(plan: Plan) -> Iterable[Mapping[str, Any]]:
    for step in plan.list:
        if isinstance(step, Insert) and step.table == "reversals" and step.row["cause"] == "clawback":
            yield step.row


async def _undone(services: Services, row: Mapping[str, Any]) -> Mapping[str, Any]:
    purchase = await read_purchase(services, row["purchase_id"])
    return {"purchase": purchase["id"], "sku": purchase["sku"], "quantity": purchase["quantity"],
            "amount": {"amount": row["amount"], "currency": row["currency"]}}  # fmt: skip
