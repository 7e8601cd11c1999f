"""What may go wrong between the shop and its gateway, as orders to the emulator or as another way to reach it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

HASTY_SECONDS = 0.4
"""For how long the gateway is waited for while it is in trouble."""
STUCK_SECONDS = 0.8


@dataclass(frozen=True, slots=True)
class Trouble:
    """One fault. ``order`` is for the emulator, without place and number; ``webhooks`` is how it delivers meanwhile;
    ``base`` is where the gateway is looked for instead."""

    name: str
    order: Mapping[str, Any] = field(default_factory=dict)
    webhooks: Mapping[str, Any] | None = None
    base: str | None = None


ALL = (
    Trouble("timeout_before", {"fault": "lose_request", "seconds": STUCK_SECONDS}),
    Trouble("timeout_after_success", {"fault": "lose_reply", "seconds": STUCK_SECONDS}),
    Trouble("timeout_and_done_later", {"fault": "delay", "seconds": STUCK_SECONDS}),
    Trouble("reset_before", {"fault": "lose_request"}),
    Trouble("reset_after_success", {"fault": "lose_reply", "manner": "reset"}),
    Trouble("rate_limit", {"fault": "rate_limit", "retry_after": 1}),
    Trouble("lock_timeout", {"fault": "lock_timeout"}),
    Trouble("500", {"fault": "status", "status": 500}),
    Trouble("500_after_success", {"fault": "status", "status": 500, "after": True}),
    Trouble("502", {"fault": "status", "status": 502}),
    Trouble("503", {"fault": "status", "status": 503}),
    Trouble("truncated", {"fault": "truncate"}),
    Trouble("other_amount", {"fault": "other_amount"}),
    Trouble("other_currency", {"fault": "other_currency"}),
    Trouble("unknown_status", {"fault": "unknown_status"}),
    Trouble("slow_drip", {"fault": "drip", "seconds": STUCK_SECONDS}),
    Trouble("duplicate_id", {"fault": "duplicate_id"}, webhooks={"mode": "duplicate"}),
    Trouble("skewed_signatures", webhooks={"mode": "skew", "seconds": 3600.0}),
    Trouble("dns", base="http://gateway.invalid"),
    Trouble("tls", base="https://127.0.0.1"),
)
