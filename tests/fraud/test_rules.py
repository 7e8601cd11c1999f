"""Rules: phases, shadows, what is missing, what fails; and what is written down, in one commit whatever comes."""

from storefront.testing import running_shop

from .screened import decisions, is_neutral_refusal, matched, shop_with

RULES = """
{id: too-many, do: block, when: "quantity > 5 && currency == 'gems'"}
{id: trusted, do: allow, when: "in_list(customer.id, 'trusted')"}
{id: shadowed, do: block, when: "sku == 'potion'", mode: shadow}
{id: device-banned, do: block, when: "in_list(device.id, 'banned_devices')"}
{id: no-device, do: block, when: "device.id == 'x' && quantity == 4", on_missing: block, mode: shadow}
"""


async def test_the_first_phase_with_a_match_decides_and_all_is_written_down(data_folder, database_url):
    async with running_shop(data_folder, shop_with(RULES), database=database_url) as shop:
        await shop.bought("gems-500")
        await shop.bought("gems-500", customer="vip")
        notices = []
        shop.parts.services.engine.follow(lambda notice: notices.append("fraud_decisions" in notice.tables))

        passed = await shop.buy("potion", quantity=2)
        refused = await shop.buy("potion", quantity=6)
        trusted = await shop.buy("potion", quantity=6, customer="vip")

        assert sum(notices) == 3  # one commit each, whatever the verdict
        assert (passed.status, trusted.status) == (201, 201)
        assert is_neutral_refusal(refused), refused
        assert shop.balance("customer:ada:gems") == 470
        ada, blocked, vip = decisions(shop)[2:]
        assert (ada["verdict"], ada["decided_by"], ada["outcome"]) == ("allow", "none", "passed")
        assert matched(ada) == ["shadowed", "no-device"]
        assert (blocked["verdict"], blocked["decided_by"], blocked["outcome"]) == ("block", "block", "refused")
        assert matched(blocked) == ["too-many", "shadowed", "no-device"]
        assert (vip["verdict"], vip["decided_by"], vip["outcome"]) == ("allow", "allow", "passed")
        assert blocked["attributes"]["amount"] == 90
        assert blocked["attributes"]["amount_usd"] == 9000
        assert blocked["attributes"]["in_list(customer.id, 'trusted')"] is False
        assert blocked["matches"][2] == {
            "rule": "no-device", "do": "block", "mode": "shadow", "because": "missing", "missing": ["device.id"],
        }  # fmt: skip
        assert ada["rules_version"] == vip["rules_version"]
        assert ada["catalog_version"] == shop.parts.services.catalogs.active.version


FAILING = """
{id: share, do: block, when: "10000 / (quantity - 2) == 7"}
{id: shadow, do: block, when: "1 / (quantity - 3) == 7", mode: shadow}
{id: gifts, do: block, when: "recipient.age_days < 3", on_missing: skip}
{id: strangers, do: block, when: "sku == 'key' && device.id.startsWith('emulator')", on_missing: block}
{id: tablets, do: block, when: "sku == 'nothing' || device.id == 'x'", on_missing: match}
"""


async def test_what_fails_or_is_missing_is_never_let_through_and_the_shop_stays_up(data_folder, database_url):
    rules = FAILING.replace("{id: tablets", "{id: tablets, mode: shadow").strip()
    async with running_shop(data_folder, shop_with(rules, fail="block"), database=database_url) as shop:
        await shop.bought("gems-500", metadata={"device": "phone"})
        with_device = {"metadata": {"device": "phone"}}

        failed = await shop.buy("potion", quantity=2, **with_device)
        shadowed = await shop.buy("potion", quantity=3, **with_device)
        unknown = await shop.buy("potion")

        assert is_neutral_refusal(failed), failed
        assert shadowed.status == 201
        assert is_neutral_refusal(unknown), unknown
        _, first, second, third = decisions(shop)
        assert (first["verdict"], first["decided_by"], first["errors"]) == ("block", "fail", 1)
        assert (first["matches"][0]["because"], first["matches"][0]["rule"]) == ("error", "share")
        assert "divide by zero" in first["matches"][0]["error"]
        assert (second["verdict"], second["errors"], matched(second)) == ("allow", 1, ["shadow"])
        assert (third["decided_by"], matched(third)) == ("block", ["strangers", "tablets"])
        shown = (await shop.as_server().get("/v1/fraud/rules")).json["data"]
        by_id = {one["id"]: (one["matched"], one["errors"], one["last_error"]) for one in shown}
        assert by_id["share"][:2] == (0, 1)
        assert "divide by zero" in by_id["share"][2]
        assert by_id["strangers"] == (1, 0, None)
        assert not shop.parts.services.hooks.manager.get_plugin("fraud").judges_payments
        async with shop.http.get("/metrics") as answer:
            metrics = await answer.text()
        assert 'storefront_fraud_decisions{verdict="block"} 2.0' in metrics
        assert "storefront_fraud_rule_errors 2.0" in metrics


async def test_a_broken_rule_sends_purchases_to_review_unless_told_otherwise(data_folder, database_url):
    async with running_shop(
        data_folder, shop_with('{id: broken, do: allow, when: "1 / (quantity - 1) > 0"}'), database=database_url
    ) as shop:
        begun = await shop.buy("gems-500")
        assert begun.status == 202, begun
        assert shop.balance("customer:ada:gems") == 0
        found = [(one["verdict"], one["decided_by"], one["outcome"]) for one in decisions(shop)]
        assert found == [("review", "fail", "review")]


async def test_values_that_cannot_be_had_count_as_an_error_of_the_rules_that_read_them(data_folder, database_url):
    rules = """
{id: history, do: block, when: "customer.disputes > 0"}
{id: many, do: block, when: "quantity > 50"}
"""
    async with running_shop(data_folder, shop_with(rules, fail="block"), database=database_url) as shop:
        await shop.bought("gems-500")
        judge = shop.parts.services.hooks.manager.get_plugin("fraud")._judge
        judge._collector._services = None  # what it reads with is gone

        refused = await shop.buy("potion")

        assert is_neutral_refusal(refused), refused
        assert decisions(shop)[-1]["errors"] == 1
        assert decisions(shop)[-1]["attributes"]["customer.disputes"] is None
        assert shop.parts.services.hooks.health["fraud"].failures == 0
        judge._collector._services = shop.parts.services
        assert (await shop.buy("potion")).status == 201
