"""Grants: what a server or an operator gives by hand, without a payment: a virtual currency, or goods.

Each names its reason and its actor, is one entry (if value moves) and has one audit row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import bindparam, select

from storefront.core.accounts import issuance
from storefront.core.clock import iso
from storefront.core.commit.outcome import Answer, Outcome
from storefront.core.commit.plan import Deposit, IdempotencyKey, Insert, LotTerms, Plan
from storefront.core.customers import Newcomer, introduce
from storefront.core.errors import FieldError, Invalid, NotFound
from storefront.core.idempotency import answered_before
from storefront.core.ids import is_id, new_id
from storefront.core.kinds import Fulfilment, Line, TakesDetails
from storefront.core.money import Money
from storefront.core.names import names_of
from storefront.core.privileged import record_action
from storefront.core.quotes import OfferClosed
from storefront.core.reading import Query, Row
from storefront.core.redaction import redact_text
from storefront.core.services import Services
from storefront.core.tables import grants
from storefront.core.unpacking import check_parts, give

OPERATION = "POST /v1/grants"
KIND = "grant"
_GRANT = Query(select(grants).where(grants.c.id == bindparam("id")))


@dataclass(frozen=True, slots=True)
class GrantRequest:
    """What is given to whom and why: ``amount`` of a virtual ``asset``, or ``quantity`` of an offer's goods."""

    idempotency: IdempotencyKey
    customer_id: str
    reason: str
    asset: str | None = None
    amount: int | None = None
    expires_at: int | None = None
    sku: str | None = None
    quantity: int | None = None
    newcomer: Newcomer | None = None

    def __post_init__(self) -> None:
        # It is kept for ever, in the ledger, the audit rows and the events.
        object.__setattr__(self, "reason", redact_text(self.reason))


async def grant(services: Services, wanted: GrantRequest) -> tuple[Answer, bool]:
    """Give, once per idempotency key; return the answer and whether it is a replay.

    Raises:
        Invalid: a real or unknown currency, an end in the past, goods that ask for details.
        UnknownOffer, OfferClosed: there are no such goods.
        AlreadyOwned, LimitReached: the customer may not own (so many) more; nothing was written.
        Taken: the newcomer has just been made by another request (``is_introduced``); nothing was written.
    """
    return await answered_before(services.reader, wanted.idempotency, _grant(services, wanted))


async def _grant(services: Services, wanted: GrantRequest) -> tuple[Answer, bool]:
    actor, now, wall = wanted.idempotency.caller, services.clock.now(), services.clock.wall()
    plan = Plan(actor=actor, anchors={wanted.customer_id}, idempotency=wanted.idempotency)
    if wanted.newcomer is not None:
        introduce(plan, wanted.newcomer, now)
    if wanted.asset is not None and wanted.amount is not None:
        _refuse_unmintable(services, wanted, now)
        plan.object_id = add_grant(
            plan,
            customer_id=wanted.customer_id,
            asset=wanted.asset,
            amount=wanted.amount,
            reason=wanted.reason,
            actor=actor,
            now=now,
            wall=wall,
            expires_at=wanted.expires_at,
        )
    else:
        plan.object_id = _add_goods(services, plan, wanted, now, wall)
    row = next(step.row for step in plan.list if isinstance(step, Insert) and step.table == "grants")
    external_id = await services.customers.external_id(wanted.customer_id)

    def answer(outcome: Outcome) -> Answer:
        customer = {"id": external_id, **outcome.customer_change(wanted.customer_id)}
        return Answer(201, msgspec.json.encode({**grant_json(row, external_id), "customer": customer}))

    plan.answer = answer
    outcome = await services.engine.commit(plan)
    assert outcome.answer is not None
    return outcome.answer, outcome.is_replay


def add_grant(
    plan: Plan,
    *,
    customer_id: str,
    asset: str,
    amount: int,
    reason: str,
    actor: str,
    now: int,
    wall: int | None = None,
    expires_at: int | None = None,
) -> str:
    """Add a grant of a virtual currency to a plan whose anchors include the customer; return the grant's id.

    ``amount`` is 1 … 2^53−1 of the smallest unit; ``now`` and ``expires_at`` are business time (ms), ``wall`` the
    machine's (``now`` if not given). That the asset is virtual, and the end in the future, is the caller's to know.
    A plan may hold many grants.
    """
    grant_id, reason = new_id("grant"), redact_text(reason)
    entry_id = plan.entry(KIND, about=grant_id, anchor=customer_id, facts={"reason": reason}, label=grant_id)
    terms = LotTerms(source="granted", expires_at=expires_at)
    plan.add(Deposit(grant_id, customer_id, asset, amount, issuance(asset), terms))
    row = _row(grant_id, customer_id, reason, actor, now)
    row.update(asset=asset, amount=amount, entry_id=entry_id, expires_at=expires_at)
    _write(plan, row, now if wall is None else wall)
    return grant_id


