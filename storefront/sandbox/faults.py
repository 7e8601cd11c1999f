"""Misbehaviour on demand: what the next matching requests of the API will suffer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum


class Fault(Enum):
    """What goes wrong, seen from the caller."""

    LOSE_REQUEST = "lose_request"  # nothing was done, nothing is answered: silence for `seconds`, then a drop
    LOSE_REPLY = "lose_reply"  # the work is done and committed, nothing is answered: silence, then a drop
    STATUS = "status"  # an error status; nothing was done unless `after`
    DELAY = "delay"  # a pause before the work, or after it with `after`
    TRUNCATE = "truncate"  # the work is done, half of the reply arrives
    DRIP = "drip"  # the work is done, the reply takes `seconds` to arrive
    RATE_LIMIT = "rate_limit"  # 429 and nothing was done
    LOCK_TIMEOUT = "lock_timeout"  # 429: somebody else is at the object, nothing was done
    OTHER_AMOUNT = "other_amount"  # the work is done, the reply speaks of one minor unit more
    OTHER_CURRENCY = "other_currency"  # the work is done, the reply speaks of another currency
    UNKNOWN_STATUS = "unknown_status"  # the work is done, the reply has a status that nobody knows
    DUPLICATE_ID = "duplicate_id"  # the work is done, the reply has the id of an older object of its kind


class Manner(Enum):
    """How a connection ends that carries no reply."""

    CLOSE = "close"
    RESET = "reset"


@dataclass(slots=True)
class Rule:
    """One order to misbehave: for the next ``times`` requests that match ``on``.

    ``retry_after`` is what a 429 asks the caller to wait, in seconds.
    """

    fault: Fault
    on: str
    times: int = 1
    status: int = 500
    seconds: float = 0.0
    after: bool = False
    manner: Manner = Manner.CLOSE
    retry_after: int | None = None

    def matches(self, request: str) -> bool:
        """Whether a request line such as ``POST /v1/refunds`` is meant; ``*`` stands for one path segment or all."""
        if self.on == "*":
            return True
        return re.fullmatch(re.escape(self.on).replace(r"\*", "[^/]+"), request) is not None


class Faults:
    """The orders that are still open, oldest first. They live in memory: a restart forgets them."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []

    def add(self, rule: Rule) -> None:
        """Take one more order."""
        self._rules.append(rule)

    def clear(self) -> None:
        """Behave from now on."""
        self._rules.clear()

    def take(self, request: str) -> Rule | None:
        """The fault that this request suffers, used up by asking."""
        for rule in self._rules:
            if rule.matches(request):
                rule.times -= 1
                if rule.times <= 0:
                    self._rules.remove(rule)
                return rule
        return None
