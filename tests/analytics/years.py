"""Two years of a shop, by chance: people who buy, tip, subscribe, change their minds, pay late, and want money back."""

from itertools import count
from random import Random
from typing import Any

from tests.analytics.mall import refund
from tests.fanfunding.tipping import tip
from tests.subscriptions.subscribing import GOOD, subscribe

DAY = 86_400
YEARS_DAYS = 730
DECLINES = "4000000000009995"
_KEYS = count(1)


class Player:
    """One customer, and what they have bought so far."""

    def __init__(self, name: str, random: Random, joins_at: int) -> None:
        self.name, self.random, self.joins_at = name, random, joins_at
        self.subscription: str | None = None
        self.bought: list[str] = []
        self.is_broke = False


class Years:
    """Plays ``players`` people over two years, some days at a time; the same seed does the same."""

    def __init__(self, shop: Any, *, players: int, leap: int, seed: int) -> None:
        self._shop, self._leap, self._random = shop, leap, Random(seed)
        self._players = [
            Player(f"player-{n}", Random(f"{seed}:{n}"), self._random.randrange(YEARS_DAYS - 60))
            for n in range(players)
        ]

    async def play(self) -> None:
        for day in range(0, YEARS_DAYS, self._leap):
            for player in self._players:
                if player.joins_at <= day and player.random.random() < 0.02 * self._leap:
                    await self._act(player)
            await self.pass_days(self._leap)

    async def pass_days(self, days: int) -> None:
        self._shop.wall.move(days * DAY)
        self._shop.parts.jobs.wake()
        await self._shop.quiet()

    async def _act(self, player: Player) -> None:
        acts = [self._buy, self._buy, self._spend, self._tip, self._subscribe, self._subscribe, self._want_back,
                self._look, self._get_gems, self._change_card]  # fmt: skip
        await player.random.choice(acts)(player)

    async def _buy(self, player: Player) -> None:
        sku, currency = player.random.choice(["gems-500", "chest"]), player.random.choice(["USD", "USD", "EUR"])
        bought = await self._shop.bought(sku, customer=player.name, currency=currency)
        player.bought.append(bought["id"])

    async def _spend(self, player: Player) -> None:
        many = player.random.randrange(1, 9)
        body = {"sku": "potion", "quantity": many}
        await self._shop.as_customer(player.name).post("/v1/purchases", body, key=f"spend-{next(_KEYS)}")

    async def _tip(self, player: Player) -> None:
        by = self._shop.as_customer(player.name)
        given = await tip(self._shop, player.random.randrange(100, 2000), by=by)
        player.bought.append(given["id"])

    async def _subscribe(self, player: Player) -> None:
        """Begin, end or change: whatever there is to do."""
        if player.subscription is None:
            more = player.random.choice([{"currency": "USD"}, {"currency": "EUR"}, {"interval": "year"}])
            sku = "premium" if more.get("currency") != "USD" else player.random.choice(["basic", "premium"])
            player.subscription = await subscribe(self._shop, sku, customer=player.name, **more)
            return
        path = f"/v1/subscriptions/{player.subscription}"
        if player.random.random() < 0.5:
            at = {"at": player.random.choice(["now", "period_end"])}
            ended = await self._shop.as_customer(player.name).post(f"{path}/cancel", at, key=f"end-{next(_KEYS)}")
            player.subscription = None if ended.status == 200 and at["at"] == "now" else player.subscription
        else:
            wanted = {"tier": player.random.choice(["basic", "premium"]), "timing": "now", "money": "charge_now"}
            await self._shop.as_customer(player.name).post(f"{path}/change", wanted, key=f"change-{next(_KEYS)}")
            await self._shop.quiet()

    async def _want_back(self, player: Player) -> None:
        """Ask for some or all of the money of a purchase, or let the bank do it."""
        if not player.bought:
            return
        purchase = player.bought.pop(player.random.randrange(len(player.bought)))
        how = player.random.random()
        if how < 0.3:
            told = await self._shop.as_server().get(f"/v1/purchases/{purchase}")
            await self._shop.sandbox.dispute(told)
            await self._shop.quiet()
            await self._shop.sandbox.dispute(told, player.random.choice(["lost", "won"]))
            await self._shop.quiet()
        else:
            await refund(self._shop, purchase, None if how < 0.6 else player.random.randrange(1, 99))

    async def _look(self, player: Player) -> None:
        """Ask to pay, and never do."""
        await self._shop.buy("chest", customer=player.name, currency="USD")

    async def _get_gems(self, player: Player) -> None:
        body = {"customer": player.name, "asset": "gems", "amount": 40, "reason": "a contest"}
        await self._shop.as_server().post("/v1/grants", body, key=f"grant-{next(_KEYS)}")

    async def _change_card(self, player: Player) -> None:
        """Run out of money, or have some again."""
        rows = self._shop.query(
            "SELECT m.reference FROM payment_methods m JOIN customers c ON c.id = m.customer_id "
            "WHERE c.external_id = ? AND m.forgotten_at IS NULL ORDER BY m.id",
            player.name,
        )
        player.is_broke = not player.is_broke
        for row in rows:
            await self._shop.sandbox.turn_card(row["reference"], DECLINES if player.is_broke else GOOD.replace(" ", ""))
