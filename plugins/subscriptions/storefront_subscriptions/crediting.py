"""Granting included credits: what has become due, slot by slot and in order, each slot once; and taking them back.

It looks at what is paid and what was granted, and makes up the difference. So it may be called at any time and again,
and however long nobody called it: a slot that was missed is granted as it would have been, and what of it would have
lapsed lapses in that commit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import and_, bindparam, func, or_, select

from storefront.core.accounts import breakage, issuance, wallet
from storefront.core.clock import iso
from storefront.core.commit.plan import Change, Claim, Deposit, Insert, LapseWallet, LotPart, LotTerms, Plan, TakeBack
from storefront.core.given import CREDITED
from storefront.core.ids import new_id
from storefront.core.purchasing import read_purchase
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront.core.tables import draws, entries, transfers
from storefront_subscriptions.credits import Clock, Piece, RollOver, included_in, next_slot, slots, worth
from storefront_subscriptions.gifts import gifts_of
from storefront_subscriptions.intervals import Interval, Period, period_at
from storefront_subscriptions.rows import DONE, INVOICES, OVER, PAID, RESUMING, RUNNING, event_of, goes_on
from storefront_subscriptions.tables import changes, credits, pauses, subscriptions

ACTOR = "plugin:subscriptions"
GRANTED, ROLLED = "granted", "rolled"
CREDITED_KIND, TAKEN_KIND = "subscription.credited", "subscription.credits_taken"
_CHANGES = Query(
    select(changes).where(
        changes.c.subscription_id == bindparam("subscription_id"),
        changes.c.state == DONE,
        changes.c.timing == "now",
        changes.c.invoice_id.is_(None),
    )
)
_PAUSES = Query(
    select(pauses)
    .where(
        pauses.c.subscription_id == bindparam("subscription_id"),
        or_(*(pauses.c.state == state for state in (RUNNING, RESUMING, DONE))),
    )
    .order_by(pauses.c.starts_at)
)
CREDITS = Query(
    select(credits)
    .where(credits.c.subscription_id == bindparam("subscription_id"))
    .order_by(credits.c.slot_start, credits.c.number)
)
_OTHERS = Query(
    select(credits.c.id)
    .join(subscriptions, subscriptions.c.id == credits.c.subscription_id)
    .where(
        credits.c.customer_id == bindparam("customer_id"),
        credits.c.subscription_id != bindparam("subscription_id"),
        credits.c.asset == bindparam("asset"),
        credits.c.slot_end > bindparam("instant"),
        subscriptions.c.family == bindparam("family"),
    )
    .limit(1)
)
_TAKEN = Query(
    select(func.coalesce(func.sum(transfers.c.amount), 0).label("taken"))
    .join(entries, entries.c.id == transfers.c.entry_id)
    .where(
        entries.c.anchor == bindparam("customer_id"),
        entries.c.kind == TAKEN_KIND,
        entries.c.reverses == bindparam("entry_id"),
        transfers.c.source == bindparam("wallet"),
    )
)
_LAPSED = Query(
    select(func.coalesce(func.sum(draws.c.amount), 0).label("lapsed"))
    .join(entries, entries.c.id == draws.c.entry_id)
    .join(transfers, and_(transfers.c.entry_id == draws.c.entry_id, transfers.c.position == draws.c.transfer))
    .where(
        entries.c.anchor == bindparam("customer_id"),
        draws.c.lot_id == bindparam("lot_id"),
        transfers.c.destination == bindparam("breakage"),
    )
)


@dataclass(frozen=True, slots=True)
class Due:
    """A slot whose worth has changed: what it granted so far (``mine``, rows), and what it is to have granted."""

    clock: Clock
    slot: Period
    target: int
    piece: Piece
    mine: Sequence[Row]


async def credit_due(services: Services, row: Row) -> int | None:
    """Grant, or take, what is due of a subscription's included credits; return when more will be, if it goes on.

    Raises:
        Stale: the subscription has moved; look at it again.
        Taken: somebody else has done it just now.
    """
    pieces = await _pieces(services, row)
    clocks = sorted({clock for piece in pieces for clock in piece.included})
    if not clocks:
        return None
    now = services.clock.now()
    known = await services.reader.all(CREDITS, subscription_id=row["id"])
    for clock in clocks:
        of_clock = [one for one in known if (one["asset"], one["every"]) == clock]
        since = of_clock[-1]["slot_start"] if of_clock else None
        for slot in slots(pieces, clock, since, now):
            mine = [one for one in await _known(services, row, clock) if one["slot_start"] == slot.start]
            target, piece = worth(slot, clock, pieces)
            is_settled = bool(mine) and (slot.end <= now or mine[-1]["target"] == target)
            if piece is None or is_settled or (not mine and target == 0):
                continue
            if await _is_gone(services, piece.purchase):
                continue  # its money went back: what follows from that takes its turn
            if await _is_had_for_nothing(services, row, clock, slot, piece):
                continue
            await _settle(services, row, Due(clock, slot, target, piece, mine))
    return next_slot(pieces, now)


async def read_ahead(services: Services, row: Row) -> list[tuple[Clock, int, int]]:
    """Return what a subscription is to grant next, and when: ``(clock, amount, instant)`` (business ms).

    What would begin after the end that it has is left out.
    """
    pieces = await _pieces(services, row)
    if not pieces or row["billing_state"] in OVER:
        return []
    last, now = pieces[-1], services.clock.now()
    found = []
    for clock in sorted(last.included):
        at = period_at(pieces[0].start, Interval.parse(clock.every), now).end
        if at < row["period_end"] or goes_on(row):
            found.append((clock, last.amount(clock), at))
    return found


async def _known(services: Services, row: Row, clock: Clock) -> list[Row]:
    found = await services.reader.all(CREDITS, subscription_id=row["id"])
    return [one for one in found if (one["asset"], one["every"]) == clock]


async def _pieces(services: Services, row: Row) -> list[Piece]:
    """Return which tier a subscription had from when on, in order, as far as it is paid; from a pause on, none."""
    invoices = [one for one in await services.reader.all(INVOICES, subscription_id=row["id"]) if one["state"] == PAID]
    found = [await _piece(services, one, one, one["period_start"]) for one in invoices]
    paid = {one["id"]: one["purchase_id"] for one in await gifts_of(services, row["id"])}
    found = [replace(one, purchase=paid.get(invoice["gift_id"], one.purchase))
             for one, invoice in zip(found, invoices, strict=True)]  # fmt: skip
    for change in await services.reader.all(_CHANGES, subscription_id=row["id"]):
        held = next((one for one in invoices if one["period"] == change["period"]), None)
        assert held is not None, "a change within a period is of one that was paid"
        found.append(await _piece(services, held, change, change["at"]))
    for pause in await services.reader.all(_PAUSES, subscription_id=row["id"]):
        last = max((piece for piece in found if piece.start <= pause["starts_at"]), key=lambda piece: piece.start)
        at = {"start": pause["starts_at"], "end": pause["starts_at"], "seats": 0, "included": {}}
        found.append(replace(last, **at))
    return sorted(found, key=lambda piece: piece.start)


async def _piece(services: Services, invoice: Row, agreed: Row, start: int) -> Piece:
    catalog = await services.catalogs.version(agreed["catalog_version"])
    return Piece(
        start=start,
        end=invoice["period_end"],
        seats=agreed["seats"],
        included=included_in(catalog.offer(agreed["sku"])),
        purchase=agreed["purchase_id"],
        invoice=invoice["id"],
        is_free=agreed["price"] == 0,
    )


async def _is_had_for_nothing(services: Services, row: Row, clock: Clock, slot: Period, piece: Piece) -> bool:
    """Tell whether a tier for nothing was begun anew while an earlier one's slot runs: else that would be farmed."""
    if not piece.is_free:
        return False
    names = {"customer_id": row["customer_id"], "subscription_id": row["id"], "family": row["family"]}
    return await services.reader.first(_OTHERS, **names, asset=clock.asset, instant=slot.start) is not None


