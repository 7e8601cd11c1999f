"""The cached customer state: what may be answered from memory, and for how long.

A state is good until ``fresh_until``, reckoned with the server's time and the monotonic clock since, so a
wrong local clock changes nothing. A mutation's answer is merged when the cache holds the version that it
began from; otherwise the next read fetches.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

STALE_AFTER_SECONDS = 60.0
_MOST_DENIALS = 1_000


class Policy(StrEnum):
    """Where an answer may come from.

    ``cache_only`` never asks. ``fetch`` always asks. ``cached_or_fetched`` answers from memory until something
    is known to have changed; a state of more than a minute is answered too, and refreshed behind the scenes.
    ``not_stale`` asks again after that minute before it answers.
    """

    CACHE_ONLY = "cache_only"
    FETCH = "fetch"
    CACHED_OR_FETCHED = "cached_or_fetched"
    NOT_STALE = "not_stale"


class StateCache:
    """One customer's state in memory; ``monotonic`` counts seconds."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.monotonic = monotonic
        self.document: dict[str, Any] | None = None
        self.etag: str | None = None
        self.generation = 0
        """Counts what happened with unknown outcome: a fetch that began before tells nothing of it."""
        self._known_generation = 0
        self._server_time = 0.0
        self._server_time_at = 0.0
        self._asked_at = 0.0
        self._denials: dict[tuple[str, int], Mapping[str, Any]] = {}

    @property
    def version(self) -> int | None:
        """The last version that was seen, to be sent with requests."""
        return None if self.document is None else int(self.document["version"])

    def put(self, document: dict[str, Any], etag: str | None, *, asked_at: float, generation: int) -> None:
        """Keep a fetched state, unless a newer one is there already.

        ``asked_at`` and ``generation`` are those of the moment when the request was sent.
        """
        if self.document is not None and _order(document) < _order(self.document):
            return
        self.document, self.etag = document, etag
        # In a sandbox whose business time was moved, the state's own times run ahead of the machine's.
        self._server_time = max(_seconds(document["server_time"]), _seconds(document["as_of"]))
        self._server_time_at = asked_at
        self.confirm(asked_at=asked_at, generation=generation)

    def confirm(self, *, asked_at: float, generation: int) -> None:
        """Note that the server has just said that the state is right."""
        self._asked_at = asked_at
        self._known_generation = max(self._known_generation, generation)
        self._denials.clear()

    def merge(self, change: Mapping[str, Any]) -> None:
        """Merge the ``customer`` member of a mutation's answer; one that is known already changes nothing."""
        version = change.get("version", 0)
        if self.document is None:
            self.invalidate()  # a first fetch may be under way, and may have been answered before this change
            return
        if version <= self.document["version"]:
            return
        if change.get("from_version") != self.document["version"]:
            self.invalidate()
            return
        changed = change.get("changed", {})
        if any(right["source"]["type"] == "subscription" for right in changed.get("entitlements", {}).values()):
            self.invalidate()  # what a subscription gives is told whole by the state alone
            return
        merged = {**self.document, "version": version}
        for name in ("wallets", "entitlements"):
            merged[name] = {**merged[name], **changed.get(name, {})}
        touched = {item["instance"]: item for item in changed.get("items", ())}
        kept = [item for item in merged["items"] if item["instance"] not in touched]
        merged["items"] = kept + [item for item in touched.values() if item["quantity"] > 0]
        merged["fresh_until"] = _earliest(self.document["fresh_until"], *_instants(changed))
        self.document, self.etag = merged, None
        # It began from the version that is held: nothing else has happened until then.
        self._known_generation = self.generation
        self._denials.clear()

    def invalidate(self) -> None:
        """Fetch before the next answer: something may have changed."""
        self.generation += 1
        self._denials.clear()

    @property
    def is_good(self) -> bool:
        """Tell whether nothing in the state is known to have changed."""
        return self.document is not None and self._known_generation == self.generation and not self._has_lapsed()

    @property
    def is_stale(self) -> bool:
        """Tell whether the server was last asked more than a minute ago."""
        return self.monotonic() - self._asked_at >= STALE_AFTER_SECONDS

    def may_answer(self, policy: Policy) -> bool:
        """Tell whether the cached state may answer under this policy."""
        if policy is Policy.CACHE_ONLY:
            return self.document is not None
        if policy is Policy.FETCH or not self.is_good:
            return False
        return policy is Policy.CACHED_OR_FETCHED or not self.is_stale

    def right(self, key: str) -> Mapping[str, Any] | None:
        """Return the right that is held and in force now."""
        right: Mapping[str, Any] | None = None if self.document is None else self.document["entitlements"].get(key)
        if right is None or not right["active"]:
            return None
        ends = right.get("expires_at")
        return right if ends is None or self.now() < _seconds(ends) else None

    def denial(self, key: str, amount: int) -> Mapping[str, Any] | None:
        """Return the server's "no" to this question, if it was asked since the state last changed."""
        return self._denials.get((key, amount))

    @property
    def mark(self) -> tuple[int, int | None]:
        """What to remember of the state before asking something about it."""
        return self.generation, self.version

    def keep_denial(self, key: str, amount: int, answer: Mapping[str, Any], *, mark: tuple[int, int | None]) -> None:
        """Remember a "no" for as long as the state stays what it was at ``mark``."""
        if mark == self.mark and self.is_good and len(self._denials) < _MOST_DENIALS:
            self._denials[(key, amount)] = answer

    def now(self) -> float:
        """Return the server's time in seconds since 1970, as reckoned here; rather late than early."""
        return self._server_time + (self.monotonic() - self._server_time_at)

    def _has_lapsed(self) -> bool:
        assert self.document is not None, "asked with a state only"
        fresh_until = self.document["fresh_until"]
        return fresh_until is not None and self.now() >= _seconds(fresh_until)


def _instants(changed: Mapping[str, Any]) -> Iterator[str | None]:
    """Find when something in a change will change by itself."""
    for wallet in changed.get("wallets", {}).values():
        yield from (part["at"] for part in wallet.get("expiring", ()))
    for item in changed.get("items", ()):
        yield item.get("expires_at")
    for right in changed.get("entitlements", {}).values():
        yield right.get("expires_at") if right["active"] else None


def _earliest(*times: str | None) -> str | None:
    return min((time_ for time_ in times if time_ is not None), key=_seconds, default=None)


def _order(document: Mapping[str, Any]) -> tuple[int, float]:
    return (document["version"], _seconds(document["as_of"]))


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
