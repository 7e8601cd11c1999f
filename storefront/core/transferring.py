"""Transfers between customers: currency and items that one has are passed on to another, in one commit.

Currency keeps what it came from, lot by lot (``commit/passing.py``), so what a payer's bank takes back can be found
where it went. An item goes as it is (``commit/passing_items.py``); rights stay with whom they were given to.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import bindparam, or_, select

from storefront.core.accounts import wallet
from storefront.core.clock import DAY_MS, iso
from storefront.core.commit.outcome import Answer, NotTransferable, Outcome, Stale
from storefront.core.commit.plan import FromResults, IdempotencyKey, Insert, PassItem, PassOn, Plan
from storefront.core.config.model_giving import AssetTransfers
from storefront.core.customers import Newcomer, introduce
from storefront.core.errors import Conflict, FieldError, Invalid, NotFound, Refused, Unavailable
from storefront.core.gifts import day_key, tells_of_recipient
from storefront.core.idempotency import answered_before
from storefront.core.ids import is_id, new_id
from storefront.core.kinds import Owned
from storefront.core.names import names_of
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront.core.tables import customer_transfers, lots

OPERATION = "POST /v1/transfers"
KIND = "transfer"
COUNTED = "transferred:"
ITEMS = "items"
TIMES_DECIDED = 5
_TRANSFER = Query(select(customer_transfers).where(customer_transfers.c.id == bindparam("id")))
_ENDS = Query(
    select(lots.c.expires_at).where(
        lots.c.account == bindparam("account"), lots.c.remaining > 0, lots.c.expires_at.is_not(None)
    )
)


class TransferNotPossible(Conflict):
    """Why is not said to a customer: it would tell what a stranger owns, or whether there is one."""

    code = "transfer_not_possible"
    title = "This cannot be passed on to that recipient"


class TransferLimitReached(Refused):
    code = "transfer_limit_reached"
    title = "This customer has passed on as much today as they may"


@dataclass(frozen=True, slots=True)
class TransferRequest:
    """Who passes on what to whom: ``amount`` of an ``asset``, or ``quantity`` items of a ``sku``.

    ``instance`` names one of those whose units have numbers.
    """

    idempotency: IdempotencyKey
    customer_id: str
    recipient_id: str
    by_customer: bool
    asset: str | None = None
    amount: int = 0
    sku: str | None = None
    quantity: int = 0
    instance: str | None = None
    newcomer: Newcomer | None = None


async def transfer(services: Services, wanted: TransferRequest) -> tuple[Answer, bool]:
    """Pass on, once per idempotency key; return the answer and whether it is a replay.

    Raises:
        Invalid: too little or too much at once, or no such thing.
        NotTransferable, TransferLimitReached, InsufficientFunds, NotEnoughItems, DebtOpen: nothing was written.
        TransferNotPossible: the recipient cannot receive it; a server is told why (AlreadyOwned, LimitReached).
    """
    return await answered_before(services.reader, wanted.idempotency, _transfer(services, wanted))


async def _transfer(services: Services, wanted: TransferRequest) -> tuple[Answer, bool]:
    if wanted.by_customer and not services.config.transfers.by_customers:
        raise NotTransferable("Only the game's server passes things on here.")
    for _ in range(TIMES_DECIDED):
        plan = Plan(
            actor=wanted.idempotency.caller,
            anchors={wanted.customer_id, wanted.recipient_id},
            idempotency=wanted.idempotency,
            object_id=new_id("trf"),
        )
        if wanted.newcomer is not None:
            introduce(plan, wanted.newcomer, services.clock.now())
        row = await _decide(services, wanted, plan)
        plan.add(Insert("customer_transfers", (row["id"],), wanted.customer_id, row))
        _tell(plan, row)
        shown = await transfer_json(services, row)
        plan.answer = lambda outcome, shown=shown: _answer(shown, outcome, wanted.customer_id)
        try:
            outcome = await services.engine.commit(plan)
        except Stale:
            continue
        except Refused as refusal:
            if wanted.by_customer and tells_of_recipient(refusal):
                raise TransferNotPossible from None
            raise
        assert outcome.answer is not None
        return outcome.answer, outcome.is_replay
    raise Unavailable("Too much is changing at once; try again.")


async def _decide(services: Services, wanted: TransferRequest, plan: Plan) -> dict[str, Any]:
    """Add to a plan what moves, and return the transfer's row."""
    row: dict[str, Any] = {
        "id": plan.object_id,
        "customer_id": wanted.customer_id,
        "recipient_id": wanted.recipient_id,
        "asset": None,
        "amount": None,
        "fee": None,
        "sku": None,
        "quantity": None,
        "instances": None,
        "actor": plan.actor,
        "entry_id": None,
        "created_at": services.clock.now(),
    }
    if wanted.asset is not None:
        return {**row, **await _add_currency(services, wanted, plan, row, asset=wanted.asset)}
    return {**row, **_add_items(services, wanted, plan, row, sku=wanted.sku or "")}


