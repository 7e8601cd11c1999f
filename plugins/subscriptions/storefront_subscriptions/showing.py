"""What callers see of a subscription: its row, the change that it waits for, and what its next invoice takes over."""

from collections.abc import Mapping
from typing import Any

from storefront.core.clock import iso
from storefront.core.purchasing import read_payment
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront_subscriptions.asking import priced_next
from storefront_subscriptions.carrying import read_carried
from storefront_subscriptions.gifts import gifted_until
from storefront_subscriptions.looking_after import change_of
from storefront_subscriptions.rows import (
    FINALS,
    INCOMPLETE,
    OPEN,
    OVER,
    PAUSED,
    SCHEDULED,
    lines_of,
    need_invoice,
    pause_of,
    shown,
)


async def show(services: Services, row: Row, *, change: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return a subscription's wire shape; ``change``, if it is not stored yet."""
    customer = await services.customers.external_id(row["customer_id"])
    carried = await read_carried(services, row["customer_id"], row["family"], row["currency"])
    change, held = change or await change_of(services, row), await pause_of(services, row)
    return {
        **shown(row, customer, services.clock.now()),
        "renews_for": await _renews_for(services, row, change),
        "pending_change": None if change is None else await _pending(services, change),
        "pause": None if held is None else _held(held),
        "gifted": await _gifted(services, row),
        "credit": {"amount": max(0, -carried), "currency": row["currency"]},
        "owed": {"amount": max(0, carried), "currency": row["currency"]},
        "final_invoice": await _final(services, row),
    }


async def _final(services: Services, row: Row) -> dict[str, Any] | None:
    """Return the newest final invoice of a subscription that has ended, if there is one."""
    if row["billing_state"] not in OVER:
        return None
    found = await services.reader.all(FINALS, subscription_id=row["id"])
    return await show_final(services, found[-1]) if found else None


async def show_final(services: Services, final: Row) -> dict[str, Any]:
    """Return a final invoice's wire shape; one that is being paid says where its payer pays or confirms it."""
    url = None
    if final["state"] == OPEN and final["purchase_id"] not in (None, final["failed_purchase_id"]):
        payment = await read_payment(services, final["purchase_id"])
        url = None if payment is None else payment["redirect_url"]
    at = final["next_attempt_at"]
    return {
        **{name: final[name] for name in ("id", "state", "attempts", "reason")},
        **_asked(final),
        "next_attempt_at": None if at is None else iso(at),
        "purchase": final["purchase_id"],
        "redirect_url": url,
    }


def _asked(invoice: Row) -> dict[str, Any]:
    """Return the lines of an invoice and what they come to."""
    currency = invoice["currency"]
    return {
        "lines": [{"title": title, "total": {"amount": amount, "currency": currency}}
                  for title, amount in lines_of(invoice)],
        "total": {"amount": invoice["total"], "currency": currency},
    }  # fmt: skip


async def _renews_for(services: Services, row: Row, change: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return what the next period costs, before tax and credit; None where none follows."""
    if row["billing_state"] in OVER or row["billing_state"] == INCOMPLETE or row["ends_with_period"]:
        return None
    ahead = change if change is not None and change["state"] == SCHEDULED else await priced_next(services, row)
    return {"amount": ahead["price"] * ahead["seats"], "currency": ahead["currency"]}


async def _pending(services: Services, change: Mapping[str, Any]) -> dict[str, Any]:
    """Return the change that a subscription waits for; one that is being paid says where its payer confirms it."""
    url = None
    if change["state"] == OPEN and change["purchase_id"] is not None:
        payment = await read_payment(services, change["purchase_id"])
        url = None if payment is None else payment["redirect_url"]
    return {**told_change(change), "purchase": change["purchase_id"], "redirect_url": url}


async def _gifted(services: Services, row: Row) -> dict[str, Any] | None:
    """Return what somebody else has paid of a subscription's present and coming periods, if anything."""
    invoice = await need_invoice(services, row["invoice_id"])
    if row["billing_state"] in OVER or (not row["gifted"] and invoice["gift_id"] is None):
        return None
    until = None if row["billing_state"] == PAUSED else iso(gifted_until(row))
    return {"periods_left": row["gifted"], "until": until}


def _held(pause: Row) -> dict[str, Any]:
    resume_at = None if pause["resume_at"] is None else iso(pause["resume_at"])
    told = {"id": pause["id"], "state": pause["state"], "cause": pause["cause"], "starts_at": iso(pause["starts_at"])}
    return {**told, "resume_at": resume_at, "keep_anchor": bool(pause["keeps_anchor"])}


def told_change(change: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a customer's state tells of a change that is not done yet."""
    currency = change["currency"]
    return {
        "id": change["id"],
        "state": change["state"],
        "direction": change["direction"],
        "timing": change["timing"],
        "tier": change["sku"],
        "interval": change["interval"],
        "seats": change["seats"],
        "price": {"amount": change["price"], "currency": currency},
        "total": {"amount": change["total"], "currency": currency},
        "change_at": iso(change["at"]),
    }


def show_invoice(row: Row) -> dict[str, Any]:
    """Return an invoice's wire shape."""
    return {
        "id": row["id"],
        "sku": row["sku"],
        "interval": row["interval"],
        "period": row["period"],
        "period_start": None if row["period_start"] is None else iso(row["period_start"]),
        "period_end": None if row["period_end"] is None else iso(row["period_end"]),
        "state": row["state"],
        **_asked(row),
        "attempts": row["attempts"],
        "purchase": row["purchase_id"],
    }


def show_credit(row: Row) -> dict[str, Any]:
    """Return the wire shape of what a slot granted."""
    return {
        "id": row["id"],
        "asset": row["asset"],
        "cause": row["cause"],
        "amount": row["amount"],
        "worth": row["target"],
        "slot_start": iso(row["slot_start"]),
        "slot_end": iso(row["slot_end"]),
        "purchase": row["purchase_id"],
        "entry": row["entry_id"],
    }
