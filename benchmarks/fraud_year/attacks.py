"""The planted attacks: each returns its attempts, and knows nothing of who looks for them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random

from benchmarks.fraud_year.honest import Honest
from benchmarks.fraud_year.offers import BY_CARD, BY_WALLET, CHEAP, DEAR, GIFTS, Offer
from benchmarks.fraud_year.parameters import Draw
from benchmarks.fraud_year.people import COUNTRIES, Population
from benchmarks.fraud_year.shapes import DAY, HOUR, MINUTE, START, YEAR, Attempt, Card

_ENOUGH_BEFORE = 8
_OFFERS = {one.sku: one for one in (*BY_CARD, *BY_WALLET, *GIFTS)}


class Attacks:
    """Draws single attacks. ``history``: customer -> when they bought, in order, for whose account is worth taking."""

    def __init__(
        self, random: Random, population: Population, honest: Honest, history: Mapping[str, list[int]]
    ) -> None:
        self._random = random
        self._population = population
        self._honest = honest
        self._by_name = {one.name: one for one in population.people}
        self._victims = [(name, times) for name, times in history.items() if len(times) > _ENOUGH_BEFORE]
        self.kinds: Mapping[str, Callable[[Draw], list[Attempt]]] = {
            "card_testing": self.card_testing,
            "stolen_card_burst": self.stolen_card_burst,
            "account_takeover": self.account_takeover,
            "gift_laundering": self.gift_laundering,
            "refund_abuse": self.refund_abuse,
        }

    def card_testing(self, draw: Draw) -> list[Attempt]:
        """Try out many cards with little money, from few addresses, by accounts that are made for it."""
        random, population = self._random, self._population
        start, length = self._start(), draw("minutes") * MINUTE
        country = population.country()
        addresses = [population.address() for _ in range(draw.whole("addresses"))]
        devices = [population.device() for _ in range(draw.whole("devices"))]
        per_account, declined = draw.whole("per_account"), draw("declined")
        found: list[Attempt] = []
        account, since = "", 0
        for number, at in enumerate(self._instants(draw.whole("attempts"), start, length)):
            if number % per_account == 0:
                account, since = self._account(), at - int(random.expovariate(1 / 5) * MINUTE)
            found.append(self._attempt(
                at, account, since, self._sku(CHEAP), address=random.choice(addresses), country=country,
                device=random.choice(devices), card=population.card(random.choice(COUNTRIES)),
                is_declined=random.random() < declined,
            ))  # fmt: skip
        return found

    def stolen_card_burst(self, draw: Draw) -> list[Attempt]:
        """Spend stolen cards quickly on what is dear, by a fresh account."""
        random, population = self._random, self._population
        start, length = self._start(), draw("minutes") * MINUTE
        since = start - int(draw("age_hours") * HOUR)
        country = population.country()
        abroad = [one for one in COUNTRIES if one != country]
        origin = random.choice(abroad) if random.random() < draw("abroad") else country
        cards = [population.card(origin) for _ in range(draw.whole("cards"))]
        account, address, device = self._account(), population.address(), population.device()
        declined, dear = draw("declined"), draw("dear")
        every = tuple(one.sku for one in BY_CARD)
        return [
            self._attempt(
                at, account, since, self._sku(DEAR if random.random() < dear else every), address=address,
                country=country, device=device, card=random.choice(cards), is_declined=random.random() < declined,
            )
            for at in self._instants(draw.whole("purchases"), start, length)
        ]  # fmt: skip

    def account_takeover(self, draw: Draw) -> list[Attempt]:
        """Empty somebody's wallet and saved card from a strange place, mostly into gifts to one account."""
        random, population = self._random, self._population
        name, times = random.choice(self._victims)
        victim = self._by_name[name]
        start = min(START + YEAR - 4 * HOUR, random.choice(times[_ENOUGH_BEFORE:]) + int(random.random() * 5 * DAY))
        country = victim.country if random.random() < draw("same_country") else population.country()
        address = population.address()
        device = victim.devices[0] if random.random() < draw("known_device") else population.device()
        mule, mule_since = self._account(), start - int(random.random() * 20 * DAY)
        gifts, wallet = draw("gifts"), draw("wallet")
        found = []
        for at in self._instants(draw.whole("purchases"), start, draw("minutes") * MINUTE):
            is_gift, is_wallet = random.random() < gifts, random.random() < wallet
            skus = ("gift-mount", "gift-pass") if is_gift else ("castle", "mount") if is_wallet else DEAR
            one = self._attempt(
                at, name, victim.since, self._sku(skus), address=address, country=country, device=device,
                card=None if is_wallet else victim.card,
            )  # fmt: skip
            found.append(replace(one, recipient=mule, recipient_since=mule_since) if is_gift else one)
        return found

    def gift_laundering(self, draw: Draw) -> list[Attempt]:
        """Turn bought cards into goods: many small accounts give to a few, over days."""
        random, population = self._random, self._population
        start, length = self._start(), draw("days") * DAY
        country, prepaid = population.country(), draw("prepaid")
        addresses = [population.address() for _ in range(draw.whole("addresses"))]
        givers = [
            (self._account(), start - int(random.random() * 10 * DAY), population.device(),
             population.card(random.choice(COUNTRIES), "prepaid" if random.random() < prepaid else "credit"))
            for _ in range(draw.whole("accounts"))
        ]  # fmt: skip
        mules = [(self._account(), start - int(random.random() * 10 * DAY)) for _ in range(draw.whole("mules"))]
        found = []
        for at in self._instants(draw.whole("gifts"), start, length):
            account, since, device, card = random.choice(givers)
            mule, mule_since = random.choice(mules)
            one = self._attempt(
                at, account, since, self._sku(tuple(gift.sku for gift in GIFTS)), address=random.choice(addresses),
                country=country, device=device, card=card, is_declined=random.random() < 0.08,
            )  # fmt: skip
            found.append(replace(one, recipient=mule, recipient_since=mule_since))
        return found

    def refund_abuse(self, draw: Draw) -> list[Attempt]:
        """Buy, use, and ask for the money back, again and again; from home, by an account of some age."""
        random, population = self._random, self._population
        length = draw("days") * DAY
        start = START + int(random.random() * (YEAR - length))
        since = start - int(random.random() * 60 * DAY)
        country = population.country()
        account, address, device = self._account(), population.address(), population.device()
        card, refunded = population.card(country), draw("refunded")
        skus = tuple(one.sku for one in BY_CARD if one.amount >= 499)
        found = []
        for at in self._instants(draw.whole("purchases"), start, length):
            one = self._attempt(
                at, account, since, self._sku(skus), address=address, country=country, device=device, card=card
            )
            back = at + int(random.uniform(1, 8) * DAY) if random.random() < refunded else None
            found.append(replace(one, refunded_at=back))
        return found

    def _attempt(
        self, at: int, account: str, since: int, offer: Offer, *, address: str, country: str, device: str,
        card: Card | None, is_declined: bool = False,
    ) -> Attempt:  # fmt: skip
        return Attempt(
            id=0, at=at, customer=account, customer_since=since, kind=offer.kind, sku=offer.sku,
            amount=self._honest.price(offer, at), gateway="wallet" if card is None else "stripe", address=address,
            ip_country=country, device=device, card=card, is_declined=is_declined,
        )  # fmt: skip

    def _account(self) -> str:
        """Return a new account's name, which looks like anybody's."""
        return self._population.name()

    def _start(self) -> int:
        return START + int(self._random.random() * (YEAR - 16 * DAY))

    def _instants(self, count: int, start: int, length: float) -> list[int]:
        return sorted(start + int(self._random.random() * length) for _ in range(count))

    def _sku(self, skus: tuple[str, ...]) -> Offer:
        return _OFFERS[self._random.choice(skus)]
