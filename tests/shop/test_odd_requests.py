"""Odd requests that once slipped through: each is answered in words, none with a 500."""

import base64
import json

import pytest

from storefront.testing import Shop


@pytest.mark.parametrize("tail", ["/x#\n", "/\x7f", "/ a", "/\ta", "/\u202e"])
async def test_a_return_address_is_visible_ascii(shop: Shop, tail: str) -> None:
    answer = await shop.buy("gems-500", return_url=shop.url + tail)

    assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, "/return_url")
    assert shop.query("SELECT count(*) AS n FROM purchases") == [{"n": 0}]


async def test_a_purchase_that_the_gateway_refused_is_refused_again(shop: Shop) -> None:
    await shop.sandbox.misbehave("status", on="POST /v1/checkout/sessions", times=1, status=400)

    answers = [await shop.buy("gems-500", key="refused") for _ in range(3)]

    assert [(answer.status, answer.json["code"]) for answer in answers] == [(502, "gateway_refused")] * 3


async def test_an_amount_that_cannot_be_gives_nothing_and_is_no_500(shop: Shop) -> None:
    purchase = await shop.buy("gems-500")
    await shop.sandbox.change_amount(purchase, 2**53)
    await shop.pay(purchase)

    answer = await shop.as_customer().post(f"/v1/purchases/{purchase.json['id']}/finalize")

    assert (answer.status, answer.json["code"]) == (502, "gateway_failed")
    assert shop.balance("customer:ada:gems") == 0


async def test_a_customer_whose_id_holds_braces_can_be_reached(shop: Shop) -> None:
    await shop.session("a{b}")

    answer = await shop.as_server().get("/v1/customers/a%7Bb%7D")

    assert (answer.status, answer.json["customer"]) == (200, "a{b}")


async def test_a_shop_link_may_carry_parameters_of_others(shop: Shop) -> None:
    answer = await shop.as_nobody().send("GET", "/shop?utm_source=mail&fbclid=1")

    assert answer.status == 200


async def test_the_bare_address_leads_to_the_shop(shop: Shop) -> None:
    async with shop.http.get("/", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/shop")


@pytest.mark.parametrize("cursor", [(10**20, "", 0), (2**63, "", 0), (-1, "", 0), (1, "", 2**64), (1, "\0", 0)])
async def test_a_cursor_that_no_commit_can_have_is_no_cursor(shop, cursor):
    text = base64.urlsafe_b64encode(json.dumps(cursor).encode()).decode().rstrip("=")
    answer = await shop.as_server().get(f"/v1/events?after={text}")
    assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, "/after")


async def test_a_time_beyond_the_calendar_is_refused(shop):
    body = {"customer": "ada", "asset": "gems", "amount": 1, "reason": "r", "expires_at": "9999-12-31T23:59:59-14:00"}
    answer = await shop.as_server().post("/v1/grants", body, key="g")
    assert answer.status == 422
    assert shop.query("SELECT * FROM grants") == []


@pytest.mark.parametrize("currency", ["x", "gems", "usd", "USD\n"])
async def test_a_method_is_saved_for_real_money_only(shop, currency):
    await shop.session()
    before = shop.rows()

    answer = await shop.as_customer().post("/v1/payment-methods/setups", {"currency": currency})

    assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, "/currency")
    assert shop.rows() == before


async def test_a_session_is_not_told_its_own_rights_for_anothers(shop):
    await shop.bought("gems-500")
    await shop.bought("sword")
    await shop.session("bob")

    asked = await shop.as_customer("ada").get("/v1/entitlements/sword?customer=bob")
    mine = await shop.as_customer("ada").get("/v1/entitlements/sword?customer=ada")

    assert (asked.status, asked.json["errors"][0]["message"]) == (422, "must be absent")
    assert (mine.status, mine.json["allowed"]) == (200, True)
