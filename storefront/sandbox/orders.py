"""The orders to misbehave, as the control API and the file of a start give them."""

from __future__ import annotations

from typing import Any, Literal

import msgspec


class WebhookMode(msgspec.Struct, forbid_unknown_fields=True):
    """How the next events are delivered."""

    mode: Literal["normal", "hold", "drop", "duplicate", "before_reply"]
    times: int | None = None


class Misbehave(msgspec.Struct, forbid_unknown_fields=True):
    """A fault for the next requests, or a mode for the next webhooks, or both."""

    fault: (
        Literal["lose_request", "lose_reply", "status", "delay", "hang", "drip", "truncate", "alter", "rate_limit"] | None
    ) = None
    on: str = "*"
    times: int = 1
    status: int = 500
    seconds: float = 0.0
    after: bool = False
    code: Literal["rate_limit", "lock_timeout"] = "rate_limit"
    retry_after: int | None = None
    members: dict[str, Any] = {}
    webhooks: WebhookMode | None = None
    clear: bool = False
