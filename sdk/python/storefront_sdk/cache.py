"""The cached customer state: what may be answered from memory, and for how long.

A state is good until ``fresh_until``, reckoned with the server's time and the monotonic clock since, so a
wrong local clock changes nothing. A mutation's answer is merged when the cache holds the version that it
began from; otherwise the next read fetches.
"""

import time
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

STALE_AFTER_SECONDS = 60.0


class Policy(StrEnum):
    """Where an answer may come from."""

    CACHE_ONLY = "cache_only"
    FETCH = "fetch"
    CACHED_OR_FETCHED = "cached_or_fetched"
    NOT_STALE = "not_stale"


class StateCache:
    """One customer's state in memory."""

    def __init__(self) -> None:
        self.document: dict[str, Any] | None = None
        self.etag: str | None = None
        self._server_time = 0.0
        self._seen_at = 0.0
        self._is_outdated = False

    @property
    def version(self) -> int | None:
        """The last version that was seen, to be sent with requests."""
        return None if self.document is None else int(self.document["version"])

    def put(self, document: dict[str, Any], etag: str | None) -> None:
        """Keep a fetched state, unless a newer one is there already."""
        if self.document is not None and _order(document) < _order(self.document):
            return
        self.document = document
        self.etag = etag
        self.confirm(document["server_time"])
        self._is_outdated = False

    def confirm(self, server_time: str | None = None) -> None:
        """Note that the server has just said that the state is right."""
        if server_time is not None:
            self._server_time = _seconds(server_time)
        else:
            self._server_time = self._now()
        self._seen_at = time.monotonic()

    def merge(self, change: Mapping[str, Any]) -> None:
        """Merge the ``customer`` member of a mutation's answer."""
        if self.document is None or change.get("version") in (None, 0):
            return
        if change["version"] <= self.document["version"]:
            return
        if change.get("from_version") != self.document["version"]:
            self._is_outdated = True
            return
        changed = change.get("changed", {})
        merged = {**self.document, "version": change["version"]}
        for name in ("wallets", "entitlements"):
            merged[name] = {**merged[name], **changed.get(name, {})}
        touched = {item["sku"]: item for item in changed.get("items", ())}
        kept = [item for item in merged["items"] if item["sku"] not in touched]
        merged["items"] = kept + [item for item in touched.values() if item["quantity"] > 0]
        self.document = merged
        self.etag = None

    def invalidate(self) -> None:
        """Fetch before the next answer."""
        self._is_outdated = True

    def may_answer(self, policy: Policy) -> bool:
        """Tell whether the cached state may answer under this policy."""
        if self.document is None:
            return False
        if policy is Policy.CACHE_ONLY:
            return True
        if policy is Policy.FETCH or self._is_outdated or self._has_lapsed():
            return False
        return policy is Policy.CACHED_OR_FETCHED or time.monotonic() - self._seen_at < STALE_AFTER_SECONDS

    def _has_lapsed(self) -> bool:
        assert self.document is not None, "asked with a state only"
        fresh_until = self.document["fresh_until"]
        return fresh_until is not None and self._now() >= _seconds(fresh_until)

    def _now(self) -> float:
        return self._server_time + (time.monotonic() - self._seen_at)


def _order(document: Mapping[str, Any]) -> tuple[int, str]:
    return (document["version"], document["as_of"])


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
