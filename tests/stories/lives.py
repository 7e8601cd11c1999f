"""One customer's life in a shop: what a story's acts do, and what was told of it."""

import random
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from storefront.core import releasing
from storefront.core.purchasing import Status
from storefront.testing import Answer, Shop

Act = Callable[["Life"], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Story:
    """What happens to one customer: moment of the timeline -> act, and facts of the end that are known beforehand."""

    name: str
    acts: Mapping[str, Act]
    ends: Mapping[str, Any]


@dataclass(slots=True)
class Life:
    """One customer who lives through a story; ``missing`` are events that never arrive, as ``charge.updated#2``.

    Of one that is told ``is_backwards`` every event arrives once, at each moment the newest first.
    """

    shop: Shop
    story: Story
    customer: str
    chance: random.Random
    missing: frozenset[str] = frozenset()
    is_told: bool = True
    is_backwards: bool = False
    purchases: list[Any] = field(default_factory=list)
    payouts: list[Any] = field(default_factory=list)
    known: set[str] = field(default_factory=set)
    told: Counter[str] = field(default_factory=Counter)
    names: list[str] = field(default_factory=list)

    async def act(self, moment: str) -> None:
        act = self.story.acts.get(moment)
        if act is not None:
            await act(self)
            self.known |= {one["id"] for one in (*self.purchases, *self.payouts)}
            found = self.shop.query("SELECT id FROM customers WHERE external_id = ?", self.customer)
            self.known |= {row["id"] for row in found}

    def adopt(self, ids: set[str]) -> bool:
        """Tell whether an event that names these ids is about this life; all that it names belongs to it then."""
        if not ids & self.known:
            return False
        self.known |= ids
        return True

    def name(self, event: Mapping[str, Any]) -> str:
        """Name an event of this life: its type, and which one of that type it is."""
        self.told[event["type"]] += 1
        named = f"{event['type']}#{self.told[event['type']]}"
        self.names.append(named)
        return named

    @property
    def purchase(self) -> Any:
        return self.purchases[-1]

    async def buy(self, sku: str, **more: Any) -> Answer:
        """Buy, and demand that the shop takes it."""
        answer = await self.shop.buy(sku, customer=self.customer, **more)
        assert answer.status in (201, 202), (self.story.name, answer)
        self.purchases.append(answer.json)
        return answer

    async def post(self, path: str, form: Mapping[str, str]) -> int:
        """Fill in the payment page of the last purchase; returns its status."""
        url = self.purchase["payment"]["redirect_url"]
        async with self.shop.http.post(url, data=form, allow_redirects=False) as response:
            return response.status


# Ids that many lives share say nothing: prices, products, the account's own.
_OWN_ID = re.compile(r"(?:pur|cs|pi|ch|py|cus|pm|re|pyr|dp|du|issfr|po|seti)_[A-Za-z0-9_]{8,}")


def ids_in(value: Any) -> set[str]:
    """Return the ids that JSON names, of things that belong to one life alone."""
    if isinstance(value, str):
        return {value} if _OWN_ID.fullmatch(value) else set()
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return set().union(*(ids_in(one) for one in inner))


def buys(sku: str, **more: Any) -> Act:
    """Buy something and leave it at that."""

    async def act(life: Life) -> None:
        await life.buy(sku, **more)

    return act


def pays(card: str = "4242424242424242", *, challenge: str | None = None, expect: int = 303) -> Act:
    """Fill in the page of the last purchase with a card, and answer its bank."""

    async def act(life: Life) -> None:
        assert await life.shop.pay(life.purchase, card=card, challenge=challenge) == expect, life.customer

    return act


def debits(iban: str) -> Act:
    """Pay the last purchase from a bank account: the money comes days later, or not."""

    async def act(life: Life) -> None:
        assert await life.post("", {"iban": iban, "action": "pay"}) == 303, life.customer

    return act


async def confirms(life: Life) -> None:
    """Go to the page of one's bank and confirm."""
    assert await life.post("", {"challenge": "pass"}) == 303, life.customer


async def is_given_up(life: Life) -> None:
    """The shop ends the purchase while its page stays open, as one whose closing the gateway never heard of."""
    await releasing.give_up(life.shop.parts.services, life.purchase["id"], Status.EXPIRED, reason="not_paid_in_time")


def refunds(amount: int | None = None) -> Act:
    """Let the operator give money back."""

    async def act(life: Life) -> None:
        wanted = {"reason": "asked for"} | ({} if amount is None else {"amount": amount})
        path = f"/v1/purchases/{life.purchase['id']}/refunds"
        answer = await life.shop.as_server().post(path, wanted, key=f"{life.customer}-{amount}")
        assert answer.status in (201, 202), (life.customer, answer)

    return act


def disputed(*statuses: str) -> Act:
    """Let the payer's bank move a dispute through some states, one right after the other."""

    async def act(life: Life) -> None:
        for status in statuses:
            moved = await life.shop.sandbox.dispute(life.purchase, status)
            life.known.add(moved["id"])

    return act


async def warned(life: Life) -> None:
    await life.shop.sandbox.warn_of_fraud(life.purchase)


async def charges_saved(life: Life) -> None:
    """Buy with the card that was saved."""
    methods = (await life.shop.as_customer(life.customer).get("/v1/payment-methods")).json["data"]
    assert len(methods) == 1, (life.customer, methods)
    answer = await life.buy("chest", payment_method=methods[0]["id"])
    assert answer.json["payment"]["redirect_url"], answer


async def pays_out(life: Life) -> None:
    life.payouts.append(await life.shop.sandbox.pay_out(400))


async def payout_fails(life: Life) -> None:
    await life.shop.sandbox.fail_payout(life.payouts[-1])


def both(*acts: Act) -> Act:
    """Do one thing right after the other."""

    async def act(life: Life) -> None:
        for one in acts:
            await one(life)

    return act


async def spends(life: Life) -> None:
    """Spend some of the gems, and use some of that up; what was bought with money stays the life's purchase."""
    for sku in ("sword", "potion"):
        answer = await life.shop.buy(sku, customer=life.customer)
        assert answer.status == 201, (life.customer, answer)
    path = "/v1/microtransactions/inventory/potion/consume"
    used = await life.shop.as_customer(life.customer).post(path, {}, key=f"{life.customer}-potion")
    assert used.status in (200, 201), (life.customer, used)
