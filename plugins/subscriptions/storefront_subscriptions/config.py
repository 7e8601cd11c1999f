"""This plugin's section, and what an offer of kind ``subscription`` says, as values; ``config_schema`` checks them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storefront.core.config.forms import read_instant
from storefront.core.config.model import Offer
from storefront.core.errors import FieldError, Invalid
from storefront_subscriptions.change_rules import ChangeRules

KIND = "subscription"
_UNITS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
DAY_MS = 86_400_000
FREE_IN = "USD"
"""In which currency a tier without a price costs nothing: an amount has to have one."""


def to_ms(text: str) -> int:
    """Return a duration such as ``14d`` in milliseconds; a schema with ``DURATION_PATTERN`` has checked it."""
    return int(text[:-1]) * _UNITS[text[-1]]


def existing_from(offer: Offer) -> int | None:
    """Return from when on a period is asked by an offer's own price, of whoever has subscribed (business ms).

    None: its price reaches nobody who has. Raises ``ValueError`` for what is no date; ``check_tiers`` says so before.
    """
    told = offer.part.get("existing")
    if told is None or told == "next_renewal":
        return None if told is None else 0
    assert isinstance(told, str), "the schema says so"
    return read_date(told)


def read_date(text: str) -> int:
    """Return a date's first instant in UTC, or an instant with its offset (business ms); raises ``ValueError``."""
    found = read_instant(text if len(text) > len("2027-03-01") else f"{text}T00:00:00Z")
    return int(found.timestamp() * 1000)


@dataclass(frozen=True, slots=True)
class Dunning:
    """``retries`` and ``grace_ms`` in milliseconds; whether a decline for good, or the last attempt, ends it.

    ``policy`` names the plugin that says when to try again.
    """

    retries: tuple[int, ...]
    grace_ms: int
    cancels_hard: bool
    cancels_exhausted: bool
    policy: str


@dataclass(frozen=True, slots=True)
class Reminders:
    """How long before it happens something is told (ms); ``renewal_ms`` by interval."""

    trial_ms: int
    short_trial_ms: int
    resume_ms: int
    card_ms: tuple[int, ...]
    renewal_ms: Mapping[str, int]

    @classmethod
    def of(cls, section: Mapping[str, Any]) -> "Reminders":
        return cls(
            trial_ms=to_ms(section.get("trial", "3d")),
            short_trial_ms=to_ms(section.get("short_trial", "1d")),
            resume_ms=to_ms(section.get("resume", "3d")),
            card_ms=tuple(to_ms(one) for one in section.get("card", ("30d", "7d"))),
            renewal_ms={interval: to_ms(lead) for interval, lead in section.get("renewal", {}).items()},
        )

    def before_trial_end(self, length_ms: int) -> int:
        """Return how long before its end a trial of this length is told of (ms)."""
        return self.short_trial_ms if length_ms < 7 * DAY_MS else self.trial_ms


@dataclass(frozen=True, slots=True)
class Pausing:
    """Whether customers may pause by themselves, and for how long at most (ms)."""

    by_customers: bool
    max_ms: int


@dataclass(frozen=True, slots=True)
class AtEnd:
    """What becomes of usage that is not paid when a subscription ends: ``invoice``, ``owe`` or ``write_off``.

    It is asked ``wait_ms`` after the end; what was asked in vain is written off, or owed.
    """

    word: str
    wait_ms: int
    writes_off_uncollected: bool

    @property
    def is_asked(self) -> bool:
        """Tell whether a final invoice asks for it."""
        return self.word == "invoice"

    @classmethod
    def of(cls, section: Mapping[str, Any]) -> "AtEnd":
        is_written_off = section.get("uncollected", "owe") == "write_off"
        return cls(section.get("at_end", "invoice"), to_ms(section.get("wait", "1h")), is_written_off)


@dataclass(frozen=True, slots=True)
class Settings:
    """The plugin's section."""

    dunning: Dunning
    reminders: Reminders
    cancels_trial: bool
    pauses_trial: bool
    pause: Pausing
    changes: ChangeRules
    at_end: AtEnd

    @classmethod
    def of(cls, section: Mapping[str, Any]) -> "Settings":
        told = section.get("dunning", {})
        dunning = Dunning(
            retries=tuple(to_ms(one) for one in told.get("retries", ("2d", "5d", "7d", "7d"))),
            grace_ms=to_ms(told.get("grace", "7d")),
            cancels_hard=told.get("hard_decline", "stop") == "cancel",
            cancels_exhausted=told.get("on_exhausted", "cancel") == "cancel",
            policy=told.get("policy", "subscriptions"),
        )
        pausing = section.get("pause", {})
        rules = ChangeRules(section.get("changes", {}), section.get("families", {}))
        return cls(
            dunning,
            Reminders.of(section.get("reminders", {})),
            section.get("trial_without_method", "cancel") == "cancel",
            section.get("trial_without_method", "cancel") == "pause",
            Pausing(pausing.get("customers", False), to_ms(pausing.get("max", "90d"))),
            rules,
            AtEnd.of(section.get("usage", {})),
        )


@dataclass(frozen=True, slots=True)
class Tier:
    """What an offer of this kind says beside what every offer does."""

    sku: str
    family: str
    interval: str
    also: Sequence[tuple[str, Mapping[str, int]]]
    prices: Mapping[str, int]
    trial_ms: int
    most_seats: int
    is_free: bool
    beside: str | None

    @classmethod
    def of(cls, offer: Offer) -> "Tier":
        part: Mapping[str, Any] = offer.part
        trial = part.get("trial")
        return cls(
            sku=offer.sku,
            family=part["family"],
            interval=part.get("interval", "month"),
            also=tuple((one["interval"], one["prices"]) for one in part.get("also", ())),
            prices={FREE_IN: 0} if part.get("free") else offer.prices,
            trial_ms=0 if trial is None else to_ms(trial),
            most_seats=part.get("most_seats", 1),
            is_free=bool(part.get("free")),
            beside=part.get("beside"),
        )

    def intervals(self) -> dict[str, Mapping[str, int]]:
        """Return ``interval -> prices``, the tier's first interval first."""
        return {self.interval: self.prices, **dict(self.also)}

    def price(self, interval: str, currency: str | None) -> tuple[str, int]:
        """Return ``(currency, amount of one seat)`` for an interval, in the wanted currency or the first there is.

        Raises:
            Invalid: the tier is not sold for that interval, or not in that currency.
        """
        found = self.intervals().get(interval)
        if found is None:
            known = ", ".join(self.intervals())
            raise Invalid(f"{self.sku} is not sold by the {interval}.",
                          errors=[FieldError("/interval", f"must be one of {known}")])  # fmt: skip
        wanted = currency or next(iter(found))
        if wanted not in found:
            raise Invalid(f"{self.sku} has no price in {wanted}.",
                          errors=[FieldError("/currency", f"must be one of {', '.join(found)}")])  # fmt: skip
        return wanted, found[wanted]
