"""Rows of ``jobs``: work that a plan makes due, under a key that keeps the same work from being due twice."""

from collections.abc import Mapping
from typing import Any

import msgspec

from storefront.core.accounts import Account

HOLD_EXPIRE = "hold.expire"
ITEM_EXPIRE = "item.expire"
LOT_LAPSE = "lot.lapse"


def job_row(
    kind: str, *, anchor: str, unique_key: str, due_at: int, now: int, payload: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a waiting job that is due at ``due_at`` (business ms)."""
    return {
        "id": f"job:{unique_key}",
        "unique_key": unique_key,
        "anchor": anchor,
        "kind": kind,
        "payload": msgspec.json.encode(payload).decode(),
        "state": "waiting",
        "due_at": due_at,
        "attempts": 0,
        "lease_until": 0,
        "last_error": None,
        "created_at": now,
    }


def hold_job_id(hold_id: str) -> str:
    """Return the id of the job that ends a hold."""
    return f"job:{hold_key(hold_id)}"


def hold_key(hold_id: str) -> str:
    return f"{HOLD_EXPIRE}:{hold_id}"


def lapse_job_id(account: Account, expires_at: int) -> str:
    """Return the id of the job that lapses a wallet's lots of one expiry."""
    return f"job:{lapse_key(account, expires_at)}"


def lapse_key(account: Account, expires_at: int) -> str:
    return f"{LOT_LAPSE}:{account.id}:{expires_at}"
