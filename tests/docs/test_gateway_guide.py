"""The gateway that the plugin guide prints keeps the contract, and sells in a shop as the guide says."""

import re
import time
from collections.abc import AsyncIterator
from inspect import getmembers, isfunction
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from storefront.core import gateways
from storefront.core.gateways import Checkout
from storefront.core.money import Money
from storefront.testing import TINY_SHOP, running_shop
from storefront.testing.gateway_contract import CheckoutContract

GUIDE = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text()
SOURCE = re.findall(r"^```python\n(# storefront_paycorp/plugin.py\n.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)[0]
MODULE = "storefront_paycorp_of_the_guide"


class PayCorpServer:
    """The provider: checkouts under the shop's own ids; the next reply to a change may be lost."""

    def __init__(self) -> None:
        self.checkouts: dict[str, dict[str, Any]] = {}
        self.loses_reply = False

    async def change(self, request: web.Request) -> web.StreamResponse:
        reference = request.match_info["id"]
        if request.method == "PUT":
            wanted = msgspec.json.decode(await request.read())
            page = f"https://paycorp.example/{reference}"
            new = {"id": reference, "page": page, "state": "awaiting", "live": False, "payment": None, **wanted}
            self.checkouts.setdefault(reference, new)
        found = self.checkouts.get(reference)
        if found is None:
            raise web.HTTPNotFound
        if request.method == "DELETE" and found["state"] == "awaiting":
            found["state"] = "voided"
        if self.loses_reply and request.method != "GET" and request.transport is not None:
            self.loses_reply = False
            request.transport.close()
        return web.json_response(found)

    def paid(self, reference: str) -> None:
        self.checkouts[reference] |= {"state": "received", "payment": f"money-{reference}"}


class Driver:
    takes = (Money(1, "USD"), Money(499, "USD"), Money(500, "JPY"))
    refuses = (Money(0, "USD"),)

    def __init__(self, server: PayCorpServer, gateway: Any) -> None:
        self.server, self.gateway = server, gateway

    def now(self) -> int:
        return time.time_ns() // 1_000_000

    async def pay(self, checkout: Checkout) -> None:
        self.server.paid(checkout.reference)

    async def be_declined(self, checkout: Checkout) -> None:
        """The provider keeps that to itself."""

    async def walk_away(self, checkout: Checkout) -> None:
        """There is nothing to leave."""

    async def lose_reply(self) -> None:
        self.server.loses_reply = True


@pytest.fixture
async def provider() -> AsyncIterator[tuple[PayCorpServer, str]]:
    played = PayCorpServer()
    app = web.Application()
    app.router.add_route("*", "/checkouts/{id}", played.change)
    server = TestServer(app)
    await server.start_server()
    yield played, str(server.make_url("/")).rstrip("/")
    await server.close()


class TestPayCorp(CheckoutContract):
    @pytest.fixture
    async def driver(self, provider: tuple[PayCorpServer, str]) -> Driver:
        printed: dict[str, Any] = {}
        exec(SOURCE, printed)
        return Driver(provider[0], printed["PayCorp"]("paycorp", provider[1]))


async def test_the_printed_plugin_sells_in_a_shop(
    provider: tuple[PayCorpServer, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    facts = site / "storefront_paycorp-1.0.dist-info"
    facts.mkdir(parents=True)
    (site / f"{MODULE}.py").write_text(SOURCE)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: storefront-paycorp\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(f"[storefront.plugins]\npaycorp = {MODULE}:PayCorpPlugin\n")
    monkeypatch.syspath_prepend(site)
    shop_yaml = TINY_SHOP.replace("{microtransactions: {}}", "{microtransactions: {}, paycorp: {}}")
    shop_yaml = shop_yaml.replace("{sandbox: {}}", f'{{sandbox: {{}}, paycorp: {{url: "{provider[1]}"}}}}')
    async with running_shop(tmp_path, shop_yaml) as shop:
        bought = await shop.buy("gems-500", pay_with="paycorp")
        assert bought.json["payment"]["redirect_url"] == f"https://paycorp.example/{bought.json['id']}"
        provider[0].paid(bought.json["id"])
        done = await shop.as_customer().post(f"/v1/purchases/{bought.json['id']}/finalize", {})
        assert done.json["status"] == "completed"
        assert shop.balance("customer:ada:gems") == 500


def test_the_guides_table_names_every_method_of_every_capability() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", GUIDE.split("| protocol | methods |")[1], re.MULTILINE))
    named = ("Checkouts", "Refunds", "RefundsInSteps", "Webhooks", "SavesMethods", "OffSession", "Captures", "Disputes")
    for name in (*named, "BalanceBook"):
        methods = {method for method, _ in getmembers(getattr(gateways, name), isfunction) if method[0] != "_"}
        assert methods <= set(re.findall(r"`(\w+)`", rows[name])), name
