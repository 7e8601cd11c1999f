"""What honest customers do in a year, and all that looks odd and is not: travel, sales, schools, gifts by the dozen."""

from bisect import bisect
from collections.abc import Iterator
from itertools import accumulate
from random import Random

from benchmarks.fraud_year.offers import BY_CARD, BY_WALLET, GIFTS, Offer
from benchmarks.fraud_year.parameters import PURCHASES, Draw
from benchmarks.fraud_year.people import Person, Population, hour_near
from benchmarks.fraud_year.shapes import DAY, HOUR, MINUTE, START, YEAR, Attempt

_DAYS = YEAR // DAY


class Honest:
    """Draws honest attempts."""

    def __init__(self, random: Random, draw: Draw, population: Population) -> None:
        self._random = random
        self._draw = draw
        self._population = population
        self._days = list(accumulate(self._weights_of_days()))

    def attempts(self, at_least: int) -> list[Attempt]:
        """Return so many attempts or a few more, in no order."""
        size = at_least / PURCHASES
        people = self._population.people
        active = list(accumulate(one.weight * max(0.3, (one.until - one.begins) / DAY) ** 0.8 for one in people))
        found: list[Attempt] = []
        first = [one for one in people if one.since >= START]
        trains = self._random.sample([one for one in people if one.until - one.begins > 20 * DAY],
                                     max(1, round(self._draw.whole("gift_trains") * size)))  # fmt: skip
        for person in trains:
            found += self._gift_train(person)
        for person in first:
            found += self._sitting(person, person.since + int(self._random.expovariate(1 / 3) * HOUR))
        while len(found) < at_least:
            person = self._random.choices(people, cum_weights=active)[0]
            found += self._sitting(person, self._instant(person))
        return [one for one in found if one.at < START + YEAR]

    def _weights_of_days(self) -> list[float]:
        growth = self._draw("growth")
        weights = [(1 + growth * day / _DAYS) * (1.3 if day % 7 in {2, 3} else 1.0) for day in range(_DAYS)]
        for _ in range(self._draw.whole("sales")):
            start, factor = self._random.randrange(_DAYS - 3), self._random.uniform(3, 6)
            for day in range(start, start + 3):
                weights[day] *= factor
        return weights

    def _instant(self, person: Person) -> int:
        """Return when a person sits down to buy: on a day of theirs, busy days more often, at about their hour."""
        first, last = (person.begins - START) // DAY, min(_DAYS - 1, (person.until - START) // DAY)
        below = self._days[first - 1] if first else 0.0
        drawn = self._random.uniform(below, self._days[last])
        day = START + min(last, bisect(self._days, drawn)) * DAY
        if self._random.random() < self._draw("wrong_hour"):
            return max(person.begins, day + int(self._random.random() * DAY))
        return max(person.begins, hour_near(self._random, day, person.evening))

    def _sitting(self, person: Person, at: int) -> Iterator[Attempt]:
        random, draw = self._random, self._draw
        if random.random() < draw("new_device"):
            person.devices.append(self._population.device())
        if random.random() < draw("new_card"):
            person.card = self._population.card(person.card.country)
        address, country = self._where(person)
        device = random.choice(person.devices[-2:])
        while True:
            yield from self._purchase(person, at, address=address, country=country, device=device)
            if random.random() < 1 / draw("basket"):
                return
            at += int(random.expovariate(1 / 4) * MINUTE) + 15_000

    def _where(self, person: Person) -> tuple[str, str]:
        if self._random.random() < self._draw("travel"):
            country = self._population.country()
            return self._population.mobile(country), country
        if person.is_moving and self._random.random() < 1 / 3:
            return self._population.mobile(person.country), person.country
        return person.home, person.country

    def _purchase(self, person: Person, at: int, *, address: str, country: str, device: str) -> Iterator[Attempt]:
        random, draw = self._random, self._draw
        gift = bool(person.friends) and random.random() < draw("gift_share") / draw("givers")
        is_wallet = not gift and random.random() < draw("wallet_share")
        offer = self._offer(GIFTS if gift else BY_WALLET if is_wallet else BY_CARD, at, is_whale=person.is_whale)
        friend = self._friend(person) if gift else None
        is_declined = not is_wallet and random.random() < draw("declined")
        is_refunded = not is_wallet and not is_declined and random.random() < draw("refunded")
        one = Attempt(
            id=0,
            at=at,
            customer=person.name,
            customer_since=min(person.since, at),
            kind=offer.kind,
            sku=offer.sku,
            amount=self.price(offer, at),
            gateway="wallet" if is_wallet else "stripe",
            address=address,
            ip_country=country,
            device=device,
            recipient=None if friend is None else friend.name,
            recipient_since=None if friend is None else min(friend.since, at),
            card=None if is_wallet else person.card,
            is_declined=is_declined,
            refunded_at=at + int(random.uniform(0.1, 10) * DAY) if is_refunded else None,
        )
        yield one
        if is_declined and random.random() < 2 / 3:
            yield _again(one, at + int(random.uniform(0.3, 3) * MINUTE))

    def _friend(self, person: Person) -> Person:
        """Return one of a person's friends; now and then it is a new one."""
        if self._random.random() < 0.15:
            person.friends.append(self._random.choice(self._population.people))
        return self._random.choice(person.friends)

    def price(self, offer: Offer, at: int) -> int:
        return int(offer.amount * (1 + self._draw("price_drift") * (at - START) / YEAR))

    def _offer(self, offers: tuple[Offer, ...], at: int, *, is_whale: bool) -> Offer:
        day = (at - START) // DAY
        weights = [
            0.0 if one.from_day > day else one.weight * (one.amount / 400 if is_whale else 1.0) for one in offers
        ]
        return self._random.choices(offers, weights)[0]

    def _gift_train(self, person: Person) -> Iterator[Attempt]:
        """Give to a whole community within an hour, from home."""
        at = self._instant(person)
        for friend in self._random.sample(self._population.people, self._random.randint(8, 25)):
            at += int(self._random.expovariate(1 / 2) * MINUTE)
            yield Attempt(
                id=0, at=at, customer=person.name, customer_since=min(person.since, at), kind=GIFTS[0].kind,
                sku=GIFTS[0].sku, amount=self.price(GIFTS[0], at), gateway="stripe", address=person.home,
                ip_country=person.country, device=person.devices[-1], recipient=friend.name,
                recipient_since=min(friend.since, at), card=person.card,
            )  # fmt: skip


def _again(one: Attempt, at: int) -> Attempt:
    return Attempt(
        id=0, at=at, customer=one.customer, customer_since=one.customer_since, kind=one.kind, sku=one.sku,
        amount=one.amount, gateway=one.gateway, address=one.address, ip_country=one.ip_country, device=one.device,
        recipient=one.recipient, recipient_since=one.recipient_since, card=one.card,
    )  # fmt: skip
