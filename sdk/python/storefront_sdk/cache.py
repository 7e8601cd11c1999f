"""The cached customer state: what may be answered from memory, and for how long.

A state is good until ``fresh_until``, reckoned with the server's time and the monotonic clock since, so a
wrong local clock changes nothing. A mutation's answer is merged when the cache holds the version that it
began from; otherwise the next read fetches. All times here are in seconds since 1970.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from storefront_sdk.documents import seconds
from storefront_sdk.leases import StateLease

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


@dataclass(frozen=True, slots=True)
class Clock:
    """Tells the time in seconds: ``monotonic`` never goes back, ``wall`` is the machine's, since 1970."""

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time


class StateCache:
    """One customer's state in memory."""

    def __init__(self, clock: Clock | None = None, *, grace_seconds: float = 0.0) -> None:
        clock = clock or Clock()
        self.monotonic = clock.monotonic
        self._wall = clock.wall
        self._grace_seconds = grace_seconds
        self.document: dict[str, Any] | None = None
        self.etag: str | None = None
        self.is_fetched = False
        """Whether the state came from the server to this very client, and not from a storage."""
        self.lease: StateLease | None = None
        """What a lease that was proved says; the offline rule goes by it."""
        self.generation = 0
        """Counts what happened with unknown outcome: a fetch that began before tells nothing of it."""
        self._highest = 0.0
        self._noted = 0
        self._known_generation = 0
        self._server_time = 0.0
        self._server_time_at = 0.0
        self._asked_at = 0.0
        self._denials: dict[tuple[str, int], Mapping[str, Any]] = {}

    @property
    def version(self) -> int | None:
        """The last version that was seen or heard of, to be sent with requests; None before the first."""
        held = self.document["version"] if self.document is not None and self.is_fetched else 0
        return max(held, self._noted) or None

    def note(self, version: int) -> None:
        """Remember a version that was heard of: nobody is to answer with an older one."""
        self._noted = max(self._noted, version)

    def put(self, document: dict[str, Any], etag: str | None, *, asked_at: float, generation: int) -> bool:
        """Keep a fetched state, unless a newer one is there already; tell whether it was kept.

        ``asked_at`` and ``generation`` are those of the moment when the request was sent. The lease of the state before
        goes on until ``vouch`` says what the new one's is; a state without one ends it.
        """
        is_bound = self.is_fetched or self.lease is not None
        if is_bound and self.document is not None and _order(document) < _order(self.document):
            return False
        self.document, self.etag, self.is_fetched = document, etag, True
        if not document.get("lease"):
            self.lease = None
        # In a sandbox whose business time was moved, the state's own times run ahead of the machine's.
        self._server_time = max(seconds(document["server_time"]), seconds(document["as_of"]))
        self._server_time_at = asked_at
        self.confirm(asked_at=asked_at, generation=generation)
        return True

    def vouch(self, token: str, lease: StateLease | None) -> None:
        """Take what a lease says, once that is known (None: it is not right), if its state is still held."""
        if self.document is not None and self.document.get("lease") == token:
            self.lease = lease

    def restore(self, document: dict[str, Any], *, lease: StateLease | None, seen: float) -> None:
        """Take a state from a storage: it is shown, and says yes to nothing that ``lease`` does not vouch for."""
        self.document, self.lease, self.is_fetched = document, lease, False
        self.etag = None  # "unchanged" would tell neither the time nor a new lease
        self._known_generation = -1
        told = 0.0
        if lease is not None:
            told = max(seconds(lease.state["server_time"]), seconds(lease.state["as_of"]))
        self._highest = max(self._highest, seen, told)

    def confirm(self, *, asked_at: float, generation: int) -> None:
        """Note that the server has just said that the state is right."""
        self._asked_at = asked_at
        self._known_generation = max(self._known_generation, generation)
        self._denials.clear()

    def merge(self, change: Mapping[str, Any]) -> None:
        """Merge the ``customer`` member of a mutation's answer; one that is known already changes nothing."""
        version = change.get("version", 0)
        if self.document is None or not self.is_fetched:
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
        return self.is_fetched and self._known_generation == self.generation and not self._has_lapsed()

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
        """Return the right that is held and in force now, as the server told this client."""
        return _in_force(self.document, key, self.now(), 0.0) if self.is_fetched else None

    def offline_right(self, key: str) -> Mapping[str, Any] | None:
        """Return the right that the lease vouches for while nobody can be asked; rather denied than lent too long."""
        if self.lease is None:
            return None
        now, state = self.offline_now(), self.document if self.is_fetched else self.lease.state
        return _in_force(state, key, now, self._grace_seconds) if now < self.lease.until else None

    def denial(self, key: str, amount: int) -> Mapping[str, Any] | None:
        """Return the server's "no" to this question, if it was asked since the state last changed."""
        return self._denials.get((key, amount))

    @property
    def mark(self) -> tuple[int, int | None]:
        """What to remember of the state before asking something about it."""
        return self.generation, self.document["version"] if self.document is not None and self.is_fetched else None

    def keep_denial(self, key: str, amount: int, answer: Mapping[str, Any], *, mark: tuple[int, int | None]) -> None:
        """Remember a "no" for as long as the state stays what it was at ``mark``."""
        if mark == self.mark and self.is_good and len(self._denials) < _MOST_DENIALS:
            self._denials[(key, amount)] = answer

    def now(self) -> float:
        """Return the server's time in seconds since 1970, as reckoned here; rather late than early."""
        return self._server_time + (self.monotonic() - self._server_time_at)

    def offline_now(self) -> float:
        """Return the time by which leases end: an earlier local clock counts as the highest server time seen."""
        return max(self._wall(), self.seen)

    @property
    def seen(self) -> float:
        """The highest server time that was seen, also by earlier runs that kept it."""
        self._highest = max(self._highest, self.now() if self.is_fetched else 0.0)
        return self._highest

    def _has_lapsed(self) -> bool:
        assert self.document is not None, "asked with a state only"
        fresh_until = self.document["fresh_until"]
        is_over = fresh_until is not None and self.now() >= seconds(fresh_until)
        return is_over or (self.lease is not None and self.now() >= self.lease.until)


def _instants(changed: Mapping[str, Any]) -> Iterator[str | None]:
    """Find when something in a change will change by itself."""
    for wallet in changed.get("wallets", {}).values():
        yield from (part["at"] for part in wallet.get("expiring", ()))
    for item in changed.get("items", ()):
        yield item.get("expires_at")
    for right in changed.get("entitlements", {}).values():
        yield right.get("expires_at") if right["active"] else None


def _earliest(*times: str | None) -> str | None:
    return min((time_ for time_ in times if time_ is not None), key=seconds, default=None)


def _order(document: Mapping[str, Any]) -> tuple[int, float]:
    return (document["version"], seconds(document["as_of"]))


def _in_force(state: Mapping[str, Any] | None, key: str, now: float, grace: float) -> Mapping[str, Any] | None:
    right: Mapping[str, Any] | None = None if state is None else state["entitlements"].get(key)
    if right is None or not right["active"]:
        return None
    ends = right.get("expires_at")
    return right if ends is None or now < seconds(ends) + grace else None
