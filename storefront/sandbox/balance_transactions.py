"""Balance transactions: every movement of an account's balance at the gateway, in the currency it settles in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from storefront.sandbox import exchange
from storefront.sandbox.errors import invalid
from storefront.sandbox.operations import Condition, Operation, filters, list_page, retrieving
from storefront.sandbox.params import EXPAND, PAGE, Checked, Choice, Text, When, words
from storefront.sandbox.store import Body
from storefront.sandbox.world import World, new_id

AVAILABLE_AFTER_SECONDS = 2 * 24 * 3600
NOW = 0  # ``available_after`` of what counts at once

# What Stripe's reports call each type that is not called by its own name.
# Source: docs.stripe.com/reports/reporting-categories and docs.stripe.com/reports/balance-transaction-types.
REPORTING_CATEGORIES: Mapping[str, str] = {
    "adjustment": "other_adjustment",
    "application_fee": "platform_earning",
    "application_fee_refund": "platform_earning_refund",
    "payment": "charge",
    "payment_failure_refund": "charge_failure",
    "payment_refund": "refund",
    "payment_reversal": "charge_failure",
    "payout_cancel": "payout_reversal",
    "payout_failure": "payout_reversal",
    "stripe_fee": "fee",
    "stripe_fx_fee": "fee",
    "tax_fee": "tax",
    "transfer_cancel": "transfer_reversal",
    "transfer_failure": "transfer_reversal",
    "transfer_refund": "transfer_reversal",
}
TYPES = words(
    "adjustment advance advance_funding anticipation_repayment application_fee application_fee_refund charge "
    "climate_order_purchase climate_order_refund connect_collection_transfer contribution fee_credit_funding "
    "inbound_transfer inbound_transfer_reversal issuing_authorization_hold issuing_authorization_release "
    "issuing_dispute issuing_dispute_provisional_credit issuing_dispute_provisional_credit_reversal "
    "issuing_transaction obligation_outbound obligation_reversal_inbound payment payment_failure_refund "
    "payment_network_reserve_hold payment_network_reserve_release payment_refund payment_reversal "
    "payment_unreconciled payout payout_cancel payout_failure payout_minimum_balance_hold "
    "payout_minimum_balance_release refund refund_failure reserve_hold reserve_release reserve_transaction "
    "reserved_funds stripe_balance_payment_debit stripe_balance_payment_debit_reversal stripe_fee stripe_fx_fee "
    "tax_fee tax_fund topup topup_reversal transfer transfer_cancel transfer_failure transfer_refund"
)


def processing_fee(world: World, amount: int, currency: str) -> int:
    """What taking a payment costs: 2.9 % and 30 minor units of the currency that it settles in, rounded half up."""
    settled = exchange.convert(world, amount, currency).amount
    return (settled * 29 + 500) // 1000 + 30


def waits_with(world: World, movement_id: str | None) -> int:
    """In how many seconds an earlier movement becomes available: what undoes it counts from then on."""
    movement = world.records.find("balance_transaction", movement_id or "")
    return max(NOW, movement["available_on"] - world.now) if movement else NOW


def book(
    world: World,
    *,
    amount: int,
    currency: str,
    source: str | None,
    type: str,
    description: str | None,
    fee: int = 0,
    fee_description: str = "Stripe processing fees",
    reporting_category: str | None = None,
    available_after: int = AVAILABLE_AFTER_SECONDS,
) -> Body:
    """Record one movement of the acting account's balance.

    ``amount`` is signed, in minor units of ``currency``, and is converted at today's rate where that does not
    settle as itself. ``fee`` is what the gateway keeps of it, in minor units of the **settlement** currency.
    ``available_after`` counts seconds.
    """
    settled = exchange.convert(world, amount, currency)
    details = [
        {"amount": fee, "application": None, "currency": settled.currency, "description": fee_description,
         "type": "stripe_fee"}
    ] if fee else []  # fmt: skip
    return world.insert(
        {
            "id": new_id("txn"),
            "object": "balance_transaction",
            "amount": settled.amount,
            "available_on": world.now + available_after,
            "balance_type": "payments",
            "created": world.now,
            "currency": settled.currency,
            "description": description,
            "exchange_rate": settled.exchange_rate,
            "fee": fee,
            "fee_details": details,
            "net": settled.amount - fee,
            "reporting_category": reporting_category or REPORTING_CATEGORIES.get(type, type),
            "source": source,
            "status": "pending" if available_after else "available",
            "type": type,
        }
    )


def _list(world: World, params: Checked, ids: Sequence[str]) -> Body:
    conditions = filters(params, "source", "type")
    if "currency" in params:
        conditions.extend(filters({"currency": params["currency"].lower()}, "currency"))
    if "payout" in params:
        conditions.append(_in_payout(world, params["payout"]))
    return list_page(world, "balance_transaction", params, url="/v1/balance_transactions", conditions=conditions)


def _in_payout(world: World, payout_id: str) -> Condition:
    """The condition that an automatic payout paid a movement out; the payout's own movement is among them."""
    payout = world.get("payout", payout_id, param="payout")
    if not payout["automatic"]:
        message = "Balance transaction history can only be filtered on automatic payouts, not manual."
        raise invalid(message, param="payout")
    if payout["reconciliation_status"] != "completed":
        message = f"The transactions of payout {payout_id} are not put together yet. Wait for its reconciliation."
        raise invalid(message, param="payout", code="payout_reconciliation_not_ready")
    return ("json_extract(hidden, '$.payout') = ?", payout_id)


OPERATIONS = (
    Operation("GET", "balance_transactions", {
        "created": When(),
        "currency": Text(3),
        "payout": Text(),
        "source": Text(),
        "type": Choice(TYPES),
        **PAGE,
    }, _list),
    Operation("GET", "balance_transactions/{}", EXPAND, retrieving("balance_transaction")),
)  # fmt: skip
