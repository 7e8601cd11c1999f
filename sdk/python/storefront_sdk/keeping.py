"""Keeping a customer's state between runs: one text, with the lease that vouches for it and what was seen."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from storefront_sdk.models import CustomerState
from storefront_sdk.storage import Storage


@dataclass(frozen=True, slots=True)
class Kept:
    """What an earlier run has kept: the state, the highest server time that was seen, the shop's keys."""

    document: dict[str, Any]
    seen: float
    keys: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Store:
    """Where the states of one customer of one shop are kept."""

    storage: Storage
    customer: str
    key: str

    @classmethod
    def of(cls, storage: Storage, base_url: str, customer: str) -> "Store":
        return cls(storage, customer, f"storefront:{base_url.rstrip('/')}:{customer}")

    async def read(self) -> Kept | None:
        """Return what was kept of this customer; None for nothing, or for what is of another release, or cut."""
        text = await asyncio.to_thread(self.storage.get, self.key)
        kept = None if text is None else _kept(text)
        return kept if kept is not None and kept.document["customer"] == self.customer else None

    async def write(self, kept: Kept) -> None:
        text = json.dumps({"document": kept.document, "seen": kept.seen, "keys": kept.keys})
        await asyncio.to_thread(self.storage.set, self.key, text)


def _kept(text: str) -> Kept | None:
    try:
        found = json.loads(text)
        CustomerState.of(found["document"])
        return Kept(found["document"], float(found["seen"]), found.get("keys"))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
