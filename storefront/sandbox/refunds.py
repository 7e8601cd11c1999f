"""Refunds of captured charges, whole or in part, and how they end."""

from __future__ import annotations

from collections.abc import Sequence

from storefront.sandbox import balance_transactions, disputes, fraud_warnings, reviews
from storefront.sandbox.cards import RefundCourse
from storefront.sandbox.charges import is_delayed
from storefront.sandbox.due import schedule
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
    words,
)
from storefront.sandbox.payment_methods import card_of
from storefront.sandbox.store import Body
from storefront.sandbox.world import World, merged_metadata, new_id

END_AFTER_SECONDS = 24 * 3600
FAILURE_REASONS = words(
    "charge_for_pending_refund_disputed declined expired_or_canceled_card insufficient_funds lost_or_stolen_card "
    "merchant_request unknown"
)


def _create(world: World, params: Checked, ids: Sequence[str]) -> Body:
    charge = _refundable_charge(world, params)
    left = charge["amount_captured"] - charge["amount_refunded"]
    amount = params.get("amount", left)
    if left == 0:
        raise invalid(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    if amount > left:
        raise invalid(f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})", param="amount")
    course = _course(world, charge)
    refund = _new_refund(world, charge, amount, params)
    if course is RefundCourse.LATER:
        refund.update(status="pending", pending_reason="processing")
        world.save(refund)
    if course is not RefundCourse.AT_ONCE:
        schedule(world, world.now + END_AFTER_SECONDS, "refund_ends", refund["id"])
    _count(world, charge, amount, refund)
    world.emit("refund.created", refund)
    world.emit("charge.refunded", charge)
    if charge["refunded"]:
        fraud_warnings.settle(world, charge["id"])
        disputes.close_inquiries(world, charge["id"])
        is_fraud = refund["reason"] == "fraudulent"
        reviews.close_of_charge(world, charge["id"], "refunded_as_fraud" if is_fraud else "refunded")
    return refund


def _course(world: World, charge: Body) -> RefundCourse:
    if is_delayed(charge):
        return RefundCourse.LATER  # a bank transfer back takes its time too
    return card_of(world, world.get("payment_method", charge["payment_method"])).refund_course


def _count(world: World, charge: Body, amount: int, refund: Body) -> None:
    """Write ``amount`` (negative when a refund came to nothing) and the refund as it is into its charge."""
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    others = [other for other in charge["refunds"]["data"] if other["id"] != refund["id"]]
    charge["refunds"]["data"] = [refund, *others][:10]
    world.save(charge)


def end_by_itself(world: World, refund_id: str) -> None:
    """A refund's time has come: what the card is known for happens."""
    refund = world.get("refund", refund_id)
    course = _course(world, world.get("charge", refund["charge"]))
    if course is RefundCourse.FAILS and refund["status"] == "succeeded":
        end(world, refund, "failed")
    elif refund["status"] == "pending":
        end(world, refund, "succeeded")


def end(world: World, refund: Body, status: str, *, reason: str = "expired_or_canceled_card") -> Body:
    """Bring a refund to ``succeeded``, ``failed``, ``canceled``, ``pending`` or ``requires_action``.

    Failed and cancelled ones give the money back to the shop's balance, and cannot be moved again.

    Raises:
        ApiError: it has failed or was cancelled before.
    """
    if refund["status"] in ("failed", "canceled"):
        raise invalid(f"This refund has a status of {refund['status']} and cannot change.", param="refund")
    before = refund["status"]
    refund["status"] = status
    refund.pop("pending_reason", None)
    charge = world.get("charge", refund["charge"])
    if status in ("failed", "canceled"):
        refund["failure_balance_transaction"] = _give_back(world, charge, refund)["id"]
        refund["failure_reason"] = reason if status == "failed" else "merchant_request"
    world.save(refund)
    _count(world, charge, -refund["amount"] if status in ("failed", "canceled") else 0, refund)
    world.emit("refund.updated", refund, {"status": before})
    world.emit("charge.refund.updated", refund, {"status": before})
    if status == "failed":
        world.emit("refund.failed", refund)
    return refund


def _give_back(world: World, charge: Body, refund: Body) -> Body:
    return balance_transactions.book(
        world,
        amount=refund["amount"],
        currency=refund["currency"],
        source=refund["id"],
        type="refund_failure",
        description=f"REFUND FAILURE FOR CHARGE ({charge['id']})",
        available_after=balance_transactions.waits_with(world, charge["balance_transaction"]),
    )


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
    if not disputes.is_refundable(world, charge["id"]):
        message = f"Charge {charge['id']} has been charged back; cannot issue a refund."
        raise invalid(message, code="charge_disputed")
    return charge


def _new_refund(world: World, charge: Body, amount: int, params: Checked) -> Body:
    refund_id = new_id("re")
    movement = balance_transactions.book(
        world,
        amount=-amount,
        currency=charge["currency"],
        source=refund_id,
        type="payment_refund" if is_delayed(charge) else "refund",
        reporting_category="refund",
        description=f"REFUND FOR CHARGE ({charge['id']})",
        available_after=balance_transactions.waits_with(world, charge["balance_transaction"]),
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
            "destination_details": _destination(charge),
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


def _destination(charge: Body) -> Body:
    if is_delayed(charge):
        return {"eu_bank_transfer": {"reference": None, "reference_status": "pending"}, "type": "eu_bank_transfer"}
    card = {
        "reference": None,
        "reference_status": "pending",
        "reference_type": "acquirer_reference_number",
        "type": "refund",
    }
    return {"card": card, "type": "card"}


def _cancel(world: World, params: Checked, ids: Sequence[str]) -> Body:
    refund = world.get("refund", ids[0])
    if refund["status"] != "requires_action":
        raise invalid("You can only cancel a refund that requires action by the customer.")
    return end(world, refund, "canceled")


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
    Operation("POST", "refunds/{}/cancel", EXPAND, _cancel),
)  # fmt: skip
