"""How a call of a payment gateway can fail, and a webhook that is not what it says."""

from typing import ClassVar

from storefront.core.errors import StorefrontError, Unauthorized


class GatewayFailed(StorefrontError):
    code = "gateway_failed"
    title = "The payment gateway could not do this"


class Declined(GatewayFailed):
    code = "payment_declined"
    title = "The payment was declined"

    def __init__(
        self, detail: str = "", *, kind: str, reason: str, reference: str | None = None, purchase: str | None = None
    ) -> None:
        super().__init__(detail, reason=reason, **({} if purchase is None else {"purchase": purchase}))
        self.kind = kind
        self.reason = reason
        self.reference = reference


class ActionRequired(GatewayFailed):
    code = "action_required"
    title = "The payer must confirm this payment"

    def __init__(self, url: str | None = None, *, reference: str | None = None) -> None:
        super().__init__(**({} if url is None else {"url": url}))
        self.url = url
        self.reference = reference


class GatewayUnavailable(GatewayFailed):
    code = "gateway_unavailable"
    title = "The payment gateway does not answer"
    retry_after_seconds: ClassVar[int] = 2


class OutcomeUnknown(GatewayFailed):
    code = "gateway_unavailable"
    title = "The payment gateway did not say what happened"
    retry_after_seconds: ClassVar[int] = 2


class GatewayRefused(GatewayFailed):
    code = "gateway_refused"
    title = "The payment gateway refused our request"


class BadSignature(Unauthorized):
    code = "bad_signature"
    title = "The webhook's signature is missing, wrong or too old"
