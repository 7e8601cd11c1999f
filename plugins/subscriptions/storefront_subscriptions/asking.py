"""What a subscription asks for next: the next period's invoice, of the tier that was agreed to, less what is kept."""

from collections.abc import Mapping, Sequence
from typing import Any

from storefront.core.clock import iso
from storefront.core.commit.plan import Change, Emit, Insert, Step
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront_subscriptions.carrying import TAKEN, carry
from storefront_subscriptions.closing import TERMS
from storefront_subscriptions.gifts import lines_of_gift, next_gift, used
from storefront_subscriptions.intervals import Interval, period
from storefront_subscriptions.period_lines import lines_of_period
from storefront_subscriptions.price_versions import PRICE_CHANGED, priced_at
from storefront_subscriptions.rows import PAUSED, SCHEDULED, event_of, need_change, need_invoice
from storefront_subscriptions.subscribing import invoice_row
from storefront_subscriptions.usage_lines import UsageLine, usage_due, usage_written


async def scheduled_for(services: Services, row: Row) -> Row | None:
    """Return the change that is carried out when the present period ends, if there is one."""
    if row["change_id"] is None:
        return None
    change = await need_change(services, row["change_id"])
    return change if change["state"] == SCHEDULED else None


async def agreed_next(services: Services, row: Row, begins_at: int) -> tuple[Row, Row | None]:
    """Return a subscription by the terms of its next period, and the change that brings them, if one does.

    A change brings the price that was agreed to with it; else the price is that of the instant at which the period
    begins (business ms).
    """
    change = await scheduled_for(services, row)
    if change is not None:
        return {**row, **{name: change[name] for name in TERMS}, "priced_by": None}, change
    return {**row, **await priced_at(services, row, begins_at)}, None


async def priced_next(services: Services, row: Row) -> Row:
    """Return a subscription by the price of its next period as that stands now; a change that waits is left aside."""
    return {**row, **await priced_at(services, row, _next_begins(services, row))}


async def read_next(services: Services, row: Row) -> Row:
    """Return a subscription by the terms of its next period as they stand now."""
    return (await agreed_next(services, row, _next_begins(services, row)))[0]


def _next_begins(services: Services, row: Row) -> int:
    """Return when the next period begins (business ms): after the present one, or out of a pause, now."""
    return services.clock.now() if row["billing_state"] == PAUSED else int(row["period_end"])


async def ask_next(services: Services, row: Row, now: int) -> Sequence[Step]:
    """Return the steps that write the next period's invoice: due when that period begins, however late it is now."""
    gift = await next_gift(services, row)
    # What was given is had as it is; a newer price is asked of the first period that somebody pays.
    agreed, change = (row, None) if gift is not None else await agreed_next(services, row, int(row["period_end"]))
    number = row["period"] + 1
    anchor, first = row["anchor"], row["anchor_period"]
    is_cut = (await need_invoice(services, row["invoice_id"]))["uncut_end"] is not None  # a gift was taken back
    if agreed["interval"] != row["interval"] or is_cut:
        anchor, first = row["period_end"], number
    span = period(anchor, Interval.parse(agreed["interval"]), number - first)
    usage: Sequence[UsageLine] = ()  # beside a gift it waits for an invoice that asks for something
    if gift is None:
        usage = await usage_due(services, row, agreed["currency"])
        lines, taken, found = await lines_of_period(services, agreed, usage=usage)
    else:
        lines, taken, found = await lines_of_gift(services, agreed), 0, None
    invoice = invoice_row(agreed, number, lines, now) | {
        "due_at": span.start, "period_start": span.start, "period_end": span.end, "anchor": anchor,
        "anchor_period": first, "carried": taken, "change_id": None if change is None else change["id"],
        "gift_id": None if gift is None else gift["id"], "usage": sum(one.amount for one in usage),
    }  # fmt: skip
    changes = {"invoice_id": invoice["id"], "failures": 0, "version": row["version"] + 1, "updated_at": now}
    if gift is not None:
        changes["gifted"] = row["gifted"] - 1
    return (
        Change("subscriptions", (row["id"],), row["customer_id"], {"version": row["version"]}, changes),
        *(() if gift is None else (used(gift),)),
        Insert("subscriptions_invoices", (invoice["id"],), row["customer_id"], invoice),
        carry(row, agreed["currency"], -taken, about=invoice["id"], cause=TAKEN, seen=found),
        *usage_written(invoice, usage),
        *price_told(row, agreed, invoice),
    )


def price_told(row: Row, agreed: Row, invoice: Mapping[str, Any]) -> Sequence[Step]:
    """Return the step that tells that an invoice asks another price of a tier than was paid before."""
    if agreed["priced_by"] in (None, row["priced_by"]):
        return ()
    told = {name: {"amount": one["price"], "currency": row["currency"]} for name, one in
            (("before", row), ("after", agreed))}  # fmt: skip
    payload = event_of(row, invoice=invoice["id"], catalog_version=agreed["priced_by"], at=iso(invoice["due_at"]),
                       **told)  # fmt: skip
    return (Emit(row["customer_id"], PRICE_CHANGED, row["id"], payload),)
