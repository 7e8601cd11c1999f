"""The operator's shell on subscriptions: the list, one in full, the figures, a customer's."""

import asyncio
import json
import re
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from storefront.control.desk import Desk
from storefront.control.server import control_socket
from storefront.testing import TINY_SHOP, running_shop
from tests.cli.conftest import environment, storefront

from .changing import pass_days
from .conftest import SUBSCRIBED
from .gifting import gift, theirs
from .subscribing import into_the_next_period, see, subscribe
from .test_final_invoices import FINAL, left

SANDBOX = Path(__file__).parents[2] / "storefront" / "sandbox" / "README.md"


@asynccontextmanager
async def shell_of(shop, folder):
    """Runs the real command beside a shop, which goes on serving; returns what it printed, or refused with ``code``."""
    host = shop.parts.host

    async def ask(*arguments, code=0):
        done = await asyncio.to_thread(
            storefront, *arguments, "--config", folder / "shop.yaml", DATA=str(folder / "data")
        )
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout) if "--json" in arguments else done.stdout + done.stderr

    async with control_socket(Desk(shop.parts, url=shop.url, read=lambda: host)):
        yield ask


@pytest.fixture
async def shell(club, data_folder):
    async with shell_of(club, data_folder) as ask:
        yield ask


async def test_the_shell_lists_and_shows_subscriptions_and_tells_their_figures(club, shell):
    ada = await subscribe(club, "basic")
    trial = await subscribe(club, "tried")
    bob = await subscribe(club, "premium", customer="bob")
    ended = await club.as_customer("bob").post(f"/v1/subscriptions/{bob}/cancel", {"at": "now"}, key="end")
    assert ended.status == 200
    await club.quiet()

    first = await shell("subscriptions", "list", "--limit", "2", "--json")
    rest = await shell("subscriptions", "list", "--limit", "2", "--after", first["next"], "--json")
    assert [one["id"] for one in first["data"] + rest["data"]] == [bob, trial, ada]
    assert rest["next"] is None
    assert [(one["customer"]["id"], one["sku"], one["billing_state"], one["price"]) for one in rest["data"]] == [
        ("ada", "basic", "active", {"amount": 499, "currency": "USD"})
    ]
    for flags, ids in [
        (["--state", "canceled"], [bob]),
        (["--customer", "ada"], [trial, ada]),
        (["--sku", "tried"], [trial]),
        (["--state", "past_due"], []),
    ]:
        assert [one["id"] for one in (await shell("subscriptions", "list", *flags, "--json"))["data"]] == ids
    listed = await shell("subscriptions", "list")
    assert re.search(rf"{bob} +bob +premium +canceled +9\.99 USD +month +1 +- +none", listed)
    assert re.search(rf"{ada} +ada +basic +active +4\.99 USD +month +1 +renewal \S+ \S+ +until", listed)
    assert "There are none." in await shell("subscriptions", "list", "--state", "unpaid")
    assert "There is no customer eve." in await shell("subscriptions", "list", "--customer", "eve", code=1)

    found = await shell("subscriptions", "show", ada, "--json")
    (invoice,) = found["invoices"]
    said = await shell("subscriptions", "show", ada)
    assert (found["subscription"]["id"], invoice["state"], invoice["total"]["amount"]) == (ada, "paid", 499)
    assert [one["type"] for one in found["events"]] == ["subscription.created", "subscription.started"]
    assert [
        one for one in (invoice["purchase"], "4.99 USD every month", "subscription.started") if one not in said
    ] == []
    assert re.search(r"ended +\d{4}-.*subscription\.canceled", await shell("subscriptions", "show", bob), re.DOTALL)
    assert "There is no such subscription." in await shell("subscriptions", "show", "sub_x", code=1)

    assert (await club.as_customer("ada").post(f"/v1/subscriptions/{ada}/cancel", key="later")).status == 200
    customer = await shell("customers", "show", "ada")
    assert re.search(rf"{ada} +basic +active +month +no renewal +until", customer)
    assert re.search(rf"{trial} +tried +trialing +month +renewal", customer)
    assert "subscriptions list --customer ada" in customer
    assert bob not in await shell("customers", "show", "bob")

    told = await shell("subscriptions", "figures", "--json")
    assert told["funnel"] == {"visited": 2, "tried": 2, "trial": 1, "free": 0, "paid": 2, "renewed": 0, "canceled": 1}
    assert told["assets"]["USD"]["months"][-1]["mrr"] == 499
    month = told["assets"]["USD"]["months"][-1]["month"]
    in_words = await shell("subscriptions", "figures")
    assert re.search(rf"{month} +4\.99 +0 +1 +– +– +14\.98 +0\.00", in_words)
    assert (await shell("subscriptions", "figures", "--from", "2020-02-01", "--to", "2020-03-01", "--json"))["funnel"][
        "visited"
    ] == 0
    for wrong, says in [
        (["--from", "yesterday"], "This is not a time"),
        (["--to", "2027-01-01T00:00:00"], "a time needs its zone"),
        (["--from", "2027-01-02", "--to", "2027-01-01"], "must begin before it ends"),
    ]:
        assert says in await shell("subscriptions", "figures", *wrong, code=1)


