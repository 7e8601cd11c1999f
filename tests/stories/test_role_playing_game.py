"""The economy of examples/role-playing-game.yaml, played: every kind of thing that the file sells, once, over HTTP."""

from pathlib import Path

import pytest

from storefront.testing import running_shop

GAME = Path(__file__).parents[2] / "examples" / "role-playing-game.yaml"
CONTAINERS, DELIVERIES = "/v1/microtransactions/containers", "/v1/microtransactions/deliveries"


@pytest.fixture
async def game(tmp_path):
    async with running_shop(tmp_path, GAME) as running:
        yield running


async def give(game, customer, amounts):
    for asset, amount in amounts.items():
        body = {"customer": customer, "asset": asset, "amount": amount, "reason": "a test"}
        assert (await game.as_server().post("/v1/grants", body, key=f"{customer}-{asset}")).status == 201


async def test_a_starter_kit_with_a_code_is_paid_unpacked_and_refunded_by_line(game):
    opened = await game.buy("starter-kit", currency="USD", promo_code="ember-30")
    assert opened.json["total"] == {"amount": 489, "currency": "USD"}  # 699 less 30 % are 489.3: rounded for the buyer
    await game.pay(opened)
    kit = await game.settled(opened)

    shares = {line["sku"]: line["total"]["amount"] for line in kit["lines"] if line["type"] == "component"}
    me = (await game.as_customer("ada").get("/v1/me")).json
    assert me["wallets"]["crystals"]["balance"] == 525
    assert {item["sku"]: item["quantity"] for item in me["items"]} == {"potion": 10, "warden-cloak": 1}
    assert sum(shares.values()) == 489

    back = {"reason": "the cloak was torn", "lines": [{"sku": "warden-cloak", "quantity": 1}]}
    await game.as_server().post(f"/v1/purchases/{kit['id']}/refunds", back, key="torn")
    await game.quiet()
    after = await game.seen(kit)
    assert [one["amount"]["amount"] for one in after["refunds"]] == [shares["warden-cloak"]]
    left = (await game.as_customer("ada").get("/v1/me")).json["items"]
    assert [item["sku"] for item in left] == ["potion"]


async def test_a_chest_is_opened_by_its_published_odds_and_what_it_drew_is_verifiable(game):
    await give(game, "ada", {"crystals": 60})
    ada = game.as_customer("ada")
    assert (await game.buy("smugglers-chest", promo_code="FIRST-CHEST")).json["total"]["amount"] == 0
    odds = (await ada.get(f"{CONTAINERS}/smugglers-chest/odds")).json
    following = (await ada.get(f"{CONTAINERS}/smugglers-chest/next")).json

    drawn = await ada.post(f"{CONTAINERS}/smugglers-chest/open", {"odds_version": odds["odds_version"]}, key="open")

    assert drawn.status == 201
    assert drawn.json["commitment"] == following["commitment"]
    assert [drop["percent"] for drop in odds["drops"]] == ["55", "30", "13", "2"]
    assert (await ada.get("/v1/me")).json["wallets"]["embers"]["balance"] >= 50


async def test_a_blade_reaches_the_realm_once_and_a_potion_heals(game):
    await give(game, "ada", {"embers": 9000, "crystals": 200})
    ada, server = game.as_customer("ada"), game.as_server()
    assert (await game.buy("ember-blade", currency="embers")).json["status"] == "completed"
    clipped = (await game.buy("potion", currency="crystals", quantity=16)).json
    assert (clipped["quantity"], clipped["total"]["amount"]) == (16, 192)
    await ada.post("/v1/microtransactions/inventory/potion/consume", {"quantity": 2}, key="heal")
    await game.quiet()

    leased = await server.post(
        f"{DELIVERIES}/lease", {"server": "realm", "limit": 10, "online": ["ada"]}, key="lease-1"
    )
    first = [one["command"] for one in leased.json["data"]]
    assert first == ["give ada ember_blade 1"]  # a player's commands wait for each other
    done = {"lease": leased.json["lease"], "ids": [one["id"] for one in leased.json["data"]]}
    assert (await server.post(f"{DELIVERIES}/ack", done, key="ack")).status == 200
    leased = await server.post(
        f"{DELIVERIES}/lease", {"server": "realm", "limit": 10, "online": ["ada"]}, key="lease-2"
    )
    assert [one["command"] for one in leased.json["data"]] == ["heal ada 2"]


async def test_banners_have_numbers_and_go_from_hand_to_hand(game):
    await give(game, "ada", {"crystals": 1500})
    await game.session("bob")
    bought = await game.buy("founders-banner", recipient="bob")
    assert bought.json["recipient"] == {"id": "bob"}

    (banner,) = (await game.as_customer("bob").get("/v1/me")).json["items"]
    assert (banner["sku"], banner["number"]) == ("founders-banner", 1)
    assert (await game.buy("founders-banner")).json["code"] == "limit_reached"
    again = await game.buy("founders-banner", customer="cleo")
    assert (again.status, again.json["code"]) == (402, "insufficient_funds")
    assert again.json["exact_top_up"]["sku"] == "crystals-80"


async def test_travel_is_paid_by_the_league_to_the_last_fraction(game):
    await give(game, "ada", {"embers": 100})
    events = [
        {"specversion": "1.0", "id": str(number), "source": "/realm", "type": "travel.finished", "subject": "ada",
         "data": {"leagues": 7}}
        for number in range(3)
    ]  # fmt: skip
    taken = await game.as_server().post("/v1/usage", events)

    assert taken.json["accepted"] == 3
    wallet = (await game.as_customer("ada").get("/v1/me")).json["wallets"]["embers"]
    assert wallet["available"] == 89  # 21 leagues are 10.5 embers: 11 are set aside
    await game.advance("2m")
    assert game.balance("customer:ada:embers") == 90  # whole embers leave; half of one waits
    travel = (await game.as_customer("ada").get("/v1/me")).json["features"]["fast-travel"]
    assert travel["used"] == 21


async def test_prices_are_of_the_session_s_country(game):
    brazil = game.bearing(await game.session("caio", country="BR"))
    offers = {offer["sku"]: offer for offer in (await brazil.get("/v1/catalog")).json["offers"]}
    assert offers["crystals-500"]["prices"] == [{"amount": 2590, "currency": "BRL"}]
    assert offers["ember-blade"]["real_price"]["currency"] == "BRL"
