"""Reconciliation: the gateway's records ↔ our payments and reversals ↔ the ledger, three ways, to the cent.

Every difference is named. What is safe is mended on the way: webhooks that never came, movements that were passed
over, money that turned out to be ours after all. The rest is listed with what an operator could book or ask.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import accumulate, groupby
from typing import Any

import msgspec
import structlog
from sqlalchemy import Select, and_, exists, func, or_, select

from storefront.core.accounts import clearing, gateway_balance, unexplained
from storefront.core.alarms import raise_alarm
from storefront.core.balances import open_balance
from storefront.core.clock import DAY_MS, HOUR_MS, iso
from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Change, Plan
from storefront.core.explaining import REVERSING, explain, is_explained, is_of_payments
from storefront.core.gateway_books import book_missed, follow_books, read_book
from storefront.core.gateway_payments import anchor_of
from storefront.core.gateways import BalanceBook
from storefront.core.inbox import take_in_missed
from storefront.core.reading import Row
from storefront.core.refunds import DISPUTE
from storefront.core.reversal_money import REFUNDED, WITHDRAWN
from storefront.core.services import Services
from storefront.core.tables import gateway_movements, payments, reversals

DEFAULT_SPAN_MS = 7 * DAY_MS
GRACE_MS = HOUR_MS
MOST_LOOKS = 5
"""How often a gateway is asked for its balances while money moves on, until they are found alike."""

log = structlog.get_logger("storefront.reconciliation")


class Kind(StrEnum):
    """What differs: a record that is missing on one side, or what the two say."""

    MISSING_HERE = "missing_here"
    MISSING_THERE = "missing_there"
    AMOUNT = "amount"
    CURRENCY = "currency"
    DUPLICATE = "duplicate"
    FEE = "fee"
    BALANCE = "balance"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference. ``amount`` is in minor units of ``currency``; ``since`` in ms; ``proposal`` is for a person."""

    kind: Kind
    about: str
    amount: int
    currency: str
    since: int
    proposal: str

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": str(self.kind),
            "about": self.about,
            "amount": self.amount,
            "currency": self.currency,
            "since": iso(self.since),
            "proposal": self.proposal,
        }


@dataclass(slots=True)
class Reconciliation:
    """What one run found at one gateway. ``mended`` counts what it put right by itself."""

    gateway: str
    since: int
    at: int
    movements: int = 0
    explained: int = 0
    mended: int = 0
    balances: dict[str, dict[str, int]] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)

    @property
    def explained_percent(self) -> float:
        """Return how many of the movements are known to be ours, rounded down to hundredths."""
        return 100.0 if not self.movements else self.explained * 10_000 // self.movements / 100

    @property
    def oldest_unexplained_ms(self) -> int | None:
        """Return the age of the oldest difference, None if there is none."""
        return max((self.at - one.since for one in self.differences), default=None)

    def to_json(self) -> dict[str, Any]:
        return {
            "gateway": self.gateway,
            "since": iso(self.since),
            "at": iso(self.at),
            "movements": self.movements,
            "explained": self.explained,
            "explained_percent": self.explained_percent,
            "oldest_unexplained_seconds": None
            if self.oldest_unexplained_ms is None
            else self.oldest_unexplained_ms // 1000,
            "mended": self.mended,
            "balances": self.balances,
            "differences": [one.to_json() for one in self.differences],
        }


async def reconcile(services: Services, gateway_name: str, *, since: int | None = None) -> Reconciliation:
    """Compare a gateway's records from ``since`` (ms; a week ago if None) on with ours; mend what is safe.

    Raises:
        Invalid: there is no such gateway.
        GatewayFailed: it did not answer; what was mended so far stays.
    """
    now = services.clock.now()
    since = now - DEFAULT_SPAN_MS if since is None else since
    found = Reconciliation(gateway_name, since, now)
    gateway = services.gateway(gateway_name)
    if not isinstance(gateway, BalanceBook):
        return found
    found.mended += await take_in_missed(services, gateway_name)
    found.mended += await follow_books(services, gateway_name)
    found.mended += await book_missed(services, gateway_name, since)
    found.mended += await explain(services, gateway_name)
    found.differences = await _look(services, found)
    if found.differences:  # what came after the books were read may be all that there is to it
        found.mended += await follow_books(services, gateway_name)
        found.mended += await explain(services, gateway_name)
        found.differences = await _look(services, found)
    found.differences += [one async for one in _balances(services, found, gateway)]
    await _count(services, found)
    await _keep(services, found)
    return found


