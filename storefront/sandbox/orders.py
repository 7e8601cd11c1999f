"""The orders to misbehave, as the control API and the file of a start give them."""

from __future__ import annotations

from typing import Literal

import msgspec

from storefront.sandbox.sandbox import Sandbox


class WebhookMode(msgspec.Struct, forbid_unknown_fields=True):
    """How the next events are delivered."""

    mode: Literal["normal", "hold", "drop", "duplicate", "before_reply"]
    times: int | None = None


class Misbehave(msgspec.Struct, forbid_unknown_fields=True):
    """A fault for the next requests, or a mode for the next webhooks, or both."""

    fault: Literal["lose_request", "lose_reply", "status", "delay", "truncate", "rate_limit"] | None = None
    on: str = "*"
    times: int = 1
    status: int = 500
    seconds: float = 0.0
    after: bool = False
    webhooks: WebhookMode | None = None
    clear: bool = False

    async def apply(self, sandbox: Sandbox) -> None:
        """Take the order from now on."""
        if self.clear:
            sandbox.faults.clear()
            await sandbox.set_webhooks("normal")
        if self.fault is not None:
            sandbox.misbehave(
                self.fault,
                self.on,
                times=self.times,
                status=self.status,
                seconds=self.seconds,
                after=self.after,
            )
        if self.webhooks is not None:
            await sandbox.set_webhooks(self.webhooks.mode, self.webhooks.times)
