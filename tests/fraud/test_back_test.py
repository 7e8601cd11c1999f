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
            broken = await shell("fraud", "test", "--rules", str(tmp_path / "bad.yaml"), code=1)
            assert "The rule x is no condition" in broken
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
