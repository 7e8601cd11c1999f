"""Back-tests: the same rules say the same; what other rules would do is predicted, then comes true."""

import json

from storefront.testing import running_shop
from tests.subscriptions.test_operating import shell_of

from .screened import decisions, shop_with

RULES = """
{id: pace, do: block, when: "velocity.customer.count_24h > 4"}
{id: trusted, do: allow, when: "in_list(customer.id, 'trusted')"}
{id: card, do: block, when: "velocity.card.count_24h > 5"}
{id: spending, do: review, when: "velocity.device.sum_1h > 100000", mode: shadow}
"""
STRICTER = """
- {id: pace, do: block, when: "velocity.customer.count_24h > 2"}
- {id: trusted, do: allow, when: "in_list(customer.id, 'trusted')"}
- {id: network, do: block, when: "velocity.ip.count_1h > 6"}
- {id: history, do: block, when: "customer.disputes > 5"}
"""


async def trade(shop) -> list[int]:
    """Let some customers buy; return the answers' statuses."""
    statuses = []
    for customer, many in (("ada", 5), ("vip", 4), ("eve", 1)):
        await shop.bought("gems-500", customer=customer)
        for _ in range(many):
            answer = await shop.buy("potion", customer=customer)
            statuses.append(answer.status)
        await shop.advance("61m")
    return statuses


async def test_the_same_rules_say_the_same_and_others_do_what_was_predicted(tmp_path):
    (tmp_path / "now").mkdir()
    (tmp_path / "then").mkdir()
    async with running_shop(tmp_path / "now", shop_with(RULES)) as shop:
        assert await trade(shop) == [201] * 3 + [403] * 2 + [201] * 5
        (adas,) = shop.query(
            "SELECT p.id FROM purchases p JOIN customers c ON c.id = p.customer_id "
            "WHERE sku = 'gems-500' AND external_id = 'ada'"
        )
        await shop.sandbox.dispute(adas)
        await shop.quiet()
        operator = shop.as_server()

        same = (await operator.post("/v1/fraud/test", {"since": "30d"})).json
        (tmp_path / "new.yaml").write_text(STRICTER)
        async with shell_of(shop, tmp_path / "now") as shell:
            told = await shell("fraud", "test", "--since", "30d", "--rules", str(tmp_path / "new.yaml"), "--json")
            assert "good purchases stopped: 0 then, 0 now" in await shell("fraud", "test")
            (tmp_path / "bad.yaml").write_text('[{id: x, do: block, when: "amount >"}]')
            broken = await shell("fraud", "test", "--rules", str(tmp_path / "bad.yaml"), code=2)
            assert "/bad.yaml:1:35 [0].when: is no condition: it ends too early" in broken, broken
            refused = next(one for one in decisions(shop) if one["verdict"] == "block")
            assert "pace block (enforce)" in await shell("fraud", "explain", refused["purchase_id"])
            assert refused["purchase_id"] in await shell("fraud", "decisions", "--verdict", "block")

        assert (same["decisions"], same["same"]) == (16, 16)
        assert same["then"] == same["now"] == {"allow": 11, "challenge": 0, "review": 0, "block": 2}
        assert same["changes"] == []
        assert same["disputes"] == {"total": 1, "stopped_then": 0, "stopped_now": 0}
        assert same["unknown"] == {"velocity.device.sum_1h": 13}  # nobody named a device
        assert told["now"] == {"allow": 9, "challenge": 0, "review": 0, "block": 4}
        predicted = sorted((one["customer"], one["now"]) for one in told["changes"])
        assert predicted == [("ada", "block")] * 2
        assert told["unknown"] == {"customer.disputes": 13}
        assert (told["good"], told["good_customers_hit"]) == ({"total": 7, "stopped_then": 0, "stopped_now": 0}, 0)

    stricter = shop_with("\n".join(line.removeprefix("- ") for line in STRICTER.strip().splitlines()[:3]))
    async with running_shop(tmp_path / "then", stricter) as shop:
        await trade(shop)
        blocked = [one["customer_id"] for one in decisions(shop) if one["verdict"] == "block"]
        assert len(blocked) == 4


async def test_counters_of_shadow_rules_follow_and_say_the_same(data_folder, database_url):
    async with running_shop(data_folder, shop_with(RULES), database=database_url) as shop:
        phone = {"metadata": {"device": "phone"}}
        await shop.bought("gems-500", **phone)
        for _ in range(2):
            await shop.buy("potion", **phone)
            await shop.quiet()

        first, _, last = decisions(shop)
        assert (first["counted"], first["to_count"]) == (["customer", "device"], [])
        assert last["attributes"]["velocity.device.sum_1h"] == 499 + 2 * 1500
        (row,) = shop.query("SELECT buckets FROM fraud_counters WHERE dimension = 'device'")
        assert [one[1:] for one in json.loads(row["buckets"])["d"]] == [[3, 3499]]


