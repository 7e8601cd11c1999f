"""Writes happen once, whatever the network does; what cannot be helped is not tried again; dead tokens are renewed."""

import json
import socket

import pytest

from .runtimes import JsError

pytestmark = pytest.mark.asyncio(loop_scope="session")
BUY, ME = "POST /v1/purchases", "GET /v1/me"
PROBLEM = "application/problem+json"


def problem(code: str, status: int) -> str:
    return json.dumps({"code": code, "status": status, "title": "So it is", "detail": "For a reason."})


async def test_a_retry_after_lost_replies_buys_once_under_one_key(game, road, player):
    road.lose_replies(2)
    assert await player.js("const { status, is_replay } = await me.purchase('potion'); return [status, is_replay]") == [
        "completed",
        True,
    ]
    assert road.requests == [BUY, BUY, BUY]
    assert game.balance(f"customer:{player.name}:gems") == 485
    keys = {line for head in road.heads for line in head.lower().splitlines() if line.startswith("idempotency-key")}
    assert len(keys) == 1


async def test_a_key_of_ones_own_goes_on_after_a_restart_and_two_calls_are_two_intentions(game, player):
    ids = await player.js("""
        const first = await me.purchase("potion", { idempotency_key: `order-${name}` });
        const later = open(url, { token });
        const again = await later.purchase("potion", { idempotency_key: `order-${name}` });
        return [first.id === again.id, first.is_replay, again.is_replay]""")
    assert ids == [True, False, True]
    with pytest.raises(JsError) as reused:
        await player.js("await me.purchase('potion', { idempotency_key: `order-${name}`, quantity: 2 })")
    assert (reused.value.name, reused.value.error["status"]) == ("IdempotencyKeyReused", 422)
    await player.js("await me.purchase('potion'); await me.purchase('potion')")
    assert game.balance(f"customer:{player.name}:gems") == 455


async def test_a_busy_shop_is_asked_again_and_a_key_in_flight_is_waited_for(game, road, player):
    road.answer(503, problem("overloaded", 503), Content_Type=PROBLEM, Retry_After="0")
    road.answer(429, problem("rate_limited", 429), Content_Type=PROBLEM, Retry_After="0")
    road.answer(502, "<html>", Content_Type="text/html")
    assert await player.js("return (await me.purchase('potion')).status") == "completed"
    for _ in range(4):
        road.answer(409, problem("idempotency_key_in_flight", 409), Content_Type=PROBLEM, Retry_After="0")
    with pytest.raises(JsError) as busy:
        await player.js("await me.purchase('potion')")
    assert (busy.value.name, road.requests) == ("InFlight", [BUY] * 8)
    assert game.balance(f"customer:{player.name}:gems") == 485


async def test_tries_are_bounded_and_the_same_key_goes_on(game, road, player):
    road.lose_replies(9)
    with pytest.raises(JsError) as lost:
        await player.js("await me.purchase('potion', { idempotency_key: `k-${name}` })")
    assert (lost.value.name, lost.value.error["code"], lost.value.error["status"]) == (
        "ConnectionLost",
        "connection_lost",
        0,
    )
    assert (lost.value.error["cause"], road.requests) == ("TypeError", [BUY] * 4)
    road.lose_replies(0)
    assert await player.js("return (await me.purchase('potion', { idempotency_key: `k-${name}` })).is_replay")
    assert game.balance(f"customer:{player.name}:gems") == 485


async def test_what_cannot_be_helped_is_not_tried_again(road, player):
    hopeless = [(502, "gateway_refused", "GatewayRefused"), (500, "internal_error", "Unavailable"),
                (418, "tea", "StorefrontError"), (409, "wrong_moon", "Conflict")]  # fmt: skip
    for status, code, kind in hopeless:
        road.answer(status, problem(code, status), Content_Type=PROBLEM, X_Request_Id="req_1")
        with pytest.raises(JsError) as failed:
            await player.js("await me.purchase('potion')")
        error = failed.value.error
        assert (failed.value.name, error["code"], error["status"], error["request_id"]) == (kind, code, status, "req_1")
    road.answer(429, problem("rate_limited", 429), Content_Type=PROBLEM, Retry_After="3600")
    with pytest.raises(JsError) as limited:
        await player.js("await me.purchase('potion')")
    assert (limited.value.name, limited.value.error["retry_after_seconds"]) == ("RateLimited", 3600)
    assert road.requests == [BUY] * 5


async def test_a_stranger_that_answers_is_not_taken_for_a_shop(road, player):
    strangers = [(200, "<html>Sign in</html>", "text/html"), (302, "", "text/html")]
    strangers += [(200, body, "application/json") for body in ("{", "[]", "{}", "null", '{"customer": "ada"}')]
    for status, body, content_type in strangers:
        road.answer(status, body, Content_Type=content_type, Location="http://127.0.0.1:9/")
        with pytest.raises(JsError) as strange:
            await player.js("await me.me()")
        assert strange.value.name == "UnreadableAnswer", body
    assert road.requests == [ME] * len(strangers)


async def test_an_answer_that_is_cut_or_late_is_a_lost_one(road, player):
    road.answer(200, '{"customer', Content_Type="application/json", Content_Length="5000")
    assert await player.js("return (await me.me()).customer") == player.name
    with socket.create_server(("127.0.0.1", 0)) as silent:
        late = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(JsError) as lost:
            await player.js("await open(late, { token, tries: 2, timeout_seconds: 0.05 }).catalog()", late=late)
    assert lost.value.name == "ConnectionLost"


async def test_a_client_that_is_closed_gives_up_what_is_under_way(road, player):
    road.answer(429, problem("rate_limited", 429), Content_Type=PROBLEM, Retry_After="30")
    ended = await player.js("""
        const buying = me.purchase("potion").catch((error) => error.code);
        await kept.me.close();
        return [await buying, await me.catalog().catch((error) => error.code)]""")
    assert ended == ["closed", "closed"]


async def test_a_dead_token_is_asked_for_anew_once_and_the_write_happens_once(game, road, player):
    asked = await player.js(
        """
        const tokens = [...given];
        const mine = open(url, { get_token: async () => tokens.shift() });
        await Promise.all([mine.me(), mine.catalog()]);
        const first = tokens.length;
        await mine.purchase("potion");
        return [first, tokens.length]""",
        given=["dead", player.token],
    )
    assert asked == [0, 0]
    assert game.balance(f"customer:{player.name}:gems") == 485
    before = len(road.requests)
    for options in ("{ get_token: () => 'dead' }", "{ token: 'dead' }"):
        with pytest.raises(JsError) as dead:
            await player.js(f"await open(url, {options}).me()")
        assert dead.value.name == "Unauthorized"
    assert road.requests[before:] == [ME] * 3
    with pytest.raises(JsError, match="no network to mint by") as nobody:
        await player.js("await open(url, { get_token() { throw new Error('no network to mint by') } }).me()")
    assert nobody.value.name == "TokenUnavailable"


async def test_a_client_takes_exactly_one_credential_and_no_option_that_it_does_not_know(player):
    for options in ("{}", "{ token: 't', key: 'k' }", "{ token: 't', tokens: 3 }", "{ token: 't', storage: {} }"):
        with pytest.raises(JsError) as wrong:
            await player.js(f"open(url, {options})")
        assert wrong.value.name == "TypeError"
