"""A refund in words, where it is asked for."""

from storefront.console.words import money
from storefront.core.purchasing import read_purchase
from storefront.core.typed_amounts import read_amount
from storefront.panels import Asking


async def refund_words(asking: Asking) -> str:
    """Return what a refund does to whom: "Refund €1.99 to cleo"."""
    row = await read_purchase(asking.services, asking.path["id"])
    customer, typed = await asking.services.customers.external_id(row["customer_id"]), asking.form.get("amount")
    if typed is None:
        return f"Refund what is left of {money(asking, row['total'], row['currency'])} to {customer}"
    amount = read_amount(asking.services.catalogs.active, typed, row["currency"])
    return f"Refund {money(asking, amount, row['currency'])} to {customer}"
