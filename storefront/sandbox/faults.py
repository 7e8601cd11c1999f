"""Misbehaviour on demand: what the next matching requests of the API will suffer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Fault(Enum):
    """What goes wrong, seen from the caller."""

    LOSE_REQUEST = "lose_request"  # the connection drops and nothing was done
    LOSE_REPLY = "lose_reply"  # the work is done and committed, then the connection drops
    STATUS = "status"  # an error status; nothing was done unless `after`
    DELAY = "delay"  # a pause before the work, or after it with `after`
    HANG = "hang"  # no reply, and the connection drops at last; nothing was done unless `after`
    DRIP = "drip"  # the work is done, and the reply comes in small pieces
    TRUNCATE = "truncate"  # the work is done, half of the reply arrives
    ALTER = "alter"  # the work is done, and the reply tells of it otherwise
    RATE_LIMIT = "rate_limit"  # 429 and nothing was done


@dataclass(slots=True)
class Rule:
    """One order to misbehave: for the next ``times`` requests that match ``on``.

    ``seconds`` is how long a pause, a silence or a slow reply takes; ``code`` and ``retry_after`` (seconds) belong to
    a 429; ``members`` gives what an altered reply says under these names, wherever they stand in it.
    """

    fault: Fault
    on: str
    times: int = 1
    status: int = 500
    seconds: float = 0.0
    after: bool = False
    code: str = "rate_limit"
    retry_after: int | None = None
    members: Mapping[str, Any] = field(default_factory=dict)

    def altered(self, document: Any) -> Any:
        """The document as an altered reply tells it."""
        if isinstance(document, list):
            return [self.altered(part) for part in document]
        if not isinstance(document, dict):
            return document
        return {
            name: self.members[name] if name in self.members else self.altered(part) for name, part in document.items()
        }

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