async def _look(services: Services, found: Reconciliation) -> list[Difference]:
    return [one for looking in _LOOKING async for one in looking(services, found)]


def _of(found: Reconciliation) -> Select[Any]:
    return select(gateway_movements).where(
        gateway_movements.c.gateway == found.gateway, gateway_movements.c.created_at >= found.since
    )


async def _unexplained(services: Services, found: Reconciliation) -> AsyncIterator[Difference]:
    """Name movements of money that this shop knows nothing of."""
    statement = _of(found).where(
        or_(and_(is_of_payments(), gateway_movements.c.about.is_(None)), gateway_movements.c.kind == "other")
    )
    for row in await services.reader.scan(statement):
        if await is_explained(services, row):
            continue
        proposal = (
            f"If it belongs to other business on this account, nothing is to do: it stands on "
            f"{unexplained(found.gateway, row['currency']).id}. If a purchase should know it, look up "
            f"{row['payment'] or row['source'] or row['id']} at the gateway."
        )
        yield Difference(Kind.MISSING_HERE, row["id"], row["amount"], row["currency"], row["created_at"], proposal)


async def _duplicates(services: Services, found: Reconciliation) -> AsyncIterator[Difference]:
    """Name payments that the gateway took money for more than once."""
    twice = (
        select(
            gateway_movements.c.payment,
            func.count().label("times"),
            func.min(gateway_movements.c.created_at).label("created_at"),
            func.max(gateway_movements.c.amount).label("amount"),
            func.max(gateway_movements.c.currency).label("currency"),
        )
        .where(gateway_movements.c.gateway == found.gateway, gateway_movements.c.kind == "payment")
        .group_by(gateway_movements.c.payment)
        .having(and_(func.count() > 1, gateway_movements.c.payment.is_not(None)))
    )
    for row in await services.reader.scan(twice):
        proposal = f"The gateway took {row['payment']} {row['times']} times: refund what is too much there."
        yield Difference(Kind.DUPLICATE, row["payment"], row["amount"], row["currency"], row["created_at"], proposal)


async def _other_amounts(services: Services, found: Reconciliation) -> AsyncIterator[Difference]:
    """Name payments of which the gateway booked another sum than we received."""
    statement = (
        select(gateway_movements, payments.c.received_amount, payments.c.received_currency, payments.c.purchase_id)
        .join(
            payments,
            and_(payments.c.gateway == found.gateway, payments.c.gateway_payment == gateway_movements.c.payment),
        )
        .where(
            gateway_movements.c.gateway == found.gateway,
            gateway_movements.c.created_at >= found.since,
            gateway_movements.c.kind == "payment",
            gateway_movements.c.presented_amount.is_not(None),
            or_(
                gateway_movements.c.presented_amount != payments.c.received_amount,
                gateway_movements.c.presented_currency != payments.c.received_currency,
            ),
        )
    )
    for row in await services.reader.scan(statement):
        same = row["presented_currency"] == row["received_currency"]
        kind = Kind.AMOUNT if same else Kind.CURRENCY
        proposal = (
            f"The purchase {row['purchase_id']} received {row['received_amount']} {row['received_currency']}, the "
            f"gateway booked {row['presented_amount']} {row['presented_currency']}: refund or correct it there."
        )
        yield Difference(
            kind, row["id"], row["presented_amount"] - row["received_amount"], row["presented_currency"],
            row["created_at"], proposal,
        )  # fmt: skip