async def test_a_saved_card_fails_from_now_on_as_the_sandboxs_readme_prints_it(club, shell, data_folder):
    (block,) = re.findall(r"^```sh\n(METHOD=.*?)^```$", SANDBOX.read_text(), re.MULTILINE | re.DOTALL)
    ada = await subscribe(club, "basic")
    (saved,) = (await club.as_customer("ada").get("/v1/payment-methods")).json["data"]
    assert "reference" not in saved
    assert re.search(rf"{saved['id']} .* pm_\w+", await shell("customers", "show", "ada"))
    script = block.replace("pmt_01k9x3v2m7q8r5t4w6y1z0abcd", saved["id"]).replace("http://127.0.0.1:8080", club.url)
    script = script.replace("cat data/", f"cat {data_folder}/data/")
    head = f'set -euo pipefail\nstorefront() {{ "{sys.executable}" -m storefront "$@"; }}\n'
    variables = environment(CONFIG=str(data_folder / "shop.yaml"), DATA=str(data_folder / "data"))
    done = await asyncio.to_thread(subprocess.run, ["bash", "-c", head + script], env=variables, capture_output=True)
    turned = json.loads(done.stdout)
    assert (turned["object"], turned["card"]["last4"]) == ("payment_method", "4242"), done.stderr
    await into_the_next_period(club, ada, by="1h")
    assert (await see(club, ada))["billing_state"] == "past_due"
    (late,) = (await shell("subscriptions", "list", "--state", "past_due", "--json"))["data"]
    assert late["id"] == ada
    assert re.search(rf"{ada} .* attempt \S+ \S+ +until", await shell("subscriptions", "list"))

    key = (data_folder / "data" / "keys" / "sandbox.secret_key").read_text().strip()
    wrong = {"payment_method": saved["id"], "card_number": "4000000000009995"}
    address, headers = f"{club.url}/sandbox/control/cards", {"Authorization": f"Bearer {key}"}
    async with club.http.post(address, json=wrong, headers=headers) as refused:
        assert (refused.status, "storefront customers show" in await refused.text()) == (400, True)


async def test_one_in_full_tells_usage_a_final_invoice_a_pause_a_change_and_gifts(tmp_path):
    async with running_shop(tmp_path, FINAL) as club:
        worker = await left(club)
        await pass_days(club, 0.1)
        paused = await subscribe(club, "plus", customer="bob")
        answers = [await club.as_server().post(f"/v1/subscriptions/{paused}/pause", {})]
        changing = await subscribe(club, "gold", customer="cleo")
        answers.append(
            await club.as_customer("cleo").post(f"/v1/subscriptions/{changing}/change", {"tier": "silver"}, key="down")
        )
        assert [one.status for one in answers] == [200, 200], answers
        await gift(club, "plus", 3, to="dora", by="cleo")
        (given,) = await theirs(club, "dora")
        await club.quiet()
        ids = (worker, paused, changing, given["id"])
        async with shell_of(club, tmp_path) as ask:
            told = {one: await ask("subscriptions", "show", one) for one in ids}

    for subscription, *says in [
        (worker, r"final invoice +2\.50 USD, paid pur_", r"\napi +0 +200 +2\.50 USD +2\.50 USD +0\.00 USD"),
        (paused, r"pause +from 20\S+ \S+ until it is resumed \(asked\)", "next +no renewal"),
        (changing, r"change +to silver, scheduled for 20\d\d-"),
        (given["id"], r"gifted +2 periods to come, until 20\d\d-"),
    ]:
        said = told[subscription]
        assert [one for one in says if re.search(one, said) is None] == [], said


async def test_it_works_on_a_shop_that_nobody_serves_and_says_where_there_are_none(tmp_path):
    async with running_shop(tmp_path, SUBSCRIBED) as club:
        ada = await subscribe(club, "basic")
        await club.quiet()
    (tmp_path / "other.yaml").write_text(TINY_SHOP)

    def ask(*arguments, name="shop", data="data"):
        config = tmp_path / f"{name}.yaml"
        return storefront("subscriptions", *arguments, "--config", config, DATA=str(tmp_path / data))

    listed, shown, told = ask("list"), ask("show", ada), ask("figures")
    assert (listed.returncode, ada in listed.stdout) == (0, True), listed.stderr
    assert (shown.returncode, "renews for       4.99 USD" in shown.stdout) == (0, True), shown.stderr
    assert (told.returncode, "visited" in told.stdout) == (0, True), told.stderr
    missing = ask("list", name="other")
    assert (missing.returncode, "The plugin subscriptions is not enabled here" in missing.stderr) == (1, True)
