"""Stories of customers whose gateway is in trouble at one operation, and the judge of how they end."""

import math
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from storefront.core.gateways.stripe import Patience, StripeGateway
from storefront.core.ids import new_id
from storefront.testing import Shop
from storefront.testing.calling import Answer
from tests.faults.delivering import deliver
from tests.faults.troubles import HASTY_SECONDS, Trouble
from tests.shop.test_gateway_refunds import refund

TRIES = 3
WINDOW = "26h"
"""Within it all must be settled: a purchase's time, a day's reconciliation, and some more."""
GEMS, PRICE = 500, 499
OVER = {"completed", "paid", "expired", "canceled", "failed"}


class Story:
    """One customer, and what goes wrong. ``times`` says how many requests suffer each trouble."""

    def __init__(self, shop: Shop, troubles: Sequence[Trouble], times: int = TRIES) -> None:
        self.shop = shop
        self.troubles = troubles
        self.times = times
        self.customer = new_id("player")

    @asynccontextmanager
    async def trouble(self, on: str) -> AsyncIterator[None]:
        """Let requests like ``on`` suffer while the block runs; the shop waits for no more than a moment meanwhile."""
        services = self.shop.parts.services
        patient = services.gateways["sandbox"]
        bases = [trouble.base for trouble in self.troubles if trouble.base is not None]
        hasty = self._gateway(bases[0] if bases else f"{self.shop.url}/sandbox")
        for trouble in self.troubles:
            if trouble.order:
                await self.shop.sandbox.misbehave(on=on, times=self.times, **trouble.order)
            if trouble.webhooks is not None:
                await self.shop.sandbox.webhooks(**trouble.webhooks)
        services.gateways["sandbox"] = hasty
        try:
            yield
        finally:
            services.gateways["sandbox"] = patient
            await self.shop.sandbox.order("misbehave", clear=True)
            await hasty.close()

    def _gateway(self, base: str) -> StripeGateway:
        return StripeGateway(
            "sandbox",
            secret_key=self.shop.sandbox.secret_key,
            webhook_secrets=[self.shop.sandbox.webhook_secret],
            api_base=base,
            requests_per_second=math.inf,
            patience=Patience(HASTY_SECONDS, network_retries=0, limited_retries=0),
        )

    async def persist(self, call: Callable[[], Awaitable[Answer]]) -> Answer:
        """Make a call again while the gateway is said to be away."""
        for _ in range(TRIES):
            answer = await call()
            assert answer.status in (200, 201, 202, 204, 409, 502, 503), answer
            if answer.status < 500:
                break
        return answer

    async def pay_page(self, answer: Answer) -> None:
        """Pay where the purchase says, if it still says so; the page refuses what is over."""
        if answer.status == 202 and answer.json["payment"]["redirect_url"]:
            assert await self.shop.pay(answer) in (303, 410)

    async def settle(self) -> None:
        """Let the reconciliation window pass, nothing being wrong any more."""
        await self.shop.quiet()
        await self.judge_grants()
        await self.shop.advance(WINDOW)
        await self.shop.quiet()

    async def told(self) -> list[Any]:
        """Return the gateway's events about this customer's purchases, as it would post them."""
        ours = {row["id"] for row in self.purchases()}
        headers = {"Authorization": f"Bearer {self.shop.sandbox.secret_key}"}
        async with self.shop.http.get("/sandbox/v1/events", params={"limit": "20"}, headers=headers) as response:
            events = (await response.json())["data"]
        return [one for one in events if (one["data"]["object"].get("metadata") or {}).get("purchase_id") in ours]

    def purchases(self) -> list[dict[str, Any]]:
        return self.shop.query(
            "SELECT p.* FROM purchases p JOIN customers c ON c.id = p.customer_id WHERE c.external_id = ?",
            self.customer,
        )

    def alarms(self, purchase_id: str) -> set[str]:
        return {row["kind"] for row in self.shop.query("SELECT kind FROM alarms WHERE about = ?", purchase_id)}

    async def judge_grants(self) -> None:
        """Nothing is given for what the emulator's books do not show as charged."""
        charged = sum(len(charges) for charges in (await self.charges()).values())
        assert self.shop.balance(f"customer:{self.customer}:gems") <= GEMS * charged

    async def charges(self) -> dict[str, list[Any]]:
        """Return purchase id -> the charges that succeeded for it."""
        found: dict[str, list[Any]] = {row["id"]: [] for row in self.purchases()}
        for charge in (await self.shop.sandbox.books())["charges"]:
            if charge["status"] == "succeeded" and charge["metadata"].get("purchase_id") in found:
                found[charge["metadata"]["purchase_id"]].append(charge)
        return found

    async def judge(self) -> None:
        """Judge by the emulator's books: charged once at most, given for that alone, and settled by now."""
        charges, kept = await self.charges(), 0
        for purchase in self.purchases():
            found = charges[purchase["id"]]
            assert len(found) <= 1, f"charged {len(found)} times"
            assert purchase["status"] in OVER, purchase
            assert (purchase["status"] in ("completed", "paid")) == bool(found), purchase
            if purchase["status"] == "paid":
                assert self.alarms(purchase["id"]) & {"goods_owed"}
            if found and purchase["status"] == "completed":
                back = found[0]["amount_refunded"]
                assert back in (0, PRICE)
                assert purchase["refunded"] == ("full" if back else "none")
                kept += not back
        assert self.shop.balance(f"customer:{self.customer}:gems") == GEMS * kept
        assert self.shop.query("SELECT kind, last_error FROM jobs WHERE state = 'dead'") == []


