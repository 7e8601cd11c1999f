"""The shape of a dispute, and what its evidence may hold."""

from __future__ import annotations

from storefront.sandbox.params import Email, Table, Text, not_emulated_names, words
from storefront.sandbox.store import Body
from storefront.sandbox.world import World, new_id

_FIELDS = words(
    "access_activity_log billing_address cancellation_policy cancellation_policy_disclosure cancellation_rebuttal "
    "customer_communication customer_email_address customer_name customer_purchase_ip customer_signature "
    "duplicate_charge_documentation duplicate_charge_explanation duplicate_charge_id product_description receipt "
    "refund_policy refund_policy_disclosure refund_refusal_explanation service_date service_documentation "
    "shipping_address shipping_carrier shipping_date shipping_documentation shipping_tracking_number "
    "uncategorized_file uncategorized_text"
)
_FILES = words(
    "cancellation_policy customer_communication customer_signature duplicate_charge_documentation receipt "
    "refund_policy service_documentation shipping_documentation uncategorized_file"
)
EVIDENCE: Table = {
    **{name: Text(20_000, clearable=True) for name in _FIELDS if name not in _FILES},
    "customer_email_address": Email(clearable=True),
    **not_emulated_names(*_FILES, "enhanced_evidence"),
}
_NETWORK_CODES = {
    "fraudulent": "10.4", "product_not_received": "13.1", "product_unacceptable": "13.3", "duplicate": "12.6",
    "credit_not_processed": "13.6", "subscription_canceled": "13.2", "unrecognized": "10.4", "general": "13.7",
}  # fmt: skip
REASONS = tuple(_NETWORK_CODES)


def new_dispute(world: World, charge: Body, *, amount: int, reason: str, status: str, due_by: int) -> Body:
    """A fresh dispute of ``amount`` minor units; nothing is stored yet."""
    is_inquiry = status.startswith("warning_")
    code = _NETWORK_CODES.get(reason)
    method = charge["payment_method_details"]
    details = {
        "card": {
            "brand": method["card"]["brand"],
            "case_type": "inquiry" if is_inquiry else "chargeback",
            "network": method["card"]["network"],
            "network_reason_code": code,
        },
        "type": "card",
    } if method["type"] == "card" else None  # fmt: skip
    return {
        "id": new_id("du"),
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": world.now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(_FIELDS), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": due_by,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "intended_submission_method": None,
        "is_charge_refundable": is_inquiry,
        "livemode": False,
        "metadata": {},
        "network_reason_code": code,
        "payment_intent": charge["payment_intent"],
        "payment_method_details": details,
        "reason": reason,
        "status": status,
    }


def evidence_details(dispute: Body, *, is_sent: bool) -> Body:
    """The details after evidence came in, staged or sent."""
    details: Body = {**dispute["evidence_details"]}
    details["has_evidence"] = any(dispute["evidence"][name] for name in _FIELDS)
    if is_sent:
        details["submission_count"] += 1
        details["submission_method"] = "manual"
    return details
