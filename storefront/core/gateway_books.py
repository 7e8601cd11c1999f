"""A copy of each gateway's own books: every movement of its balance, once, as an entry of ours.

A payment is booked to ``clearing`` in the currency that was charged when it settles here. When the gateway's
movement is seen, an entry moves it on to ``balance`` in the settlement currency, through ``exchange`` where they
differ, and the fee to ``fees``. So ``balance`` is the gateway's own balance, to the cent, and what stays on
``clearing`` is on its way. What is not known to be ours goes to ``unexplained``, for the reconciliation to see.

One process at a time follows a gateway: the cursor is compared and set with the entries that it brings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import bindparam, select

from storefront.core.accounts import (
    Account,
    bank,
    clearing,
    gateway_balance,
    gateway_fees,
    gateway_transfers,
    unexplained,
)
from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Change, Insert, Plan
from storefront.core.gateway_exchange import Leg, add_legs, rate_facts, through_exchange
from storefront.core.gateway_payments import OF_PAYMENTS, anchor_of, payment_of
from storefront.core.gateways import BalanceBook, BalanceKind, BalanceTransaction
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront.core.tables import gateway_books, gateway_movements, payments

AT_ONCE = 50
OVERLAP_MS = 60 * 60 * 1000
_BOOK = Query(select(gateway_books).where(gateway_books.c.gateway == bindparam("gateway")))
_KNOWN = Query(
    select(gateway_movements.c.id).where(
        gateway_movements.c.gateway == bindparam("gateway"), gateway_movements.c.id == bindparam("id")
    )
)
log = structlog.get_logger("storefront.gateway_books")


@dataclass(frozen=True, slots=True)
class Movement:
    """One movement of a gateway's balance, and the payment of ours that it belongs to, if there is one."""

    told: BalanceTransaction
    payment: Row | None

    @property
    def about(self) -> str:
        return self.told.id if self.payment is None else str(self.payment["purchase_id"])


async def follow_books(services: Services, gateway_name: str) -> int:
    """Book what moved the gateway's balance since the last time; return how many movements were new.

    Raises:
        GatewayFailed: ask again later; what was booked stays.
    """
    gateway = services.gateway(gateway_name)
    if not isinstance(gateway, BalanceBook):
        return 0
    booked = 0
    while True:
        book = await read_book(services, gateway_name)
        page = await gateway.balance_page(after=book["cursor"], since=book["since"], at_most=AT_ONCE)
        new = [one for one in page if not await _is_known(services, gateway_name, one.id)]
        movements = [Movement(one, await payment_of(services, gateway_name, one)) for one in new]
        if not await _commit(services, gateway_name, book, page, movements):
            continue
        booked += len(movements)
        if len(page) < AT_ONCE:
            return booked


async def book_missed(services: Services, gateway_name: str, since: int) -> int:
    """Look once more at what the gateway says of the time from ``since`` (ms) on, and book what was passed over."""
    gateway = services.gateway(gateway_name)
    assert isinstance(gateway, BalanceBook), "only gateways with books are reconciled"
    booked, after = 0, None
    while True:
        # Read before anything is looked for: whoever books one of these movements meanwhile moves the book as well.
        book = await read_book(services, gateway_name)
        page = await gateway.balance_page(after=after, since=since, at_most=AT_ONCE)
        new = [one for one in page if not await _is_known(services, gateway_name, one.id)]
        movements = [Movement(one, await payment_of(services, gateway_name, one)) for one in new]
        if movements:
            log.warning("movements_passed_over", gateway=gateway_name, ids=[one.told.id for one in movements])
            if not await _commit(services, gateway_name, book, (), movements):
                continue
        booked += len(movements)
        if len(page) < AT_ONCE:
            return booked
        after = page[-1].id


async def read_book(services: Services, gateway: str) -> Row:
    """Return where the following stands; a book that is opened begins a little before the shop's first payment."""
    row = await services.reader.first(_BOOK, gateway=gateway)
    if row is not None:
        return row
    first = await services.reader.scan(
        select(payments.c.created_at).where(payments.c.gateway == gateway).order_by(payments.c.created_at).limit(1)
    )
    now = services.clock.now()
    fresh = {
        "gateway": gateway,
        "cursor": None,
        "since": (first[0]["created_at"] if first else now) - OVERLAP_MS,
        "followed_at": now,
        "moved_at": None,
        "told": None,
        "reconciled_at": None,
        "report": None,
    }
    plan = Plan(actor=anchor_of(gateway), anchors={anchor_of(gateway)})
    plan.add(Insert("gateway_books", (gateway,), anchor_of(gateway), fresh, once=True))
    await services.engine.commit(plan)
    row = await services.reader.first(_BOOK, gateway=gateway)
    assert row is not None, "it was written just now"
    return row


