"""What we read of Stripe's objects that appear in many places; all else in them is forgotten."""

from typing import Any, Literal

import msgspec

from storefront.core.gateways import GatewayFailed, SavedMethod
from storefront.core.gateways.stripe.translating import Refusal

_READ = frozenset({"card", "sepa_debit", "us_bank_account", "bacs_debit"})


class Outcome(msgspec.Struct):
    """What Radar and the network said of a charge."""

    type: str | None = None
    reason: str | None = None
    network_status: str | None = None
    risk_level: str | None = None
    risk_score: int | None = None


class MethodDetails(msgspec.Struct):
    """What a charge says of the method it was made with, under the type's own name."""

    type: str | None = None
    card: dict[str, Any] | None = None
    sepa_debit: dict[str, Any] | None = None
    us_bank_account: dict[str, Any] | None = None
    bacs_debit: dict[str, Any] | None = None

    @property
    def own(self) -> dict[str, Any]:
        """What the type says of itself; nothing for types that we do not read."""
        found: dict[str, Any] | None = getattr(self, self.type, None) if self.type in _READ else None
        return found or {}


class Charge(msgspec.Struct, tag_field="object", tag="charge"):
    id: str
    amount: int
    currency: str
    amount_refunded: int = 0
    disputed: bool = False
    outcome: Outcome | None = None
    payment_method_details: MethodDetails | None = None


class PaymentMethod(msgspec.Struct, tag_field="object", tag="payment_method"):
    """A payment method; what its type says of itself (``card``, ``sepa_debit``) is under the type's own name."""

    id: str
    type: str
    customer: str | None = None
    card: dict[str, Any] | None = None
    sepa_debit: dict[str, Any] | None = None
    us_bank_account: dict[str, Any] | None = None
    bacs_debit: dict[str, Any] | None = None

    def as_saved(self) -> SavedMethod:
        details: dict[str, Any] = (getattr(self, self.type, None) if self.type in _READ else None) or {}
        month, year = details.get("exp_month"), details.get("exp_year")
        return SavedMethod(
            reference=self.id,
            kind=self.type,
            brand=_text(details.get("brand") or details.get("bank_name")),
            last4=_text(details.get("last4")),
            expires=f"{year:04d}-{month:02d}" if isinstance(month, int) and isinstance(year, int) else None,
            fingerprint=_text(details.get("fingerprint")),
            country=_text(details.get("country")),
        )


class RedirectToUrl(msgspec.Struct):
    url: str | None = None


class NextAction(msgspec.Struct):
    type: str
    redirect_to_url: RedirectToUrl | None = None


class Intent(msgspec.Struct, tag_field="object", tag="payment_intent"):
    """A payment intent, its latest charge and its method expanded."""

    id: str
    amount: int
    currency: str
    livemode: bool
    status: Literal[
        "requires_payment_method",
        "requires_confirmation",
        "requires_action",
        "processing",
        "requires_capture",
        "canceled",
        "succeeded",
    ]
    amount_received: int = 0
    customer: str | None = None
    last_payment_error: Refusal | None = None
    latest_charge: Charge | str | None = None
    metadata: dict[str, str] = msgspec.field(default_factory=dict)
    next_action: NextAction | None = None
    payment_method: PaymentMethod | str | None = None
    review: str | None = None

    @property
    def charge(self) -> Charge | None:
        return self.latest_charge if isinstance(self.latest_charge, Charge) else None

    @property
    def kept_method(self) -> SavedMethod | None:
        """What the payer allowed us to keep: a method that belongs to them by now."""
        method = self.payment_method
        if not isinstance(method, PaymentMethod) or method.customer is None:
            return None
        return method.as_saved()


def _text(value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise GatewayFailed("Stripe describes a payment method in a shape that we do not know.")
    return value
