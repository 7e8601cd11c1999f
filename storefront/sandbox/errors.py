"""Refusals in the shape that Stripe gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DOCS = "https://docs.stripe.com/error-codes/"

_PLAIN_MEMBERS = frozenset({"code", "doc_url", "message", "type"})
_STATE_CODES = frozenset(
    {"balance_insufficient", "charge_already_refunded", "charge_not_refundable", "payment_intent_unexpected_state"}
)


class ApiError(Exception):
    """One refusal: an HTTP status and the members of Stripe's ``error`` object."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        extra: Mapping[str, Any] | None = None,
        keeps_work: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.type = type
        self.code = code
        self.param = param
        self.extra = dict(extra or {})
        self.keeps_work = keeps_work  # what was written before the refusal stays: a declined attempt is a fact

    @property
    def is_kept(self) -> bool:
        """Whether an idempotency key keeps this answer: yes for what the work itself came to, no for bad input."""
        return self.status == 402 or self.code in _STATE_CODES

    def body(self) -> dict[str, Any]:
        """The JSON document; members without a value are left out, as Stripe does."""
        error: dict[str, Any] = {}
        if self.code:
            error["code"] = self.code
            error["doc_url"] = DOCS + self.code.replace("_", "-")
        error["message"] = self.message
        if self.param:
            error["param"] = self.param
        error["type"] = self.type
        error.update(self.extra)
        return {"error": error}


def invalid(message: str, *, param: str | None = None, code: str | None = None) -> ApiError:
    """A 400 that the caller can mend by changing the request."""
    return ApiError(400, message, code=code, param=param)


def attempt_failed(error: Mapping[str, Any], **objects: Any) -> ApiError:
    """402 for an attempt that a bank refused; ``error`` is the object's ``last_payment_error``, which stays."""
    extra = {name: value for name, value in error.items() if name not in _PLAIN_MEMBERS}
    return ApiError(
        402,
        error["message"],
        type=error["type"],
        code=error["code"],
        extra={**extra, **objects},
        keeps_work=True,
    )


def missing_object(noun: str, object_id: str, *, param: str = "id", status: int = 404) -> ApiError:
    """No such object: 404 in the address, 400 where a parameter names it."""
    return ApiError(status, f"No such {noun}: '{object_id}'", code="resource_missing", param=param)


def not_emulated(param: str) -> ApiError:
    """A parameter that Stripe knows and this emulator does not play: said aloud, never ignored."""
    message = f"The sandbox does not emulate the parameter '{param}'. Stripe itself would accept it."
    return ApiError(400, message, code="sandbox_not_emulated", param=param)


class SandboxLocked(RuntimeError):
    """Another emulator already has this database file open."""