async def _payments_missing(services: Services, found: Reconciliation) -> AsyncIterator[Difference]:
    """Name payments that we call received and the gateway's books do not show."""
    shown = exists().where(
        gateway_movements.c.gateway == found.gateway,
        gateway_movements.c.kind == "payment",
        gateway_movements.c.payment == payments.c.gateway_payment,
    )
    statement = select(payments).where(
        payments.c.gateway == found.gateway,
        payments.c.state == "received",
        payments.c.asked_at >= found.since,
        payments.c.asked_at <= found.at - GRACE_MS,
        ~shown,
    )
    for row in await services.reader.scan(statement):
        proposal = f"Look up {row['gateway_payment']} at the gateway; until it shows there, this is money on its way."
        yield Difference(
            Kind.MISSING_THERE, row["purchase_id"], row["received_amount"], row["received_currency"], row["asked_at"],
            proposal,
        )  # fmt: skip


async def _reversals_missing(services: Services, found: Reconciliation) -> AsyncIterator[Difference]:
    """Name refunds and disputes that took money here, and of which the gateway's books show nothing."""
    shown = exists().where(
        gateway_movements.c.gateway == found.gateway,
        gateway_movements.c.kind.in_(("refund", "dispute")),
        gateway_movements.c.source == reversals.c.gateway_ref,
    )
    statement = select(reversals).where(
        reversals.c.gateway == found.gateway,
        reversals.c.state.in_(("completed", "lost")),
        reversals.c.updated_at >= found.since,
        reversals.c.updated_at <= found.at - GRACE_MS,
        ~shown,
    )
    for row in await services.reader.scan(statement):
        what = "dispute" if row["cause"] == DISPUTE else "refund"
        proposal = f"Look up the {what} {row['gateway_ref']} at the gateway."
        yield Difference(Kind.MISSING_THERE, row["id"], -row["amount"], row["currency"], row["updated_at"], proposal)


async def _reversed_otherwise(services: Services, found: Reconciliation) -> AsyncIterator[Difference]:
    """Name refunds and disputes of known payments that moved another sum at the gateway than our reversals say."""
    lately = _of(found).with_only_columns(gateway_movements.c.source)
    same = and_(reversals.c.gateway == found.gateway, reversals.c.gateway_ref == gateway_movements.c.source)
    ours = (reversals.c.id.label("reversal"), reversals.c.amount.label("reversed"), reversals.c.facts.label("told"))
    statement = (
        select(gateway_movements, *ours)
        .join(reversals, same, isouter=True)
        .where(
            gateway_movements.c.gateway == found.gateway,
            gateway_movements.c.kind.in_(REVERSING),
            gateway_movements.c.about.is_not(None),
            gateway_movements.c.source.in_(lately),
        )
        .order_by(gateway_movements.c.source)
    )
    for source, group in groupby(await services.reader.scan(statement), key=lambda row: str(row["source"])):
        rows = list(group)
        newest = max(row["created_at"] for row in rows)
        if newest > found.at - GRACE_MS or any(row["presented_amount"] is None for row in rows):
            continue  # it may still be under way; what the gateway tells as settled alone is compared by balances
        there = sum(REVERSING[row["kind"]] * row["presented_amount"] for row in rows)
        here = _moved_by(rows[0])
        if there != here:
            currency, who = rows[0]["presented_currency"], rows[0]["reversal"] or "no reversal of ours"
            proposal = f"The gateway moved {there} {currency} for {source}, {who} says {here}: look it up there."
            yield Difference(Kind.AMOUNT, source, there - here, currency, newest, proposal)


def _moved_by(row: Row) -> int:
    """Return what a reversal says that it moved at its gateway: nothing if there is none."""
    legs = () if row["told"] is None else msgspec.json.decode(row["told"]).get("legs", ())
    return -row["reversed"] if {REFUNDED, WITHDRAWN} & set(legs) else 0


