"""The story that ``storefront demo`` plays over HTTP, each step with what must come of it.

A player buys gems with a test card and a sword with gems; what they cannot have or pay is refused.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from rich.console import Console
from rich.markup import escape

from storefront.core.errors import StorefrontError

SERVER_KEY = "sk_sandbox_demo"
CARD = "4242 4242 4242 4242"
SETTLE_SECONDS = 20.0
ASK_AGAIN_SECONDS = 0.05


class NotAsTold(StorefrontError):
    """The shop did something else than the story says."""

    code = "not_as_told"
    title = "The story went otherwise"


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a JSON body."""

    status: int
    json: Any


class Story:
    """Tells and plays the story on one shop; ``http`` has the shop's address as its base."""

    def __init__(self, http: aiohttp.ClientSession, out: Console) -> None:
        self._http = http
        self._out = out
        self._step = 0
        self._ada = ""

    async def play(self) -> str:
        """Play every step and return the shop's address with ada signed in.

        Raises:
            NotAsTold: at the first thing that is not as told.
        """
        link = await self._mint_a_session()
        await self._look_at_the_catalog()
        await self._buy_gems()
        await self._buy_the_sword()
        await self._check_the_entitlement()
        await self._buy_a_second_sword()
        await self._want_the_crown()
        return link

    async def _mint_a_session(self) -> str:
        self._tell("The game's server signs in its player ada", "POST /v1/sessions")
        answer = await self._call("POST", "/v1/sessions", SERVER_KEY, {"customer": "ada"})
        self._expect("the session", answer.status, 201)
        self._ada = answer.json["token"]
        self._note(f"a token for {answer.json['customer']}, good until {answer.json['expires_at']}")
        return str(answer.json["links"]["shop"])

    async def _look_at_the_catalog(self) -> None:
        self._tell("The game shows what is on sale", "GET /v1/catalog")
        answer = await self._call("GET", "/v1/catalog", self._ada)
        self._expect("the catalog", answer.status, 200)
        offers = {offer["sku"]: offer for offer in answer.json["offers"]}
        for sku, price in (("gems-500", {"amount": 499, "currency": "USD"}), ("sword-of-dawn", _gems(120))):
            self._expect(f"{sku} on sale for {price}", price in offers.get(sku, {}).get("prices", ()), True)
        self._note(f"{len(offers)} offers, among them 500 gems for 4.99 USD and a sword for 120 gems")

    async def _buy_gems(self) -> None:
        self._tell("ada buys 500 gems", "POST /v1/purchases")
        opened = await self._buy("gems-500", currency="USD")
        self._expect("the purchase waits for its payment", (opened.status, opened.json["status"]), (202, "pending"))
        page = opened.json["payment"]["redirect_url"]
        self._note(f"{opened.json['id']} is pending until it is paid at {page}")
        self._tell(f"ada pays 4.99 USD with the test card {CARD}", "the hosted page")
        form = {"card_number": CARD, "action": "pay"}
        async with self._http.post(page, data=form, allow_redirects=False) as response:
            self._expect("the payment page's answer", response.status, 303)
        began = time.monotonic()
        await self._settled(opened.json["id"])
        await self._expect_gems(500)
        milliseconds = round((time.monotonic() - began) * 1000)
        self._note(f"a signed webhook completed it after {milliseconds} ms; ada has 500 gems")

    async def _buy_the_sword(self) -> None:
        self._tell("ada buys the Sword of Dawn for 120 gems", "POST /v1/purchases")
        bought = await self._buy("sword-of-dawn")
        self._expect("the purchase", (bought.status, bought.json["status"]), (201, "completed"))
        me = await self._expect_gems(380)
        owned = [(item["sku"], item["quantity"]) for item in me["items"]]
        self._expect("what ada owns", owned, [("sword-of-dawn", 1)])
        self._note("one request, one commit: 380 gems are left, and the sword is in the inventory")

    async def _check_the_entitlement(self) -> None:
        self._tell("The game asks: may ada wield the sword?", "GET /v1/entitlements/sword-of-dawn")
        answer = await self._call("GET", "/v1/entitlements/sword-of-dawn", self._ada)
        self._expect("the check", (answer.status, answer.json.get("allowed")), (200, True))
        self._note("yes, because it was paid for")

    async def _buy_a_second_sword(self) -> None:
        self._tell("ada tries to buy a second one", "POST /v1/purchases")
        answer = await self._buy("sword-of-dawn")
        self._expect("the refusal", (answer.status, answer.json.get("code")), (409, "already_owned"))
        self._note("409 already_owned: a durable item is owned once")

    async def _want_the_crown(self) -> None:
        self._tell("ada wants the Ashen Crown, which costs 3200 gems", "POST /v1/purchases")
        answer = await self._buy("ashen-crown")
        self._expect("the refusal", (answer.status, answer.json.get("code")), (402, "insufficient_funds"))
        self._expect("how many gems are missing", answer.json["short_by"], 2820)
        packs = [offer["sku"] for offer in answer.json["top_up_offers"]]
        self._expect("that packs are offered which would help", bool(packs), True)
        self._note(f"402 insufficient_funds, short by 2820; offered instead: {', '.join(packs)}")
        await self._expect_gems(380)

    async def _buy(self, sku: str, **more: str) -> Answer:
        self._step += 1
        body = {"sku": sku, **more}
        return await self._call("POST", "/v1/purchases", self._ada, body, key=f"demo-{self._step}")

    async def _settled(self, purchase: str) -> None:
        """Wait for the webhook, asking like a client does."""
        try:
            async with asyncio.timeout(SETTLE_SECONDS):
                while True:
                    answer = await self._call("GET", f"/v1/purchases/{purchase}", self._ada)
                    if answer.json.get("status") != "pending":
                        break
                    await asyncio.sleep(ASK_AGAIN_SECONDS)
        except TimeoutError as error:
            raise NotAsTold(f"{purchase} was paid and is still pending after {SETTLE_SECONDS:.0f} s.") from error
        self._expect("the paid purchase", answer.json["status"], "completed")

    async def _expect_gems(self, gems: int) -> Any:
        me = await self._call("GET", "/v1/me", self._ada)
        self._expect("ada's gems", me.json["wallets"]["gems"]["balance"], gems)
        return me.json

    async def _call(
        self, method: str, path: str, credential: str, body: Mapping[str, Any] | None = None, *, key: str | None = None
    ) -> Answer:
        headers = {"Authorization": f"Bearer {credential}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        async with self._http.request(method, path, json=body, headers=headers) as response:
            return Answer(response.status, await response.json(content_type=None))

    def _tell(self, what: str, how: str) -> None:
        self._out.print(f"\n  [bold]{escape(what)}[/]  [dim]{escape(how)}[/]")

    def _note(self, what: str) -> None:
        self._out.print(f"    [green]✓[/] {escape(what)}")

    def _expect(self, what: str, got: object, wanted: object) -> None:
        if got != wanted:
            raise NotAsTold(f"Not as told: {what} should be {wanted}, and is {got}.")


def _gems(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "gems"}
