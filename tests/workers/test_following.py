"""What is changed in one process holds in the others: keys, the catalog, the sandbox's clock."""

import asyncio
import os

from storefront.testing import HANG_SECONDS
from tests.cli.conftest import storefront

from .cluster import new_session, process_of, until_async


def ask(served, *arguments):
    """Run a command on a served shop, as an operator on its machine."""
    told = storefront(*arguments, "--config", served.config, **served.environ)
    assert told.returncode == 0, told.stderr
    return told.stdout


async def prices(shop, number):
    answer = await shop.at(number).as_server().get("/v1/catalog")
    assert answer.status == 200
    return next(offer["prices"][0]["amount"] for offer in answer.json["offers"] if offer["sku"] == "potion")


async def test_a_key_made_and_revoked_in_one_process_is_so_in_the_other(shop):
    made = await shop.at(0).bearing("ak_sandbox_demo").post("/v1/keys", {"kind": "server", "name": "bot"}, key="k1")
    assert made.status == 201, made
    here, there = (shop.at(number).bearing(made.json["key"]) for number in (0, 1))

    async def is_refused_there():
        return (await there.get("/v1/customers/nobody/entitlements/x")).status == 401

    assert (await here.get("/v1/catalog")).status == 200
    await until_async(lambda: _is(there.get("/v1/catalog"), 200))

    revoked = await shop.at(0).bearing("ak_sandbox_demo").send("DELETE", f"/v1/keys/{made.json['id']}")

    assert revoked.status == 204, revoked
    assert (await here.get("/v1/events")).status == 401
    await until_async(lambda: _is(there.get("/v1/events"), 401))


async def test_a_reload_is_followed_by_all_and_no_price_flips_back(shop, served_shop):
    config = served_shop.config
    before = config.read_text()
    config.write_text(before.replace("prices: {gems: 15}", "prices: {gems: 16}"))

    ask(served_shop, "reload")

    seen = {0: [], 1: []}

    async def both_have_it():
        for number, found in seen.items():
            found.append(await prices(shop, number))
        return all(found[-1] == 16 for found in seen.values())

    await until_async(both_have_it)
    for _ in range(20):
        await both_have_it()
    assert all(found == sorted(found) for found in seen.values())
    assert "needs_restart" not in ask(served_shop, "plugins", "--json")


async def test_what_a_creator_saves_is_so_in_all_processes(shop, served_shop):
    file = served_shop.config.parent / "luna.yaml"

    async def names():
        answers = [await shop.at(number).as_server().get("/v1/fanfunding/creators/luna") for number in (0, 1)]
        return [answer.json["name"] for answer in answers]

    assert await names() == ["Luna", "Luna"]
    file.write_text("name: ${HOME}\ntips: {min: {USD: 100}}\n")
    await until_async(lambda: _is_logged(served_shop, "creators_refused"))
    assert f"{file}:1:7 name: " in served_shop.log.read_text()
    assert await names() == ["Luna", "Luna"]

    file.write_text("name: Moon\ntips: {min: {USD: 100}}\n")

    async def is_so_everywhere():
        return await names() == ["Moon", "Moon"]

    await until_async(is_so_everywhere)


async def _is_logged(served, word):
    return word in served.log.read_text()


async def test_sighup_to_the_parent_reads_the_yaml_again(shop, served_shop):
    config = served_shop.config
    config.write_text(config.read_text().replace("title: Potion", "title: Elixir"))

    os.kill(served_shop.process.pid, 1)

    async def is_known_everywhere():
        answers = [await shop.at(number).as_server().get("/v1/catalog") for number in (0, 1)]
        return all("Elixir" in str(answer.json) for answer in answers)

    await until_async(is_known_everywhere)


async def test_a_clock_moved_by_one_process_is_followed_and_what_is_due_is_done_when_it_answers(shop):
    """The sweep of the unpaid purchase may run in either process; ``advance`` answers when it has."""
    pending = await shop.buy("statue", customer="late")
    assert pending.status == 202

    answer = await shop.at(0).as_server().post("/sandbox/clock", {"advance": "2h"})

    assert answer.status == 200, answer
    assert (await shop.at(1).seen(pending))["status"] == "expired"


async def test_metrics_say_which_process_answered(shop, served_shop):
    workers = served_shop.children()
    found = {await process_of(shop.at(number).http) for number in (0, 1)}

    assert found == {f'pid="{workers[f"worker {n}"]}",worker="{n}"' for n in (0, 1)}
    async with new_session(served_shop.url, limit=1) as session, session.get("/metrics") as response:
        text = await response.text()
    assert 'storefront_http_requests_total{method="GET",route="/metrics",status="200",worker="' in text


async def test_commands_speak_to_a_served_shop(shop, served_shop):
    made = ask(served_shop, "keys", "create", "--kind", "server", "--name", "shell")
    assert made.strip().startswith("sk_")
    assert "shell" in ask(served_shop, "keys", "list")
    assert "active" in ask(served_shop, "plugins")
    assert "up to date" in ask(served_shop, "migrate", "--status")
    assert "in order" in ask(served_shop, "audit", "verify", "--deep")


async def _is_true(found):
    return bool(found)


async def _is(sending, status):
    return (await sending).status == status


async def test_an_overlays_link_made_anew_in_one_process_ends_the_old_one_in_the_other(shop):
    link, ticket = "/v1/fanfunding/creators/luna/overlay/token", "/v1/fanfunding/overlay/ticket"
    old = (await shop.at(0).as_server().post(link)).json["token"]

    async def opens(token, number):
        return (await shop.at(number).as_nobody().post(ticket, {"token": token})).status

    await until_async(lambda: _is(shop.at(1).as_nobody().post(ticket, {"token": old}), 201))
    pass_ = (await shop.at(1).as_nobody().post(ticket, {"token": old})).json["ticket"]
    async with asyncio.timeout(HANG_SECONDS):
        async with shop.at(1).http.get("/v1/fanfunding/overlay/stream", headers={"Overlay-Ticket": pass_}) as stream:
            assert stream.status == 200
            assert await stream.content.readline() == b"id: 0\n"

            new = (await shop.at(0).as_server().post(link)).json["token"]

            await stream.read()  # to its end
    assert [await opens(old, number) for number in (0, 1)] == [401, 401]
    assert [await opens(new, number) for number in (0, 1)] == [201, 201]


async def test_who_was_erased_in_one_process_is_a_stranger_in_the_other(shop):
    here, there = shop.at(0), shop.at(1)
    old = there.bearing(await there.session("leaver"))
    grant = {"customer": "leaver", "asset": "gems", "amount": 5, "reason": "luck"}
    given = await there.as_server().post("/v1/grants", grant, key="leaver-1")
    assert ((await old.get("/v1/me")).status, given.status) == (200, 201)

    asked = {"reason": "asked for it", "forfeit": True}
    erased = await here.bearing("ak_sandbox_demo").post("/v1/customers/leaver/erase", asked, key="leaver")
    assert erased.status == 200, erased

    await until_async(lambda: _is(old.get("/v1/me"), 401))
    again = await there.as_server().post("/v1/grants", grant, key="leaver-2")
    assert (again.status, again.json["id"] != given.json["id"]) == (201, True)
    named = "SELECT id FROM customers WHERE external_id = 'leaver'"
    assert [row["id"] for row in shop.query(named)] != [erased.json["id"]]
    over = "SELECT 1 AS n FROM erasures WHERE state = 'done'"
    await until_async(lambda: _is_true(shop.query(over)))
