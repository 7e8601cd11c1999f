"""What an operator sees of deliveries and does about them: over HTTP, in the shell, in the metrics."""

import asyncio
import json

import pytest

from storefront.control.desk import Desk
from storefront.control.server import control_socket
from tests.cli.conftest import storefront

from .conftest import PATH, states, told


@pytest.fixture
def operator(shop):
    return shop.bearing("ak_sandbox_demo")


async def make_dead(shop, server):
    await shop.bought("potion")
    await told(shop)
    for _ in range(3):
        leased = await server.lease()
        await server.say("fail", leased, reason="no such item", retry_after=0)
    return leased["data"][0]["id"]


async def test_a_dead_command_is_sent_again_under_its_own_id(shop, survival, operator):
    dead = await make_dead(shop, survival)
    answers = [await operator.post(f"{PATH}/{dead}/resend", key="r1") for _ in range(2)]

    assert [(one.status, one.json["id"], one.json["state"]) for one in answers] == [(200, dead, "queued")] * 2
    leased = await survival.lease()
    assert [(one["id"], one["attempt"]) for one in leased["data"]] == [(dead, 1)]
    again = await operator.post(f"{PATH}/{dead}/resend", key="r2")
    assert (again.status, again.json["code"]) == (409, "delivery_not_resendable")
    assert [one["action"] for one in shop.query("SELECT action FROM audit_actions WHERE about = ?", dead)] == [
        "delivery.resent"
    ]


async def test_what_is_done_is_sent_again_under_a_new_id_once_per_key(shop, survival, operator):
    await shop.bought("potion")
    await told(shop)
    await survival.run_all()
    [done] = shop.query("SELECT id FROM microtransactions_commands")

    keys = ("r1", "r1", "r2")
    answers = [await operator.post(f"{PATH}/{done['id']}/resend", key=key) for key in keys]

    ids = [one.json["id"] for one in answers]
    assert ids[0] == ids[1] != ids[2]
    assert done["id"] not in ids
    assert {one.json["resend_of"] for one in answers} == {done["id"]}
    assert await survival.run_all() == ["give ada potion 1"] * 2


async def test_a_command_that_waits_can_be_canceled_and_one_that_runs_or_is_done_cannot(shop, survival, operator):
    for _ in range(2):
        await shop.bought("potion")
    await told(shop)
    leased = await survival.lease()
    running = leased["data"][0]["id"]
    [waiting] = [one["id"] for one in shop.query("SELECT id FROM microtransactions_commands WHERE state = 'queued'")]

    assert (await operator.post(f"{PATH}/{running}/cancel")).json["code"] == "delivery_not_cancelable"
    for _ in range(2):
        assert (await operator.post(f"{PATH}/{waiting}/cancel")).json["state"] == "canceled"
    await survival.say("ack", leased)
    assert (await operator.post(f"{PATH}/{running}/cancel")).json["code"] == "delivery_not_cancelable"
    assert await survival.run_all() == []
    assert (await operator.post(f"{PATH}/dlv_nothing/cancel")).status == 404


async def test_deliveries_are_listed_by_what_is_asked_for(shop, survival, lobby, operator):
    bought = await shop.bought("sword")
    await told(shop)
    await lobby.run_all()

    async def listed(query):
        return [one["server"] for one in (await operator.get(f"{PATH}?{query}")).json["data"]]

    assert sorted(await listed("")) == ["lobby", "survival"]
    assert await listed("state=done") == ["lobby"]
    assert await listed("server=survival") == ["survival"]
    assert await listed("customer=bob") == []
    assert len(await listed(f"purchase={bought['id']}")) == 2
    first = (await operator.get(f"{PATH}?limit=1")).json
    second = (await operator.get(f"{PATH}?limit=1&after={first['next']}")).json
    assert second["next"] is None
    assert first["data"][0]["id"] != second["data"][0]["id"]
    assert (await shop.as_server().get(PATH)).status == 403


async def test_the_metrics_say_how_long_the_queue_is_and_what_is_dead(shop, survival):
    await make_dead(shop, survival)
    await shop.bought("potion")
    await told(shop)
    await shop.advance("1h")
    async with shop.http.get("/metrics") as response:
        text = await response.text()
    name = "storefront_microtransactions_deliveries"
    assert f'{name}_waiting{{server="survival"}} 1.0' in text
    assert f'{name}_dead{{server="survival"}} 1.0' in text
    [age] = [line for line in text.splitlines() if line.startswith(f"{name}_oldest_seconds")]
    assert 3600 <= float(age.split()[-1]) < 3700


async def test_the_shell_lists_shows_resends_and_cancels(shop, survival, data_folder):
    dead = await make_dead(shop, survival)
    host = shop.parts.host

    async def ask(*arguments):
        done = await asyncio.to_thread(
            storefront, "deliveries", *arguments, "--config", data_folder / "shop.yaml", DATA=str(data_folder / "data")
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    async with control_socket(Desk(shop.parts, url=shop.url, read=lambda: host)):
        assert "no such item" in await ask("list", "--state", "dead")
        assert json.loads(await ask("show", dead, "--json"))["last_error"] == "no such item"
        assert json.loads(await ask("resend", dead, "--json"))["state"] == "queued"
        assert dead in await ask("show", dead)
        assert json.loads(await ask("cancel", dead, "--json"))["state"] == "canceled"
        [listed] = json.loads(await ask("list", "--json"))["data"]
    assert listed["state"] == "canceled"
    assert states(shop) == [("survival", "give ada potion 1", "canceled")]
