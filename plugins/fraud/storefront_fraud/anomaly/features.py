"""The features of one purchase: each a part of a group, as large as it is surprising (in -ln of a chance).

A group is the sum of its parts. How rare such a sum is, is asked of all that was learned of that group, so parts of a
group may hang together as they like.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import exp, log

from storefront.core.clock import HOUR_MS
from storefront_fraud.anomaly.behaviour import Behaviour
from storefront_fraud.anomaly.combining import excess
from storefront_fraud.anomaly.profiles import SLOTS, Profile
from storefront_fraud.anomaly.sketches import token_of
from storefront_fraud.anomaly.world import World

_SLOT_MS = 24 // SLOTS * HOUR_MS
_YOUNG_DAYS = 2.0


@dataclass(frozen=True, slots=True)
class Part:
    """One feature: ``says`` is its sentence, with ``{0}``, ``{1}`` for its figures."""

    group: str
    feature: str
    value: float
    says: str
    figures: tuple[float | str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tokens:
    """The salted hashes of what a purchase is of; None for what is not known."""

    network: int | None
    device: int | None
    recipient: int | None
    country: int | None
    ways: tuple[int, int, int]

    @classmethod
    def of(cls, seen: Behaviour, salt: bytes) -> "Tokens":
        def token(name: str, value: str | None) -> int | None:
            return None if value is None else token_of(f"{name}:{value}", salt)

        kind = f"{seen.kind}:gift" if seen.recipient is not None else seen.kind
        return cls(
            network=token("network", seen.network),
            device=token("device", seen.device),
            recipient=token("recipient", seen.recipient),
            country=token("country", seen.country),
            ways=(token_of(f"kind:{kind}", salt), token_of(f"gateway:{seen.gateway}", salt),
                  token_of(f"sku:{seen.sku}", salt)),
        )  # fmt: skip


def parts_of(seen: Behaviour, tokens: Tokens, profile: Profile, world: World) -> Iterator[Part]:
    """Return what of a purchase is surprising at all."""
    yield from _amount(seen, profile, world)
    yield from _pace(seen, profile)
    yield from _place(seen, tokens, profile)
    yield from _crowd(seen, tokens, profile, world)
    yield from _habit(seen, tokens, profile, world)
    yield from _gift(seen, tokens, profile, world)
    yield from _refunds(seen, world)


def _amount(seen: Behaviour, profile: Profile, world: World) -> Iterator[Part]:
    if not seen.amount:
        return
    amounts = world.amounts_of(seen.age_days, is_wallet=seen.gateway == "wallet")
    share = amounts.tail(log(1 + seen.amount))
    yield Part("amount", "amount", -log(share), "the amount is among the highest {0:.2g} % of customers known about as "
               "long", (100 * share,))  # fmt: skip
    if profile.learned >= 3:
        above = (log(1 + seen.amount) - profile.usual) / (0.4 + profile.spread)
        if above > 1:
            times = (1 + seen.amount) / exp(profile.usual)
            yield Part("amount", "amount_own", above, "{0:.3g} times what this customer usually pays", (times,))


def _pace(seen: Behaviour, profile: Profile) -> Iterator[Part]:
    hour, day = profile.hour.read(seen.at) + 1, profile.day.read(seen.at) + 1
    usual = profile.month.read(seen.at) / 43.0
    for feature, count, expected, words in (
        ("pace_hour", hour, 0.5 + usual / 8, "an hour"),
        ("pace_day", day, 1.0 + 1.5 * usual, "a day"),
    ):
        value = excess(count, expected)
        if value:
            yield Part("pace", feature, value, "{0:.0f} attempts within about {1} where {2:.1f} are usual",
                       (count, words, expected))  # fmt: skip


def _place(seen: Behaviour, tokens: Tokens, profile: Profile) -> Iterator[Part]:
    for feature, token, familiar, words in (
        ("network", tokens.network, profile.networks, "a network"),
        ("device", tokens.device, profile.devices, "a device"),
        ("country", tokens.country, profile.countries, "a country"),
    ):
        value = familiar.surprise(token, seen.at) if token is not None else 0.0
        if value:
            yield Part("place", feature, value, "{0} that this customer was not seen with before", (words,))


def _crowd(seen: Behaviour, tokens: Tokens, profile: Profile, world: World) -> Iterator[Part]:
    is_new = not profile.learned
    if tokens.network is not None:
        short, long = world.short_and_long("network", tokens.network, seen.at)
        others = max(0.0, short - profile.hour.read(seen.at))
        value = excess(others, 0.5 + long)
        if value:
            yield Part("crowd", "network_pace", value, "{0:.0f} attempts of others from this network within about an "
                       "hour where {1:.1f} are usual", (others, 0.5 + long))  # fmt: skip
    for feature, token, words in (
        ("network_newcomers", tokens.network, "network"),
        ("device_newcomers", tokens.device, "device"),
    ):
        if token is not None:
            short, long = world.short_and_long("newcomers", token, seen.at)
            expected = (0.7 if words == "network" else 0.4) + long
            value = excess(short + is_new, expected)
            if value:
                yield Part("crowd", feature, value, "{0:.0f} new customers on this {1} within about a day",
                           (short + is_new, words))  # fmt: skip


def _habit(seen: Behaviour, tokens: Tokens, profile: Profile, world: World) -> Iterator[Part]:
    slot = slot_of(seen.at)
    share = world.hours[slot] / sum(world.hours)
    own = (profile.hours[slot] + 4 * share) / (sum(profile.hours) + 4)
    value = -log(own * SLOTS)
    if value > 0:
        yield Part("habit", "hour", value, "{0:.2g} % of this customer's purchases are at about {1}:00 UTC",
                   (100 * own, str(seen.at // HOUR_MS % 24)))  # fmt: skip
    for feature, token, words in zip(
        ("kind", "gateway"), tokens.ways, ("a kind of purchase", "a way to pay"), strict=False
    ):
        value = profile.ways.surprise(token, seen.at)
        if value:
            yield Part("habit", feature, value, "{0} that this customer has not used of late", (words,))
    sold = world.sold.read(seen.at)
    if sold > 100:
        share = (world.sketches["ways"].read(tokens.ways[2], seen.at) + 1) / (sold + 1)
        value = -log(min(1.0, 20 * share))
        if value:
            yield Part("habit", "sku", value, "the offer makes up {0:.2g} % of what is sold", (100 * share,))


def _gift(seen: Behaviour, tokens: Tokens, profile: Profile, world: World) -> Iterator[Part]:
    if tokens.recipient is None:
        return
    value = profile.recipients.surprise(tokens.recipient, seen.at)
    if value:
        yield Part("gift", "recipient", value, "a gift to somebody whom this customer has not given to before")
    short, long = world.short_and_long("given", tokens.recipient, seen.at)
    value = excess(short + 1, 1.2 + long)
    if value:
        yield Part("gift", "recipient_pace", value, "{0:.0f} gifts to this recipient within some days", (short + 1,))
    count = profile.gifts.read(seen.at) + 1
    value = excess(count, 1.2 + profile.gift_month.read(seen.at) / 20)
    if value:
        yield Part("gift", "gift_pace", value, "{0:.0f} gifts by this customer within some days", (count,))
    if seen.recipient_since is not None:
        days = max(0, seen.at - seen.recipient_since) / (24 * HOUR_MS)
        if days < _YOUNG_DAYS:
            yield Part("gift", "recipient_age", 1.0, "the recipient is known for {0:.1f} days", (days,))


def _refunds(seen: Behaviour, world: World) -> Iterator[Part]:
    expected = 0.5 + seen.purchases * world.refund_rate
    value = excess(seen.refunds, expected)
    if value:
        yield Part("refunds", "refund_rate", value, "{0:.0f} of {1:.0f} purchases were refunded",
                   (seen.refunds, seen.purchases))  # fmt: skip


def slot_of(at: int) -> int:
    """Return the part of the day that an instant is in."""
    return int(at // _SLOT_MS % SLOTS)