async def test_what_is_counted_weeks_late_counts_at_its_own_time_and_the_books_agree(data_folder, database_url):
    async with running_shop(data_folder, shop_with(RULES), database=database_url) as shop:
        phone = {"metadata": {"device": "phone"}}
        await shop.parts.jobs.stop()  # as in a process that dies before it has counted
        assert (await shop.buy("gems-500", **phone)).status == 202
        await shop.stop()
        shop.wall.move(30 * 86_400)
        await shop.start()
        await shop.quiet()
        (first,) = decisions(shop)
        assert (first["counted"], first["to_count"]) == (["customer", "device"], [])
        assert not (await shop.audit()).violations

        assert (await shop.buy("gems-500", **phone)).status == 202
        await shop.quiet()
        assert decisions(shop)[-1]["attributes"]["velocity.device.sum_1h"] == 499
        assert not (await shop.audit()).violations


BAD_LIST = """\
# new ones
- {id: night, do: review, when: "time.hour < 5 && amount_usd > 100"}
- id: spending
  do: blok
  when: velocity.device.sum_1h > 100
- id: night
  do: block
  when: >-
    kind == 'tip' &&
    customer.age_day < 1
"""
BAD_SHOP = "plugins:\n  fraud:\n    rules:\n      - {id: one, do: block, when: 'amount = 5'}\n"


async def test_a_mistake_in_rules_to_try_is_said_as_every_other_one(tmp_path):
    async with running_shop(tmp_path, shop_with(RULES)) as shop, shell_of(shop, tmp_path) as shell:
        bad, other = tmp_path / "bad.yaml", tmp_path / "other.yaml"
        bad.write_text(BAD_LIST)
        other.write_text(BAD_SHOP)

        said = await shell("fraud", "test", "--rules", bad, code=2)
        assert f"{bad}:4:7 [1].do: must be" in said, said
        assert f"{bad}:6:7 [2].id: is the id of another rule" in said, said
        assert f'{bad}:10:5 [2].when: knows no attribute customer.age_day; did you mean "customer.age_days"?' in said
        assert "when: customer.age_days < 1" in said
        said = await shell("fraud", "test", "--rules", other, code=2)
        assert f"{other}:4:44 plugins.fraud.rules[0].when: is no condition: equal is written ==" in said, said
        other.write_text("rules: [}")
        assert f"{other}:1:9 " in await shell("fraud", "test", "--rules", other, code=2)
        other.write_text("shop: {name: Mine}")
        assert f"{other}:1:1 " in await shell("fraud", "test", "--rules", other, code=2)
        assert "cannot be read" in await shell("fraud", "test", "--rules", tmp_path / "none.yaml", code=2)


async def test_rules_that_ask_too_much_together_and_any_time_since_are_answered(tmp_path):
    async with running_shop(tmp_path, shop_with(RULES)) as shop:
        await shop.bought("gems-500")
        server = shop.as_server()
        assert (await server.post("/v1/fraud/test", {"since": "999999d"})).json["decisions"] == 2
        lists = [f"in_list({name}, '{one}')" for one in ("trusted", "banned_devices", "blocked_countries")
                 for name in ("kind", "sku", "currency", "gateway", "caller", "country", "device.id", "creator.id",
                              "recipient.id", "customer.id", "ip.address", "ip.country", "card.country", "card.brand",
                              "card.funding", "card.fingerprint", "card.cvc_check", "card.address_check",
                              "card.postal_check", "card.three_d_secure", "radar.level")]  # fmt: skip
        many = [*lists, *(one.replace("'trusted'", "'reported_cards'") for one in lists if "trusted" in one),
                *(one.replace("'trusted'", "'reported_customers'") for one in lists if "trusted" in one)]  # fmt: skip
        wanted = [{"id": f"m{at}", "do": "block", "when": one} for at, one in enumerate(many)]
        assert len(wanted) > 100
        refused = await server.post("/v1/fraud/test", {"since": "1d", "rules": wanted})
        assert (refused.status, refused.json["errors"][0]["pointer"]) == (422, "/rules")
        long = [
            {"id": f"l{at}", "do": "review", "when": f"quantity == {at} && sku != '{'x' * 600}'"} for at in range(200)
        ]
        found = await server.post("/v1/fraud/test", {"since": "1d", "rules": long})
        assert (found.status, found.json["now"]) == (200, {"allow": 0, "challenge": 0, "review": 1, "block": 0})
