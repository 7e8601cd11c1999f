"""The emulator's books, summed up for a judge: who was charged how often, and what was given back."""

from __future__ import annotations

from storefront.sandbox import balance
from storefront.sandbox.store import Body
from storefront.sandbox.world import World


def books(world: World) -> Body:
    """What there is of each kind, oldest first; balance and totals are in minor units of settlement currencies."""
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
        "transfers": [
            {member: transfer[member]
             for member in ("id", "amount", "amount_reversed", "currency", "destination", "transfer_group", "metadata")}
            for transfer in world.records.select("transfer", oldest_first=True)
        ],
        "payouts": [
            {member: payout[member] for member in ("id", "amount", "currency", "status", "automatic", "metadata")}
            for payout in world.records.select("payout", oldest_first=True)
        ],
        "balance": _balance(world),
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


def _balance(world: World) -> Body:
    return {
        currency: {"available": available, "pending": pending}
        for currency, (available, pending) in balance.sums(world).items()
    }


def _totals(world: World) -> Body:
    """What payments came to, in settlement currency; payouts and transfers only move it on."""
    totals: dict[str, dict[str, int]] = {}
    for movement in world.records.select("balance_transaction", oldest_first=True):
        if movement["type"].startswith(("payout", "transfer")):
            continue
        total = totals.setdefault(movement["currency"], {"charged": 0, "refunded": 0, "fees": 0, "net": 0})
        total["fees"] += movement["fee"]
        total["net"] += movement["net"]
        if movement["reporting_category"] == "charge":
            total["charged"] += movement["amount"]
        elif movement["reporting_category"] in ("refund", "refund_failure"):
            total["refunded"] -= movement["amount"]
    return totals
