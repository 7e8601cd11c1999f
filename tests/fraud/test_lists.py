"""Lists: put on and taken off over HTTP and in the shell, for a while; fed by what banks report; and the breaker."""

import asyncio

from storefront_fraud.config import Settings
from storefront_fraud.expressions import Membership
from storefront_fraud.lists import Lists
from storefront_fraud.tables import LIST_ENTRIES

from storefront.core.commit.engine import CommitNotice
from storefront.core.commit.plan import Claim, Plan
from storefront.testing import running_shop
from tests.subscriptions.test_operating import shell_of

from .screened import decisions, is_neutral_refusal, matched, shop_with

RULES = """
{id: device, do: block, when: "in_list(device.id, 'banned_devices')"}
{id: reported, do: block, when: "in_list(customer.id, 'reported_customers') && gateway != 'wallet'"}
{id: reported-card, do: block, when: "in_list(card.fingerprint, 'reported_cards')"}
{id: reported-address, do: block, when: "in_list(ip.address, 'reported_addresses')", mode: shadow}
"""


async def test_what_is_put_on_a_list_is_on_it_until_its_end_or_until_it_is_taken_off(tmp_path):
    async with running_shop(tmp_path, shop_with(RULES)) as shop:
        await shop.bought("gems-500")
        path, phone = "/v1/fraud/lists/banned_devices", {"metadata": {"device": "phone"}}
        operator = shop.as_server()
        body = {"values": ["phone"], "reason": "shared account", "for": "2h"}
        added = await operator.post(f"{path}/add", body)
        assert (added.status, [one["value"] for one in added.json["data"]]) == (200, ["phone"])
        assert is_neutral_refusal(await shop.buy("potion", **phone))
        await shop.advance("2h")
        assert (await shop.buy("potion", **phone)).status == 201
        assert (await operator.get(path)).json["data"] == []

        async with shell_of(shop, tmp_path) as shell:
            told = await shell("fraud", "lists", "add", "banned_devices", "phone", "--reason", "ring", "--json")
            assert [(one["reason"], one["actor"], one["expires_at"]) for one in told["data"]] == [
                ("ring", "operator:shell", None)
            ]
            assert is_neutral_refusal(await shop.buy("potion", **phone))
            assert "Nothing is on" in await shell("fraud", "lists", "remove", "banned_devices", "phone")
            assert "KP" in await shell("fraud", "lists", "show", "blocked_countries")
            assert "There is no list nobody" in await shell("fraud", "lists", "show", "nobody", code=1)
        assert (await shop.buy("potion", **phone)).status == 201
        assert (await operator.get("/v1/fraud/lists/nobody")).json["code"] == "unknown_list"
        assert (await shop.as_customer().get(path)).status == 403
        actions = [row["action"] for row in shop.query("SELECT action FROM audit_actions ORDER BY recorded_at")]
        assert actions == ["fraud.list_added", "fraud.list_added", "fraud.list_removed"]


async def test_who_is_disputed_is_put_on_the_lists_and_stays_for_as_long_as_is_said(data_folder, database_url):
    async with running_shop(data_folder, shop_with(RULES, reported_days=2), database=database_url) as shop:
        bad = await shop.bought("gems-500", customer="eve")
        await shop.sandbox.dispute(bad)
        await shop.quiet()

        assert is_neutral_refusal(await shop.buy("gems-500", customer="eve"))
        same_card = await shop.buy("gems-500", customer="mallory")
        await shop.pay(same_card)
        assert (await shop.settled(same_card))["status"] != "completed"
        other = await shop.buy("gems-500", customer="bob")
        await shop.pay(other, "5555 5555 5555 4444")
        assert (await shop.settled(other))["status"] == "completed"
        assert matched(decisions(shop)[-1]) == ["reported-address"]

        await shop.advance("49h")
        again = await shop.bought("gems-500", customer="eve")
        assert again["status"] == "completed"
        rows = shop.query("SELECT count(*) AS n FROM fraud_list_entries")
        assert rows[0]["n"] == 3
        await shop.advance("48h")
        assert shop.query("SELECT * FROM fraud_list_entries") == []


