"""Prices are versioned: an edit reaches nobody who has subscribed, unless the offer says whom, and from when on."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from storefront.testing import running_shop
from tests.cli.conftest import storefront

from .changing import CHANGING, ask, change, charged, pass_days
from .subscribing import invoices, see, subscribe
from .test_account import Account, browser

BRONZE = "prices: {USD: 1000, JPY: 1000, gems: 300}, most_seats: 10, also: [{interval: year, prices: {USD: 10000}}]"
DEARER = BRONZE.replace("USD: 1000,", "USD: 1200,").replace("gems: 300", "gems: 350").replace("10000", "12000")
TOLD = CHANGING.replace("    families:", "    reminders: {renewal: {30 days: 3d}}\n    families:")


def edited(*, existing=None, bronze=DEARER, text=TOLD):
    assert text.count(BRONZE) == 1
    return text.replace(BRONZE, bronze if existing is None else f"existing: {existing}, {bronze}")


async def edit(shop, folder, text):
    """Write the YAML anew and start the shop with it."""
    await shop.quiet()
    (folder / "shop.yaml").write_text(text)
    await shop.restart()


@pytest.fixture
async def club(tmp_path):
    async with running_shop(tmp_path, TOLD) as shop:
        yield shop


async def totals(shop, subscription, customer="ada"):
    """Return what its periods asked, the oldest first."""
    return [one["total"]["amount"] for one in reversed(await invoices(shop, subscription, customer=customer))]


async def renews_for(shop, subscription, customer="ada"):
    return (await see(shop, subscription, customer=customer))["renews_for"]["amount"]


def price_events(shop):
    rows = shop.query("SELECT payload FROM events WHERE type = 'subscription.price_changed' ORDER BY commit_no")
    return [(facts["before"]["amount"], facts["after"]["amount"]) for facts in
            (json.loads(row["payload"]) for row in rows)]  # fmt: skip


def reminded(shop):
    rows = shop.query("SELECT payload FROM events WHERE type = 'subscription.renewal_upcoming' ORDER BY commit_no")
    return [json.loads(row["payload"])["amount"]["amount"] for row in rows]


async def test_an_edit_reaches_who_has_subscribed_only_where_the_offer_says_so(club, tmp_path):
    ada = await subscribe(club, "bronze", seats=2)
    await edit(club, tmp_path, edited())
    new = await subscribe(club, "bronze", customer="new")
    assert (await renews_for(club, ada), await renews_for(club, new, "new")) == (2000, 1200)
    await pass_days(club, 28)
    await pass_days(club, 3)
    assert await totals(club, ada) == [2000, 2000]

    await edit(club, tmp_path, edited(existing="next_renewal"))
    assert ((await see(club, ada))["price"]["amount"], await renews_for(club, ada)) == (1000, 2400)
    async with browser(club) as http:
        page = await Account(club, http).play_as("ada")
    assert re.search(r"\$20\.00 every 30 days for 2 seats until [^<]*, then \$24\.00 every 30 days for 2 seats", page)
    await pass_days(club, 27)
    await pass_days(club, 3)
    assert await totals(club, ada) == [2000, 2000, 2400]
    assert (await see(club, ada))["price"]["amount"] == 1200
    assert (price_events(club), sorted(reminded(club))) == ([(1000, 1200)], [1200, 1200, 2000, 2400])

    await edit(club, tmp_path, TOLD)  # cheaper again, and again for nobody who has subscribed
    await pass_days(club, 30)
    assert (await totals(club, ada), await totals(club, new, "new")) == ([2000, 2000, 2400, 2400], [1200] * 4)
    await change(club, ada, "bronze", seats=3)
    assert (await see(club, ada))["price"]["amount"] == 1000  # a change is to what is sold now
    await pass_days(club, 30)
    assert (await totals(club, ada))[-1] == 3000


async def test_from_a_date_on_also_where_what_is_due_is_asked_late(club, tmp_path):
    ada = await subscribe(club, "bronze")
    yearly = await subscribe(club, "bronze", customer="bob", interval="year")
    since = datetime.fromtimestamp(club.parts.services.clock.now() / 1000, UTC) + timedelta(days=45)
    await edit(club, tmp_path, edited(existing=since.isoformat(timespec="seconds")))
    assert (await renews_for(club, ada), await renews_for(club, yearly, "bob")) == (1000, 12000)
    await pass_days(club, 95)
    assert await totals(club, ada) == [1000, 1000, 1200, 1200]
    assert price_events(club) == [(1000, 1200)]
    assert sorted(await charged(club)) == [1000, 1000, 1200, 1200, 10000]


async def test_what_was_due_before_an_edit_is_asked_by_the_price_of_then(club, tmp_path):
    ada = await subscribe(club, "bronze")
    await club.stop()
    club.wall.move(31 * 86_400)
    (tmp_path / "shop.yaml").write_text(edited(existing="next_renewal"))
    await club.start()
    await club.quiet()
    assert await totals(club, ada) == [1000, 1000]
    await pass_days(club, 30)
    assert await totals(club, ada) == [1000, 1000, 1200]


async def test_a_change_that_waits_credit_a_wallet_and_what_is_free_go_on_as_agreed(club, tmp_path):
    await club.as_server().post(
        "/v1/grants", {"customer": "cleo", "asset": "gems", "amount": 2000, "reason": "test"}, key="g"
    )
    waits = await subscribe(club, "silver")
    answer = await ask(club, waits, "bronze")
    assert answer.json["pending_change"]["price"]["amount"] == 1000
    gems = await subscribe(club, "bronze", customer="cleo", currency="gems", card=None)
    free = await subscribe(club, "guest", customer="dora")
    left = await subscribe(club, "bronze", customer="eve", interval="year")
    switched = await ask(club, left, "bronze", by=club.as_customer("eve"), interval="30 days")
    assert switched.status == 201, switched
    credit = (await see(club, left, customer="eve"))["credit"]["amount"]
    assert credit > 8000

    priced = edited(existing="next_renewal").replace(
        "free: true, interval: 30 days", "prices: {USD: 100}, existing: next_renewal, interval: 30 days"
    )
    await edit(club, tmp_path, priced)
    assert await renews_for(club, waits) == 1000
    assert await renews_for(club, free, "dora") == 0
    await pass_days(club, 30)
    await pass_days(club, 30)
    assert await totals(club, waits) == [2000, 1000, 1200]
    assert await totals(club, gems, "cleo") == [300, 350, 350]
    assert await totals(club, free, "dora") == [0, 0, 0]
    assert (await totals(club, left, "eve"))[-2:] == [0, 0]
    assert (await see(club, left, customer="eve"))["credit"]["amount"] == credit - 2400


async def test_a_check_against_what_is_live_says_whom_an_edit_touches(club, tmp_path):
    for name in ("ada", "bob", "cleo"):
        await subscribe(club, "bronze", customer=name)
    await subscribe(club, "bronze", customer="dora", interval="year")
    leaving = await subscribe(club, "bronze", customer="eve")
    await club.as_customer("eve").post(f"/v1/subscriptions/{leaving}/cancel", {})
    config = tmp_path / "next.yaml"

    def told(text, *flags):
        config.write_text(text)
        return storefront("check", config, "--data", tmp_path / "data", "--against-live", *flags).stdout

    said = told(edited())
    assert "3 subscriptions keep their price of 10.00 USD every 30 days" in said
    assert "1 subscription keeps its price of 100.00 USD a year" in said
    said = told(edited(existing="next_renewal"))
    assert "3 subscriptions pay 10.00 USD every 30 days, and will pay 12.00 USD from the next renewal on" in said
    assert "1 subscription pays 100.00 USD a year, and will pay 120.00 USD from the next renewal on" in said
    assert "from the first renewal since 2030-02-01 on" in told(edited(existing="2030-02-01"))
    facts = json.loads(told(edited(existing="2030-02-01"), "--json"))["against_live"]["changes"]
    [bronze] = [one for one in facts if one["name"] == "bronze"]
    assert [one["facts"] for one in bronze["effects"]] == [
        {"interval": interval, "currency": "USD", "number": number, "before": before, "after": after, "moves": True,
         "from": "2030-02-01T00:00:00.000Z"}
        for interval, number, before, after in (("30 days", 3, 1000, 1200), ("year", 1, 10000, 12000))
    ]  # fmt: skip


async def test_a_new_price_waits_for_the_next_period_also_where_a_pause_cuts_the_present_one(club, tmp_path):
    found = {name: await subscribe(club, "bronze", customer=name) for name in ("ada", "bob")}
    server = club.as_server()
    await pass_days(club, 10)
    await edit(club, tmp_path, edited(existing="next_renewal"))
    for subscription in found.values():
        answer = await server.post(f"/v1/subscriptions/{subscription}/pause", {"at": "now"})
        assert answer.status == 200, answer
    answer = await server.post(f"/v1/subscriptions/{found['ada']}/resume", {"keep_anchor": True})
    assert (answer.status, answer.json["price"]["amount"]) == (200, 1000)
    await pass_days(club, 30)
    answer = await server.post(f"/v1/subscriptions/{found['bob']}/resume", {"keep_anchor": True})
    assert (answer.status, answer.json["price"]["amount"]) == (200, 1200)
    await club.quiet()
    assert await totals(club, found["ada"]) == [1000, 0, 1200]  # the rest of the old period, then a new one
    assert await totals(club, found["bob"], "bob") == [1000, 133]  # two thirds of 1200, less two thirds of 1000
