"""What people of the simulated years do; whatever a shop may refuse may be refused, and changes nothing."""

import json
from collections.abc import Sequence
from itertools import count
from random import Random
from typing import Any
from urllib.parse import urlencode

from tests.analytics.whole_mall import KOFI_TOKEN
from tests.fanfunding.pledging import pledge
from tests.fanfunding.test_importing import DONATION
from tests.fanfunding.tipping import begin_payout, give, move_payout
from tests.subscriptions.gifting import ask_gift
from tests.subscriptions.subscribing import GOOD, begin

DECLINES = "4000000000009995"
_KEYS = count(1)


class Player:
    """One customer, and what they have bought so far; ``pace`` is the chance that they act on a day."""

    def __init__(self, name: str, random: Random, joins_at: int, pace: float) -> None:
        self.name, self.random, self.joins_at, self.pace = name, random, joins_at, pace
        self.subscription: str | None = None
        self.bought: list[str] = []
        self.is_broke = False


class Acts:
    """The acts, each of a player; ``names`` are those of all, whom something can be given to."""

    def __init__(self, shop: Any, names: Sequence[str]) -> None:
        self._shop, self._names = shop, names
        self._disputed: list[tuple[Any, str]] = []
        self._all = (
            self._buy, self._buy, self._buy, self._spend, self._spend, self._tip, self._subscribe, self._subscribe,
            self._want_back, self._want_back, self._look, self._get_gems, self._change_card, self._give, self._use,
            self._pledge, self._give_elsewhere,
        )  # fmt: skip

    async def join(self, player: Player) -> None:
        """Come to the shop, and buy nothing yet."""
        assert (await self._shop.as_customer(player.name).get("/v1/me")).status == 200

    async def any_of(self, player: Player) -> None:
        await player.random.choice(self._all)(player)

    async def _paid(self, player: Player, answer: Any) -> str | None:
        """Pay what waits for its payment; return the purchase, once it is no longer pending, or None if refused."""
        if answer.status not in (201, 202):
            assert 400 <= answer.status < 500, answer
            return None
        if answer.status == 202 and answer.json["payment"].get("redirect_url"):
            assert await self._shop.pay(answer, DECLINES if player.is_broke else GOOD) in (303, 402)
        player.bought.append(answer.json["id"])
        return str(answer.json["id"])

    async def _buy(self, player: Player) -> None:
        sku = player.random.choice(["gems-500", "chest"])
        currency = player.random.choice(["USD", "USD", "EUR"] if sku == "gems-500" else ["USD", "EUR", "GBP", "JPY"])
        await self._paid(player, await self._shop.buy(sku, customer=player.name, currency=currency))

    async def _spend(self, player: Player) -> None:
        body = {"sku": "potion", "quantity": player.random.randrange(1, 9)}
        await self._shop.as_customer(player.name).post("/v1/purchases", body, key=f"spend-{next(_KEYS)}")

    async def _give(self, player: Player) -> None:
        """Give somebody gems, a potion, or some months."""
        to = player.random.choice(self._names)
        await self._shop.as_customer(to).get("/v1/me")
        sku = player.random.choice(["gems-500", "potion", "basic"])
        if sku == "basic":
            more = {"currency": "USD", "periods": player.random.randrange(1, 4)}
            answer = await ask_gift(self._shop, sku, more.pop("periods"), to=to, by=player.name, **more)
        else:
            more = {"recipient": to} | ({"currency": "USD"} if sku == "gems-500" else {})
            answer = await self._shop.buy(sku, customer=player.name, **more)
        await self._paid(player, answer)

    async def _tip(self, player: Player) -> None:
        by, currency = self._shop.as_customer(player.name), player.random.choice(["USD", "USD", "EUR", "gems"])
        amount = player.random.randrange(10, 90) if currency == "gems" else player.random.randrange(100, 2000)
        await self._paid(player, await give(self._shop, amount, currency, by=by))

    async def _pledge(self, player: Player) -> None:
        """Promise something to a campaign, and save a card for it."""
        goal, by = player.random.choice(["tour", "moon"]), self._shop.as_customer(player.name)
        begun = await pledge(self._shop, player.random.randrange(100, 2000), by=by, goal=goal)
        if begun.status == 202:
            url = begun.json["setup"]["redirect_url"]
            await self._shop.pay({"payment": {"redirect_url": url}}, GOOD)

    async def _give_elsewhere(self, player: Player) -> None:
        """Give on Ko-fi, which tells the shop of it."""
        number = next(_KEYS)
        told = {**DONATION, "verification_token": KOFI_TOKEN, "message_id": f"message-{number}",
                "kofi_transaction_id": f"kofi-{number}", "amount": f"{player.random.randrange(1, 40)}.50"}  # fmt: skip
        body = urlencode({"data": json.dumps(told)})
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        path = "/v1/fanfunding/creators/luna/imports/kofi"
        async with self._shop.http.post(path, data=body, headers=headers) as answer:
            assert answer.status == 200, await answer.text()

    async def _use(self, player: Player) -> None:
        """Use what is paid by use, some calls at once."""
        events = [
            {"specversion": "1.0", "id": f"call-{next(_KEYS)}", "source": "/game", "type": "api.call",
             "subject": player.name}
            for _ in range(player.random.randrange(1, 30))
        ]  # fmt: skip
        answer = await self._shop.as_server().post("/v1/usage", events)
        assert answer.status == 200, answer

    async def _subscribe(self, player: Player) -> None:
        """Begin, end or change: whatever there is to do."""
        if player.subscription is None:
            sku, more = player.random.choice(
                [("basic", {"currency": "USD"}), ("premium", {"currency": "USD"}), ("premium", {"currency": "EUR"}),
                 ("premium", {"interval": "year"}), ("basic", {"currency": "gems"}), ("patron", {"currency": "USD"})]
            )  # fmt: skip
            answer = await begin(self._shop, sku, customer=player.name, **more)
            if await self._paid(player, answer) is not None:
                player.subscription = answer.json["details"]["subscription"]
            return
        by, path = self._shop.as_customer(player.name), f"/v1/subscriptions/{player.subscription}"
        if player.random.random() < 0.5:
            at = {"at": player.random.choice(["now", "period_end"])}
            ended = await by.post(f"{path}/cancel", at, key=f"end-{next(_KEYS)}")
            player.subscription = None if ended.status in (200, 404, 409) else player.subscription
        else:
            wanted = {"tier": player.random.choice(["basic", "premium"]), "timing": "now", "money": "charge_now"}
            await by.post(f"{path}/change", wanted, key=f"change-{next(_KEYS)}")

    async def _want_back(self, player: Player) -> None:
        """Ask for some or all of the money of a purchase, or let the bank do it."""
        if not player.bought:
            return
        name = player.bought.pop(player.random.randrange(len(player.bought)))
        how, part = player.random.random(), player.random.randrange(1, 99)
        told = (await self._shop.as_server().get(f"/v1/purchases/{name}")).json
        if told["status"] != "completed":
            return
        if how < 0.3 and told["pay_with"] == "sandbox" and told["total"]["amount"]:
            await self._shop.sandbox.dispute(told)
            self._disputed.append((told, player.random.choice(["lost", "won"])))
            return
        body = {"reason": "asked for", "strategy": "floor", **({} if how < 0.6 else {"amount": part})}
        await self._shop.as_server().post(f"/v1/purchases/{name}/refunds", body, key=f"back-{next(_KEYS)}")

    async def decide_disputes(self) -> None:
        """Let banks decide what was disputed before."""
        decided, self._disputed = self._disputed, []
        for told, how in decided:
            await self._shop.sandbox.dispute(told, how)

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

    async def pay_out(self, currency: str, *, comes_back: bool) -> None:
        """Pay Luna all that can be paid, by hand; let the bank send it back."""
        begun = await begin_payout(self._shop, None, currency)
        if begun.status != 201:
            return
        await move_payout(self._shop, begun.json, "paid", reference="SEPA 17")
        if comes_back:
            await move_payout(self._shop, begun.json, "failed", reason="no such account")