async def test_the_breaker_trips_for_an_address_that_tries_out_cards(data_folder, database_url):
    async with running_shop(
        data_folder, shop_with("", breaker={"ip": {"declines": 3}, "shop": {"declines": 9}}), database=database_url
    ) as shop:
        await shop.bought("gems-500")
        tried = await shop.buy("gems-500", customer="eve")
        for _ in range(3):
            assert await shop.pay(tried, "4000 0000 0000 0002") == 402
        await shop.quiet()

        refused = await shop.buy("gems-500", customer="mallory")

        assert is_neutral_refusal(refused), refused
        assert (await shop.buy("potion")).status == 201  # what a wallet pays has no card to try
        assert decisions(shop)[-2]["attributes"]["declines.ip"] == 3
        await shop.advance("2h")
        assert (await shop.buy("gems-500", customer="mallory")).status == 202


async def test_an_early_fraud_warning_puts_its_buyer_on_the_lists(data_folder, database_url):
    async with running_shop(data_folder, shop_with(RULES), database=database_url) as shop:
        bought = await shop.bought("gems-500", customer="eve")
        services = shop.parts.services
        customer_id = await services.customers.need("eve")
        plan = Plan(actor="gateway:sandbox", anchors={customer_id})
        plan.add(Claim("fraud_warning:sandbox:issfr_1", bought["id"]))
        told = {"purchase": bought["id"], "customer_id": customer_id, "warning": "issfr_1"}
        plan.emit("payment.fraud_warning", anchor=customer_id, subject=bought["id"], payload=told)
        await services.engine.commit(plan)

        await shop.until(lambda: len(shop.query("SELECT 1 FROM fraud_list_entries")) == 3)

        shown = (await shop.as_server().get("/v1/fraud/lists/reported_customers")).json["data"]
        assert [(one["value"], one["reason"]) for one in shown] == [("eve", f"fraud warning: {bought['id']}")]
        assert is_neutral_refusal(await shop.buy("gems-500", customer="eve"))


async def test_what_is_old_is_forgotten(data_folder, database_url):
    rules = '{id: pace, do: block, when: "velocity.customer.count_7d > 100"}'
    async with running_shop(data_folder, shop_with(rules, keep_days=9), database=database_url) as shop:
        await shop.bought("gems-500")
        await shop.buy("potion")
        assert len(decisions(shop)) == 2
        await shop.advance("8d")
        await shop.buy("potion")
        assert len(decisions(shop)) == 3
        await shop.advance("2d")
        assert len(decisions(shop)) == 1
        assert [row["n"] for row in shop.query("SELECT count(*) AS n FROM fraud_counters")] == [1]
        await shop.advance("10d")
        assert (decisions(shop), shop.query("SELECT * FROM fraud_counters")) == ([], [])


async def test_what_is_put_on_a_list_while_a_purchase_reads_the_lists_is_read_anew(tmp_path):
    async with running_shop(tmp_path, shop_with(RULES)) as shop:
        services = shop.parts.services
        lists = Lists(services, Settings.of(services.config.plugins["fraud"].options))
        asked, values = [Membership("device.id", "banned_devices")], {"device.id": "phone"}
        reading = asyncio.create_task(lists.answers(asked, values, 0))
        await asyncio.sleep(0)  # it has asked the database, whose answer is older than the commit that is told of now
        body = {"values": ["phone"], "reason": "shared account"}
        lists.on_commit(CommitNotice(1, {}, frozenset({LIST_ENTRIES})))
        assert await reading == {asked[0].name: False}
        await shop.as_server().post("/v1/fraud/lists/banned_devices/add", body)
        assert await lists.answers(asked, values, 0) == {asked[0].name: True}
