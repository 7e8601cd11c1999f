"""Looking at usage: sums by hour or day, the lines of closed periods, and what is metered, billed and pending."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from storefront.core.clock import DAY_MS, HOUR_MS, iso
from storefront.core.config.model_usage import MICRO, Aggregation, Meter, Period, show_decimal
from storefront.core.errors import FieldError, Invalid
from storefront.core.ids import is_id
from storefront.core.metered import pending_of, period_around
from storefront.core.names import names_of
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront.core.tables import usage_accounts, usage_lines, usage_periods, usage_windows

PICO_PLACES = 12
MOST_WINDOWS = 10_000
LIFETIME_SHOWN_MS = 30 * DAY_MS
STEPS_MS = {"hour": HOUR_MS, "day": DAY_MS}


def need_meter(services: Services, name: str) -> Meter:
    """Return a meter of the active catalog; raises ``Invalid``."""
    meters = services.catalogs.active.meters
    if name not in meters:
        known = ", ".join(meters) or "none"
        raise Invalid(
            "There is no such meter.", errors=[FieldError("?meter", f"must be a meter of this shop: {known}")]
        )
    return meters[name]


def default_start(meter: Meter, now: int) -> int:
    """Return from where on a meter is looked at if nobody says: the start (ms) of its period around ``now``.

    One that adds up over a lifetime: thirty days before.
    """
    return now - LIFETIME_SHOWN_MS if meter.period is Period.LIFETIME else period_around(meter.period, now)[0]


async def usage_of(
    services: Services, customer_id: str, meter: Meter, *, begin: int, end: int, step: str
) -> tuple[list[dict[str, Any]], str]:
    """Return what a meter counted within ``[begin, end)`` (ms), by UTC hours or days with events, and in all.

    Raises:
        Invalid: that are too many hours.
    """
    if not begin < end or (end - begin) // HOUR_MS > MOST_WINDOWS:
        message = f"must be later than `from`, by at most {MOST_WINDOWS} hours"
        raise Invalid("This is no span of time.", errors=[FieldError("?until", message)])
    statement = (
        select(usage_windows)
        .where(
            usage_windows.c.customer_id == customer_id,
            usage_windows.c.meter == meter.key,
            usage_windows.c.start >= begin - begin % HOUR_MS,
            usage_windows.c.start < end,
        )
        .order_by(usage_windows.c.start)
    )
    width = STEPS_MS[step]
    joined: dict[int, list[Row]] = {}
    found = await services.reader.scan(statement)
    for row in found:
        joined.setdefault(row["start"] - row["start"] % width, []).append(row)
    shown = [
        {"start": iso(start), "end": iso(start + width), "events": sum(row["events"] for row in rows),
         "quantity": quantity_text(sum_up(meter.aggregation, rows))}
        for start, rows in joined.items()
    ]  # fmt: skip
    return shown, quantity_text(sum_up(meter.aggregation, found))


def sum_up(aggregation: Aggregation, rows: Sequence[Row]) -> int:
    """Return what hours, the earliest first, come to, in millionths."""
    quantities = [int(row["quantity"]) for row in rows]
    if aggregation is Aggregation.MAX:
        return max(quantities, default=0)
    if aggregation is Aggregation.LATEST:
        return quantities[-1] if quantities else 0
    return sum(quantities)


def quantity_text(millionths: int) -> str:
    """Write a quantity as the wire shows it: an exact decimal, as text."""
    return show_decimal(millionths, len(str(MICRO)) - 1)


async def accounts_of(services: Services, customer_id: str, meter: Meter) -> list[dict[str, Any]]:
    """Return what a meter has charged to a customer's wallet: metered, billed, unbilled and pending, as exact decimals.

    Charges of before are among them, also of when the meter added up otherwise. Postpaid usage has no account.
    """
    charges = select(usage_periods.c.charge).where(
        usage_periods.c.customer_id == customer_id, usage_periods.c.meter.startswith(f"{meter.name}:", autoescape=True)
    )
    mine = usage_accounts.c.charge.in_(charges)
    statement = select(usage_accounts).where(usage_accounts.c.customer_id == customer_id, mine)
    rows = await services.reader.scan(statement.order_by(usage_accounts.c.charge))
    return [
        {
            "feature": row["feature"],
            "asset": row["asset"],
            **{name: show_decimal(int(row[name]), PICO_PLACES) for name in ("metered", "billed", "unbilled")},
            "pending": show_decimal(pending_of(row), PICO_PLACES),
        }
        for row in rows
    ]


async def list_lines(
    services: Services, customer_id: str | None, *, limit: int, after: str | None
) -> tuple[list[dict[str, Any]], str | None]:
    """Return one page of the lines of closed periods, oldest first, and where the next page begins."""
    statement = select(usage_lines).order_by(usage_lines.c.id).limit(limit + 1)
    if customer_id is not None:
        statement = statement.where(usage_lines.c.customer_id.in_(names_of(customer_id)))
    if after is not None:
        if not is_id(after, "uln"):
            raise Invalid("This is not a cursor of this list.", errors=[FieldError("?after", "is no cursor")])
        statement = statement.where(usage_lines.c.id > after)
    rows = await services.reader.scan(statement)
    shown = [await _line(services, row) for row in rows[:limit]]
    return shown, rows[limit - 1]["id"] if len(rows) > limit else None


async def _line(services: Services, row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "customer": {"id": await services.customers.external_id(row["customer_id"])},
        "feature": row["feature"],
        "kind": row["kind"],
        "number": row["number"],
        "period": {"start": iso(row["start"]), "end": iso(row["ends_at"])},
        "quantity": quantity_text(int(row["quantity"])),
        "cost": show_decimal(int(row["cost"]), PICO_PLACES),
        "amount": row["amount"],
        "currency": row["currency"],
        "created_at": iso(row["created_at"]),
    }
