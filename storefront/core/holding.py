"""Holds: set funds of a wallet aside, then take them for good or give them back, once per idempotency key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import and_, bindparam, or_, select

from storefront.core.accounts import sink
from storefront.core.clock import SECOND_MS, iso
from storefront.core.commit.outcome import Answer, Outcome
from storefront.core.commit.plan import CaptureHold, IdempotencyKey, PlaceHold, Plan, ReleaseHold
from storefront.core.commit.projection import is_over
from storefront.core.commit.usage import USAGE
from storefront.core.errors import FieldError, Invalid, NotFound, Refused
from storefront.core.idempotency import answered_before
from storefront.core.ids import is_id, new_id
from storefront.core.reading import Query, Row
from storefront.core.redaction import redact_text
from storefront.core.reviews import is_behind_review
from storefront.core.services import Services
from storefront.core.tables import holds

STATES = ("open", "captured", "released", "expired")
PLUGIN = "plugin:"
"""How the actor of what a plugin does by itself begins; no caller has such a name."""
_HOLD = Query(select(holds).where(holds.c.id == bindparam("id")))


class HoldOfUsage(Refused):
    code = "hold_of_usage"
    title = "This is set aside for usage that is not billed yet"


class HoldOfReview(Refused):
    code = "hold_of_review"
    title = "This is set aside for a purchase in review"


class HoldOfPlugin(Refused):
    code = "hold_of_plugin"
    title = "A plugin has set this aside, and ends it by itself"


@dataclass(frozen=True, slots=True)
class HoldRequest:
    """How much of which wallet to set aside, for how long, and why."""

    idempotency: IdempotencyKey
    customer_id: str
    asset: str
    amount: int
    expires_in_seconds: int
    reason: str

    def __post_init__(self) -> None:
        # It is kept for ever, in the ledger, the audit rows and the events.
        object.__setattr__(self, "reason", redact_text(self.reason))


async def place_hold(services: Services, wanted: HoldRequest) -> tuple[Answer, bool]:
    """Set funds aside; return the answer and whether it is a replay.

    Raises:
        Invalid: there is no such asset.
        InsufficientFunds, TooManyHolds: nothing was written.
    """
    return await answered_before(services.reader, wanted.idempotency, _place(services, wanted))


async def _place(services: Services, wanted: HoldRequest) -> tuple[Answer, bool]:
    if wanted.asset not in services.catalogs.active.assets:
        raise Invalid("This shop has no such asset.", errors=[FieldError("/asset", "is no asset of this shop")])
    hold_id = new_id("hold")
    expires_at = services.clock.now() + wanted.expires_in_seconds * SECOND_MS
    plan = _plan(wanted.idempotency, wanted.customer_id, hold_id)
    plan.add(PlaceHold(hold_id, wanted.customer_id, wanted.asset, wanted.amount, expires_at, wanted.reason))
    return await _commit(services, plan, wanted.customer_id, status=201)


async def capture_hold(
    services: Services, key: IdempotencyKey, hold_id: str, amount: int | None
) -> tuple[Answer, bool]:
    """Take ``amount`` of a hold (None: all of it) to the sink and give back the rest; answers like ``place_hold``.

    Raises:
        NotFound: there is no such hold.
        HoldNotOpen, HoldTooSmall, HoldOfUsage, HoldOfReview, HoldOfPlugin: nothing was written.
    """
    hold = await _need_free(services, hold_id)
    customer_id, asset = hold["customer_id"], hold["asset"]
    plan = _plan(key, customer_id, hold_id)
    plan.entry("hold.captured", about=hold_id, anchor=customer_id)
    plan.add(CaptureHold("entry", hold_id, customer_id, asset, sink(asset), amount))
    return await _commit(services, plan, customer_id, status=200)


async def release_hold(services: Services, key: IdempotencyKey, hold_id: str) -> tuple[Answer, bool]:
    """Give all of a hold back; answers like ``place_hold``.

    Raises:
        NotFound: there is no such hold.
        HoldNotOpen, HoldOfUsage, HoldOfReview, HoldOfPlugin: nothing was written.
    """
    hold = await _need_free(services, hold_id)
    plan = _plan(key, hold["customer_id"], hold_id)
    plan.add(ReleaseHold(hold_id, hold["customer_id"], hold["asset"]))
    return await _commit(services, plan, hold["customer_id"], status=200)


async def show_hold(services: Services, hold_id: str) -> dict[str, Any]:
    """Return a hold as it is now; raises ``NotFound``."""
    return await describe_hold(services, await _read_hold(services, hold_id))


async def list_holds(
    services: Services, customer_id: str | None, state: str | None, *, limit: int, after: str | None
) -> tuple[Sequence[Row], str | None]:
    """Return one page of holds, newest first, of one customer or of all, and where the next page begins."""
    statement = select(holds).order_by(holds.c.id.desc()).limit(limit + 1)
    if customer_id is not None:
        statement = statement.where(holds.c.customer_id == customer_id)
    now = services.clock.now()
    if state == "open":
        statement = statement.where(holds.c.state == "open", holds.c.expires_at > now)
    elif state == "expired":
        is_unreleased = and_(holds.c.state == "open", holds.c.expires_at <= now)
        statement = statement.where(or_(holds.c.state == "expired", is_unreleased))
    elif state is not None:
        statement = statement.where(holds.c.state == state)
    if after is not None:
        if not is_id(after, "hold"):
            raise Invalid("This is not a cursor of this list.", errors=[FieldError("/after", "is no cursor")])
        statement = statement.where(holds.c.id < after)
    rows = await services.reader.scan(statement)
    return rows[:limit], rows[limit - 1]["id"] if len(rows) > limit else None


async def describe_hold(services: Services, row: Row) -> dict[str, Any]:
    """Return a hold's row as JSON; one whose time is over reads ``expired``, also before its job has run."""
    return _hold_json(row, await services.customers.external_id(row["customer_id"]), services.clock.now())