async def _add_currency(
    services: Services, wanted: TransferRequest, plan: Plan, row: Mapping[str, Any], *, asset: str
) -> Mapping[str, Any]:
    terms, now, amount = services.config.transfers.assets.get(asset), row["created_at"], wanted.amount
    if terms is None or not services.catalogs.active.is_virtual(asset):
        raise NotTransferable(f"{asset} cannot be passed on.", asset=asset)
    _check_amount(terms, amount)
    fee = fee_of(amount, terms.fee_basis_points)
    if fee >= amount:
        raise Invalid("Nothing would be left of it.", errors=[FieldError("/amount", f"the fee of it is {fee}")])
    entry_id = plan.entry(KIND, about=row["id"], anchor=wanted.customer_id)
    found = await services.reader.all(_ENDS, account=wallet(wanted.customer_id, asset).id)
    plan.add(
        PassOn(
            "entry",
            wanted.customer_id,
            wanted.recipient_id,
            asset,
            amount,
            fee=fee,
            rested_since=now - terms.hold_back_days * DAY_MS if terms.hold_back_days else None,
            ends=tuple(sorted({one["expires_at"] for one in found})),
        )
    )
    _count(plan, wanted.customer_id, asset, by=amount, at_most=terms.per_day, now=now)
    return {"asset": asset, "amount": amount, "fee": fee, "entry_id": entry_id}


def _check_amount(terms: AssetTransfers, amount: int) -> None:
    if amount < terms.minimum:
        raise Invalid("That is too little.", errors=[FieldError("/amount", f"must be at least {terms.minimum}")])
    if terms.maximum is not None and amount > terms.maximum:
        raise Invalid("That is too much at once.", errors=[FieldError("/amount", f"must be at most {terms.maximum}")])


