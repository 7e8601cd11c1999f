"""What `POST /v1/checkout/sessions` takes, as a table."""

from __future__ import annotations

from storefront.sandbox.params import (
    EXPAND,
    Choice,
    Each,
    Email,
    Flag,
    Integer,
    Metadata,
    NotEmulated,
    Object,
    Refused,
    Required,
    Table,
    Text,
    Url,
    not_emulated_names,
    words,
)

METHOD_TYPES = words(
    "acss_debit affirm afterpay_clearpay alipay alma amazon_pay au_becs_debit bacs_debit bancontact billie bizum blik "
    "boleto card cashapp crypto customer_balance eps fpx giropay grabpay ideal kakao_pay klarna konbini kr_card link "
    "mb_way mobilepay multibanco naver_pay nz_bank_account oxxo p24 pay_by_bank payco paynow paypal paypay payto pix "
    "promptpay revolut_pay samsung_pay satispay scalapay sepa_debit sequra sofort sunbit swish twint upi "
    "us_bank_account wechat_pay zip"
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

_METHOD_OPTIONS: Table = {
    "card": Object({
        "request_three_d_secure": Choice(("any", "automatic", "challenge")),
        **not_emulated_names(
            "capture_method", "installments", "request_extended_authorization", "request_incremental_authorization",
            "request_multicapture", "request_overcapture", "restrictions", "setup_future_usage",
            "statement_descriptor_suffix_kana", "statement_descriptor_suffix_kanji",
        ),
    }),
    **not_emulated_names(*(name for name in [*METHOD_TYPES, "demo_pay"] if name != "card")),
}  # fmt: skip

CREATE: Table = {
    "adaptive_pricing": _OFF,
    "allow_promotion_codes": Flag(),
    "allowed_payment_method_types": Each(Choice(METHOD_TYPES)),
    "automatic_tax": _OFF,
    "billing_address_collection": Choice(("auto", "required")),
    "cancel_url": Url(),
    "client_reference_id": Text(200),
    "currency": Text(3),
    "customer": Text(),
    "customer_creation": Choice(("always", "if_required")),
    "customer_email": Email(),
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
    "payment_method_options": Object(_METHOD_OPTIONS),
    "payment_method_types": Refused(
        "payment_method_types_no_longer_supported",
        "The parameter `payment_method_types` is no longer supported. Use dynamic payment methods, "
        "`allowed_payment_method_types` or `excluded_payment_method_types` instead.",
    ),
    "phone_number_collection": _OFF,
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
        "customer_update",
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
        "setup_intent_data",
        "shipping_address_collection",
        "shipping_options",
        "subscription_data",
        "wallet_options",
    ),
    **EXPAND,
}