async def move_told(services: Services, book: Row, event_id: str) -> None:
    """Remember the last event that was asked for; if another process was first, it has asked for the same."""
    anchor = anchor_of(book["gateway"])
    plan = Plan(actor=anchor, anchors={anchor})
    plan.add(Change("gateway_books", (book["gateway"],), anchor, {"told": book["told"]}, {"told": event_id}))
    try:
        await services.engine.commit(plan)
    except Stale:
        log.info("events_asked_for_already", gateway=book["gateway"])


async def _is_known(services: Services, gateway: str, movement_id: str) -> bool:
    return await services.reader.first(_KNOWN, gateway=gateway, id=movement_id) is not None


async def _commit(
    services: Services,
    gateway: str,
    book: Row,
    page: Sequence[BalanceTransaction],
    movements: Sequence[Movement],
) -> bool:
    """Book a page and move the cursor past it; False if another process was first."""
    anchor, now = anchor_of(gateway), services.clock.now()
    plan = Plan(actor=anchor, anchors={anchor})
    for number, movement in enumerate(movements):
        entry_id = _book_movement(plan, gateway, movement, f"movement-{number}")
        plan.add(Insert("gateway_movements", (gateway, movement.told.id), anchor,
                        _row(gateway, movement, entry_id, now)))  # fmt: skip
    changes = {"cursor": page[-1].id if page else book["cursor"], "followed_at": now}
    if movements:
        # Later than before in any case, so that it tells every commit of movements from every other.
        changes["moved_at"] = max(now, (book["moved_at"] or 0) + 1)
    expect = {"cursor": book["cursor"], "moved_at": book["moved_at"]}
    plan.add(Change("gateway_books", (gateway,), anchor, expect, changes))
    try:
        await services.engine.commit(plan)
    except Stale:
        return False
    return True


def _row(gateway: str, movement: Movement, entry_id: str | None, now: int) -> dict[str, Any]:
    told = movement.told
    return {
        "gateway": gateway,
        "id": told.id,
        "kind": str(told.kind),
        "type": told.type,
        "amount": told.amount_minor,
        "fee": told.fee_minor,
        "currency": told.currency,
        "presented_amount": None if told.presented is None else told.presented.amount_minor,
        "presented_currency": None if told.presented is None else told.presented.currency,
        "exchange_rate": told.exchange_rate,
        "source": told.source,
        "payment": told.payment,
        "about": None if movement.payment is None else movement.payment["purchase_id"],
        "entry_id": entry_id,
        "created_at": told.created_at,
        "booked_at": now,
    }


def _book_movement(plan: Plan, gateway: str, movement: Movement, label: str) -> str | None:
    """Add the entry of one movement; a movement of nothing (a free one) has none."""
    told, anchor = movement.told, anchor_of(gateway)
    other, presented = _counterpart(gateway, movement)
    is_converted = presented is not None and presented != (told.currency, abs(told.amount_minor))
    if not told.amount_minor and not told.fee_minor:
        return None
    entry_id = plan.entry(
        f"gateway.{told.kind}",
        about=told.id,
        anchor=anchor,
        facts=None
        if presented is None or not is_converted
        else rate_facts((told.currency, told.amount_minor), presented, told.exchange_rate),
        label=label,
    )
    balance = gateway_balance(gateway, told.currency)
    legs: list[Leg] = [
        (told.amount_minor, balance, other),
        (told.fee_minor, gateway_fees(gateway, told.currency), balance),
    ]
    if presented is not None and is_converted:
        legs[:1] = through_exchange(gateway, (told.currency, told.amount_minor), presented, (balance, other))
    add_legs(plan, label, legs, anchor)
    return entry_id


def _counterpart(gateway: str, movement: Movement) -> tuple[Account, tuple[str, int] | None]:
    """Return the account on the other side of the balance, and the amount there if it was presented otherwise."""
    told = movement.told
    if told.kind in OF_PAYMENTS and movement.payment is not None:
        if told.presented is None:
            return clearing(gateway, told.currency), None
        presented = told.presented
        return clearing(gateway, presented.currency), (presented.currency, presented.amount_minor)
    if told.kind in (BalanceKind.PAYOUT, BalanceKind.PAYOUT_FAILURE):
        return bank(told.currency), None
    if told.kind in (BalanceKind.TRANSFER, BalanceKind.TRANSFER_REVERSAL):
        return gateway_transfers(gateway, told.currency), None
    if told.kind is BalanceKind.FEE:
        return gateway_fees(gateway, told.currency), None
    return unexplained(gateway, told.currency), None
