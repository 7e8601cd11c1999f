"""The record of what a privileged person or key did: who, what, about which object, in the commit that did it."""

from collections.abc import Mapping
from typing import Any

import msgspec

from storefront.core.commit.plan import Insert, Steps
from storefront.core.ids import new_id


def record_action(
    steps: Steps, action: str, *, actor: str, about: str, facts: Mapping[str, Any], now: int, wall: int
) -> None:
    """Add an audit row such as ``grant.made``; ``now`` is business time, ``wall`` the machine's (ms)."""
    row = {
        "id": new_id("act"),
        "actor": actor,
        "action": action,
        "about": about,
        "facts": msgspec.json.encode(facts).decode(),
        "occurred_at": now,
        "recorded_at": wall,
    }
    steps.add(Insert("audit_actions", (str(row["id"]),), None, row))
