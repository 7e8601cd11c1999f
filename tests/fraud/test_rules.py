"""Rules: phases, shadows, what is missing, what fails; and what is written down, with the same commits whatever comes."""

from storefront.testing import running_shop

from .screened import decisions, is_neutral_refusal, matched, shop_with

RULES = """
{id: too-many, do: block, when: "quantity > 5 && currency == 'gems'"}
{id: trusted, do: allow, when: "in_list(customer.id, 'trusted')"}
{id: shadowed, do: block, when: "sku == 'potion'", mode: shadow}
{id: device-banned, do: block, when: "in_list(device.id, 'banned_devices')"}
{id: no-device, do: block, when: "device.id == 'x' && quantity == 4", on_missing: block, mode: shadow}
"""


async def test_the_first_phase_with_a_match_decides_and_all_is_written_down(tmp_path):
    async with running_shop(tmp_path, shop_with(RULES)) as shop:
        await shop.bought("gems-500")
        await shop.bought("gems-500", customer="vip")
        before = shop.query("SELECT max(commit_no) AS n FROM events")[0]["n"]

        passed = await shop.buy("potion", quantity=2)
        refused = await shop.buy("potion", quantity=6)
        trusted = await shop.buy("potion", quantity=6, customer="vip")

        assert before
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
        assert blocked["attributes"]["amount_usd"] == 90
        assert blocked["attributes"]["in_list(customer.id, 'trusted')"] is False
        assert blocked["matches"][2] == {
            "rule": "no-device", "do": "block", "mode": "shadow", "because": "missing", "missing": ["device.id"],
        }  # fmt: skip
        assert ada["rules_version"] == vip["rules_version"]
        assert ada["catalog_version"] == shop.parts.services.catalogs.active.version