async def _settle(services: Services, row: Row, due: Due) -> None:
    """Grant what a slot lacks, or take what it has too much, in one commit that is made once."""
    now, customer_id = services.clock.now(), row["customer_id"]
    granted = sum(one["amount"] for one in due.mine if one["cause"] == GRANTED)
    missing = due.target - granted + await _taken_of(services, due)
    rolled = [] if due.mine else await _rolled(services, row, due)
    plan = Plan(actor=ACTOR, anchors={customer_id})
    # Only as long as the subscription is what was looked at: an end, or money that goes back, moves its version.
    plan.add(Change("subscriptions", (row["id"],), customer_id, {"version": row["version"]}, {"updated_at": now}))
    number = len(due.mine)
    slot = f"{row['id']}:{due.clock.asset}:{due.clock.every}:{due.slot.start}:{number}"
    made = _row(row, due, number=number, cause=GRANTED, amount=max(0, missing), now=now)
    plan.add(Claim(f"subscriptions.credits:{slot}", made["id"]))
    if missing < 0:
        await _take(services, plan, due.mine, -missing)
    _grant(plan, made)
    for at, (origin, amount) in enumerate(rolled, start=1):
        _grant(plan, {**_row(row, due, number=number + at, cause=ROLLED, amount=amount, now=now),
                      "purchase_id": origin["purchase_id"], "invoice_id": origin["invoice_id"]})  # fmt: skip
    told = event_of(row, asset=due.clock.asset, granted=max(0, missing), rolled=sum(amount for _, amount in rolled),
                    worth=due.target, at=iso(due.slot.start), expires_at=iso(due.slot.end))  # fmt: skip
    plan.emit("subscription.credited", anchor=customer_id, subject=row["id"], payload=told)
    await services.engine.commit(plan)


def _row(row: Row, due: Due, *, number: int, cause: str, amount: int, now: int) -> dict[str, Any]:
    return {
        "id": new_id("sbg"),
        "subscription_id": row["id"],
        "customer_id": row["customer_id"],
        "asset": due.clock.asset,
        "every": due.clock.every,
        "slot_start": due.slot.start,
        "slot_end": due.slot.end,
        "number": number,
        "cause": cause,
        "amount": amount,
        "target": due.target,
        "entry_id": None,
        "purchase_id": due.piece.purchase,
        "invoice_id": due.piece.invoice,
        "created_at": now,
    }


