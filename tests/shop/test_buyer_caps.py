"""Caps on what one buyer may begin: purchases that wait for their payment, and cards that are tried out."""

import asyncio
from collections import Counter

import pytest

from storefront.configured_gateways import SandboxSecrets
from storefront.testing import TINY_SHOP, running_shop

CAPPED = TINY_SHOP + "purchases: {most_pending: 3, most_declined_per_hour: 4}\n"
DECLINES = "4000000000000002"
DECLINES_LATER = "4000000000000341"


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


def counted(shop):
    return [row["value"] for row in shop.query("SELECT value FROM counters WHERE key LIKE 'declined:%'")]


def networks(shop, table):
    return [row["network"] for row in shop.query(f"SELECT network FROM {table} ORDER BY id")]


async def cancel(shop, purchase):
    answer = await shop.as_customer("eve").post(f"/v1/purchases/{purchase.json['id']}/cancel")
    assert (answer.status, answer.json["status"]) == (200, "canceled")


async def expire(shop, purchase):
    await shop.advance("40m")
    assert (await shop.seen(purchase))["status"] == "expired"


async def pay_in_the_end(shop, purchase):
    assert await shop.pay(purchase) == 303
    answer = await shop.as_customer("eve").post(f"/v1/purchases/{purchase.json['id']}/finalize")
    assert (answer.status, answer.json["status"]) == (200, "completed")


@pytest.mark.parametrize("ending", [cancel, expire, pay_in_the_end])
async def test_declines_that_are_told_when_the_purchase_is_over_count_once_each(capped, ending):
    await capped.sandbox.webhooks("hold")
    purchase = await declined(capped, "eve", 2)
    await ending(capped, purchase)

    await capped.restart()
    await capped.sandbox.release(copies=3)
    await capped.quiet()
    assert counted(capped) == [2]


async def test_who_cancels_after_each_decline_tries_no_more_cards_than_others(capped):
    await capped.sandbox.webhooks("hold")
    for _ in range(4):
        await cancel(capped, await declined(capped, "eve", 1))
        await capped.sandbox.release()
        await capped.quiet()

    refused = await capped.buy("gems-500", customer="eve")
    assert (refused.status, refused.json["code"]) == (429, "too_many_declines")


async def test_declines_whose_webhooks_are_lost_count_once_when_the_gateway_is_asked_what_it_told(capped):
    await capped.sandbox.webhooks("drop")
    await cancel(capped, await declined(capped, "eve", 2))
    assert counted(capped) == []

    await capped.advance("30m")
    assert counted(capped) == [2]
    await capped.advance("20m")
    assert sum(counted(capped)) == 2


async def test_a_debit_that_comes_to_nothing_after_days_counts_when_it_is_told_late(capped):
    purchase = await capped.buy("gems-500", currency="EUR", customer="eve")
    form = {"iban": "DE89370400440532013000", "action": "pay"}
    async with capped.http.post(purchase.json["payment"]["redirect_url"], data=form, allow_redirects=False) as answer:
        assert answer.status == 303
    await capped.as_customer("eve").post(f"/v1/purchases/{purchase.json['id']}/finalize")
    await capped.advance("52h")
    assert networks(capped, "payments") == ["127.0.0.1"], "what waits may still come to nothing"

    await capped.sandbox.webhooks("hold")
    await capped.sandbox.end_debit(purchase, "failed")
    await capped.as_customer("eve").post(f"/v1/purchases/{purchase.json['id']}/finalize")
    assert (await capped.seen(purchase))["status"] == "failed"
    await capped.sandbox.release(copies=2)
    await capped.quiet()
    assert counted(capped) == [1]


async def close_setup(shop, setup):
    reference = shop.query("SELECT gateway_ref FROM setups")[0]["gateway_ref"]
    await shop.sandbox.call(f"checkout/sessions/{reference}/expire", {})


async def save_in_the_end(shop, setup):
    assert await shop.pay({"payment": {"redirect_url": setup["redirect_url"]}}) == 303


@pytest.mark.parametrize(("ending", "state"), [(close_setup, "closed"), (save_in_the_end, "saved")])
async def test_declines_that_are_told_when_the_saving_is_over_count_once_each(capped, ending, state):
    await capped.sandbox.webhooks("hold")
    setup = await declined_saving(capped, "eve", 2)
    await ending(capped, setup)
    seen = await capped.as_customer("eve").get(f"/v1/payment-methods/setups/{setup['id']}")
    assert seen.json["state"] == state

    await capped.restart()
    await capped.sandbox.release(copies=3)
    await capped.quiet()
    assert counted(capped) == [2]


async def test_a_saved_card_that_is_declined_counts_once(capped):
    opened = await capped.as_customer("eve").post("/v1/payment-methods/setups", {})
    assert await capped.pay({"payment": {"redirect_url": opened.json["redirect_url"]}}, card=DECLINES_LATER) == 303
    await capped.as_customer("eve").get(f"/v1/payment-methods/setups/{opened.json['id']}")
    method = (await capped.as_customer("eve").get("/v1/payment-methods")).json["data"][0]["id"]
    await capped.sandbox.webhooks("hold")

    for _ in range(2):
        refused = await capped.buy("gems-500", customer="eve", payment_method=method, key="once")
        assert (refused.status, refused.json["code"]) == (402, "payment_declined")
    await capped.sandbox.release(copies=2)
    await capped.quiet()
    assert counted(capped) == [1]


@pytest.mark.parametrize("ending", [cancel, pay_in_the_end])
async def test_the_address_of_a_payment_that_is_over_is_kept_for_two_days_and_counts_as_long(capped, ending):
    purchase = await declined(capped, "eve", 1)
    await ending(capped, purchase)
    await capped.advance("1d")
    assert networks(capped, "payments") == ["127.0.0.1"]

    await capped.advance("2d")
    assert networks(capped, "payments") == [None]
    assert counted(capped) == []


async def test_a_connected_account_counts_no_declines_of_others(shop):
    bought = await shop.buy("gems-500")
    data = shop.parts.services.config.data_dir
    secrets = SandboxSecrets.load_or_create(data, shop.parts.services.config.gateways.get("sandbox"))
    theirs = {"id": "pi_theirs", "object": "payment_intent", "metadata": {"purchase_id": bought.json["id"]}}
    for number in range(30):
        event = {
            "id": f"evt_{number}",
            "object": "event",
            "type": "payment_intent.payment_failed",
            "livemode": False,
            "account": "acct_creator",
            "data": {"object": theirs},
        }
        assert (await shop.sandbox.post_webhook(event, secret=secrets.connect_webhook_secret)).status == 200
    await shop.quiet()
    assert (await shop.buy("gems-500", customer="bob")).status == 202
