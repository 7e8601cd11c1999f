"""The first purchase: awaited, blocking, and as the example that the README shows."""

import asyncio
import inspect
import sys
from pathlib import Path

import aiohttp
import pytest
from storefront_sdk import AlreadyOwned, BlockingStorefront, InsufficientFunds, Money, StorefrontClient

from storefront.testing import running_shop

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "examples" / "first_purchase.py"


async def pay(url: str) -> int:
    form = {"card_number": "4242 4242 4242 4242", "action": "pay"}
    async with aiohttp.ClientSession() as browser, browser.post(url, data=form, allow_redirects=False) as answer:
        return answer.status


async def test_gems_are_paid_and_a_sword_is_bought_with_them(shop, server):
    session = await server.sessions.create("ada", ttl_seconds=300, country="DE")
    assert session.links["shop"] == f"{shop.url}/shop#token={session.token}"

    async with StorefrontClient(shop.url, token=session.token) as client:
        offers = {offer.sku: offer for offer in await client.catalog()}
        assert offers["gems-500"].price("USD") == Money(499, "USD")
        assert (await client.quote("sword")).total == Money(120, "gems")
        assert (await client.wallet("gems")).balance == 0

        pending = await client.purchase("gems-500", currency="USD", metadata={"quest": "7"})
        assert (pending.status, pending.total, pending.is_settled) == ("pending", Money(499, "USD"), False)
        assert await pay(pending.redirect_url) == 303
        paid = await client.wait(pending)
        assert (paid.id, paid.status, paid.raw["metadata"]) == (pending.id, "completed", {"quest": "7"})
        assert (await client.wallet("gems")).balance == 500

        sword = await client.purchase("sword", expected_price=Money(120, "gems"))
        assert (sword.status, sword.customer, sword.is_replay) == ("completed", "ada", False)
        assert (await client.wallet("gems")).available == 380
        assert [(item.sku, item.quantity) for item in await client.inventory()] == [("sword", 1)]
        assert (await client.check("sword")).allowed

        with pytest.raises(AlreadyOwned):
            await client.purchase("sword")
        with pytest.raises(InsufficientFunds) as short:
            await client.purchase("potion", quantity=26)
        assert [short.value.facts[name] for name in ("required", "available", "short_by")] == [390, 380, 10]
        assert [offer["sku"] for offer in short.value.facts["top_up_offers"]] == ["gems-500", "gems-1200"]
        assert short.value.request_id.startswith("req_")


async def test_an_abandoned_purchase_is_canceled(shop, server):
    pending = await server.purchase("gems-500", customer="ada")
    assert (await server.cancel(pending)).status == "canceled"
    assert (await server.get_purchase(pending.id)).redirect_url is None
    assert (await server.wait(pending)).is_completed is False
    assert shop.balance("customer:ada:gems") == 0


async def test_waiting_ends_when_nobody_pays(server):
    pending = await server.purchase("gems-500", customer="ada")
    with pytest.raises(TimeoutError, match="still pending"):
        await server.wait(pending, timeout_seconds=0.1)


async def test_the_example_tells_the_story_in_25_lines(tmp_path):
    assert len(SCRIPT.read_text().splitlines()) <= 25
    async with running_shop(tmp_path, ROOT / "config.example.yaml") as shop:
        running = await asyncio.create_subprocess_exec(
            sys.executable, str(SCRIPT), shop.url, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        said, complaints = await running.communicate()
        assert (running.returncode, complaints.decode()) == (0, "")
        text = said.decode()
        assert "gems: completed 500\nsword: completed\nhas: Wallet(balance=380, available=380" in text
        assert "(Item(sku='sword-of-dawn', quantity=1" in text
        assert "Check(allowed=True, reason='paid'" in text
        assert "sword-of-dawn: already_owned None" in text
        assert "ashen-crown: insufficient_funds 2820 [{'sku': 'gems-7000'" in text


async def test_the_readme_of_the_sdk_works_as_printed(tmp_path):
    text = (ROOT / "sdk/python/README.md").read_text()
    first, blocking = (part.split("```")[0] for part in text.split("```python\n")[1:3])
    async with running_shop(tmp_path, ROOT / "config.example.yaml") as shop:
        await shop.bought("gems-500")
        token = await shop.session("ada")
        code = first.replace("http://127.0.0.1:8080", shop.url)
        code += blocking.replace("http://127.0.0.1:8080", shop.url).replace("token=token", f"token={token!r}")
        running = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        said, complaints = await running.communicate()
        assert (running.returncode, complaints.decode()) == (0, "")
        assert "gems-500" in said.decode()
        assert shop.balance("customer:ada:gems") == 380


async def test_the_blocking_facade_plays_the_story_too(shop):
    def play() -> tuple[str, list[str], int, bool]:
        with BlockingStorefront(shop.url, key="sk_sandbox_demo") as server:
            session = server.sessions.create("ada")
            pending = server.purchase("gems-500", customer="ada")
            asyncio.run(pay(pending.redirect_url))
            status = server.wait(pending).status
            follower = server.events.follow()
            types = [next(follower).type for _ in range(4)]
        with BlockingStorefront(shop.url, get_token=lambda: session.token) as client:
            client.purchase("sword")
            with pytest.raises(AlreadyOwned):
                client.purchase("sword")
            return status, types, client.wallet("gems").balance, client.check("sword").allowed

    events = ["catalog.activated", "customer.created", "purchase.pending", "purchase.completed"]
    assert await asyncio.to_thread(play) == ("completed", events, 380, True)


def test_the_facade_has_every_method_of_the_client():
    def public(kind: type) -> dict[str, str]:
        found = inspect.getmembers(kind, inspect.isfunction)
        return {name: str(inspect.signature(method)) for name, method in found if not name.startswith("_")}

    assert public(BlockingStorefront).keys() == public(StorefrontClient).keys()
    assert "expected_price" in public(BlockingStorefront)["purchase"]


def test_a_closed_facade_says_so():
    facade = BlockingStorefront("http://127.0.0.1:9", token="t")
    facade.close()
    facade.close()
    with pytest.raises(RuntimeError, match="closed"):
        facade.catalog()


def test_a_client_takes_exactly_one_credential():
    with pytest.raises(ValueError, match="give one of token, get_token, key and public"):
        StorefrontClient("http://127.0.0.1:9", token="t", key="sk_k")
