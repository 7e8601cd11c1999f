"""Whether a paid tip comes on screen by itself: decided in the commit that pays for it, under the creator's queue.

A sender whom the creator has blocked does not; nor does a tip beyond ``moderation.max_per_minute``. Their money is
taken all the same. A sender is a fan; of fans whom nobody knows, also all who give from one network.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from storefront.core.clock import MINUTE_MS
from storefront.core.commit.apply import LateView
from storefront.core.commit.plan import Insert, Key, Steps
from storefront_fanfunding.accounts import queue_anchor
from storefront_fanfunding.rows import BLOCKS, PACES

LINKS, WORDS, OFTEN, BLOCKED = "links", "words", "often", "blocked"
"""Why a tip is held."""


def block_key(creator_id: str, customer_id: str) -> Key:
    """Name the row that is there while a creator has blocked a fan."""
    return Key(BLOCKS, (creator_id, customer_id), queue_anchor(creator_id))


def pace_key(creator_id: str) -> Key:
    """Name the row of who came on a creator's screen in the last minute."""
    return Key(PACES, (creator_id,), queue_anchor(creator_id))


def network_sender(creator_id: str, network: str) -> str:
    """Return what a network is called in a creator's pace: the address itself is not kept."""
    return hashlib.sha256(f"{creator_id} {network}".encode()).hexdigest()[:32]


def admit(view: LateView, steps: Steps, tip: Mapping[str, Any]) -> dict[str, Any]:
    """Return a tip's ``is_held`` and ``held_for`` as they are to be; note a tip that comes on screen."""
    creator_id = tip["creator_id"]
    if view.row(block_key(creator_id, tip["customer_id"])) is not None:
        return {"is_held": 1, "held_for": BLOCKED}
    decided = {"is_held": tip["is_held"], "held_for": tip["held_for"]}
    most = tip["max_per_minute"]
    if tip["is_held"] or most is None:
        return decided
    key, now = pace_key(creator_id), view.moment.now
    recent = _recent(view.row(key), now)
    senders = [one for one in (tip["customer_id"], tip["sender"]) if one is not None]
    if any(len(recent.get(sender, ())) >= most for sender in senders):
        return {"is_held": 1, "held_for": OFTEN}
    for sender in senders:
        recent[sender] = [*recent.get(sender, ()), now]
    row = {"creator_id": creator_id, "recent": msgspec.json.encode(recent).decode()}
    steps.add(Insert(PACES, key.id, queue_anchor(creator_id), row, replace=True))
    return decided


def _recent(row: Mapping[str, Any] | None, now: int) -> dict[str, list[int]]:
    """Return sender -> when tips of theirs came on screen, as far as that is less than a minute ago."""
    told: dict[str, list[int]] = {} if row is None else msgspec.json.decode(row["recent"])
    found = {sender: [time for time in times if time > now - MINUTE_MS] for sender, times in told.items()}
    return {sender: times for sender, times in found.items() if times}
