"""Caps on what one buyer may begin: purchases that wait for their payment, and cards that are tried out."""

import asyncio
from collections import Counter

import pytest

from storefront.testing import TINY_SHOP, running_shop

CAPPED = TINY_SHOP + "purchases: {most_pending: 3, most_declined_per_hour: 4}\n"
DECLINES = "4000000000000002"


@pytest.fixture
async def capped(data_folder, database_url):
    async with running_shop(data_folder, CAPPED, database=database_url) as running:
        yield running


def waiting(shop):
    return shop.query("SELECT value FROM counters WHERE key LIKE 'pending:%'")


async def test_no_more_purchases_wait_than_may(capped):
    opened = [await capped.buy("gems-500", key=f"k{number}") for number in range(3)]
    assert [answer.status for answer in opened] == [202, 202, 202]
    over = await capped.buy("gems-500", key="k3")
    assert (over.status, over.json["code"], over.json["at_most"]) == (409, "too_many_pending", 3)
    assert (await capped.buy("gems-500", customer="bob")).status == 202

    again = await capped.buy("gems-500", key="k0")
    assert (again.status, again.json["id"]) == (202, opened[0].json["id"]), "a retry begins nothing"
    await capped.as_customer().post(f"/v1/purchases/{opened[0].json['id']}/cancel")
    assert (await capped.buy("gems-500", key="k3")).status == 202
    assert await capped.pay(opened[1]) == 303
    await capped.settled(opened[1])
    assert (await capped.buy("gems-500", key="k4")).status == 202
    assert (await capped.buy("gems-500", key="k5")).status == 409


async def test_purchases_that_end_by_themselves_make_room(capped):
    for _ in range(3):
        await capped.buy("gems-500")
    await capped.advance("40m")
    assert waiting(capped) == [{"value": 0}]
    assert (await capped.buy("gems-500")).status == 202


async def test_a_rush_begins_no_more_than_may_wait(capped):
    await capped.as_customer().get("/v1/me")
    answers = await asyncio.gather(*(capped.buy("gems-500") for _ in range(16)))
    assert Counter(answer.status for answer in answers) == {202: 3, 409: 13}
    assert waiting(capped) == [{"value": 3}]
    assert len((await capped.sandbox.books())["sessions"]) == 3


async def test_what_the_wallet_pays_does_not_wait(capped):
    await capped.bought("gems-500")
    for _ in range(3):
        await capped.buy("gems-500")
    assert (await capped.buy("sword")).status == 201


async def declined(shop, customer, times):
    """Let a buyer try cards that are declined, at the payment page of one purchase."""
    purchase = await shop.buy("gems-500", customer=customer)
    assert purchase.status == 202, purchase
    for _ in range(times):
        assert await shop.pay(purchase, card=DECLINES) == 402
    await shop.quiet()
    return purchase


async def test_cards_are_tried_out_from_one_address_so_often_only(capped):
    tried = await declined(capped, "eve", 2)
    await declined(capped, "mallory", 2)

    refused = await capped.buy("gems-500", customer="eve")
    assert (refused.status, refused.json["code"]) == (429, "too_many_declines")
    assert 0 < int(refused.headers["Retry-After"]) <= 3600
    setup = await capped.as_customer("ada").post("/v1/payment-methods/setups", {}, key="s1")
    assert (setup.status, setup.json["code"]) == (429, "too_many_declines")
    by_server = {"sku": "gems-500", "customer": "ada"}
    assert (await capped.as_server().post("/v1/purchases", by_server, key="k1")).status == 202, "not from there"

    assert await capped.pay(tried) == 303
    assert (await capped.settled(tried))["status"] == "completed", "what is open may still be paid"
    await capped.advance("1h")
    assert (await capped.buy("gems-500", customer="eve")).status == 202


async def declined_saving(shop, customer, times):
    """Let a buyer try cards that are declined, at the page that keeps one for later; return the setup."""
    opened = await shop.as_customer(customer).post("/v1/payment-methods/setups", {})
    assert opened.status == 201, opened
    for _ in range(times):
        assert await shop.pay({"payment": {"redirect_url": opened.json["redirect_url"]}}, card=DECLINES) == 402
    await shop.quiet()
    return opened.json


async def test_cards_that_are_tried_where_one_is_saved_count_like_those_that_pay(capped):
    setup = await declined_saving(capped, "eve", 3)
    assert (await capped.buy("gems-500", customer="ada")).status == 202
    await declined(capped, "mallory", 1)

    refused = await capped.buy("gems-500", customer="eve")
    assert (refused.status, refused.json["code"]) == (429, "too_many_declines")
    again = await capped.as_customer("eve").post("/v1/payment-methods/setups", {})
    assert (again.status, again.json["code"]) == (429, "too_many_declines")

    assert await capped.pay({"payment": {"redirect_url": setup["redirect_url"]}}) == 303
    seen = await capped.as_customer("eve").get(f"/v1/payment-methods/setups/{setup['id']}")
    assert seen.json["state"] == "saved", "what is open may still be saved"
    assert capped.query("SELECT network FROM setups") == [{"network": None}]


async def test_a_decline_where_a_card_is_saved_counts_once_and_its_address_is_kept_for_days_only(capped):
    await capped.sandbox.webhooks("duplicate")
    await declined_saving(capped, "eve", 2)
    assert capped.query("SELECT value FROM counters WHERE key LIKE 'declined:%'") == [{"value": 2}]
    assert capped.query("SELECT network FROM setups") == [{"network": "127.0.0.1"}]

    await capped.sandbox.webhooks("drop")
    await capped.advance("3d")
    assert capped.query("SELECT network FROM setups") == [{"network": None}]


async def test_a_card_that_a_server_lets_its_customer_save_is_not_counted(capped):
    await capped.as_customer().get("/v1/me")
    opened = await capped.as_server().post("/v1/payment-methods/setups", {"customer": "ada"})
    assert opened.status == 201, opened
    page = {"payment": {"redirect_url": opened.json["redirect_url"]}}
    assert await capped.pay(page, card=DECLINES) == 402
    await capped.quiet()
    assert capped.query("SELECT key FROM counters WHERE key LIKE 'declined:%'") == []


async def test_a_decline_that_is_told_twice_counts_once(capped):
    await capped.sandbox.webhooks("duplicate")
    await declined(capped, "eve", 3)
    assert capped.query("SELECT value FROM counters WHERE key LIKE 'declined:%'") == [{"value": 3}]
    await capped.sandbox.webhooks("normal")
    assert (await capped.buy("gems-500", customer="eve")).status == 202


async def test_the_address_is_forgotten_when_a_payment_is_over_and_counts_within_days(capped):
    tried = await declined(capped, "eve", 1)
    assert capped.query("SELECT network FROM payments") == [{"network": "127.0.0.1"}]
    assert await capped.pay(tried) == 303
    await capped.settled(tried)
    assert capped.query("SELECT network FROM payments") == [{"network": None}]
    await capped.advance("2d")
    assert capped.query("SELECT key FROM counters WHERE key LIKE 'declined:%'") == []
