"""Idempotency keys: the first answer under a key is kept and given again, byte for byte."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from storefront.sandbox.errors import ApiError
from storefront.sandbox.forms import Tree
from storefront.sandbox.store import Records

KEPT_MS = 24 * 3600 * 1000
MOST_CHARACTERS = 255


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer as it went out."""

    status: int
    body: bytes
    request_id: str
    is_replayed: bool = False


def digest(parameters: Tree) -> str:
    """A name for a request's parameters; their order does not matter."""
    return hashlib.sha256(json.dumps(parameters, sort_keys=True).encode()).hexdigest()


def check_key(key: str) -> None:
    """Refuse a key that Stripe would not keep."""
    if len(key) > MOST_CHARACTERS:
        raise ApiError(400, f"Idempotency keys can be at most {MOST_CHARACTERS} characters.", type="idempotency_error")


def kept_reply(records: Records, key: str, operation: str, parameters: str, now_ms: int) -> Reply | None:
    """The answer kept under ``key``, if the request is the same and less than a day old.

    Raises:
        ApiError: the key was used for other parameters, or at another address.
    """
    row = records.connection.execute(
        "SELECT operation, parameters, status, body, request_id FROM idempotency WHERE key = ? AND created_ms > ?",
        (key, now_ms - KEPT_MS),
    ).fetchone()
    if row is None:
        return None
    if row[0] != operation:
        raise ApiError(
            400,
            f"Keys for idempotent requests can only be used for the same endpoint they were first used for "
            f"('{operation}' vs '{row[0]}'). Try using a key other than '{key}' if you meant to execute a different "
            "request.",
            type="idempotency_error",
        )
    if row[1] != parameters:
        raise ApiError(
            400,
            "Keys for idempotent requests can only be used with the same parameters they were first used with. "
            f"Try using a key other than '{key}' if you meant to execute a different request.",
            type="idempotency_error",
        )
    return Reply(status=row[2], body=row[3], request_id=row[4], is_replayed=True)


def keep_reply(records: Records, key: str, *, operation: str, parameters: str, reply: Reply, now_ms: int) -> None:
    """Keep an answer under its key, in the transaction of the work itself."""
    records.connection.execute(
        "INSERT OR REPLACE INTO idempotency VALUES (?, ?, ?, ?, ?, ?, ?)",
        (key, operation, parameters, reply.status, reply.body, reply.request_id, now_ms),
    )


def key_in_use() -> ApiError:
    """The refusal while an earlier request with the same key is still at work."""
    return ApiError(
        409,
        "There is currently another in-progress request using this Idempotent Key (that probably means you submitted "
        "twice, and the other request is still going through). Please try again later.",
        type="idempotency_error",
        code="idempotency_key_in_use",
    )
