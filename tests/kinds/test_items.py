"""Items: what is full, what lasts, and what has a number."""

import asyncio
from datetime import datetime

import pytest

from .conftest import items_of, refund


async def pass_of(shop):
    state = (await shop.as_customer().get("/v1/me")).json
    found = next((item for item in state["items"] if item["sku"] == "pass"), None)
    return state, found


def hours_between(first, second):
    return round((datetime.fromisoformat(second) - datetime.fromisoformat(first)).total_seconds() / 3600, 2)


async def test_what_does_not_fit_is_left_out_and_not_paid(shop):
    await shop.bought("gems-500")
    first = await shop.buy("potion", quantity=3)
    clipped = await shop.buy("potion", quantity=10)
    full = await shop.buy("potion")

    assert (first.status, "asked" in first.json["lines"][0]) == (201, False)
    assert (clipped.status, clipped.json["quantity"], clipped.json["total"]["amount"]) == (201, 2, 30)
    assert clipped.json["lines"][0]["asked"] == 10
    assert (full.status, full.json["code"], full.json["at_most"]) == (409, "limit_reached", 5)
    assert await items_of(shop) == {"potion": 5}
    assert shop.balance("customer:ada:gems") == 500 - 5 * 15


async def test_a_price_that_was_shown_for_more_than_fits_is_refused(shop):
    await shop.bought("gems-500")
    await shop.buy("potion", quantity=3)
    wanted = {"amount": 60, "currency": "gems"}
    refused = await shop.buy("potion", quantity=4, expected_price=wanted)
    assert (refused.status, refused.json["code"], refused.json["price"]["amount"]) == (409, "price_changed", 30)


async def test_more_than_the_most_is_refused_where_nothing_is_left_out(shop):
    await shop.bought("gems-500")
    refused = await shop.buy("arrow", quantity=6)
    assert (refused.status, refused.json["code"]) == (409, "limit_reached")
    assert await items_of(shop) == {}


async def test_a_pass_that_is_bought_again_lasts_longer(shop):
    await shop.bought("gems-500")
    first = await shop.buy("pass")
    state, one = await pass_of(shop)
    await shop.buy("pass", quantity=2)
    again, three = await pass_of(shop)

    assert first.json["customer"]["changed"]["items"][0]["expires_at"] == one["expires_at"]
    assert hours_between(one["expires_at"], three["expires_at"]) == 12
    assert (one["quantity"], three["quantity"]) == (1, 1)
    assert state["fresh_until"] == one["expires_at"]
    assert again["entitlements"]["lounge"]["expires_at"] == three["expires_at"]


async def test_a_pass_is_gone_when_its_time_is_over_and_an_event_says_so(shop):
    await shop.bought("gems-500")
    await shop.buy("pass")
    await shop.advance("5h")
    assert await items_of(shop) == {"pass": 1}
    await shop.advance("2h")

    state, gone = await pass_of(shop)
    assert (gone, state["entitlements"]["lounge"]["active"]) == (None, False)
    told = shop.query("SELECT payload FROM events WHERE type = 'item.expired'")
    assert len(told) == 1
    assert '"sku":"pass"' in told[0]["payload"]


async def test_a_pass_bought_after_its_end_begins_now(shop):
    await shop.bought("gems-500")
    await shop.buy("pass")
    await shop.advance("10h")
    await shop.buy("pass")
    state, one = await pass_of(shop)
    assert hours_between(state["as_of"], one["expires_at"]) == 6


async def test_a_refund_takes_the_time_back(shop):
    await shop.bought("gems-500")
    first = await shop.bought("pass")
    await shop.buy("pass")
    _, both = await pass_of(shop)
    made = await refund(shop, first)
    state, one = await pass_of(shop)

    assert made.json["taken_back"]["items"] == [{"sku": "pass", "demanded": 1, "taken": 1, "written_off": 0}]
    assert hours_between(one["expires_at"], both["expires_at"]) == 6
    assert state["entitlements"]["lounge"]["expires_at"] == one["expires_at"]
    assert state["entitlements"]["lounge"]["active"] is True


async def test_a_refund_of_the_only_pass_ends_it_and_one_that_is_over_is_used(shop):
    await shop.bought("gems-500")
    only = await shop.bought("pass")
    await refund(shop, only)
    state, gone = await pass_of(shop)
    assert (gone, state["entitlements"]["lounge"]["active"]) == (None, False)

    used = await shop.bought("pass")
    await shop.advance("7h")
    refused = await refund(shop, used, key="r2")
    assert (refused.status, refused.json["code"]) == (409, "goods_used")
    assert (await refund(shop, used, key="r3", strategy="floor")).status == 201


@pytest.mark.parametrize("lasting", ["pass", "sword"])
async def test_what_lasts_is_not_used_up(shop, lasting):
    await shop.bought("gems-500")
    await shop.buy(lasting)
    for by in (shop.as_customer(), shop.as_server()):
        body = {} if by is shop.as_customer() else {"customer": "ada"}
        used = await by.post(f"/v1/microtransactions/inventory/{lasting}/consume", body, key="u1")
        assert (used.status, used.json["code"]) == (409, "not_consumable")
    assert await items_of(shop) == {lasting: 1}


async def test_units_get_numbers_without_gaps_whoever_buys_them(shop):
    names = [f"player-{n}" for n in range(6)]
    await asyncio.gather(*(shop.bought("gems-500", customer=name) for name in names))
    await asyncio.gather(*(shop.buy("lantern", customer=name, quantity=2) for name in names))

    given = [number for name in names for number in (await items_of(shop, name))["lantern"]]
    assert sorted(given) == list(range(1, 13))


async def test_the_very_unit_that_is_named_is_used(shop):
    await shop.bought("gems-500")
    bought = await shop.buy("lantern", quantity=3)
    second = next(item for item in bought.json["customer"]["changed"]["items"] if item["number"] == 2)
    path = "/v1/microtransactions/inventory/lantern/consume"
    used = await shop.as_customer().post(path, {"instance": second["instance"]}, key="u1")
    again = await shop.as_customer().post(path, {"instance": second["instance"]}, key="u2")
    first = await shop.as_customer().post(path, {}, key="u3")

    assert (used.status, used.json["remaining"]) == (200, 2)
    touched = {item["instance"]: item["quantity"] for item in used.json["customer"]["changed"]["items"]}
    assert touched[second["instance"]] == 0
    assert (again.status, again.json["code"]) == (409, "not_enough_items")
    assert first.status == 200
    assert (await items_of(shop))["lantern"] == [3]


async def test_a_refund_takes_the_units_that_its_purchase_gave(shop):
    await shop.bought("gems-500")
    await shop.bought("lantern")
    second = await shop.bought("lantern", quantity=2)
    await refund(shop, second)
    third = await shop.bought("lantern")

    assert (await items_of(shop))["lantern"] == [1, 4]
    assert third["quantity"] == 1


async def test_a_bonus_is_spent_first_and_lapses(shop):
    await shop.bought("gems-bonus")
    await shop.bought("arrow", quantity=5)
    wallet = (await shop.as_customer().get("/v1/me")).json["wallets"]["gems"]
    assert [part["amount"] for part in wallet["expiring"]] == [15]
    await shop.advance("13h")
    wallet = (await shop.as_customer().get("/v1/me")).json["wallets"]["gems"]
    assert (wallet["balance"], wallet["expiring"]) == (100, [])
