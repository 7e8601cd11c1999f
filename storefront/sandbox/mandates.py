"""Mandates: the payer's leave to take money from a bank account."""

from __future__ import annotations

from storefront.sandbox.operations import Operation, retrieving
from storefront.sandbox.params import EXPAND
from storefront.sandbox.store import Body
from storefront.sandbox.world import World, new_id


def new_mandate(world: World, method: Body, *, amount: tuple[int, str] | None) -> Body:
    """Leave to debit ``method``: for one payment of ``amount`` (minor units, currency), or for all to come."""
    kind = "single_use" if amount else "multi_use"
    return world.insert(
        {
            "id": new_id("mandate"),
            "object": "mandate",
            "customer_acceptance": {
                "accepted_at": world.now,
                "online": {"ip_address": None, "user_agent": None},
                "type": "online",
            },
            "livemode": False,
            "multi_use": None if amount else {},
            "payment_method": method["id"],
            "payment_method_details": {
                "sepa_debit": {"reference": new_id("x", 16)[2:].upper(), "url": ""},
                "type": "sepa_debit",
            },
            "single_use": {"amount": amount[0], "currency": amount[1]} if amount else None,
            "status": "active",
            "type": kind,
        }
    )


OPERATIONS = (Operation("GET", "mandates/{}", EXPAND, retrieving("mandate")),)
