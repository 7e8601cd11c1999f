"""Clients who buy, pay, decline, spend, refund, dispute, warn and pay late, and put up with whatever they hear."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp
import msgspec

from tests.crashes.processes import SANDBOX_KEY, Reply
from tests.stories.turmoil import Turmoil

CLIENTS = 6
TRIES = 4
SHOP = """
shop: {name: Chaos shop}
mode: sandbox
data: ${DATA}
logging: {level: warning, format: json}
keys:
  - {key: sk_sandbox_demo, kind: server}
plugins: {microtransactions: {}}
assets: {gems: {title: Gems}}
offers:
  pack:
    {kind: currency_pack, title: 500 gems, contents: {gems: 500},
     prices: {USD: 499, EUR: 479, GBP: 450, JPY: 700, KWD: 1500}}
  hoard: {kind: currency_pack, title: A hoard, contents: {gems: 9000}, prices: {USD: 9900, EUR: 9500}}
  charm: {kind: item, type: consumable, title: Charm, prices: {gems: 10}}
gateways:
  sandbox:
    secret_key: ${SANDBOX_SECRET_KEY}
    webhook_secret: ${SANDBOX_WEBHOOK_SECRET}
"""
CARDS = (
    *["4242424242424242"] * 6,
    "4000000000000002",  # declines
    "4000002500003155",  # asks its holder
    "4000000000000259",  # is disputed
    "4000000000001976",  # its bank asks first
    "4000000000005423",  # its bank warns
    "4000000000005126",  # refunds fail
    "4000000000007726",  # refunds take long
)
IBANS = ("DE89370400440532013000", "DE62370400440532013001", "DE35370400440532013002")
ENDINGS = ("won", "lost", "under_review")


class Client:
    """One customer: knows its purchases, and does one thing after the other."""

    def __init__(self, turmoil: Turmoil, name: str, chance: random.Random) -> None:
        self._turmoil = turmoil
        self._world = turmoil.world
        self._name = name
        self._chance = chance
        self._purchases: list[Any] = []
        self._disputes: list[str] = []
        self._turn = 0
        self.counts: Counter[str] = Counter()

    async def run(self) -> None:
        deeds: tuple[tuple[int, str, Callable[[], Awaitable[object]]], ...] = (
            (8, "buys", self._buy_and_pay),
            (2, "buys with a saved card", self._buy_with_saved),
            (3, "pays late", self._pay_something),
            (3, "spends", self._spend),
            (3, "refunds", self._refund),
            (1, "refunded by hand", self._refund_by_hand),
            (2, "disputes", self._dispute),
            (2, "dispute goes on", self._move_dispute),
            (1, "warned", self._warn),
            (1, "paid out", self._pay_out),
        )
        while not self._turmoil.is_over:
            await self._turmoil.is_open.wait()
            (_, name, deed), *_ = self._chance.choices(deeds, [weight for weight, _, _ in deeds])
            self._turmoil.at_work += 1
            self._turn += 1
            try:
                await deed()
                self.counts[name] += 1
            except (aiohttp.ClientError, TimeoutError):
                self.counts["unanswered"] += 1
            finally:
                self._turmoil.at_work -= 1
            await asyncio.sleep(self._chance.uniform(0, 0.1))  # others want to trade too

    async def _buy_and_pay(self) -> None:
        currency = self._chance.choice(("USD", "USD", "EUR", "GBP", "JPY", "KWD"))
        wanted = {"customer": self._name, "sku": "pack", "currency": currency}
        if self._chance.random() < 0.2:
            wanted |= {"sku": "hoard", "currency": self._chance.choice(("USD", "EUR"))}
        bought = await self._buy({**wanted, "save_payment_method": self._chance.random() < 0.2})
        if bought is not None and self._chance.random() < 0.85:
            await self._pay(bought)

    async def _buy_with_saved(self) -> None:
        listed = await self._world.read(f"/v1/payment-methods?customer={self._name}")
        methods = listed.json["data"] if listed.status == 200 else []
        if methods:
            method = self._chance.choice(methods)["id"]
            bought = await self._buy(
                {"customer": self._name, "sku": "pack", "currency": "USD", "payment_method": method}
            )
            if bought is not None and bought["payment"]["redirect_url"]:
                await self._post_form(bought["payment"]["redirect_url"], {"challenge": "pass"})

    async def _buy(self, body: Mapping[str, Any]) -> Any:
        """Buy under one key until there is an answer, or patience ends."""
        for _ in range(self._chance.randint(1, TRIES)):
            answer = _checked(await self._world.post("/v1/purchases", body, key=f"{self._name}-{self._turn}"))
            if answer.status in (201, 202):
                self._purchases.append(answer.json)
                return answer.json
            if answer.status != 503:
                self.counts[f"purchase {answer.json['code']}"] += 1
                return None
        return None

    async def _pay_something(self) -> None:
        if self._purchases:
            await self._pay(self._chance.choice(self._purchases))

    async def _pay(self, purchase: Any) -> None:
        url = purchase["payment"].get("redirect_url")
        if not url:
            return
        if purchase["total"]["currency"] == "EUR" and self._chance.random() < 0.5:
            await self._post_form(url, {"iban": self._chance.choice(IBANS), "action": "pay"})
            return
        challenge = self._chance.choice(("pass", "pass", "fail"))
        card = self._chance.choice(CARDS)
        status = await self._post_form(url, {"card_number": card, "action": "pay", "challenge": challenge})
        if status == 303 and self._chance.random() < 0.5:
            _checked(await self._world.post(f"/v1/purchases/{purchase['id']}/finalize"))

    async def _post_form(self, url: str, form: Mapping[str, str]) -> int:
        async with self._world.browser.post(url, data=form, allow_redirects=False) as response:
            assert response.status < 500, (response.status, await response.text())
            return response.status

    async def _spend(self) -> None:
        body = {"customer": self._name, "sku": "charm", "quantity": self._chance.randint(1, 60)}
        _checked(await self._world.post("/v1/purchases", body, key=f"{self._name}-{self._turn}"))

    async def _refund(self) -> None:
        if not self._purchases:
            return
        purchase = self._chance.choice(self._purchases)
        wanted: dict[str, Any] = {"reason": "asked for", "strategy": self._chance.choice(("floor", "debt", "fail"))}
        if self._chance.random() < 0.5:
            wanted["amount"] = self._chance.randint(1, purchase["total"]["amount"])
            if purchase["total"]["currency"] == "KWD":
                wanted["amount"] = wanted["amount"] // 10 * 10 or 10  # Stripe takes no thousandths
        for _ in range(self._chance.randint(1, TRIES)):
            path = f"/v1/purchases/{purchase['id']}/refunds"
            if _checked(await self._world.post(path, wanted, key=f"{self._name}-{self._turn}")).status != 503:
                return

    async def _refund_by_hand(self) -> None:
        payment = self._some_payment()
        if payment is not None:
            await self._call("refunds", {"payment_intent": payment})

    async def _dispute(self) -> None:
        payment = self._some_payment()
        status = self._chance.choice(("needs_response", "warning_needs_response", "lost"))
        if payment is not None:
            found = await self._order("disputes", {"payment_intent": payment, "status": status})
            self._disputes += [found["id"]] if found else []

    async def _move_dispute(self) -> None:
        if self._disputes:
            dispute = self._chance.choice(self._disputes)
            await self._order("disputes", {"dispute": dispute, "status": self._chance.choice(ENDINGS)})

    async def _warn(self) -> None:
        payment = self._some_payment()
        if payment is not None:
            await self._order("early_fraud_warnings", {"payment_intent": payment})

    async def _pay_out(self) -> None:
        currency = self._chance.choice(("usd", "eur"))
        found = await self._call("payouts", {"amount": "200", "currency": currency})
        if found is not None and self._chance.random() < 0.3:
            await self._order("payouts/fail", {"payout": found["id"]})

    def _some_payment(self) -> str | None:
        """Return the gateway's id of some payment of ours that was received."""
        rows = self._world.query("SELECT gateway_payment FROM payments WHERE state = 'received'")
        return self._chance.choice(rows)[0] if rows else None

    async def _order(self, name: str, body: Mapping[str, Any]) -> Any:
        """Order the emulator; None where that cannot be (disputed twice, refunded before …)."""
        return await self._sandbox(f"control/{name}", json=body)

    async def _call(self, path: str, form: Mapping[str, str]) -> Any:
        return await self._sandbox(f"v1/{path}", data=form)

    async def _sandbox(self, path: str, **content: Any) -> Any:
        headers = {"Authorization": f"Bearer {SANDBOX_KEY}"}
        async with self._world.browser.post(
            f"{self._world.sandbox_url}/{path}", headers=headers, **content
        ) as response:
            raw = await response.read()
        try:
            return msgspec.json.decode(raw) if response.status == 200 else None
        except msgspec.DecodeError:  # the emulator cuts answers off for everybody
            return None


def _checked(reply: Reply) -> Reply:
    """Take nothing but success, a refusal, or word that the gateway is to blame."""
    assert reply.status < 500 or reply.status in (502, 503), reply
    return reply
