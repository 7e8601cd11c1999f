"""Every error the shop can answer with.

    StorefrontError
    ├── Invalid        the request is well-formed but cannot be meant (``errors`` points at the fields)
    ├── Unauthorized   no credential, or a dead one
    ├── Forbidden      the credential may not do this
    ├── NotFound       it is not there, or it is not yours: nobody can tell which
    ├── Conflict       it clashes with what already is
    ├── Refused        the shop says no: a fact about money, limits or rules
    ├── Unavailable    come back later (``retry_after_seconds``)
    └── GatewayFailed  see ``core/gateways``

A domain error lives beside its function, derives from one of these, sets a stable ``code`` and takes
facts as keywords; facts are shown to the caller, so nothing secret goes into them. The core knows no
status codes: ``web/errors.py`` holds the one table from category to status.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong field: a JSON pointer into the request body and what is wrong there."""

    pointer: str
    message: str


class StorefrontError(Exception):
    """Base of all errors that a caller may see; ``detail`` is written for them."""

    code: ClassVar[str] = "error"
    title: ClassVar[str] = "Something is wrong"

    def __init__(self, detail: str = "", **facts: Any) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.facts: Mapping[str, Any] = facts


class Invalid(StorefrontError):
    """A well-formed request that cannot be meant."""

    code = "invalid_request"
    title = "The request is not valid"

    def __init__(self, detail: str = "", *, errors: Sequence[FieldError] = (), **facts: Any) -> None:
        super().__init__(detail, **facts)
        self.errors = tuple(errors)


class Malformed(Invalid):
    """Bytes that are not what they claim to be (broken JSON, a bad idempotency key)."""

    code = "malformed_request"
    title = "The request could not be read"


class Unauthorized(StorefrontError):
    """No credential, or one that is unknown, expired or revoked."""

    code = "unauthorized"
    title = "A valid credential is needed"


class Forbidden(StorefrontError):
    """The credential is good but may not do this."""

    code = "forbidden"
    title = "This credential may not do that"


class NotFound(StorefrontError):
    """Not there, or not yours."""

    code = "not_found"
    title = "There is no such thing"


class Conflict(StorefrontError):
    """The request clashes with the present state."""

    code = "conflict"
    title = "That clashes with the present state"


class Refused(StorefrontError):
    """The shop says no, and says exactly why."""

    code = "refused"
    title = "The shop refuses"


class Unavailable(StorefrontError):
    """Nothing happened; the same request may be sent again."""

    code = "unavailable"
    title = "The shop cannot answer right now"

    def __init__(self, detail: str = "", *, retry_after_seconds: int = 1, **facts: Any) -> None:
        super().__init__(detail, **facts)
        self.retry_after_seconds = retry_after_seconds


class TooManyRequests(Unavailable):
    """A rate limit is exceeded."""

    code = "rate_limited"
    title = "Too many requests"