def fee_of(amount: int, basis_points: int) -> int:
    """Return the fee of a transfer, rounded up to a whole unit: the remainder goes to the sink."""
    return -(-amount * basis_points // 10_000)


def _add_items(
    services: Services, wanted: TransferRequest, plan: Plan, row: Mapping[str, Any], *, sku: str
) -> Mapping[str, Any]:
    offer = services.catalogs.active.offer(sku)
    owned = services.kind_as(offer.kind, Owned)
    if not offer.transferable or owned is None:
        raise NotTransferable(f"{sku} cannot be passed on.", sku=sku)
    if wanted.instance is not None and wanted.quantity != 1:
        raise Invalid("An instance is one thing.", errors=[FieldError("/quantity", "must be 1 with an instance")])
    plan.add(
        PassItem(
            wanted.customer_id,
            wanted.recipient_id,
            sku,
            wanted.quantity,
            row["id"],
            at_most=owned.most_owned(offer),
            instance=wanted.instance,
        )
    )
    at_most = services.config.transfers.items_per_day
    _count(plan, wanted.customer_id, ITEMS, by=wanted.quantity, at_most=at_most, now=row["created_at"])
    passed = FromResults(lambda results: msgspec.json.encode(results[_passed(sku)]).decode())
    return {"sku": sku, "quantity": wanted.quantity, "instances": passed}


def _passed(sku: str) -> str:
    return f"passed:{sku}"


def _count(plan: Plan, customer_id: str, what: str, *, by: int, at_most: int | None, now: int) -> None:
    """Count what a customer passes on in a UTC day; over the cap the plan is refused."""
    refusal = TransferLimitReached(f"{at_most} a day.", at_most=at_most, wanted=by)
    key = day_key(f"{COUNTED}{what}:", customer_id, now)
    plan.count(key, anchor=customer_id, by=by, at_most=at_most, refusal=refusal)


def _tell(plan: Plan, row: Mapping[str, Any]) -> None:
    names = ("asset", "amount", "fee", "sku", "quantity")
    told = {name: row[name] for name in names if row[name] is not None}
    if row["sku"] is not None:
        told["instances"] = FromResults(lambda results: _instances(results[_passed(row["sku"])]))
    payload = {"id": row["id"], "from": row["customer_id"], "to": row["recipient_id"], **told}
    plan.emit("transfer.sent", anchor=row["customer_id"], subject=row["id"], payload=payload)
    plan.emit("transfer.received", anchor=row["recipient_id"], subject=row["id"], payload=payload)


def _answer(shown: Mapping[str, Any], outcome: Outcome, customer_id: str) -> Answer:
    customer = {**shown["from"], **outcome.customer_change(customer_id)}
    passed = outcome.results.get(_passed(shown["sku"]))
    instances = None if passed is None else _instances(passed)
    return Answer(201, msgspec.json.encode({**shown, "instances": instances, "customer": customer}))


async def show_transfer(services: Services, transfer_id: str) -> dict[str, Any]:
    """Return a transfer as JSON; raises ``NotFound``."""
    row = await services.reader.first(_TRANSFER, id=transfer_id)
    if row is None:
        raise NotFound("There is no such transfer.")
    return await transfer_json(services, row)


async def list_transfers(
    services: Services, customer_id: str | None, *, limit: int, after: str | None
) -> tuple[Sequence[Mapping[str, Any]], str | None]:
    """Return one page of transfers, newest first: all, or those that a customer sent or received."""
    of = customer_transfers.c
    statement = select(customer_transfers).order_by(of.id.desc()).limit(limit + 1)
    if customer_id is not None:
        names = names_of(customer_id)
        statement = statement.where(or_(of.customer_id.in_(names), of.recipient_id.in_(names)))
    if after is not None:
        if not is_id(after, "trf"):
            words = "is not a cursor of this list"
            raise Invalid("This is not a cursor of this list.", errors=[FieldError("/after", words)])
        statement = statement.where(of.id < after)
    rows = await services.reader.scan(statement)
    shown = [await transfer_json(services, row) for row in rows[:limit]]
    return shown, rows[limit - 1]["id"] if len(rows) > limit else None


async def transfer_json(services: Services, row: Row) -> dict[str, Any]:
    """Return the wire shape of a transfer, as the game's server sees it and its sender gets it.

    Of one that is not committed yet, ``instances`` are None: only the commit knows them.
    """
    passed = row["instances"]
    return {
        "id": row["id"],
        "from": {"id": await services.customers.external_id(row["customer_id"])},
        "to": {"id": await services.customers.external_id(row["recipient_id"])},
        "asset": row["asset"],
        "amount": row["amount"],
        "fee": row["fee"],
        "sku": row["sku"],
        "quantity": row["quantity"],
        "instances": _instances(msgspec.json.decode(passed)) if isinstance(passed, str) else None,
        "created_at": iso(row["created_at"]),
    }


def _instances(passed: Sequence[tuple[str, int]]) -> list[dict[str, Any]]:
    return [{"instance": instance, "number": number} for instance, number in passed]
