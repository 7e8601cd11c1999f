"""Processes that die: which are started again, which end with their parent, and who takes over their work."""

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest

from storefront.testing import SERVER_KEY, TINY_SHOP

from .cluster import Cluster, Served, cluster_of, lines_of, new_session, process_of, serving, until_async

SERVER = {"Authorization": f"Bearer {SERVER_KEY}"}
EARS = '''
import json, os
from storefront.hookspecs import hookimpl

class Plugin:
    """Writes down what it hears, and in which process."""

    api_version = 1

    def __init__(self, config):
        self.config = config

    @hookimpl
    async def on_event(self, event):
        line = json.dumps({"pid": os.getpid(), "cursor": event.cursor, "id": event.id}) + "\\n"
        with open(os.environ["HEARD"], "a") as file:
            file.write(line)
'''


@pytest.fixture
def ears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A plugin that hears every event, installed in a folder for ``PYTHONPATH``."""
    site = tmp_path / "site"
    facts = site / "ears-1.0.dist-info"
    facts.mkdir(parents=True)
    (site / "ears_plugin.py").write_text(EARS)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: ears\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[storefront.plugins]\nears = ears_plugin:Plugin\n")
    monkeypatch.syspath_prepend(site)
    return site


async def test_the_death_of_a_process_costs_no_service_and_no_event(tmp_path, postgres_database, ears):
    """Each process is killed in turn, the one that delivers events among them, while customers come and go."""
    heard = tmp_path / "heard"
    heard.touch()
    config = TINY_SHOP.replace("plugins: {", "plugins: {ears: {}, ")
    path = os.pathsep.join([str(ears), os.environ.get("PYTHONPATH", "")])
    with serving(tmp_path / "shop", config, postgres_database, "--workers", "2", PYTHONPATH=path,
                 HEARD=str(heard)) as served:  # fmt: skip
        async with cluster_of(served, processes=2) as shop:
            await shop.session("ada")
            await shop.until(heard.read_text)
            leaders = []
            for turn in range(2):
                leader = json.loads(heard.read_text().splitlines()[-1])["pid"]
                leaders.append(leader)
                os.kill(leader, signal.SIGKILL)
                count = len(heard.read_text().splitlines())
                await until_async(lambda turn=turn: _has_session(served.url, f"bob-{turn}"))
                await shop.until(lambda count=count: len(heard.read_text().splitlines()) > count)
                await shop.until(lambda: len(served.children()) == 3)
                await until_async(lambda: _are_reached(served.url, 2))
            rows = shop.query("SELECT id, commit_no, anchor, sequence FROM events ORDER BY commit_no, anchor, sequence")
            wanted = [row["id"] for row in rows]
            await shop.until(lambda: set(wanted) == {json.loads(line)["id"] for line in heard.read_text().splitlines()})

            await _is_answered_while_it_stops(served, shop)

        told = [json.loads(line) for line in heard.read_text().splitlines()]
        firsts = list(dict.fromkeys(event["id"] for event in told))
        assert firsts[: len(wanted)] == wanted
        assert len({*leaders, told[-1]["pid"]}) == 3
        assert [line["event"] for line in lines_of(served.log)].count("child_died") == 2


async def _is_answered_while_it_stops(served: Served, shop: Cluster) -> None:
    await shop.sandbox.misbehave("delay", on="POST /v1/checkout/sessions", seconds=2)
    async with new_session(served.url, limit=1) as session:
        body, headers = {"customer": "ada", "sku": "gems-500"}, {**SERVER, "Idempotency-Key": "the-last"}
        buying = asyncio.create_task(_status(session.post("/v1/purchases", json=body, headers=headers)))
        await shop.until(lambda: shop.query("SELECT id FROM purchases"))

        served.process.send_signal(signal.SIGTERM)

        assert await buying == 202
    assert await asyncio.to_thread(served.process.wait, 60) == 0


async def _status(sending: Any) -> int:
    async with sending as response:
        return int(response.status)


async def test_two_servers_with_the_same_keys_serve_one_shop_and_no_child_outlives_its_parent(
    tmp_path, postgres_database
):
    """Two commands on two addresses with data folders of their own, as on two machines."""
    (tmp_path / "two").mkdir()
    with serving(tmp_path / "one", TINY_SHOP, postgres_database, "--workers", "2") as first:
        _copy_keys(tmp_path / "one" / "data", tmp_path / "two" / "data")
        elsewhere = TINY_SHOP.replace("gateways: {sandbox: {}}", "gateways: {sandbox: {url: '${SANDBOX_URL}'}}")
        with serving(tmp_path / "two", elsewhere, postgres_database, SANDBOX_URL=first.sandbox_url) as second:
            async with cluster_of(first, second, processes=3) as shop:
                token = await shop.at(0).session("ada")
                pack = await shop.at(2).bearing(token).post("/v1/purchases", {"sku": "gems-500"}, key="a")
                assert await shop.pay(pack) == 303
                await shop.settled(pack)

                bought = await shop.at(0).bearing(token).post("/v1/purchases", {"sku": "sword"}, key="b")

                seen = str((await shop.at(0).bearing(token).get("/v1/me")).json["version"])
                may = "/v1/entitlements/sword"
                there = await shop.at(2).bearing(token).get(may, **{"X-Customer-Version": seen})
                assert (bought.status, there.status, there.json["allowed"]) == (201, 200, True)
            assert second.stop() == 0
        await _end_without_their_parent(first)


async def _end_without_their_parent(served: Served) -> None:
    children = [psutil.Process(pid) for pid in served.children().values()]
    assert len(children) == 3

    served.process.kill()

    gone, alive = await asyncio.to_thread(psutil.wait_procs, children, timeout=60)
    for child in alive:
        child.kill()
    assert (len(gone), alive) == (3, [])


async def test_readiness_says_when_the_database_is_away_and_when_it_is_back(tmp_path, postgres_server):
    url = await postgres_server.new_database()
    with serving(tmp_path / "shop", TINY_SHOP, url, "--workers", "2") as served:
        async with new_session(served.url, limit=1) as session:
            assert await _readiness(session) == (200, {"database": "ok", "migrations": "ok", "catalog": "ok"})

            await asyncio.to_thread(postgres_server.stop, "fast")
            status, checks = await _readiness(session)
            assert (status, checks["database"]) == (503, "the database does not answer")

            await asyncio.to_thread(postgres_server.start)
            await until_async(lambda: _is_ready(session))
        assert served.stop() == 0


def _copy_keys(source: Path, target: Path) -> None:
    (target / "keys").mkdir(parents=True)
    for file in (source / "keys").iterdir():
        (target / "keys" / file.name).write_bytes(file.read_bytes())


async def _has_session(url: str, customer: str) -> bool:
    """Ask over a new connection, as a client does whose old one has broken."""
    try:
        async with new_session(url, limit=1) as session, session.post(
            "/v1/sessions", json={"customer": customer}, headers=SERVER
        ) as response:  # fmt: skip
            return response.status == 201
    except aiohttp.ClientError:
        return False


async def _are_reached(url: str, count: int) -> bool:
    found = set()
    for _ in range(16):
        try:
            async with new_session(url, limit=1) as session:
                found.add(await process_of(session))
        except aiohttp.ClientError:
            continue
    return len(found) == count


async def _readiness(session: aiohttp.ClientSession) -> tuple[int, dict[str, str]]:
    async with session.get("/readyz") as response:
        return response.status, (await response.json())["checks"]


async def _is_ready(session: aiohttp.ClientSession) -> bool:
    return (await _readiness(session))[0] == 200
