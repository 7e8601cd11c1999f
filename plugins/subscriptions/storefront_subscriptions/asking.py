"""What a subscription asks for next: the next period's invoice, of the tier that was agreed to, less what is kept."""

from collections.abc import Sequence

from storefront.core.commit.plan import Change, Insert, Step
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront_subscriptions.carrying import TAKEN, carry
from storefront_subscriptions.closing import TERMS
from storefront_subscriptions.gifts import lines_of_gift, next_gift, used
from storefront_subscriptions.intervals import Interval, period
from storefront_subscriptions.period_lines import lines_of_period
from storefront_subscriptions.rows import SCHEDULED, need_change, need_invoice
from storefront_subscriptions.subscribing import invoice_row


async def scheduled_for(services: Services, row: Row) -> Row | None:
    """Return the change that is carried out when the present period ends, if there is one."""
    if row["change_id"] is None:
        return None
    change = await need_change(services, row["change_id"])
    return change if change["state"] == SCHEDULED else None


async def agreed_next(services: Services, row: Row) -> tuple[Row, Row | None]:
    """Return a subscription by the terms of its next period, and the change that brings them, if one does."""
    change = await scheduled_for(services, row)
    return (row if change is None else {**row, **{name: change[name] for name in TERMS}}), change


async def ask_next(services: Services, row: Row, now: int) -> Sequence[Step]:
    """Return the steps that write the next period's invoice: due when that period begins, however late it is now."""
    agreed, change = await agreed_next(services, row)
    number = row["period"] + 1
    anchor, first = row["anchor"], row["anchor_period"]
    is_cut = (await need_invoice(services, row["invoice_id"]))["uncut_end"] is not None  # a gift was taken back
    if agreed["interval"] != row["interval"] or is_cut:
        anchor, first = row["period_end"], number
    span = period(anchor, Interval.parse(agreed["interval"]), number - first)
    gift = await next_gift(services, row)
    if gift is None:
        lines, taken, found = await lines_of_period(services, agreed)
    else:
        lines, taken, found = await lines_of_gift(services, agreed), 0, None
    invoice = invoice_row(agreed, number, lines, now) | {
        "due_at": span.start, "period_start": span.start, "period_end": span.end, "anchor": anchor,
        "anchor_period": first, "carried": taken, "change_id": None if change is None else change["id"],
        "gift_id": None if gift is None else gift["id"],
    }  # fmt: skip
    changes = {"invoice_id": invoice["id"], "failures": 0, "version": row["version"] + 1, "updated_at": now}
    if gift is not None:
        changes["gifted"] = row["gifted"] - 1
    return (
        Change("subscriptions", (row["id"],), row["customer_id"], {"version": row["version"]}, changes),
        *(() if gift is None else (used(gift),)),
        Insert("subscriptions_invoices", (invoice["id"],), row["customer_id"], invoice),
        carry(row, agreed["currency"], -taken, about=invoice["id"], cause=TAKEN, seen=found),
    )
