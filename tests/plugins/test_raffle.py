"""The example plugin as a stranger uses it: built, installed, enabled, switched off, uninstalled, enabled again."""

import asyncio
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import asynccontextmanager, closing
from pathlib import Path

import aiohttp

from storefront.core.audit import verify_file

from .conftest import ROOT

HANG_SECONDS = 30.0
SHOP = """
shop: {name: Shop with a raffle}
data: ./data
logging: {level: warning}
keys: [{key: sk_sandbox_demo, kind: server}]
gateways: {sandbox: {}}
plugins:
  microtransactions: {}
assets: {gems: {title: Gems}}
offers:
  gems-500: {kind: currency_pack, title: 500 gems, contents: {gems: 500}, prices: {USD: 499}}
  potion: {kind: item, type: consumable, title: Potion, prices: {gems: 15}}
"""
WITH_RAFFLE = (
    SHOP.replace("  microtransactions: {}\n", "  microtransactions: {}\n  raffle: {tickets_per_hour: 50}\n")
    + "  winter-raffle: {kind: raffle_ticket, title: Winter raffle, prices: {gems: 50},"
    + " draws_at: 2099-12-24T18:00:00Z, prize: {gems: 5000}}\n"
)


class Client:
    """The API of a server process, for its server key and for ada."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http
        self._token = "sk_sandbox_demo"
        self._keys = 0

    async def sign_in(self) -> None:
        status, session = await self.call("POST", "/v1/sessions", {"customer": "ada"})
        assert status == 201, session
        self._token = session["token"]

    async def call(self, method: str, path: str, body: object = None) -> tuple[int, dict]:
        headers = {"Authorization": f"Bearer {self._token}", "Idempotency-Key": f"{os.getpid()}-{os.urandom(8).hex()}"}
        async with self._http.request(method, path, json=body, headers=headers) as response:
            return response.status, await response.json(content_type=None)

    async def buy(self, sku: str, **more: object) -> tuple[int, dict]:
        return await self.call("POST", "/v1/purchases", {"sku": sku, **more})

    async def buy_gems(self) -> None:
        """Buy 500 gems on the hosted page, and ask for the truth as a client does when the buyer comes back."""
        _, purchase = await self.buy("gems-500")
        form = {"card_number": "4242 4242 4242 4242", "action": "pay"}
        page = purchase["payment"]["redirect_url"]
        async with self._http.post(page, data=form, allow_redirects=False) as paid:
            assert paid.status == 303
        _, settled = await self.call("POST", f"/v1/purchases/{purchase['id']}/finalize")
        assert settled["status"] == "completed"


class Server:
    """``storefront serve`` in a process of its own, which finds what is installed in ``site``."""

    def __init__(self, folder: Path, config: str, site: Path | None) -> None:
        (folder / "shop.yaml").write_text(config)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._log = folder / "log.txt"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                storefront("serve", "--config", "shop.yaml", "--port", str(self.port)),
                cwd=folder,
                env={**os.environ, "PYTHONPATH": "" if site is None else str(site)},
                stdout=log,
                stderr=log,
            )

    async def ready(self, http: aiohttp.ClientSession) -> None:
        async with asyncio.timeout(HANG_SECONDS):
            while True:
                self.must_run()
                try:
                    async with http.get("/readyz") as response:
                        if response.status == 200:
                            return
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(0.02)  # it does not listen yet

    def must_run(self) -> None:
        assert self._process.poll() is None, self._log.read_text()

    def stop(self) -> None:
        """Stop it as an operator would; it must end well."""
        self._process.send_signal(signal.SIGTERM)
        assert self._process.wait(HANG_SECONDS) == 0, self._log.read_text()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@asynccontextmanager
async def server(folder: Path, config: str, site: Path | None):
    process = Server(folder, config, site)
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{process.port}") as http:
            await process.ready(http)
            client = Client(http)
            await client.sign_in()
            yield client
        process.stop()
    finally:
        process.kill()


def storefront(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "storefront", *arguments]


def rows(folder: Path, sql: str) -> list[tuple]:
    with closing(sqlite3.connect(f"file:{folder}/data/storefront.sqlite?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchall()


def numbers(answer: tuple[int, dict]) -> list[int]:
    assert answer[0] == 200, answer
    return sorted(ticket["number"] for ticket in answer[1]["data"])


async def test_a_strangers_plugin_is_enabled_switched_off_uninstalled_and_enabled_again(raffle, tmp_path):
    async with server(tmp_path, WITH_RAFFLE, raffle) as shop:
        await shop.buy_gems()
        status, ticket = await shop.buy("winter-raffle", quantity=2)
        assert (status, ticket["status"], ticket["total"]) == (201, "completed", {"amount": 100, "currency": "gems"})
        assert numbers(await shop.call("GET", "/v1/raffle/tickets")) == [1, 2]
        _, standing = await shop.call("GET", "/v1/raffle/raffles/winter-raffle")
        assert (standing["tickets_sold"], standing["drawn"]) == (2, None)
        _, documented = await shop.call("GET", "/openapi.json")
        assert "/v1/raffle/tickets" in documented["paths"]
    assert rows(tmp_path, "SELECT raffle, number FROM raffle_tickets") == [("winter-raffle", 1), ("winter-raffle", 2)]

    for site in (raffle, None):  # switched off, then uninstalled
        async with server(tmp_path, SHOP, site) as shop:
            assert (await shop.buy("potion"))[0] == 201
            assert (await shop.call("GET", "/v1/raffle/tickets"))[0] == 404
            assert (await shop.buy("winter-raffle"))[1]["code"] == "unknown_offer"
        assert rows(tmp_path, "SELECT count(*) FROM raffle_tickets") == [(2,)]
        assert rows(tmp_path, "SELECT version_num FROM storefront_version_raffle") == [("0001",)]

    async with server(tmp_path, WITH_RAFFLE, raffle) as shop:
        assert (await shop.buy("winter-raffle"))[0] == 201
        assert numbers(await shop.call("GET", "/v1/raffle/tickets")) == [1, 2, 3]
        report = await verify_file(tmp_path / "data" / "storefront.sqlite", deep=True)
        assert report.is_clean, report.explain()


def test_an_uninstalled_plugin_that_is_still_named_is_a_mistake_with_its_place(tmp_path):
    (tmp_path / "shop.yaml").write_text(WITH_RAFFLE)
    done = subprocess.run(
        storefront("serve", "--config", "shop.yaml", "--port", "0"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "shop.yaml:9:3 plugins.raffle: no such plugin is installed" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_plugin_is_listed_with_its_version_and_hooks(raffle, tmp_path):
    (tmp_path / "shop.yaml").write_text(WITH_RAFFLE)
    done = subprocess.run(
        storefront("plugins", "--config", "shop.yaml", "--json"),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(raffle)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    listed = {plugin["name"]: plugin for plugin in json.loads(done.stdout)["plugins"]}
    assert (listed["raffle"]["state"], listed["raffle"]["distribution"]) == ("active", "storefront-raffle")
    assert "price_purchase" in listed["raffle"]["hooks"]


def test_the_plugins_own_tests_pass_as_its_author_runs_them(raffle, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(raffle.parent / "source" / "tests")],
        cwd=raffle.parent / "source",
        env={**os.environ, "PYTHONPATH": str(raffle)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "8 passed" in done.stdout


def test_the_core_knows_nothing_of_it():
    sources = [*(ROOT / "storefront").rglob("*.py"), *(ROOT / "storefront").rglob("*.html")]
    assert [path.name for path in sources if "raffle" in path.read_text().lower()] == []