def _hold_json(row: Mapping[str, Any], external_id: str, now: int) -> dict[str, Any]:
    state, closed_at = row["state"], row["closed_at"]
    if state == "open" and is_over(row, now):
        state, closed_at = "expired", row["expires_at"]
    return {
        "id": row["id"],
        "customer": {"id": external_id},
        "asset": row["asset"],
        "amount": row["amount"],
        "captured": row["captured"],
        "state": state,
        "reason": row["reason"],
        "expires_at": iso(row["expires_at"]),
        "created_at": iso(row["created_at"]),
        "closed_at": None if closed_at is None else iso(closed_at),
    }


async def _read_hold(services: Services, hold_id: str) -> Row:
    row = await services.reader.first(_HOLD, id=hold_id)
    if row is None:
        raise NotFound("There is no such hold.")
    return row


async def _need_free(services: Services, hold_id: str) -> Row:
    """Refuse what stands behind pending usage, a purchase in review, or what a plugin holds: that ends it."""
    hold = await _read_hold(services, hold_id)
    if hold["actor"] == USAGE:
        raise HoldOfUsage(asset=hold["asset"], amount=hold["amount"])
    if hold["actor"].startswith(PLUGIN):
        raise HoldOfPlugin(plugin=hold["actor"].removeprefix(PLUGIN))
    if await is_behind_review(services, hold_id):
        raise HoldOfReview("Approve or reject the purchase.", asset=hold["asset"], amount=hold["amount"])
    return hold


def _plan(key: IdempotencyKey, customer_id: str, hold_id: str) -> Plan:
    return Plan(actor=key.caller, anchors={customer_id}, idempotency=key, object_id=hold_id)


async def _commit(services: Services, plan: Plan, customer_id: str, *, status: int) -> tuple[Answer, bool]:
    external_id = await services.customers.external_id(customer_id)

    def answer(outcome: Outcome) -> Answer:
        shown = _hold_json(outcome.results[f"hold:{plan.object_id}"], external_id, outcome.moment.now)
        customer = {"id": external_id, **outcome.customer_change(customer_id)}
        return Answer(status, msgspec.json.encode({**shown, "customer": customer}))

    plan.answer = answer
    outcome = await services.engine.commit(plan)
    assert outcome.answer is not None
    return outcome.answer, outcome.is_replay
