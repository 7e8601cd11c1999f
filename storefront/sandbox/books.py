"""The emulator's books, summed up for a judge: who was charged how often, and what was given back."""

from __future__ import annotations

from storefront.sandbox.store import Body
from storefront.sandbox.world import World


def books(world: World) -> Body:
    """Charges, refunds and sessions, oldest first, and totals per currency in minor units."""
    sessions = {
        session["payment_intent"]: session for session in world.records.select("checkout.session", oldest_first=True)
    }
    charges = [
        _charge(charge, sessions.get(charge["payment_intent"]))
        for charge in world.records.select("charge", oldest_first=True)
    ]
    refunds = [
        {member: refund[member] for member in ("id", "amount", "currency", "charge", "payment_intent", "status")}
        for refund in world.records.select("refund", oldest_first=True)
    ]
    return {
        "charges": charges,
        "refunds": refunds,
        "sessions": [
            {
                member: session[member]
                for member in ("id", "status", "payment_status", "amount_total", "currency", "client_reference_id",
                               "payment_intent", "metadata")
            }
            for session in world.records.select("checkout.session", oldest_first=True)
        ],
        "totals": _totals(world),
    }  # fmt: skip


def _charge(charge: Body, session: Body | None) -> Body:
    members = ("id", "amount", "amount_captured", "amount_refunded", "currency", "status", "captured",
               "failure_code", "payment_intent", "customer", "metadata")  # fmt: skip
    return {
        **{member: charge[member] for member in members},
        "session": session["id"] if session else None,
        "client_reference_id": session["client_reference_id"] if session else None,
    }


def _totals(world: World) -> Body:
    totals: dict[str, dict[str, int]] = {}
    for movement in world.records.select("balance_transaction", oldest_first=True):
        total = totals.setdefault(movement["currency"], {"charged": 0, "refunded": 0, "fees": 0, "net": 0})
        total["fees"] += movement["fee"]
        total["net"] += movement["net"]
        if movement["type"] == "charge":
            total["charged"] += movement["amount"]
        else:
            total["refunded"] -= movement["amount"]
    return totals
