"""Charges: the emulator's record of every attempt to take money, and the balance it moves."""

from __future__ import annotations

from collections.abc import Sequence

from storefront.sandbox import balance_transactions
from storefront.sandbox.balance_transactions import AVAILABLE_AFTER_SECONDS, NOW
from storefront.sandbox.cards import BYPASS_PENDING, Card, Decline
from storefront.sandbox.charge_objects import (
    card_details,
    card_outcome,
    charge_body,
    debit_details,
    debit_outcome,
    is_held,
)
from storefront.sandbox.operations import Operation, filters, list_page, retrieving
from storefront.sandbox.params import EXPAND, PAGE, Checked, Email, Metadata, Text, When, not_emulated_names
from storefront.sandbox.store import Body
from storefront.sandbox.world import World, merged_metadata


def new_charge(
    world: World, intent: Body, method: Body, card: Card, *, decline: Decline | None, is_authenticated: bool
) -> Body:
    """Try to take an intent's amount from a card: a charge that succeeded, was authorised, or failed."""
    charge = charge_body(
        world,
        intent,
        method,
        status="succeeded" if decline is None else "failed",
        outcome=card_outcome(card, decline),
        details=card_details(world, intent, method, is_authenticated=is_authenticated),
    )
    if decline is not None:
        charge.update(failure_code=decline.code, failure_message=decline.message)
    world.insert(charge)
    if decline is None and not is_held(intent):
        _book(world, charge, intent["amount"])
    world.emit("charge.failed" if decline else "charge.succeeded", charge)
    return charge


def new_debit(world: World, intent: Body, method: Body, mandate: str | None) -> Body:
    """Order money from a bank account: a pending charge, whose bank answers days later."""
    charge = charge_body(
        world, intent, method, status="pending", outcome=debit_outcome(), details=debit_details(method, mandate)
    )
    world.insert(charge)
    world.emit("charge.pending", charge)
    return charge


def settle_debit(world: World, charge_id: str) -> Body:
    """The money of a pending debit has come."""
    charge = world.get("charge", charge_id)
    charge.update(status="succeeded", paid=True)
    _book(world, charge, charge["amount"])
    world.emit("charge.succeeded", charge)
    return charge


def fail_debit(world: World, charge_id: str, decline: Decline) -> Body:
    """The bank of a pending debit refused; no money has moved."""
    charge = world.get("charge", charge_id)
    charge.update(status="failed", failure_code=decline.code, failure_message=decline.message)
    world.save(charge)
    world.emit("charge.failed", charge)
    return charge


def capture(world: World, charge_id: str, amount: int) -> Body:
    """Take ``amount`` minor units of an authorised charge for good."""
    charge = world.get("charge", charge_id)
    _book(world, charge, amount)
    world.emit("charge.captured", charge)
    return charge


def release(world: World, charge_id: str, *, event: str = "charge.refunded") -> Body:
    """Give an authorisation back to the card; no money has moved. ``event`` tells: refunded, or expired."""
    charge = world.get("charge", charge_id)
    charge.update(amount_refunded=charge["amount"], refunded=True)
    world.save(charge)
    world.emit(event, charge)
    return charge


def is_delayed(charge: Body) -> bool:
    """Whether the money came by a delayed method: Stripe calls its movements "payment" instead of "charge"."""
    return bool(charge["payment_method_details"]["type"] != "card")


def _book(world: World, charge: Body, amount: int) -> None:
    is_at_once = world.records.hidden(charge["payment_method"]).get("number") == BYPASS_PENDING
    movement = balance_transactions.book(
        world,
        amount=amount,
        fee=balance_transactions.processing_fee(world, amount, charge["currency"]),
        currency=charge["currency"],
        source=charge["id"],
        type="payment" if is_delayed(charge) else "charge",
        description=charge["description"],
        reporting_category="charge",
        available_after=NOW if is_at_once else AVAILABLE_AFTER_SECONDS,
    )
    charge.update(captured=True, amount_captured=amount, balance_transaction=movement["id"])
    world.save(charge)


def _list(world: World, params: Checked, ids: Sequence[str]) -> Body:
    conditions = filters(params, "customer", "payment_intent", "transfer_group")
    return list_page(world, "charge", params, url="/v1/charges", conditions=conditions)


def _update(world: World, params: Checked, ids: Sequence[str]) -> Body:
    charge = world.get("charge", ids[0])
    before = dict(charge)
    if "metadata" in params:
        charge["metadata"] = merged_metadata(charge["metadata"], params["metadata"])
    for member in ("description", "receipt_email", "transfer_group"):
        if member in params:
            charge[member] = params[member]
    world.save(charge)
    changed = {member: before[member] for member in charge if charge[member] != before[member]}
    if changed:
        world.emit("charge.updated", charge, changed)
    return charge


OPERATIONS = (
    Operation("GET", "charges", {
        "created": When(), "customer": Text(), "payment_intent": Text(), "transfer_group": Text(), **PAGE,
    }, _list),
    Operation("GET", "charges/{}", EXPAND, retrieving("charge")),
    Operation("POST", "charges/{}", {
        "description": Text(1_000, clearable=True),
        "metadata": Metadata(),
        "receipt_email": Email(clearable=True),
        "transfer_group": Text(500),
        **not_emulated_names("customer", "fraud_details", "shipping"),
        **EXPAND,
    }, _update),
)  # fmt: skip