def _grant(plan: Plan, made: dict[str, Any]) -> None:
    """Add a row to the plan, and where it grants something the entry that does; its lot is good until the slot ends."""
    customer_id, asset = made["customer_id"], made["asset"]
    if made["amount"]:
        made["entry_id"] = plan.entry(CREDITED_KIND, about=made["id"], anchor=customer_id, label=made["id"])
        terms = LotTerms(source="granted", payment=made["purchase_id"], expires_at=made["slot_end"])
        plan.add(Deposit(made["id"], customer_id, asset, made["amount"], issuance(asset), terms))
    plan.add(Insert("subscriptions_credits", (made["id"],), customer_id, made))


async def _taken_of(services: Services, due: Due) -> int:
    found = 0
    for one in due.mine:
        if one["cause"] == GRANTED and one["entry_id"] is not None:
            account = wallet(one["customer_id"], one["asset"]).id
            names = {"customer_id": one["customer_id"], "entry_id": one["entry_id"], "wallet": account}
            taken = await services.reader.first(_TAKEN, **names)
            found += 0 if taken is None else int(taken["taken"])
    return found


async def _take(services: Services, plan: Plan, given: Sequence[Mapping[str, Any]], most: int) -> None:
    """Add to the plan that so much of what these rows granted is taken back, the newest first, as far as there is."""
    for one in reversed(given):
        if one["entry_id"] is None or most == 0:
            continue
        lots = await services.reader.all(CREDITED, entry_id=one["entry_id"])
        parts = tuple(LotPart(lot["id"], lot["credited"]) for lot in lots)
        there = sum(min(lot["credited"], lot["remaining"]) for lot in lots)
        amount = min(most, there)
        if amount == 0:
            continue
        most -= amount
        label = f"back {one['id']}"
        customer_id, asset = one["customer_id"], one["asset"]
        plan.entry(TAKEN_KIND, about=one["id"], anchor=customer_id, reverses=one["entry_id"], label=label)
        plan.add(TakeBack(label, one["entry_id"], customer_id, asset, amount, issuance(asset), parts,
                          sum(part.amount for part in parts), is_partial=True, label=label))  # fmt: skip


async def _rolled(services: Services, row: Row, due: Due) -> list[tuple[Row, int]]:
    """Return what of the slot before goes on, with the row that had granted it: of what has lapsed, the newest first.

    What is over is over: after a slot's end nothing can be spent of it, so what has lapsed stays what it was.
    """
    one = due.piece.included.get(due.clock)
    policy: RollOver | None = None if one is None else one.roll_over
    before = [one for one in await _known(services, row, due.clock) if one["slot_end"] == due.slot.start]
    if policy is None or not before:
        return []
    lapsing = Plan(actor=ACTOR, anchors={row["customer_id"]})
    lapsing.add(LapseWallet(row["customer_id"], due.clock.asset))
    await services.engine.commit(lapsing)
    lapsed: dict[str, tuple[Row, int]] = {}
    for granted in before:
        if granted["entry_id"] is None or await _is_gone(services, granted["purchase_id"]):
            continue
        for lot in await services.reader.all(CREDITED, entry_id=granted["entry_id"]):
            names = {"customer_id": row["customer_id"], "lot_id": lot["id"], "breakage": breakage(due.clock.asset).id}
            found = await services.reader.first(_LAPSED, **names)
            lapsed[lot["id"]] = (granted, 0 if found is None else int(found["lapsed"]))
    rest = policy.rolled(sum(amount for _, amount in lapsed.values()), due.target)
    rolled = []
    for origin, amount in reversed(lapsed.values()):
        part = min(rest, amount)
        rest -= part
        if part:
            rolled.append((origin, part))
    return rolled


async def _is_gone(services: Services, purchase_id: str) -> bool:
    purchase = await read_purchase(services, purchase_id)
    return bool(purchase["refunded"] == "full" or purchase["dispute"] == "lost")


async def take_back_credits(services: Services, row: Row, purchase_id: str) -> None:
    """Take what is left of the credits that a purchase's money brought, after all of that has gone back.

    Raises:
        Stale: the subscription has moved; look at it again.
    """
    known = await services.reader.all(CREDITS, subscription_id=row["id"])
    paid = {one["id"] for one in await services.reader.all(INVOICES, subscription_id=row["id"])
            if one["purchase_id"] == purchase_id}  # fmt: skip
    brought = [one for one in known if one["purchase_id"] == purchase_id or one["invoice_id"] in paid]
    plan = Plan(actor=ACTOR, anchors={row["customer_id"]})
    moved = {"version": row["version"] + 1, "updated_at": services.clock.now()}
    plan.add(Change("subscriptions", (row["id"],), row["customer_id"], {"version": row["version"]}, moved))
    await _take(services, plan, brought, sum(one["amount"] for one in brought))
    if brought or any(piece.included for piece in await _pieces(services, row)):
        await services.engine.commit(plan)
