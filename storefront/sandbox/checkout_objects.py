"""The shapes of a fresh checkout session and its lines."""

from __future__ import annotations

from storefront.sandbox.currencies import checked_currency
from storefront.sandbox.errors import invalid
from storefront.sandbox.params import Checked, missing
from storefront.sandbox.store import Body
from storefront.sandbox.world import World, merged_metadata, new_id


def new_line(world: World, line: Checked, index: int) -> Body:
    """One line of a session with its price; ``index`` names it in refusals.

    Raises:
        ApiError: no price, no quantity, or a currency that cannot be charged.
    """
    param = f"line_items[{index}]"
    if "price_data" not in line:
        raise missing(f"{param}[price_data]")
    if "quantity" not in line:
        raise invalid(f"Quantity is required. Add `quantity` to `{param}`", param=f"{param}[quantity]")
    price, product = line["price_data"], line["price_data"].get("product_data")
    if product is None:
        raise missing(f"{param}[price_data][product_data]")
    if "unit_amount" not in price:
        raise missing(f"{param}[price_data][unit_amount]")
    currency = checked_currency(price["currency"], f"{param}[price_data][currency]")
    total = price["unit_amount"] * line["quantity"]
    return {
        "id": new_id("li"),
        "object": "item",
        "adjustable_quantity": None,
        "amount_discount": 0,
        "amount_subtotal": total,
        "amount_tax": 0,
        "amount_total": total,
        "currency": currency,
        "description": product["name"],
        "metadata": merged_metadata({}, line.get("metadata")),
        "price": _price(world, price, currency),
        "quantity": line["quantity"],
    }


def _price(world: World, price: Checked, currency: str) -> Body:
    return {
        "id": new_id("price"),
        "object": "price",
        "active": False,
        "billing_scheme": "per_unit",
        "created": world.now,
        "currency": currency,
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": None,
        "metadata": {},
        "nickname": None,
        "product": new_id("prod", 14),
        "recurring": None,
        "tax_behavior": price.get("tax_behavior", "unspecified"),
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "one_time",
        "unit_amount": price["unit_amount"],
        "unit_amount_decimal": str(price["unit_amount"]),
    }


def new_session(
    world: World, params: Checked, *, expires_at: int, customer: Body | None, currency: str, total: int
) -> Body:
    """An open session for ``total`` minor units; nothing is stored yet."""
    session_id = new_id("cs_test", 58)
    email = customer["email"] if customer else params.get("customer_email")
    return {
        "id": session_id,
        "object": "checkout.session",
        **_same_for_all(),
        "allow_promotion_codes": params.get("allow_promotion_codes"),
        "allowed_payment_method_types": params.get("allowed_payment_method_types") or None,
        "amount_subtotal": total,
        "amount_total": total,
        "billing_address_collection": params.get("billing_address_collection"),
        "cancel_url": params.get("cancel_url"),
        "client_reference_id": params.get("client_reference_id"),
        "created": world.now,
        "currency": currency,
        "customer": customer["id"] if customer else None,
        "customer_creation": None if customer else params.get("customer_creation", "if_required"),
        "customer_details": customer_details(email) if email else None,
        "customer_email": params.get("customer_email"),
        "excluded_payment_method_types": params.get("excluded_payment_method_types") or None,
        "expires_at": expires_at,
        "integration_identifier": params.get("integration_identifier"),
        "locale": params.get("locale"),
        "metadata": merged_metadata({}, params.get("metadata")),
        "origin_context": params.get("origin_context"),
        "payment_method_options": params.get("payment_method_options") or {},
        "payment_status": "unpaid" if total else "no_payment_required",
        "submit_type": params.get("submit_type"),
        "success_url": params["success_url"],
        "url": f"{world.public_url}/pay/{session_id}",
    }


def _same_for_all() -> Body:
    """The members that are alike in every fresh session: what is not emulated is off or null."""
    return {
        "adaptive_pricing": {"enabled": False},
        "after_expiration": None,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "branding_settings": None,
        "client_secret": None,
        "collected_information": {"business_name": None, "individual_name": None, "shipping_details": None},
        "consent": None,
        "consent_collection": None,
        "currency_conversion": None,
        "custom_fields": [],
        "custom_text": dict.fromkeys(("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")),
        "customer_account": None,
        "discounts": [],
        "invoice": None,
        "invoice_creation": {
            "enabled": False,
            "invoice_data": {
                "account_tax_ids": None,
                "custom_fields": None,
                "description": None,
                "footer": None,
                "issuer": None,
                "metadata": {},
                "rendering_options": None,
            },
        },
        "livemode": False,
        "managed_payments": None,
        "mode": "payment",
        "payment_intent": None,
        "payment_link": None,
        "payment_method_collection": "if_required",
        "payment_method_configuration_details": None,
        "payment_method_types": ["card"],
        "permissions": None,
        "phone_number_collection": {"enabled": False},
        "recovered_from": None,
        "saved_payment_method_options": None,
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": "open",
        "subscription": None,
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "wallet_options": None,
    }


def customer_details(email: str | None) -> Body:
    """What a session knows about its buyer."""
    return {
        "address": None,
        "business_name": None,
        "email": email,
        "individual_name": None,
        "name": None,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    }
