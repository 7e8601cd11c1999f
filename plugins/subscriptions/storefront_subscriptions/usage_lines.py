"""Usage that is billed afterwards: what each hour of a paid period metered, as lines of the next renewal's invoice.

Nothing is kept while usage goes on: the hours of the core's meters are added up when an invoice is written, and what of
their cost stands on no invoice yet becomes its lines. So an event that comes late is billed with the next invoice, as a
correction, and one that comes while an invoice is written is billed once, here or there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select

from storefront.core.clock import DAY_MS, iso
from storefront.core.commit.plan import Insert, Step
from storefront.core.commit.usage_steps import half_even
from storefront.core.config.model_usage import MICRO, Aggregation, Charge, show_decimal
from storefront.core.ids import new_id
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront.core.tables import usage_windows
from storefront_subscriptions.carrying import KEPT, carry
from storefront_subscriptions.rows import DONE, INVOICES, UNCOLLECTIBLE, VOID
from storefront_subscriptions.tables import changes, invoices, usage
from storefront_subscriptions.usage_followers import followed_at
from storefront_subscriptions.usage_segments import Segment, Tiers, asked_until, segments_of
from storefront_subscriptions.usage_terms import charges_of, title_of

PERIOD, CORRECTION, OWED = "period", "correction", "owed"
_CHANGES = Query(
    select(changes)
    .where(
        changes.c.subscription_id == bindparam("subscription_id"),
        changes.c.state == DONE,
        changes.c.timing == "now",
    )
    .order_by(changes.c.closed_at, changes.c.id)
)
_LINED = Query(
    select(usage, invoices.c.state)
    .join(invoices, invoices.c.id == usage.c.invoice_id)
    .where(usage.c.subscription_id == bindparam("subscription_id"))
    .order_by(usage.c.starts_at, usage.c.number)
)
_WINDOWS = Query(
    select(usage_windows)
    .where(
        usage_windows.c.customer_id == bindparam("customer_id"),
        usage_windows.c.meter == bindparam("meter"),
        usage_windows.c.start >= bindparam("since"),
        usage_windows.c.start < bindparam("until"),
    )
    .order_by(usage_windows.c.start)
)


@dataclass(frozen=True, slots=True)
class Metered:
    """What a segment of a subscription metered of a feature, and the rows of what of it stands on invoices.

    ``quantity`` in millionths, ``cost`` in 10^-12 of the smallest unit. ``lined`` are the rows that count: an invoice
    that is void or given up bills nothing, and what is owed is on none; ``rows`` is how many there are of all.
    """

    segment: Segment
    charge: Charge
    meter: str
    title: str
    quantity: int
    lined: Sequence[Row]
    rows: int

    @property
    def cost(self) -> int:
        return self.segment.cost(self.charge, self.quantity)

    @property
    def billed(self) -> int:
        return sum(int(row["amount"]) for row in self.lined)

    @property
    def pending(self) -> int:
        """What is on no invoice yet (smallest units): less than nothing where usage became cheaper."""
        return half_even(self.cost) - self.billed

    @property
    def is_due(self) -> bool:
        return self.pending != 0 or (self.quantity > 0 and not self.lined)


@dataclass(frozen=True, slots=True)
class UsageLine:
    """A line of an invoice: its words, its amount, and the row that keeps what it is for, but for its invoice."""

    title: str
    amount: int
    row: Mapping[str, Any]


async def usage_due(services: Services, row: Row, currency: str) -> list[UsageLine]:
    """Return the lines of usage that an invoice would ask for now, in one asset: of all that is on none yet."""
    now = services.clock.now()
    found = await read_metered(services, row, now)
    return [_line(row, one, now) for one in found if one.is_due and one.charge.asset == currency]


async def usage_owed(
    services: Services, row: Row, *, access_until: int, closed: Row | None = None, before: int | None = None
) -> Sequence[Step]:
    """Return the steps by which a subscription that ends leaves its usage, as owed by its customer and family.

    Access goes on until ``access_until`` (business ms). ``closed`` is an invoice as it is once it is closed with it,
    void or given up, and so bills nothing. With ``before`` only what was used in periods of smaller numbers is owed.
    """
    ended = {**row, "ended_at": services.clock.now(), "access_until": access_until}
    lines = await usage_left(services, ended, closed=closed)
    return owed_steps(row, [one for one in lines if before is None or one.row["period"] < before])


async def usage_left(services: Services, row: Row, *, closed: Row | None = None) -> list[UsageLine]:
    """Return the lines, in every asset, of what a subscription that ends, or has ended, has on no invoice yet."""
    now = services.clock.now()
    return [_line(row, one, now) for one in await read_metered(services, row, now, closed=closed) if one.is_due]


def owed_steps(row: Row, lines: Sequence[UsageLine], *, at: int | None = None) -> Sequence[Step]:
    """Return the steps by which usage is owed: rows that stand on no invoice, and what is carried for them.

    ``at`` is the instant (business ms) of what is found only after the end.
    """
    owed = [{**one.row, "invoice_id": row["invoice_id"], "kind": OWED} for one in lines]
    about = row["id"] + ":{}" + ("" if at is None else f":{at}")
    return [
        *(Insert("subscriptions_usage", (one["id"],), row["customer_id"], one) for one in owed),
        *(
            carry(row, asset, amount, about=about.format(asset), cause=KEPT)
            for asset, amount in owed_by_asset(lines).items()
        ),
    ]


def owed_by_asset(lines: Sequence[UsageLine]) -> dict[str, int]:
    amounts: dict[str, int] = {}
    for line in lines:
        asset = line.row["currency"]
        amounts[asset] = amounts.get(asset, 0) + line.amount
    return amounts


async def owed_lines(
    services: Services, row: Row, asset: str, *, since: int, period: int | None = None
) -> list[tuple[str, int]]:
    """Return titles and amounts of what is owed of a subscription's usage in an asset, written after an instant.

    With ``period`` of periods of that number on only.
    """
    known = await services.reader.all(_LINED, subscription_id=row["id"])
    found = []
    for at, one in enumerate(known):
        if one["kind"] != OWED or one["currency"] != asset or one["created_at"] <= since:
            continue
        if period is not None and one["period"] < period:
            continue
        title = title_of((await services.catalogs.version(one["catalog_version"])).offer(one["sku"]), one["feature"])
        before = [earlier for earlier in known[:at] if _is_of(earlier, one["starts_at"], one["feature"])]
        found.append((_told(title, int(one["quantity"]), _counted(before)), int(one["amount"])))
    return found


async def charges_usage(services: Services, row: Row) -> bool:
    """Tell whether a subscription ever had a tier that charges for usage."""
    every = await services.reader.all(INVOICES, subscription_id=row["id"])
    made = await services.reader.all(_CHANGES, subscription_id=row["id"])
    return any((await _tiers(services, [*every, *made])).values())


async def read_metered(services: Services, row: Row, until: int, *, closed: Row | None = None) -> list[Metered]:
    """Return what a subscription metered up to an instant (business ms), as far back as something may be pending.

    What is used once access has ended is none of it; the hour in which it is ended at once is, to its end. Nor is what
    is used once another plan of the family charges for it, where access goes on after the end. With ``closed`` that
    invoice is seen as it is going to be.

    What is older than ``metering.late_days`` before the newest invoice that asked for usage is all on that or an
    earlier one. An invoice that asked for none (of a gift, or of a
    change that begins a new period at once) has billed nothing.
    """
    over = None if row["ended_at"] is None else int(row["access_until"])
    stored = reversed(await services.reader.all(INVOICES, subscription_id=row["id"]))
    every = [closed if closed is not None and one["id"] == closed["id"] else one for one in stored]
    made = await services.reader.all(_CHANGES, subscription_id=row["id"])
    tiers = await _tiers(services, [*every, *made])
    if not any(tiers.values()):
        return []
    late = services.config.metering.late_days * DAY_MS
    asked = asked_until(every, made)
    states = {one["id"]: one["state"] for one in every}
    known = await services.reader.all(_LINED, subscription_id=row["id"])
    lined = [{**one, "state": states[one["invoice_id"]]} for one in known]
    followed, found = await followed_at(services, row), []
    for segment in segments_of(every, made, tiers, until, over=over):
        catalog = await services.catalogs.version(segment.catalog_version)
        for feature, charge in segment.charges.items():
            meter = catalog.meters[charge.meter]
            kept = segment.until(followed.get(meter.key))
            if kept is None or segment.end + late < asked.get(charge.asset, 0):
                continue
            rows = [one for one in lined if _is_of(one, kept.start, feature)]
            title = title_of(catalog.offer(segment.sku), feature)
            names = {"customer_id": row["customer_id"], "meter": meter.key, "since": kept.start, "until": kept.end}
            windows = await services.reader.all(_WINDOWS, **names)
            quantity = quantity_of(meter.aggregation, windows)
            found.append(Metered(kept, charge, meter.key, title, quantity, _counted(rows), len(rows)))
    return found


async def _tiers(services: Services, agreed: Sequence[Row]) -> Tiers:
    found = {}
    for sku, version in {(one["sku"], one["catalog_version"]) for one in agreed}:
        found[sku, version] = charges_of((await services.catalogs.version(version)).offers.get(sku))
    return found


def _is_of(line: Row, start: int, feature: str) -> bool:
    return bool((line["starts_at"], line["feature"]) == (start, feature))


def _counted(rows: Sequence[Row]) -> list[Row]:
    """Return the lines that bill something: on an invoice that is not void or given up, or owed."""
    return [one for one in rows if one["state"] not in (VOID, UNCOLLECTIBLE) or one["kind"] == OWED]


def quantity_of(aggregation: Aggregation, windows: Sequence[Mapping[str, Any]]) -> int:
    """Return what hours add up to, in millionths."""
    if aggregation is Aggregation.MAX:
        return max((int(one["quantity"]) for one in windows), default=0)
    if aggregation is Aggregation.LATEST:
        last = max(windows, key=lambda one: (one["latest_at"] or 0, one["start"]), default=None)
        return 0 if last is None else int(last["quantity"])
    return sum(int(one["quantity"]) for one in windows)


def _line(row: Row, one: Metered, now: int) -> UsageLine:
    told = _told(one.title, one.quantity, one.lined)
    segment, charge = one.segment, one.charge
    kept = {
        "id": new_id("sbu"), "subscription_id": row["id"], "customer_id": row["customer_id"],
        "period": segment.period, "feature": charge.feature, "meter": one.meter, "sku": segment.sku,
        "catalog_version": segment.catalog_version, "starts_at": segment.start, "ends_at": segment.end,
        "included": segment.included(charge), "kind": CORRECTION if one.lined else PERIOD, "number": one.rows + 1,
        "quantity": str(one.quantity), "cost": str(one.cost), "amount": one.pending, "currency": charge.asset,
        "created_at": now,
    }  # fmt: skip
    return UsageLine(told, one.pending, kept)


def _told(title: str, quantity: int, before: Sequence[Row]) -> str:
    """Word a line: ``API calls: 351``, and of a correction instead of what."""
    instead = f" instead of {_spoken(int(before[-1]['quantity']))}" if before else ""
    return f"{title}: {_spoken(quantity)}{instead}"


def _spoken(quantity: int) -> str:
    """Write a quantity for people: ``1,250``, ``0.5``."""
    whole, rest = divmod(quantity, MICRO)
    return f"{whole:,}" if rest == 0 else show_decimal(quantity)


def usage_written(invoice: Mapping[str, Any], lines: Sequence[UsageLine]) -> Sequence[Step]:
    """Return the steps that keep what an invoice's lines of usage are for."""
    return [
        Insert(
            "subscriptions_usage", (one.row["id"],), invoice["customer_id"], {**one.row, "invoice_id": invoice["id"]}
        )
        for one in lines
    ]


def show_metered(one: Metered) -> dict[str, Any]:
    """Return the wire shape of what a segment metered of a feature: metered = billed + pending."""
    segment = one.segment
    billed, currency = one.billed, one.charge.asset
    return {
        "feature": one.charge.feature,
        "title": one.title,
        "sku": segment.sku,
        "period": segment.period,
        "starts_at": iso(segment.start),
        "ends_at": iso(segment.end),
        "quantity": show_decimal(one.quantity),
        "included": show_decimal(segment.included(one.charge)),
        "metered": {"amount": billed + one.pending, "currency": currency},
        "billed": {"amount": billed, "currency": currency},
        "pending": {"amount": one.pending, "currency": currency},
    }
