"""Refunds of captured charges, whole or in part."""

from __future__ import annotations

from collections.abc import Sequence

from storefront.sandbox import balance_transactions
from storefront.sandbox.errors import invalid
from storefront.sandbox.operations import Operation, filters, list_page, retrieving
from storefront.sandbox.params import (
    EXPAND,
    PAGE,
    Checked,
    Choice,
    Integer,
    Metadata,
    NotEmulated,
    Text,
    When,
    missing,
    not_emulated_names,
)
from storefront.sandbox.store import Body
from storefront.sandbox.world import World, merged_metadata, new_id


def _create(world: World, params: Checked, ids: Sequence[str]) -> Body:
    charge = _refundable_charge(world, params)
    left = charge["amount_captured"] - charge["amount_refunded"]
    amount = params.get("amount", left)
    if left == 0:
        raise invalid(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    if amount > left:
        raise invalid(f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})", param="amount")
    refund = _new_refund(world, charge, amount, params)
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    charge["refunds"]["data"] = [refund, *charge["refunds"]["data"]][:10]
    world.save(charge)
    world.emit("refund.created", refund)
    world.emit("charge.refunded", charge)
    return refund


def _refundable_charge(world: World, params: Checked) -> Body:
    if "charge" in params:
        charge = world.get("charge", params["charge"], param="charge")
        if params.get("payment_intent", charge["payment_intent"]) != charge["payment_intent"]:
            raise invalid("The charge does not belong to this PaymentIntent.", param="payment_intent")
    elif "payment_intent" in params:
        intent = world.get("payment_intent", params["payment_intent"], param="payment_intent")
        if intent["latest_charge"] is None:
            message = f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund."
            raise invalid(message, param="payment_intent", code="payment_intent_unexpected_state")
        charge = world.get("charge", intent["latest_charge"])
    else:
        raise missing("charge")
    if charge["status"] != "succeeded" or not charge["captured"]:
        raise invalid(f"Charge {charge['id']} cannot be refunded: no money was captured.", code="charge_not_refundable")
    return charge


def _new_refund(world: World, charge: Body, amount: int, params: Checked) -> Body:
    refund_id = new_id("re")
    movement = balance_transactions.book(
        world,
        amount=-amount,
        currency=charge["currency"],
        source=refund_id,
        type="refund",
        description=f"REFUND FOR CHARGE ({charge['id']})",
    )
    return world.insert(
        {
            "id": refund_id,
            "object": "refund",
            "amount": amount,
            "balance_transaction": movement["id"],
            "charge": charge["id"],
            "created": world.now,
            "currency": charge["currency"],
            "customer": charge["customer"],
            "customer_account": None,
            "destination_details": {
                "card": {
                    "reference": None,
                    "reference_status": "pending",
                    "reference_type": "acquirer_reference_number",
                    "type": "refund",
                },
                "type": "card",
            },
            "metadata": merged_metadata({}, params.get("metadata")),
            "payment_intent": charge["payment_intent"],
            "payment_method": charge["payment_method"],
            "reason": params.get("reason"),
            "receipt_number": None,
            "source_transfer_reversal": None,
            "status": "succeeded",
            "transfer_reversal": None,
        }
    )


def _update(world: World, params: Checked, ids: Sequence[str]) -> Body:
    refund = world.get("refund", ids[0])
    if "metadata" in params:
        refund["metadata"] = merged_metadata(refund["metadata"], params["metadata"])
    world.save(refund)
    world.emit("refund.updated", refund)
    return refund


def _list(world: World, params: Checked, ids: Sequence[str]) -> Body:
    conditions = filters(params, "charge", "payment_intent")
    return list_page(world, "refund", params, url="/v1/refunds", conditions=conditions)


OPERATIONS = (
    Operation("POST", "refunds", {
        "amount": Integer(1),
        "charge": Text(),
        "metadata": Metadata(),
        "payment_intent": Text(),
        "reason": Choice(("duplicate", "fraudulent", "requested_by_customer")),
        "refund_application_fee": NotEmulated(harmless=("false",)),
        "reverse_transfer": NotEmulated(harmless=("false",)),
        **not_emulated_names("currency", "customer", "instructions_email", "origin"),
        **EXPAND,
    }, _create),
    Operation("GET", "refunds", {"charge": Text(), "created": When(), "payment_intent": Text(), **PAGE}, _list),
    Operation("GET", "refunds/{}", EXPAND, retrieving("refund")),
    Operation("POST", "refunds/{}", {"metadata": Metadata(), **EXPAND}, _update),
)  # fmt: skip