async def _balances(services: Services, found: Reconciliation, gateway: BalanceBook) -> AsyncIterator[Difference]:
    """Compare what the gateway holds for us with what our books say it holds.

    Money moves while they are asked, so a currency is in order if the books passed through what the gateway said,
    between what they were before it was asked and what they are after. While money moves, and that is not so, it is
    asked again.
    """
    agreed: set[str] = set()
    for _ in range(MOST_LOOKS):
        newest = await _newest_entry(services, found.gateway)
        here = await _ledger(services, found.gateway, ())
        there = await gateway.balances()
        await follow_books(services, found.gateway)
        moved = await _moved_since(services, found.gateway, newest)
        agreed |= {one for one in {*there, *here} if there.get(one, 0) in _passed(here.get(one, 0), moved.get(one, ()))}
        if not moved or agreed >= {*there, *here}:
            break
    for currency in sorted({*there, *here}):
        told, booked = there.get(currency, 0), here.get(currency, 0)
        in_transit = -await open_balance(services.reader, clearing(found.gateway, currency).id)
        if currency in agreed:
            booked = told
        found.balances[currency] = {"gateway": told, "ledger": booked, "clearing": in_transit}
        if told != booked:
            proposal = (
                "The gateway's balance and ours differ. Movements from before the shop began to follow are booked as "
                "an opening entry; anything else is a movement that the gateway does not list."
            )
            yield Difference(Kind.BALANCE, currency, told - booked, currency, found.since, proposal)


async def _newest_entry(services: Services, gateway: str) -> str:
    newest = select(func.max(gateway_movements.c.entry_id).label("id")).where(gateway_movements.c.gateway == gateway)
    return (await services.reader.scan(newest))[0]["id"] or ""


async def _moved_since(services: Services, gateway: str, newest: str) -> dict[str, list[int]]:
    """Return ``currency -> what each movement brought``, of those that were booked after an entry, in their order."""
    statement = (
        select(gateway_movements)
        .where(gateway_movements.c.gateway == gateway, gateway_movements.c.entry_id > newest)
        .order_by(gateway_movements.c.entry_id)
    )
    moved: dict[str, list[int]] = {}
    for row in await services.reader.scan(statement):
        moved.setdefault(row["currency"], []).append(row["amount"] - row["fee"])
    return moved


def _passed(before: int, moved: Sequence[int]) -> set[int]:
    """Return the balances that the books had: the one before all movements, and one after each."""
    return set(accumulate(moved, initial=before))


_LOOKING = (_unexplained, _duplicates, _other_amounts, _payments_missing, _reversals_missing, _reversed_otherwise)


async def _ledger(services: Services, gateway: str, currencies: Sequence[str]) -> dict[str, int]:
    """Return ``currency -> minor units`` that our books say the gateway holds; what it holds is negative there."""
    rows = await services.reader.scan(
        select(gateway_movements.c.currency).where(gateway_movements.c.gateway == gateway).distinct()
    )
    known = {*currencies, *(row["currency"] for row in rows)}
    return {one: -await open_balance(services.reader, gateway_balance(gateway, one).id) for one in sorted(known)}


async def _count(services: Services, found: Reconciliation) -> None:
    rows = await services.reader.scan(select(func.count().label("n")).select_from(_of(found).subquery()))
    found.movements = int(rows[0]["n"])
    found.explained = found.movements - sum(one.kind is Kind.MISSING_HERE for one in found.differences)


async def _keep(services: Services, found: Reconciliation) -> None:
    """Keep the report for the metrics and the operator, and raise an alarm for each kind of trouble."""
    book = await read_book(services, found.gateway)
    services.reconciliations[found.gateway] = found
    plan = Plan(actor=anchor_of(found.gateway), anchors={anchor_of(found.gateway)})
    report = msgspec.json.encode(found.to_json()).decode()
    changes = {"reconciled_at": found.at, "report": report}
    plan.add(Change("gateway_books", (found.gateway,), anchor_of(found.gateway), {"cursor": book["cursor"]}, changes))
    try:
        await services.engine.commit(plan)
    except Stale:
        log.info("report_not_kept", gateway=found.gateway)
    for one in found.differences:
        await raise_alarm(
            services, f"reconciliation_{one.kind}", f"{found.gateway}:{one.about}", {"difference": one.to_json()}
        )
