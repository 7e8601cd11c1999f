"""What `POST /v1/checkout/sessions` takes, as a table."""

from __future__ import annotations

from storefront.sandbox.method_params import METHOD_TYPES, OPTIONS
from storefront.sandbox.params import (
    EXPAND,
    NO_METHOD_TYPES,
    Choice,
    Each,
    Email,
    Flag,
    Integer,
    Metadata,
    NotEmulated,
    Object,
    Required,
    Table,
    Text,
    Url,
    not_emulated_names,
    words,
)

LOCALES = words(
    "auto bg cs da de el en en-GB es es-419 et fi fil fr fr-CA hi-IN hr hu id it ja ko lt lv ms mt nb nl pl pt pt-BR "
    "ro ru sk sl sv th tr vi zh zh-HK zh-TW"
)

_OFF = NotEmulated(harmless=({"enabled": "false"},))

_LINE: Table = {
    "adjustable_quantity": _OFF,
    "metadata": Metadata(),
    "price_data": Object({
        "currency": Required(Text(3)),
        "product_data": Object({
            "description": Text(40_000),
            "images": Each(Url(), at_most=8),
            "metadata": Metadata(),
            "name": Required(Text(1_500)),
            "tax_code": Text(),
            "unit_label": Text(12),
            **not_emulated_names("tax_details"),
        }),
        "tax_behavior": Choice(("exclusive", "inclusive", "unspecified")),
        "unit_amount": Integer(0),
        **not_emulated_names("product", "recurring", "unit_amount_decimal"),
    }),
    "quantity": Integer(1, 999_999),
    **not_emulated_names("dynamic_tax_rates", "price", "tax_rates"),
}  # fmt: skip

_INTENT: Table = {
    "capture_method": Choice(("automatic", "automatic_async", "manual")),
    "description": Text(1_000),
    "metadata": Metadata(),
    "receipt_email": Email(),
    "setup_future_usage": Choice(("off_session", "on_session")),
    "statement_descriptor": Text(22),
    "statement_descriptor_suffix": Text(22),
    "transfer_group": Text(500),
    **not_emulated_names("application_fee_amount", "on_behalf_of", "shipping", "transfer_data"),
}

CREATE: Table = {
    "adaptive_pricing": _OFF,
    "allow_promotion_codes": Flag(),
    "allowed_payment_method_types": Each(Choice(METHOD_TYPES)),
    "automatic_tax": Object({"enabled": Required(Flag()), **not_emulated_names("liability")}),
    "billing_address_collection": Choice(("auto", "required")),
    "cancel_url": Url(),
    "client_reference_id": Text(200),
    "currency": Text(3),
    "customer": Text(),
    "customer_creation": Choice(("always", "if_required")),
    "customer_email": Email(),
    "customer_update": Object(dict.fromkeys(("address", "name", "shipping"), Choice(("auto", "never")))),
    "excluded_payment_method_types": Each(Choice(METHOD_TYPES)),
    "expires_at": Integer(),
    "integration_identifier": Text(200),
    "invoice_creation": _OFF,
    "line_items": Each(Object(_LINE)),
    "locale": Choice(LOCALES),
    "metadata": Metadata(),
    "mode": Required(Choice(("payment", "setup", "subscription"))),
    "origin_context": Choice(("mobile_app", "web")),
    "payment_intent_data": Object(_INTENT),
    "payment_method_collection": Choice(("always", "if_required")),
    "payment_method_options": Object(OPTIONS),
    "payment_method_types": NO_METHOD_TYPES,
    "phone_number_collection": _OFF,
    "setup_intent_data": Object({
        "description": Text(1_000), "metadata": Metadata(), **not_emulated_names("on_behalf_of"),
    }),
    "submit_type": Choice(("auto", "book", "donate", "pay", "subscribe")),
    "success_url": Url(),
    "tax_id_collection": _OFF,
    "ui_mode": Choice(("elements", "embedded_page", "form", "hosted_page")),
    **not_emulated_names(
        "after_expiration",
        "branding_settings",
        "consent_collection",
        "custom_fields",
        "custom_text",
        "customer_account",
        "discounts",
        "managed_payments",
        "name_collection",
        "optional_items",
        "payment_method_configuration",
        "payment_method_data",
        "permissions",
        "redirect_on_completion",
        "return_url",
        "saved_payment_method_options",
        "shipping_address_collection",
        "shipping_options",
        "subscription_data",
        "wallet_options",
    ),
    **EXPAND,
}  # fmt: skip
