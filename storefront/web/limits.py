"""Rate limits: token buckets in memory, one integer each.

A bucket is kept as the time at which it will be full again (GCRA), in nanoseconds; taking a token moves
that time by one interval. A bucket that would be full is not kept: two generations of a dictionary are
rotated once per refill time, so idle callers cost nothing, and at ``MAX_BUCKETS`` the least recently seen
generation is dropped, so a million addresses cannot fill the memory.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from storefront.core.config import DEFAULT_RATE_LIMITS
from storefront.core.config.model import RateLimit, RateLimitPer
from storefront.core.principals import Principal, Role
from storefront.networks import network_of
from storefront.web.errors import RateLimited

MAX_BUCKETS = 100_000


class Buckets:
    """All buckets of one limit, by the text that names their owner."""

    __slots__ = ("_capacity_ns", "_fresh", "_interval_ns", "_max", "_old", "_rotate_at", "limit", "name")

    def __init__(self, name: str, limit: RateLimit, *, max_buckets: int = MAX_BUCKETS) -> None:
        self.name = name
        self.limit = limit
        self._interval_ns = limit.period_seconds * 1_000_000_000 // limit.rate
        self._capacity_ns = self._interval_ns * limit.burst
        self._max = max(1, max_buckets // 2)
        self._fresh: dict[str, int] = {}
        self._old: dict[str, int] = {}
        self._rotate_at = 0

    def __len__(self) -> int:
        return len(self._fresh) + len(self._old)

    def take(self, owner: str, now_ns: int) -> int:
        """Take a token; return 0, or how many nanoseconds the owner must wait for one."""
        full_at = self._fresh.get(owner)
        if full_at is None:
            if now_ns >= self._rotate_at or len(self._fresh) >= self._max:
                self._rotate(now_ns)
            full_at = self._old.get(owner, now_ns)
        full_at = (full_at if full_at > now_ns else now_ns) + self._interval_ns
        if full_at - now_ns <= self._capacity_ns:
            self._fresh[owner] = full_at
            return 0
        return full_at - now_ns - self._capacity_ns

    def give_back(self, owner: str) -> None:
        """Give back a token that was taken: what it was taken for has not come to pass."""
        for generation in (self._fresh, self._old):
            if owner in generation:
                generation[owner] -= self._interval_ns
                return

    def _rotate(self, now_ns: int) -> None:
        # Whoever stays in the old generation for a whole refill time has a full bucket: forgetting it is exact.
        self._old = self._fresh
        self._fresh = {}
        self._rotate_at = now_ns + self._capacity_ns


@dataclass(frozen=True, slots=True)
class _Rules:
    """The buckets of one class, by who is asking."""

    customer: tuple[Buckets, ...]
    key: tuple[Buckets, ...]
    address: tuple[Buckets, ...]


@dataclass(slots=True)
class RateLimiter:
    """Decides whether a request may go on; ``nanoseconds`` is a monotonic clock.

    A ``customer`` limit counts session holders, a ``key`` limit secret and operator keys, an ``address``
    limit only strangers (a publishable key counts as a stranger): players behind one router share
    nothing once they are signed in. All limits of a class must have room.
    """

    limits: Mapping[str, Sequence[RateLimit]] = field(default_factory=lambda: DEFAULT_RATE_LIMITS)
    nanoseconds: Callable[[], int] = time.monotonic_ns
    max_buckets: int = MAX_BUCKETS
    _rules: dict[str, _Rules] = field(init=False)
    _failed: tuple[Buckets, ...] = field(init=False)

    def __post_init__(self) -> None:
        self._rules = {
            name: _Rules(**{per.value: self._buckets(name, limits, per) for per in RateLimitPer})
            for name, limits in self.limits.items()
        }
        self._failed = self._buckets("failed_sign_in", self.limits.get("sign_in", ()), RateLimitPer.ADDRESS)

    def check(self, limit_class: str, principal: Principal, address: str) -> None:
        """Take a token for this request; raises ``RateLimited``."""
        rules = self._rules.get(limit_class)
        if rules is None:
            return
        if principal.customer_id is not None:
            several, owner = rules.customer, principal.customer_id
        elif principal.role is Role.PUBLIC:
            several, owner = rules.address, network_of(address)
        else:
            several, owner = rules.key, principal.caller
        if several:
            self._take(several, owner)

    def failed_sign_in(self, address: str) -> None:
        """Count a dead credential against its address; raises ``RateLimited`` when there were too many.

        The address limits of the class ``sign_in`` apply. Good credentials are never held up by this.
        """
        self._take(self._failed, network_of(address))

    def take_guess(self, customer_id: str, address: str | None) -> Callable[[], None]:
        """Take a token for a code that somebody types in, and return what gives it back once it was no wrong guess.

        The limits of the class ``promo_code`` apply per customer, and per network where an address is given: unlike
        elsewhere also to who is signed in, because whoever guesses has many accounts. A token is taken before the
        code is looked at, so that many guesses at the same time are no way around. Raises ``RateLimited``.
        """
        rules = self._rules.get("promo_code")
        if rules is None:
            return lambda: None
        owners = [(buckets, customer_id) for buckets in rules.customer]
        owners += [] if address is None else [(buckets, network_of(address)) for buckets in rules.address]
        now, taken = self.nanoseconds(), list[tuple[Buckets, str]]()
        for buckets, owner in owners:
            wait = buckets.take(owner, now)
            if wait:
                _give_back(taken)
                raise _exceeded(buckets, wait)
            taken.append((buckets, owner))
        return lambda: _give_back(taken)

    def __len__(self) -> int:
        """Return how many buckets are kept."""
        every = [self._failed, *(part for rules in self._rules.values() for part in (rules.customer, rules.key))]
        every.extend(rules.address for rules in self._rules.values())
        return sum(len(buckets) for part in every for buckets in part)

    def _take(self, several: tuple[Buckets, ...], owner: str) -> None:
        now = self.nanoseconds()
        for buckets in several:
            wait = buckets.take(owner, now)
            if wait:
                raise _exceeded(buckets, wait)

    def _buckets(self, name: str, limits: Sequence[RateLimit], per: RateLimitPer) -> tuple[Buckets, ...]:
        return tuple(Buckets(name, limit, max_buckets=self.max_buckets) for limit in limits if limit.per == per)


def _give_back(taken: Sequence[tuple[Buckets, str]]) -> None:
    for buckets, owner in taken:
        buckets.give_back(owner)


def _exceeded(buckets: Buckets, wait_ns: int) -> RateLimited:
    seconds = -(-wait_ns // 1_000_000_000)
    limit = buckets.limit
    return RateLimited(
        f"At most {limit.rate} requests per {limit.period_seconds} s are answered here; wait {seconds} s.",
        retry_after_seconds=seconds,
        headers={
            "RateLimit-Policy": f'"{buckets.name}";q={limit.rate};w={limit.period_seconds}',
            "RateLimit": f'"{buckets.name}";r=0;t={seconds}',
        },
    )
