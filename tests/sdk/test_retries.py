"""Writes happen once, whatever the network does; what cannot be helped is not tried again."""

import json
import socket

import aiohttp
import pytest
from storefront_sdk import (
    ConnectionLost,
    GatewayRefused,
    IdempotencyKeyReused,
    InFlight,
    RateLimited,
    StorefrontClient,
    StorefrontError,
    Unavailable,
    UnreadableAnswer,
)

BUY = "POST /v1/purchases"


def problem(code: str, status: int) -> str:
    return json.dumps({"code": code, "status": status, "title": "So it is", "detail": "For a reason."})


async def test_a_retry_after_a_lost_reply_buys_once(shop, road, ada):
    road.lose_replies(2)
    potion = await ada.purchase("potion")

    assert road.requests == [BUY, BUY, BUY]
    assert (potion.status, potion.is_replay) == ("completed", True)
    assert shop.balance("customer:ada:gems") == 485
    assert len(shop.query("SELECT id FROM purchases WHERE sku = 'potion'")) == 1
    keys = {line for head in road.heads for line in head.splitlines() if line.startswith("Idempotency-Key")}
    assert len(keys) == 1


async def test_a_retry_after_a_lost_reply_opens_one_checkout(shop, road, ada):
    road.lose_replies()
    pending = await ada.purchase("chest")
    await shop.pay(pending.raw)
    assert (await ada.wait(pending)).status == "completed"
    assert (await shop.sandbox.charged())[1:] == [(pending.id, 1499)]
    assert len(shop.query("SELECT id FROM purchases WHERE sku = 'chest'")) == 1


async def test_a_retry_after_a_lost_reply_consumes_once(road, client, shop, server):
    await shop.bought("gems-500")
    await server.purchase("potion", quantity=3, customer="ada")
    async with client(key="sk_sandbox_demo") as remote:
        road.lose_replies()
        assert await remote.consume("potion", quantity=2, customer="ada") == 1
    assert [item.quantity for item in await server.inventory(customer="ada")] == [1]


async def test_a_key_of_ones_own_goes_on_after_a_restart(ada, client, shop):
    first = await ada.purchase("potion", idempotency_key="order-7")
    async with client(token=await shop.session("ada")) as later:
        again = await later.purchase("potion", idempotency_key="order-7")
        assert (again.id, again.is_replay, first.is_replay) == (first.id, True, False)
        with pytest.raises(IdempotencyKeyReused):
            await later.purchase("potion", quantity=2, idempotency_key="order-7")
    assert shop.balance("customer:ada:gems") == 485


async def test_two_calls_are_two_intentions(ada, shop):
    await ada.purchase("potion")
    await ada.purchase("potion")
    assert shop.balance("customer:ada:gems") == 470


async def test_a_busy_shop_is_asked_again_after_the_time_it_names(road, ada, shop):
    road.answer(503, problem("overloaded", 503), Content_Type="application/problem+json", Retry_After="0")
    road.answer(429, problem("rate_limited", 429), Content_Type="application/problem+json", Retry_After="0")
    road.answer(502, "<html>", Content_Type="text/html")
    assert (await ada.purchase("potion")).status == "completed"
    assert road.requests == [BUY, BUY, BUY, BUY]
    assert shop.balance("customer:ada:gems") == 485


async def test_a_key_in_flight_is_waited_for(road, ada):
    body = problem("idempotency_key_in_flight", 409)
    road.answer(409, body, Content_Type="application/problem+json", Retry_After="0")
    assert (await ada.purchase("potion")).status == "completed"
    for _ in range(4):
        road.answer(409, body, Content_Type="application/problem+json", Retry_After="0")
    with pytest.raises(InFlight):
        await ada.purchase("potion")


async def test_tries_are_bounded(road, ada, shop):
    road.lose_replies(9)
    with pytest.raises(ConnectionLost) as lost:
        await ada.purchase("potion", idempotency_key="k1")
    assert (road.requests, lost.value.status) == ([BUY] * 4, 0)
    assert isinstance(lost.value.__cause__, aiohttp.ClientError)

    road.lose_replies(0)
    assert (await ada.purchase("potion", idempotency_key="k1")).is_replay
    assert shop.balance("customer:ada:gems") == 485


async def test_a_wait_of_an_hour_is_left_to_the_caller(road, ada):
    road.answer(429, problem("rate_limited", 429), Content_Type="application/problem+json", Retry_After="3600")
    with pytest.raises(RateLimited) as limited:
        await ada.purchase("potion")
    assert (limited.value.retry_after_seconds, road.requests) == (3600.0, [BUY])


async def test_what_cannot_be_helped_is_not_tried_again(road, client):
    hopeless = [
        (502, "gateway_refused", GatewayRefused),
        (500, "internal_error", Unavailable),
        (418, "tea", StorefrontError),
    ]
    async with client(token="t") as ada:
        for status, code, kind in hopeless:
            road.answer(status, problem(code, status), Content_Type="application/problem+json", X_Request_Id="req_1")
            with pytest.raises(kind) as failed:
                await ada.purchase("potion")
            assert (failed.value.code, failed.value.status, failed.value.request_id) == (code, status, "req_1")
    assert road.requests == [BUY, BUY, BUY]


async def test_a_stranger_that_answers_is_not_taken_for_a_shop(road, client):
    strangers = [(200, "<html>Sign in</html>", "text/html"), (302, "", "text/html")]
    strangers += [(200, body, "application/json") for body in ("{", "[]", "{}")]
    async with client(token="t") as ada:
        for status, body, content_type in strangers:
            road.answer(status, body, Content_Type=content_type, Location="http://127.0.0.1:9/")
            with pytest.raises(UnreadableAnswer):
                await ada.me()
    assert road.requests == ["GET /v1/me"] * 5


async def test_a_shop_that_is_not_there_is_a_lost_connection():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    async with StorefrontClient(url, token="t", tries=2, pause_seconds=0.01) as nobody:
        with pytest.raises(ConnectionLost):
            await nobody.catalog()


async def test_a_token_is_asked_for_with_every_request(client, shop):
    asked = []

    async def mint() -> str:
        asked.append(1)
        return await shop.session("ada")

    async with client(get_token=mint) as ada:
        await ada.me()
        await ada.purchase("gems-500")
    assert len(asked) == 2
