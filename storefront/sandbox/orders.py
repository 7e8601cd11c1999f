"""Orders to misbehave: as JSON to the control API, or as a YAML list that is read at the start."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec
import yaml

from storefront.sandbox.faults import Fault, Manner
from storefront.sandbox.sandbox import Sandbox


class WebhookMode(msgspec.Struct, forbid_unknown_fields=True):
    """How the next events are delivered; ``seconds`` is for ``late``, ``reorder`` and ``skew``."""

    mode: Literal["normal", "hold", "drop", "duplicate", "before_reply", "late", "reorder", "skew"]
    times: int | None = None
    seconds: float = 0.0
    types: list[str] | None = None


class Misbehave(msgspec.Struct, forbid_unknown_fields=True):
    """A fault for the next requests, or a mode for the next webhooks, or both."""

    fault: Fault | None = None
    on: str = "*"
    times: int = 1
    status: int = 500
    seconds: float = 0.0
    after: bool = False
    manner: Manner = Manner.CLOSE
    retry_after: int | None = None
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
                manner=self.manner,
                retry_after=self.retry_after,
            )
        if self.webhooks is not None:
            wanted = self.webhooks
            await sandbox.set_webhooks(wanted.mode, wanted.times, seconds=wanted.seconds, types=wanted.types)


def read_orders(path: Path) -> tuple[Misbehave, ...]:
    """The orders in a YAML file: a list of what ``POST /control/misbehave`` takes.

    Raises:
        ValueError: no such list; the message names the file and the place in it.
    """
    try:
        # All as text at first: YAML reads a bare `on` as true.
        listed = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 - makes text only
        return msgspec.convert(listed or (), tuple[Misbehave, ...], strict=False)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise ValueError(f"{path}: {error}") from error
