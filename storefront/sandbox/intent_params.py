"""What the operations on payment intents take, as tables."""

from __future__ import annotations

from storefront.sandbox.method_params import DATA, METHOD_TYPES, OPTIONS
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
)

MANDATE_DATA = Object({
    "customer_acceptance": Required(Object({
        "accepted_at": Integer(),
        "online": Object({"ip_address": Text(), "user_agent": Text()}),
        "type": Required(Choice(("offline", "online"))),
        **not_emulated_names("offline"),
    })),
}, clearable=True)  # fmt: skip
AUTOMATIC = Object({"allow_redirects": Choice(("always", "never")), "enabled": Required(Flag())})
_OFF_SESSION = Choice(("true", "false", "one_off", "recurring"))
_CAPTURE_METHOD = Choice(("automatic", "automatic_async", "manual"))
_USAGE = Choice(("off_session", "on_session"))

_METHODS: Table = {
    "allowed_payment_method_types": Each(Choice(METHOD_TYPES)),
    "excluded_payment_method_types": Each(Choice(METHOD_TYPES)),
    "payment_method": Text(),
    "payment_method_data": DATA,
    "payment_method_options": Object(OPTIONS),
    "payment_method_types": NO_METHOD_TYPES,
}
_CONFIRMING: Table = {
    "error_on_requires_action": Flag(),
    "mandate_data": MANDATE_DATA,
    "off_session": _OFF_SESSION,
    "return_url": Url(),
    "use_stripe_sdk": Flag(),
    **not_emulated_names("confirmation_token", "mandate", "radar_options"),
}
_LABELS: Table = {
    "description": Text(1_000, clearable=True),
    "metadata": Metadata(),
    "receipt_email": Email(clearable=True),
    "statement_descriptor": Text(22, clearable=True),
    "statement_descriptor_suffix": Text(22, clearable=True),
    "transfer_group": Text(500),
}
_ELSEWHERE = not_emulated_names("amount_details", "hooks", "payment_details", "shipping")
_CONNECT = not_emulated_names("application_fee_amount", "transfer_data")

CREATE: Table = {
    "amount": Required(Integer(1)),
    "automatic_payment_methods": AUTOMATIC,
    "capture_method": _CAPTURE_METHOD,
    "confirm": Flag(),
    "confirmation_method": Choice(("automatic", "manual")),
    "currency": Required(Text(3)),
    "customer": Text(),
    "setup_future_usage": _USAGE,
    **_METHODS,
    **_CONFIRMING,
    **_LABELS,
    **_ELSEWHERE,
    **_CONNECT,
    **not_emulated_names("customer_account", "on_behalf_of", "payment_method_configuration"),
    **EXPAND,
}
CONFIRM: Table = {
    "capture_method": _CAPTURE_METHOD,
    "receipt_email": Email(clearable=True),
    "setup_future_usage": _USAGE,
    **_METHODS,
    **_CONFIRMING,
    **_ELSEWHERE,
    **not_emulated_names("amount_to_confirm"),
    **EXPAND,
}
UPDATE: Table = {
    "amount": Integer(1),
    "capture_method": _CAPTURE_METHOD,
    "currency": Text(3),
    "customer": Text(),
    "setup_future_usage": _USAGE,
    **_METHODS,
    **_LABELS,
    **_ELSEWHERE,
    **_CONNECT,
    **not_emulated_names("customer_account", "payment_method_configuration"),
    **EXPAND,
}
CAPTURE: Table = {
    "amount_to_capture": Integer(1),
    "final_capture": NotEmulated(harmless=("true",)),
    "metadata": Metadata(),
    "statement_descriptor": Text(22, clearable=True),
    "statement_descriptor_suffix": Text(22, clearable=True),
    **not_emulated_names("amount_details", "hooks", "payment_details"),
    **_CONNECT,
    **EXPAND,
}
CANCEL: Table = {
    "cancellation_reason": Choice(("duplicate", "fraudulent", "requested_by_customer", "abandoned")),
    **EXPAND,
}
CAPTURE_CHARGE: Table = {
    "amount": Integer(1),
    **not_emulated_names(
        "application_fee", "application_fee_amount", "receipt_email", "statement_descriptor",
        "statement_descriptor_suffix", "transfer_data", "transfer_group",
    ),
    **EXPAND,
}  # fmt: skip
