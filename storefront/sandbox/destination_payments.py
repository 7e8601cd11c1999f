"""The connected account's side of a transfer: a payment in its own books, and the refund of a reversal."""

from __future__ import annotations

from storefront.sandbox import balance_transactions
from storefront.sandbox.params import words
from storefront.sandbox.store import Body
from storefront.sandbox.world import World, new_id


def new_payment(world: World, transfer: Body, *, waits: int) -> Body:
    """Credit the acting account with a transfer; the money is available after ``waits`` seconds."""
    payment_id = new_id("py")
    movement = balance_transactions.book(
        world,
        amount=transfer["amount"],
        currency=transfer["currency"],
        source=payment_id,
        type="payment",
        description=transfer["description"],
        available_after=waits,
    )
    nothing = words(
        "application application_fee application_fee_amount calculated_statement_descriptor customer "
        "failure_balance_transaction failure_code failure_message on_behalf_of outcome payment_intent payment_method "
        "receipt_email receipt_number receipt_url review shipping source statement_descriptor "
        "statement_descriptor_suffix transfer_data transfer_group"
    )
    address = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
    return world.insert(
        {
            **dict.fromkeys(nothing),
            "id": payment_id,
            "object": "charge",
            "amount": transfer["amount"],
            "amount_captured": transfer["amount"],
            "amount_refunded": 0,
            "balance_transaction": movement["id"],
            "billing_details": {"address": address, "email": None, "name": None, "phone": None, "tax_id": None},
            "captured": True,
            "created": world.now,
            "currency": transfer["currency"],
            "description": transfer["description"],
            "disputed": False,
            "fraud_details": {},
            "livemode": False,
            "metadata": {},
            "paid": True,
            "payment_method_details": {"stripe_account": {}, "type": "stripe_account"},
            "refunded": False,
            "refunds": {
                "object": "list", "data": [], "has_more": False, "url": f"/v1/charges/{payment_id}/refunds",
            },
            "source_transfer": transfer["id"],
            "status": "succeeded",
        }
    )  # fmt: skip


def take_back(world: World, payment_id: str, amount: int, reversal_id: str) -> Body:
    """Debit the acting account with ``amount`` of a payment: the refund that a transfer's reversal is to it."""
    payment = world.get("charge", payment_id)
    refund_id = new_id("pyr")
    movement = balance_transactions.book(
        world,
        amount=-amount,
        currency=payment["currency"],
        source=refund_id,
        type="payment_refund",
        description=f"REFUND FOR PAYMENT ({payment_id})",
        available_after=balance_transactions.NOW,
    )
    refund: Body = {
        "id": refund_id,
        "object": "refund",
        "amount": amount,
        "balance_transaction": movement["id"],
        "charge": payment_id,
        "created": world.now,
        "currency": payment["currency"],
        "destination_details": None,
        "metadata": {},
        "payment_intent": None,
        "payment_method": None,
        "reason": None,
        "receipt_number": None,
        "source_transfer_reversal": reversal_id,
        "status": "succeeded",
        "transfer_reversal": None,
    }
    payment["amount_refunded"] += amount
    payment["refunded"] = payment["amount_refunded"] == payment["amount"]
    payment["refunds"]["data"] = [refund, *payment["refunds"]["data"]][:10]
    world.save(payment)
    return world.insert(refund)
