"""The detector: asks how surprising a purchase is for its buyer and among all, and learns from what came of it.

For every purchase: ``score`` it, then ``note`` the attempt, whatever becomes of it; once it is completed, ``learn`` it.
Everything is a function of what was noted and learned in this order; there is no chance in it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import log

from storefront_fraud.anomaly.behaviour import Behaviour
from storefront_fraud.anomaly.combining import NOTABLE, Reason, Score, score_of
from storefront_fraud.anomaly.features import Part, Tokens, parts_of, slot_of
from storefront_fraud.anomaly.profiles import Profile
from storefront_fraud.anomaly.world import GROUPS, World

ENOUGH = 300
"""So many purchases are learned before anything is said."""
_LEAST_WEIGHT = 0.02
_HOURS_FADE = 0.995
MOST_REASONS = 4


class Detector:
    """Scores the purchases of one shop. ``salt``: up to 64 bytes that only the shop knows, the same for good."""

    def __init__(self, salt: bytes, world: World | None = None) -> None:
        self.salt = salt
        self.world = World() if world is None else world
        self._latest: tuple[Behaviour, Tokens] | None = None

    def score(self, seen: Behaviour, profile: Profile) -> Score:
        """Return how unusual a purchase is. Changes nothing."""
        parts = list(parts_of(seen, self._tokens(seen), profile, self.world))
        sums = _sums(parts)
        rarities = {name: self.world.groups[name].tail(value) for name, value in sums.items()}
        if self.world.learned < ENOUGH:
            return Score(None, sums, rarities, ())
        value = score_of([rarities.get(name, 1.0) for name in GROUPS])
        return Score(value, sums, rarities, _reasons(parts, rarities) if value else ())

    def note(self, seen: Behaviour, profile: Profile) -> None:
        """Count an attempt, also one that is refused or declined: of the customer, the network and the recipient."""
        tokens = self._tokens(seen)
        for pace in (profile.hour, profile.day, profile.month):
            pace.add(seen.at)
        if tokens.network is not None:
            self.world.add("network", tokens.network, seen.at)
        if not profile.learned and profile.month.value == 1.0:
            for token in (tokens.network, tokens.device):
                if token is not None:
                    self.world.add("newcomers", token, seen.at)
        if tokens.recipient is not None:
            self.world.add("given", tokens.recipient, seen.at)
            profile.gifts.add(seen.at)
            profile.gift_month.add(seen.at)

    def learn(self, seen: Behaviour, profile: Profile, score: Score) -> None:
        """Learn a completed purchase, as it was scored.

        What was strange, of newcomers, or one of many by the same customer or to the same recipient, teaches little:
        nobody makes themselves usual by doing it often.
        """
        tokens, strange = self._tokens(seen), score.value or 0.0
        trust = min(1.0, 0.25 + seen.age_days / 10) * max(0.0, 1 - 1.25 * strange) ** 2
        weight = max(_LEAST_WEIGHT, trust) / self._repeats(seen, tokens, profile)
        for name in GROUPS:
            if name != "gift" or seen.recipient is not None:
                self.world.groups[name].learn(score.sums.get(name, 0.0), weight)
        self._learn_shop(seen, tokens, weight)
        _learn_customer(seen, tokens, profile)

    def _tokens(self, seen: Behaviour) -> Tokens:
        """Return the hashes of a purchase; those of the latest are kept, for one is asked for three times."""
        if self._latest is None or self._latest[0] is not seen:
            self._latest = (seen, Tokens.of(seen, self.salt))
        return self._latest[1]

    def _repeats(self, seen: Behaviour, tokens: Tokens, profile: Profile) -> float:
        """Return by how much a purchase is one of many of its kind, at least 1: by its buyer, or to its recipient."""
        most = profile.day.read(seen.at) / 4
        if tokens.recipient is not None:
            most = max(most, self.world.sketches["given"].read(tokens.recipient, seen.at) / 2)
        return max(1.0, most)

    def _learn_shop(self, seen: Behaviour, tokens: Tokens, weight: float) -> None:
        world = self.world
        if seen.amount:
            world.amounts_of(seen.age_days, is_wallet=seen.gateway == "wallet").learn(log(1 + seen.amount), weight)
        world.sketches["ways"].add(tokens.ways[2], seen.at, weight)
        world.sold.add(seen.at, weight)
        world.hours = [one * (1 - 1e-4 * weight) for one in world.hours]
        world.hours[slot_of(seen.at)] += weight
        world.learn_refunds(seen.purchases, seen.refunds)
        world.learned += 1


def _learn_customer(seen: Behaviour, tokens: Tokens, profile: Profile) -> None:
    if seen.amount:
        profile.learn_amount(log(1 + seen.amount), seen.at)
    weight = 1 / max(1.0, profile.day.read(seen.at)) ** 2  # so that no burst adds up to more than two
    profile.hours = [one * _HOURS_FADE for one in profile.hours]
    profile.hours[slot_of(seen.at)] += weight
    for token, familiar in (
        (tokens.network, profile.networks),
        (tokens.device, profile.devices),
        (tokens.country, profile.countries),
        (tokens.recipient, profile.recipients),
        (tokens.ways[0], profile.ways),
        (tokens.ways[1], profile.ways),
    ):
        if token is not None:
            familiar.learn(token, seen.at, weight)
    profile.learned += 1


def _sums(parts: Iterable[Part]) -> dict[str, float]:
    sums = defaultdict[str, float](float)
    for part in parts:
        sums[part.group] += part.value
    return dict(sums)


def _reasons(parts: Sequence[Part], rarities: Mapping[str, float]) -> tuple[Reason, ...]:
    """Share out what each notable group weighs over its parts, the heaviest first."""
    sums = _sums(parts)
    weights = {name: log(NOTABLE / rarity) for name, rarity in rarities.items() if rarity < NOTABLE}
    found = [(part.value / sums[part.group] * weights[part.group], part) for part in parts if part.group in weights]
    found.sort(key=lambda one: (-one[0], one[1].feature))
    return tuple(Reason(part.feature, part.says.format(*part.figures), weight) for weight, part in found[:MOST_REASONS])
