"""The sections ``meters``, ``usage`` and ``metering`` as the rest of the shop sees them, and what usage costs.

Everything is exact: a quantity is an integer of millionths (``MICRO``), a price an integer of millionths of the asset's
smallest unit, so a cost is an integer of 10^-12 (``PICO``) of the smallest unit. Both are part of the catalog version.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

MICRO = 1_000_000
PICO = MICRO * MICRO
LARGEST_VALUE = 10**9
"""The most that one event may say; with it the sums of a lifetime stay exact on every database."""


class Aggregation(StrEnum):
    """What a meter makes of the events of a period."""

    COUNT = "count"
    SUM = "sum"
    MAX = "max"
    UNIQUE = "unique"
    LATEST = "latest"


class Period(StrEnum):
    """The UTC calendar window over which a meter adds up, and after which what is included begins anew."""

    LIFETIME = "lifetime"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class ChargeModel(StrEnum):
    """How a quantity becomes a cost."""

    PER_UNIT = "per_unit"
    GRADUATED = "graduated"
    VOLUME = "volume"
    PACKAGE = "package"


class ChargeMode(StrEnum):
    """Whether usage drains a wallet, or is written down as a line of a later invoice."""

    PREPAID = "prepaid"
    POSTPAID = "postpaid"


class OnExhausted(StrEnum):
    """What becomes of usage that the wallet cannot pay."""

    REJECT = "reject"
    CAP = "cap"
    ALLOW = "allow"
    DEBT = "debt"


@dataclass(frozen=True, slots=True)
class Meter:
    """What is counted: events of one type that pass all ``filters`` (data field → texts, one of which it must be)."""

    name: str
    event_type: str
    aggregation: Aggregation
    value: str | None = None
    filters: Mapping[str, tuple[str, ...]] | None = None
    period: Period = Period.MONTH

    @property
    def key(self) -> str:
        """What tells its sums from those it kept when it added up otherwise."""
        return f"{self.name}:{self.aggregation}:{self.period}"


@dataclass(frozen=True, slots=True)
class Tier:
    """Units up to ``up_to`` (millionths; None: all that come) at ``price`` (millionths), and ``flat`` once reached."""

    up_to: int | None
    price: int
    flat: int = 0


@dataclass(frozen=True, slots=True)
class Charge:
    """What the usage of one feature costs. ``price`` and ``flat`` are millionths of the asset's smallest unit.

    ``package`` (in millionths of a unit) is how much one price buys. ``included`` (millionths) is free in each period.
    ``low_at`` is what is left to pay with, in the smallest unit, at which the shop tells so.
    """

    feature: str
    meter: str
    mode: ChargeMode
    asset: str
    model: ChargeModel
    price: int = 0
    tiers: tuple[Tier, ...] = ()
    package: int = MICRO
    included: int = 0
    on_exhausted: OnExhausted = OnExhausted.REJECT
    low_at: int | None = None

    @property
    def key(self) -> str:
        """What tells its books from those of the same feature when it was charged otherwise."""
        return f"{self.mode}:{self.feature}:{self.asset}"

    def cost(self, quantity: int) -> int:
        """Return what a period's quantity (in millionths) costs in all, in 10^-12 of the smallest unit."""
        billable = max(0, quantity - self.included)
        match self.model:
            case ChargeModel.PER_UNIT:
                return billable * self.price
            case ChargeModel.PACKAGE:
                return -(-billable // self.package) * self.price * MICRO
            case ChargeModel.GRADUATED:
                return self._graduated(billable)
            case ChargeModel.VOLUME:
                return self._volume(billable)

    def _graduated(self, billable: int) -> int:
        cost, below = 0, 0
        for tier in self.tiers:
            if billable <= below:
                break
            until = billable if tier.up_to is None else min(billable, tier.up_to)
            cost += (until - below) * tier.price + tier.flat * MICRO
            below = until
        return cost

    def _volume(self, billable: int) -> int:
        if billable == 0:
            return 0
        tier = next(tier for tier in self.tiers if tier.up_to is None or billable <= tier.up_to)
        return billable * tier.price + tier.flat * MICRO


@dataclass(frozen=True, slots=True)
class Metering:
    """How usage is taken in: how often wallets are drained, how late events may come, when a period is closed."""

    drain_every_seconds: int = 60
    late_days: int = 35
    close_after_minutes: int = 60


def read_decimal(text: str) -> int:
    """Return a decimal of at most six places, as a checked configuration holds it, in millionths."""
    whole, _, rest = text.partition(".")
    return int(whole) * MICRO + int(rest.ljust(6, "0") or "0")


def show_decimal(number: int, places: int = 6) -> str:
    """Write an integer of 10^-places as a plain decimal: ``0.05``, ``12``, ``-3.5``."""
    sign, number = ("-", -number) if number < 0 else ("", number)
    whole, rest = divmod(number, 10**places)
    fraction = f"{rest:0{places}d}".rstrip("0")
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"
