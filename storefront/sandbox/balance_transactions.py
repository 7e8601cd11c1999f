"""Balance transactions: every movement of the shop's balance at the gateway, with its fee."""

from __future__ import annotations

from collections.abc import Sequence

from storefront.sandbox.operations import Operation, filters, list_page, retrieving
from storefront.sandbox.params import EXPAND, PAGE, Checked, Text, When, not_emulated_names
from storefront.sandbox.store import Body
from storefront.sandbox.world import World, new_id

AVAILABLE_AFTER_SECONDS = 2 * 24 * 3600


def processing_fee(amount: int) -> int:
    """2.9 % and 30 minor units, rounded half up: what a charge of ``amount`` costs the shop."""
    return (amount * 29 + 500) // 1000 + 30


def book(
    world: World,
    *,
    amount: int,
    fee: int,
    currency: str,
    source: str,
    type: str,
    description: str | None,
    reporting_category: str | None = None,
    fee_description: str = "Processing fees",
) -> Body:
    """Record one movement; ``amount`` is signed, ``fee`` is what the gateway keeps of it.

    ``reporting_category`` is the type's own name unless told otherwise (``dispute`` of an ``adjustment``).
    """
    details = [
        {"amount": fee, "application": None, "currency": currency, "description": fee_description,
         "type": "stripe_fee"}
    ] if fee else []  # fmt: skip
    return world.insert(
        {
            "id": new_id("txn"),
            "object": "balance_transaction",
            "amount": amount,
            "available_on": world.now + AVAILABLE_AFTER_SECONDS,
            "balance_type": "payments",
            "created": world.now,
            "currency": currency,
            "description": description,
            "exchange_rate": None,
            "fee": fee,
            "fee_details": details,
            "net": amount - fee,
            "reporting_category": reporting_category or type,
            "source": source,
            "status": "pending",
            "type": type,
        }
    )


def _list(world: World, params: Checked, ids: Sequence[str]) -> Body:
    conditions = filters(params, "currency", "source", "type")
    return list_page(world, "balance_transaction", params, url="/v1/balance_transactions", conditions=conditions)


OPERATIONS = (
    Operation("GET", "balance_transactions", {
        "created": When(), "currency": Text(3), "source": Text(), "type": Text(), **PAGE,
        **not_emulated_names("payout"),
    }, _list),
    Operation("GET", "balance_transactions/{}", EXPAND, retrieving("balance_transaction")),
)  # fmt: skip
