"""Idempotency keys: one intention of one caller, told apart by the hash of its canonical body."""

import hashlib
from collections.abc import Awaitable, Mapping
from typing import Any

import msgspec
from sqlalchemy import bindparam, select

from storefront.core.commit.outcome import Answer, KeyReused
from storefront.core.commit.plan import IdempotencyKey
from storefront.core.errors import StorefrontError
from storefront.core.reading import PointReader, Query
from storefront.core.tables import idempotency

RECORD = Query(
    select(idempotency).where(
        idempotency.c.caller == bindparam("caller"),
        idempotency.c.operation == bindparam("operation"),
        idempotency.c.key == bindparam("key"),
    )
)


def idempotency_key(caller: str, operation: str, key: str, body: Mapping[str, Any]) -> IdempotencyKey:
    """Make the key of one request. ``operation`` is the route's template; members may come in any order."""
    canonical = msgspec.json.encode(body, order="deterministic")
    return IdempotencyKey(caller, operation, key, hashlib.sha256(canonical).digest())


async def answered_before(
    reader: PointReader, key: IdempotencyKey, work: Awaitable[tuple[Answer, bool]]
) -> tuple[Answer, bool]:
    """Do the work of a one-commit operation, which returns its answer and whether that is a replay.

    What would be refused now may have been answered before, when it was not yet so: a retry gets that answer.

    Raises:
        KeyReused: the key was answered for another body.
    """
    try:
        return await work
    except StorefrontError:
        record = await reader.first(RECORD, caller=key.caller, operation=key.operation, key=key.key)
        if record is None or record["state"] != "answered":
            raise
        if record["fingerprint"] != key.fingerprint:
            raise KeyReused from None
        return Answer(record["status"], record["body"]), True
