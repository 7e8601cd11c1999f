"""Idempotency keys: one intention of one caller, told apart by the hash of its canonical body."""

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from storefront.core.commit.plan import IdempotencyKey


def idempotency_key(caller: str, operation: str, key: str, body: Mapping[str, Any]) -> IdempotencyKey:
    """Make the key of one request. ``operation`` is the route's template; members may come in any order."""
    canonical = msgspec.json.encode(body, order="deterministic")
    return IdempotencyKey(caller, operation, key, hashlib.sha256(canonical).digest())
