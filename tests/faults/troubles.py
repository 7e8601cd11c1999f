"""What may go wrong between the shop and its gateway, as orders to the emulator or as another way to reach it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

HASTY_SECONDS = 0.4
"""For how long the gateway is waited for while it is in trouble."""
STUCK_SECONDS = 0.8

OTHER_AMOUNT = 77
AMOUNTS = ("amount", "amount_total", "amount_subtotal", "amount_received", "amount_captured")


@dataclass(frozen=True, slots=True)
class Trouble:
    """One fault. ``order`` is for the emulator, without place and number; ``base`` is where the gateway is looked for
    instead; ``copies_an_id`` tells of another object's id in the reply; ``skews_signatures`` of the gateway's clock.
    """

    name: str
    order: Mapping[str, Any] = field(default_factory=dict)
    base: str | None = None
    copies_an_id: bool = False
    skews_signatures: bool = False

    @property
    def is_lie(self) -> bool:
        """Whether a reply comes that says something else than what happened."""
        return self.copies_an_id or self.order.get("fault") == "alter"

    def order_for(self, on: str, times: int, known_id: str) -> dict[str, Any]:
        """Return what to tell the emulator about the next ``times`` requests; ``known_id`` is another object's."""
        order = {"fault": "alter", "members": {"id": known_id}} if self.copies_an_id else dict(self.order)
        return {**order, "on": on, "times": times} if order else {}


ALL = (
    Trouble("timeout_before", {"fault": "hang", "seconds": STUCK_SECONDS}),
    Trouble("timeout_after_success", {"fault": "hang", "seconds": STUCK_SECONDS, "after": True}),
    Trouble("timeout_and_done_later", {"fault": "delay", "seconds": STUCK_SECONDS}),
    Trouble("reset_before", {"fault": "lose_request"}),
    Trouble("reset_after_success", {"fault": "lose_reply"}),
    Trouble("rate_limit", {"fault": "rate_limit", "retry_after": 1}),
    Trouble("lock_timeout", {"fault": "rate_limit", "code": "lock_timeout"}),
    Trouble("500", {"fault": "status", "status": 500}),
    Trouble("500_after_success", {"fault": "status", "status": 500, "after": True}),
    Trouble("502", {"fault": "status", "status": 502}),
    Trouble("503", {"fault": "status", "status": 503}),
    Trouble("truncated", {"fault": "truncate"}),
    Trouble("other_amount", {"fault": "alter", "members": dict.fromkeys(AMOUNTS, OTHER_AMOUNT)}),
    Trouble("other_currency", {"fault": "alter", "members": {"currency": "eur"}}),
    Trouble("unknown_status", {"fault": "alter", "members": {"status": "half_done", "payment_status": "half_done"}}),
    Trouble("slow_drip", {"fault": "drip", "seconds": STUCK_SECONDS}),
    Trouble("duplicate_id", copies_an_id=True),
    Trouble("skewed_signatures", skews_signatures=True),
    Trouble("dns", base="http://gateway.invalid"),
    Trouble("tls", base="https://127.0.0.1"),
)
