"""What may stand in a command: no value of a player's can end it, begin another, or mean everybody."""

import pytest
from storefront_microtransactions.deliveries.templates import UnsafeValue, Values, render

from storefront.testing import running_shop

from .conftest import DELIVERY_SHOP, GameServer, fund, refund, told

NAMES = ["ada; op mallory", "ada\nop mallory", "@a", "ada && stop", "-rf", "$(stop)", "`stop`", "ada|x", "ada op",
         "ada\u2028op", "ada\u202eop", "ädä", "", "a" * 65, "ada\x00", "ada\r", "{player}", "~", "*", "a,b", '"', "'",
         "\\n", "../x", "§cada"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_value_that_may_mean_something_never_goes_into_a_command(name):
    with pytest.raises(UnsafeValue) as refused:
        render("give {player} sword", Values({"player": name}, {}))
    assert name in ("", "~", "*", '"', "'", "{player}") or name not in str(refused.value)


@pytest.mark.parametrize("name", ["ada", "Ada_99", ".bedrock", "STEAM_0:1:42", "f84c6a79-0a4e-45e0-879b-cd49ebd4c4e2"])
def test_the_names_of_players_go_in(name):
    assert render("give {player} {{x}}", Values({"player": name}, {})) == f"give {name} {{x}}"


def test_an_operators_pattern_allows_more_and_never_a_control_character():
    patterns = {"player": r"(?s).+"}
    assert render("hi {player}", Values({"player": "Ada Ä;"}, patterns)) == "hi Ada Ä;"
    for name in ("ada\nop mallory", "ada\u2028", "\u202eada", "a\x7f"):
        with pytest.raises(UnsafeValue, match="control characters"):
            render("hi {player}", Values({"player": name}, patterns))


def test_a_value_is_never_read_as_a_template_again():
    texts = {"metadata.a": "{sku}", "sku": "sword"}
    assert render("x {metadata.a}", Values(texts, {"metadata.a": ".*"})) == "x {sku}"


async def test_a_hostile_player_makes_a_dead_command_and_no_second_one(shop, survival):
    await fund(shop, "ada; op mallory")
    bought = await shop.bought("potion", customer="ada; op mallory")
    await told(shop)

    assert await survival.run_all() == []
    [row] = shop.query("SELECT * FROM microtransactions_commands")
    assert (row["state"], row["command"]) == ("dead", None)
    assert "{player}" in row["last_error"]
    assert "mallory" not in row["last_error"]
    assert [one["kind"] for one in shop.query("SELECT kind FROM alarms")] == ["delivery_dead"]
    refused = await shop.bearing("ak_sandbox_demo").post(
        f"/v1/microtransactions/deliveries/{row['id']}/resend", key="again"
    )
    assert (refused.status, refused.json["code"]) == (409, "delivery_not_resendable")
    await refund(shop, bought)
    assert await survival.run_all() == []


async def test_what_a_buyer_sends_along_is_checked_like_a_name(shop, survival):
    await shop.bought("pet", metadata={"name": "Rex"})
    await shop.bought("pet", metadata={"name": "Rex\nop ada"})
    await shop.bought("pet")
    await told(shop)
    assert await survival.run_all() == ["pet ada name Rex"]
    rows = shop.query("SELECT state, last_error FROM microtransactions_commands ORDER BY position")
    assert [row["state"] for row in rows] == ["done", "dead", "dead"]
    assert "there is no {metadata.name}" in rows[2]["last_error"]


async def test_the_operator_says_what_else_is_harmless(data_folder, database_url):
    allowed = "deliveries: {values: {metadata.name: '[A-Za-z ]{1,20}'}}"
    config = DELIVERY_SHOP.replace("deliveries: {max_attempts: 3}", allowed)
    async with running_shop(data_folder, config, database=database_url) as shop:
        await fund(shop)
        await shop.bought("pet", metadata={"name": "Good Rex"})
        await shop.bought("pet", metadata={"name": "Rex2"})
        await told(shop)
        assert await GameServer(shop).run_all() == ["pet ada name Good Rex"]