def _add_goods(services: Services, plan: Plan, wanted: GrantRequest, now: int, wall: int) -> str:
    """Give what an offer's kind gives, and the rights that it grants, because of this grant."""
    offer = services.catalogs.active.offer(wanted.sku or "")
    if offer.kind not in services.kinds:
        raise OfferClosed(f"{offer.sku} is not on sale now.", sku=offer.sku)
    if services.kind_as(offer.kind, TakesDetails) is not None:
        raise Invalid("This offer asks its buyer for details.", errors=[FieldError("/sku", "cannot be granted")])
    grant_id, quantity = new_id("grant"), wanted.quantity or 1
    entry_id = plan.entry(KIND, about=grant_id, anchor=wanted.customer_id, facts={"reason": wanted.reason})
    nothing = Money(0, next(iter(offer.prices)))
    goods = Fulfilment(
        plan=plan,
        purchase_id=grant_id,
        customer_id=wanted.customer_id,
        payment=grant_id,
        cost=None,
        bought_with=None,
        now=now,
        source_type="grant",
    )
    line = Line(offer, quantity, nothing)
    check_parts(services.catalogs.active, services.kinds, line)
    give(services.catalogs.active, services.kinds, line, goods)
    row = _row(grant_id, wanted.customer_id, wanted.reason, plan.actor, now)
    row.update(sku=offer.sku, quantity=quantity, entry_id=entry_id if plan.moves_value() else None)
    _write(plan, row, wall)
    return grant_id


def _row(grant_id: str, customer_id: str, reason: str, actor: str, now: int) -> dict[str, Any]:
    return {
        "id": grant_id,
        "customer_id": customer_id,
        "asset": None,
        "amount": None,
        "sku": None,
        "quantity": None,
        "reason": reason,
        "actor": actor,
        "entry_id": None,
        "expires_at": None,
        "created_at": now,
    }


def _write(plan: Plan, row: dict[str, Any], wall: int) -> None:
    grant_id, customer_id, now = row["id"], row["customer_id"], row["created_at"]
    plan.add(Insert("grants", (grant_id,), customer_id, row))
    told = {name: row[name] for name in ("asset", "amount", "sku", "quantity", "reason") if row[name] is not None}
    record_action(plan, "grant.made", actor=row["actor"], about=grant_id, facts=told, now=now, wall=wall)
    payload = {"id": grant_id, "customer_id": customer_id, **told}
    plan.emit("grant.made", anchor=customer_id, subject=grant_id, payload=payload)


def _refuse_unmintable(services: Services, wanted: GrantRequest, now: int) -> None:
    if not services.catalogs.active.is_virtual(wanted.asset or ""):
        known = ", ".join(services.catalogs.active.assets) or "none"
        raise Invalid(
            "Only the shop's own currencies are given by hand.",
            errors=[FieldError("/asset", f"must be a virtual currency of this shop: {known}")],
        )
    if wanted.expires_at is not None and wanted.expires_at <= now:
        raise Invalid("That is over already.", errors=[FieldError("/expires_at", "must be in the future")])


async def show_grant(services: Services, grant_id: str) -> dict[str, Any]:
    """Return a grant as JSON; raises ``NotFound``."""
    row = await services.reader.first(_GRANT, id=grant_id)
    if row is None:
        raise NotFound("There is no such grant.")
    return grant_json(row, await services.customers.external_id(row["customer_id"]))


async def list_grants(
    services: Services, customer_id: str | None, *, limit: int, after: str | None
) -> tuple[Sequence[dict[str, Any]], str | None]:
    """Return one page of grants, newest first, of one customer or of all, and where the next page begins."""
    statement = select(grants).order_by(grants.c.id.desc()).limit(limit + 1)
    if customer_id is not None:
        statement = statement.where(grants.c.customer_id.in_(names_of(customer_id)))
    if after is not None:
        if not is_id(after, "grant"):
            words = "is not a cursor of this list"
            raise Invalid("This is not a cursor of this list.", errors=[FieldError("/after", words)])
        statement = statement.where(grants.c.id < after)
    rows = await services.reader.scan(statement)
    shown = [grant_json(row, await services.customers.external_id(row["customer_id"])) for row in rows[:limit]]
    return shown, rows[limit - 1]["id"] if len(rows) > limit else None


def grant_json(row: Row, external_id: str) -> dict[str, Any]:
    """Return the wire shape of a grant."""
    return {
        "id": row["id"],
        "customer": {"id": external_id},
        "asset": row["asset"],
        "amount": row["amount"],
        "sku": row["sku"],
        "quantity": row["quantity"],
        "reason": row["reason"],
        "actor": row["actor"],
        "expires_at": None if row["expires_at"] is None else iso(row["expires_at"]),
        "created_at": iso(row["created_at"]),
    }
