"""What a checkout session may ask for: its mode, its ways to pay, its time, its customer."""

from __future__ import annotations

from storefront.sandbox.errors import invalid, not_emulated
from storefront.sandbox.params import Checked, missing
from storefront.sandbox.store import Body
from storefront.sandbox.world import World

LEAST_SECONDS = 30 * 60
MOST_SECONDS = 24 * 3600
_PAYMENT_ONLY = ("automatic_tax", "line_items", "payment_intent_data", "submit_type")


def check_mode(params: Checked) -> None:
    """Refuse what does not belong to the mode, and modes that are not played.

    Raises:
        ApiError: as Stripe says it.
    """
    if params["mode"] == "subscription":
        raise not_emulated("mode")
    if params.get("ui_mode", "hosted_page") != "hosted_page":
        raise not_emulated("ui_mode")
    if params["mode"] == "setup":
        for name in _PAYMENT_ONLY:
            if name in params:
                raise invalid(f"You can not pass `{name}` in `setup` mode.", param=name)
        if "currency" not in params:
            raise missing("currency")
    else:
        if not params.get("line_items"):
            raise missing("line_items")
        if "setup_intent_data" in params:
            raise invalid("You can not pass `setup_intent_data` in `payment` mode.", param="setup_intent_data")
    if "success_url" not in params:
        raise missing("success_url")
    if "payment_method_collection" in params:
        message = "You can only set `payment_method_collection` if there are recurring prices."
        raise invalid(message, param="payment_method_collection")


def method_types(params: Checked, currency: str) -> list[str]:
    """The ways to pay that the page offers: cards, and bank debits in euros that are captured at once.

    Raises:
        ApiError: the caller's filters leave none.
    """
    allowed = params.get("allowed_payment_method_types")
    excluded = params.get("excluded_payment_method_types") or []
    is_held = (params.get("payment_intent_data") or {}).get("capture_method") == "manual"
    played = ["card", "sepa_debit"] if currency == "eur" and not is_held else ["card"]
    types = [kind for kind in played if (not allowed or kind in allowed) and kind not in excluded]
    if not types:
        raise invalid(
            "No valid payment method types for this Checkout Session. The sandbox plays cards, and SEPA debits in EUR.",
            param="allowed_payment_method_types" if allowed else "excluded_payment_method_types",
        )
    return types


def expires_at(world: World, params: Checked) -> int:
    """The Unix second at which the session shall expire.

    Raises:
        ApiError: too soon or too late.
    """
    second: int = params.get("expires_at", world.now + MOST_SECONDS)
    if second < world.now + LEAST_SECONDS:
        message = "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation."
        raise invalid(message, param="expires_at")
    if second > world.now + MOST_SECONDS:
        message = "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation."
        raise invalid(message, param="expires_at")
    return second


def customer_of(world: World, params: Checked) -> Body | None:
    """The customer that the session is for, if the caller says so.

    Raises:
        ApiError: there is none, or other parameters contradict it.
    """
    customer = world.get("customer", params["customer"], param="customer") if "customer" in params else None
    if customer is None:
        if "customer_update" in params:
            raise invalid("`customer_update` can only be used with `customer`.", param="customer_update")
        return None
    if "customer_email" in params:
        message = "You may only specify one of these parameters: customer, customer_email."
        raise invalid(message, param="customer_email")
    if "customer_creation" in params:
        raise invalid("`customer_creation` cannot be used in conjunction with `customer`.", param="customer_creation")
    is_taxed = (params.get("automatic_tax") or {}).get("enabled", False)
    may_ask = (params.get("customer_update") or {}).get("address") == "auto"
    if is_taxed and not may_ask and not (customer["address"] or {}).get("country"):
        raise invalid(
            "Automatic tax calculation in Checkout requires a valid address on the Customer. Add a valid address to "
            "the Customer or set either `customer_update[address]` to 'auto' or `customer_update[shipping]` to 'auto' "
            "to save the address entered in Checkout to the Customer.",
            param="automatic_tax",
            code="customer_tax_location_invalid",
        )
    return customer
