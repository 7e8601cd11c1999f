"""The emulator's books, summed up for a judge: who was charged how often, and what was given back."""

from __future__ import annotations

from storefront.sandbox import balance
from storefront.sandbox.errors import missing_object
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
        "payments": _payments(world),
        "totals": _totals(world),
    }  # fmt: skip


def payment_of(world: World, reference: str) -> str:
    """The payment intent of a session with this ``client_reference_id``, or of a charge with this ``purchase_id``.

    Raises:
        ApiError: there is none, or nobody has begun to pay yet.
    """
    sessions = world.records.select(
        "checkout.session", [("json_extract(body, '$.client_reference_id') = ?", reference)], limit=1
    )
    # What is charged while its payer is away has no session; its charge carries the merchant's reference itself.
    charges = world.records.select("charge", [("json_extract(body, '$.metadata.purchase_id') = ?", reference)], limit=1)
    for found in (*sessions, *charges):
        if found["payment_intent"] is not None:
            return str(found["payment_intent"])
    raise missing_object("payment", reference, param="reference")


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


def _payments(world: World) -> list[Body]:
    """Per intent: what was asked, taken, given back and taken back, in minor units.

    ``refunded`` leaves out refunds that failed; ``disputed`` is what the payer's bank holds now.
    """
    charges: dict[str, list[Body]] = {}
    for charge in world.records.select("charge", oldest_first=True):
        charges.setdefault(charge["payment_intent"], []).append(charge)
    disputes = {dispute["id"]: dispute["charge"] for dispute in world.records.select("dispute")}
    moved: dict[str, int] = {}
    for movement in world.records.select("balance_transaction"):
        if movement["source"] in disputes:
            charge_id = disputes[movement["source"]]
            moved[charge_id] = moved.get(charge_id, 0) - movement["amount"]
    return [
        {
            "payment_intent": intent["id"],
            "status": intent["status"],
            "amount": intent["amount"],
            "currency": intent["currency"],
            "metadata": intent["metadata"],
            "times_charged": sum(charge["captured"] for charge in charges.get(intent["id"], ())),
            "captured": sum(charge["amount_captured"] for charge in charges.get(intent["id"], ())),
            "refunded": sum(
                charge["amount_refunded"] for charge in charges.get(intent["id"], ()) if charge["captured"]
            ),
            "disputed": sum(moved.get(charge["id"], 0) for charge in charges.get(intent["id"], ())),
        }
        for intent in world.records.select("payment_intent", oldest_first=True)
    ]


_CHARGED = ("charge", "payment")
_REFUNDED = ("refund", "payment_refund", "refund_failure", "payment_failure_refund")


def _totals(world: World) -> Body:
    """What payments came to, per settlement currency; payouts and transfers only move it on."""
    totals: dict[str, dict[str, int]] = {}
    for movement in world.records.select("balance_transaction", oldest_first=True):
        if movement["type"].startswith(("payout", "transfer")):
            continue
        blank = {"charged": 0, "refunded": 0, "disputed": 0, "fees": 0, "net": 0}
        total = totals.setdefault(movement["currency"], blank)
        total["fees"] += movement["fee"]
        total["net"] += movement["net"]
        if movement["type"] in _CHARGED:
            total["charged"] += movement["amount"]
        elif movement["type"] in _REFUNDED:
            total["refunded"] -= movement["amount"]
        elif movement["reporting_category"] in ("dispute", "dispute_reversal"):
            total["disputed"] -= movement["amount"]
    return totals
