"""What operators do with payments by hand: list them, mark one received or voided, say that a refund was sent."""

from typing import Any

from storefront.core.clock import iso
from storefront.core.errors import NotFound
from storefront.core.gateways.manual import RECEIVED, VOIDED, ManualGateway
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront.core.settlement import settle


def manual_gateway(services: Services) -> ManualGateway:
    """Return the gateway for payments by hand; raises ``NotFound`` where none is configured."""
    found = next((one for one in services.gateways.values() if isinstance(one, ManualGateway)), None)
    if found is None:
        raise NotFound("This shop takes no payments by hand: gateways.manual is not configured.")
    return found


async def list_payments(services: Services, state: str | None) -> list[dict[str, Any]]:
    return [describe(row) for row in await manual_gateway(services).listed(state)]


async def receive_payment(services: Services, reference: str, *, actor: str) -> dict[str, Any]:
    """Mark that the money has come, and give the goods. Safe to repeat."""
    return await _mark(services, reference, RECEIVED, actor=actor)


async def void_payment(services: Services, reference: str, *, actor: str) -> dict[str, Any]:
    """Mark that nobody will pay this, and end the purchase. Safe to repeat."""
    return await _mark(services, reference, VOIDED, actor=actor)


async def confirm_refunds(services: Services, reference: str, *, actor: str) -> dict[str, Any]:
    """Mark the refunds of a payment that wait as sent. Safe to repeat."""
    gateway = manual_gateway(services)
    sent = await gateway.mark_refunds_sent(reference, actor=actor)
    return {**describe(await gateway.payment(reference)), "sent": sent}


async def _mark(services: Services, reference: str, state: str, *, actor: str) -> dict[str, Any]:
    gateway = manual_gateway(services)
    await gateway.mark(reference, state, actor=actor)
    row = await gateway.payment(reference)
    await settle(services, row["purchase_id"])
    return describe(row)


def describe(row: Row) -> dict[str, Any]:
    """Return a payment as operators see it."""
    return {
        "reference": row["reference"],
        "purchase_id": row["purchase_id"],
        "title": row["title"],
        "amount": {"amount": row["amount"], "currency": row["currency"]},
        "refunded": row["refunded"],
        "state": row["state"],
        "opened_at": iso(row["opened_at"]),
        "ended_at": None if row["ended_at"] is None else iso(row["ended_at"]),
    }