async def checkout(story: Story) -> None:
    """Open a payment page, and pay there."""
    key = new_id("key")

    async def buy() -> Answer:
        return await story.shop.buy("gems-500", customer=story.customer, key=key)

    async with story.trouble("POST /v1/checkout/sessions"):
        answer = await story.persist(buy)
    if answer.status >= 500:
        answer = await story.persist(buy)
    await story.pay_page(answer)
    await story.settle()


async def charge(story: Story) -> None:
    """Charge a saved card while its owner is away."""
    await story.shop.bought("gems-500", customer=story.customer, save_payment_method=True)
    methods = (await story.shop.as_customer(story.customer).get("/v1/payment-methods")).json["data"]
    key = new_id("key")

    async def buy() -> Answer:
        return await story.shop.buy(
            "gems-500", customer=story.customer, key=key, payment_method=methods[0]["id"], pay_with="sandbox"
        )

    async with story.trouble("POST /v1/payment_intents"):
        answer = await story.persist(buy)
    if answer.status >= 500:
        await story.persist(buy)
    await story.settle()


async def look_up(story: Story) -> None:
    """Pay, and have the gateway asked whether that is so, as no webhook tells."""
    answer = await story.shop.buy("gems-500", customer=story.customer)
    await story.shop.sandbox.webhooks("drop")
    assert await story.shop.pay(answer) == 303
    await story.shop.sandbox.webhooks("normal")
    path = f"/v1/purchases/{answer.json['id']}/finalize"
    async with story.trouble("GET /v1/checkout/sessions/*"):
        await story.persist(lambda: story.shop.as_customer(story.customer).post(path))
    await story.settle()


async def give_back(story: Story) -> None:
    """Refund a whole purchase."""
    pack = await story.shop.bought("gems-500", customer=story.customer)
    key = new_id("key")
    async with story.trouble("POST /v1/refunds"):
        answer = await story.persist(lambda: refund(story.shop, pack, key=key))
    if answer.status >= 500:
        await story.persist(lambda: refund(story.shop, pack, key=key))
    await story.settle()
    back = [one for one in (await story.shop.sandbox.books())["refunds"] if one["amount"] == PRICE]
    payment = await story.shop.sandbox.payment_of(pack)
    assert [one["status"] for one in back if one["payment_intent"] == payment] == ["succeeded"]


async def cancel(story: Story) -> None:
    """Cancel a payment page; whoever pays it all the same gets what they paid for."""
    answer = await story.shop.buy("gems-500", customer=story.customer)
    path = f"/v1/purchases/{answer.json['id']}/cancel"
    async with story.trouble("POST /v1/checkout/sessions/*/expire"):
        await story.persist(lambda: story.shop.as_customer(story.customer).post(path))
    await story.pay_page(answer)
    await story.settle()


async def hear(story: Story) -> None:
    """Hear of a payment by webhooks alone, while they, or what they make us ask, are in trouble."""
    answer = await story.shop.buy("gems-500", customer=story.customer)
    await story.shop.sandbox.webhooks("drop")
    assert await story.shop.pay(answer) == 303
    events = await story.told()
    assert events
    async with story.trouble("GET /v1/checkout/sessions/*"):
        for trouble in story.troubles:
            for event in events:
                await deliver(story.shop, event, trouble.name)
        await story.shop.quiet()
    await story.settle()
    for event in events:  # and what was long under way arrives at last
        assert (await story.shop.sandbox.post_webhook(event)).status == 200
    await story.shop.quiet()


OPERATIONS: dict[str, Callable[[Story], Awaitable[None]]] = {
    "checkout": checkout,
    "charge": charge,
    "look_up": look_up,
    "refund": give_back,
    "cancel": cancel,
    "webhook": hear,
}
