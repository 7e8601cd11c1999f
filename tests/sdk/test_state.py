"""The held state: what is answered from memory, when it is fetched, and that it never goes back."""

import asyncio

import pytest
from storefront_sdk import Clock, NothingCached, Policy
from storefront_sdk.cache import StateCache

ME, BUY = "GET /v1/me", "POST /v1/purchases"


async def test_the_state_is_fetched_once(road, ada):
    assert (await ada.wallet("gems")).balance == 500
    assert (await ada.me()).customer == "ada"
    assert (await ada.inventory(Policy.NOT_STALE)) == ()
    assert road.requests == [ME]


async def test_a_purchase_is_merged_without_asking(road, ada):
    before = await ada.me()
    await ada.purchase("sword")
    await ada.purchase("potion", quantity=2)

    after = await ada.me()
    assert (after.wallets["gems"].balance, after.version) == (350, before.version + 2)
    assert {(item.sku, item.quantity) for item in after.items} == {("sword", 1), ("potion", 2)}
    assert (await ada.check("sword")).allowed
    assert road.requests == [ME, BUY, BUY]
    asked = await ada.me(Policy.FETCH)
    assert (asked.wallets, asked.entitlements, set(asked.items)) == (
        after.wallets,
        after.entitlements,
        set(after.items),
    )


async def test_what_happened_elsewhere_is_fetched(road, ada, server):
    await ada.me()
    await server.purchase("potion", customer="ada")
    assert (await ada.wallet("gems")).balance == 500
    await ada.purchase("potion")
    assert (await ada.wallet("gems")).balance == 470
    assert road.requests == [ME, BUY, ME]


async def test_a_replayed_answer_takes_nothing_back(road, ada):
    await ada.me()
    await ada.purchase("potion", idempotency_key="k1")
    await ada.purchase("potion", idempotency_key="k2")
    assert (await ada.purchase("potion", idempotency_key="k1")).is_replay
    assert (await ada.wallet("gems")).balance == 470
    assert road.requests == [ME, BUY, BUY, BUY]


async def test_what_finalize_completed_is_fetched(shop, road, ada):
    await ada.me()
    pending = await ada.purchase("gems-1200")
    await shop.pay(pending.raw)
    await ada.wait(pending)
    assert (await ada.wallet("gems")).balance == 1700


async def test_callers_share_one_fetch(road, ada):
    states = await asyncio.gather(*(ada.me(Policy.FETCH) for _ in range(10)))
    assert {state.version for state in states} == {states[0].version}
    assert road.requests == [ME]


async def test_a_caller_that_gives_up_stops_no_other(road, ada):
    impatient, patient = asyncio.create_task(ada.me()), asyncio.create_task(ada.me())
    await asyncio.sleep(0)
    impatient.cancel()
    assert (await patient).customer == "ada"
    assert road.requests == [ME]


async def test_an_unchanged_state_and_catalog_are_not_sent_again(road, ada):
    first = [await ada.me(Policy.FETCH), await ada.catalog()]
    again = [await ada.me(Policy.FETCH), await ada.catalog()]
    assert first == again
    assert road.statuses == [200, 200, 304, 304]


async def test_the_held_version_is_sent(road, ada):
    version = (await ada.me()).version
    await ada.purchase("potion")
    assert f"X-Customer-Version: {version}" in road.heads[-1]


async def test_cache_only_never_asks(road, ada):
    with pytest.raises(NothingCached):
        await ada.me(Policy.CACHE_ONLY)
    assert (await ada.check("sword", policy=Policy.CACHE_ONLY)).reason == "unknown"
    assert road.requests == []
    await ada.purchase("sword")
    await ada.me()
    assert (await ada.check("sword", policy=Policy.CACHE_ONLY)).allowed
    assert road.requests == [BUY, ME]


async def test_a_no_says_what_would_help_and_is_asked_for_once(road, ada):
    for _ in range(3):
        no = await ada.check("sword")
        assert (no.allowed, no.reason, no.offers) == (False, "not_owned", ("sword",))
    assert road.requests == [ME, "GET /v1/entitlements/sword?amount=1"]
    await ada.purchase("sword")
    assert (await ada.check("sword")).allowed
    assert (await ada.check("sword", policy=Policy.FETCH)).reason == "paid"


async def test_an_unknown_key_is_no_error(ada):
    answers = [await ada.check(key) for key in ("nonsense", "", "..", "a/b?c=d#e", "%00", "ключ")]
    assert {(answer.allowed, answer.reason) for answer in answers} == {(False, "unknown")}


def state(version: int, *, second: int = 0, **more: object) -> dict[str, object]:
    moment = f"2026-11-21T09:30:{second:02d}.000Z"
    empty = {"wallets": {}, "entitlements": {}, "items": [], "fresh_until": None}
    return {"customer": "ada", "version": version, "as_of": moment, "server_time": moment, **empty, **more}


class Seconds:
    def __init__(self) -> None:
        self.passed = 1000.0

    def __call__(self) -> float:
        return self.passed


def test_an_older_state_never_replaces_a_newer_one():
    cache = StateCache(Clock(Seconds()))
    cache.put(state(5, second=7), '"5"', asked_at=1000.0, generation=0)
    for older in (state(4, second=9), state(5, second=6)):
        cache.put(older, '"old"', asked_at=1000.0, generation=0)
        assert (cache.version, cache.etag) == (5, '"5"')


def test_a_fetch_that_began_before_a_change_does_not_make_the_state_good():
    cache = StateCache(Clock(Seconds()))
    cache.put(state(5), None, asked_at=1000.0, generation=0)
    cache.merge({"from_version": 6, "version": 7, "changed": {}})
    cache.put(state(6), None, asked_at=1000.0, generation=0)
    assert (cache.version, cache.may_answer(Policy.CACHED_OR_FETCHED)) == (6, False)
    cache.put(state(7), None, asked_at=1000.0, generation=cache.generation)
    assert cache.may_answer(Policy.CACHED_OR_FETCHED)


def test_a_state_ends_at_fresh_until_by_the_clock_of_the_server():
    seconds = Seconds()
    cache = StateCache(Clock(seconds))
    cache.put(state(1, fresh_until="2026-11-21T09:30:30.000Z"), None, asked_at=1000.0, generation=0)
    seconds.passed = 1029.9
    assert cache.may_answer(Policy.CACHED_OR_FETCHED)
    seconds.passed = 1030.0
    assert not cache.may_answer(Policy.CACHED_OR_FETCHED)
    assert cache.may_answer(Policy.CACHE_ONLY)


def test_a_merged_change_can_end_the_state_sooner():
    seconds = Seconds()
    cache = StateCache(Clock(seconds))
    cache.put(state(1, fresh_until="2026-11-21T09:31:00.000Z"), None, asked_at=1000.0, generation=0)
    source = {"type": "purchase", "id": "pur_1", "sku": "vip-pass"}
    right = {
        "active": True,
        "reason": "paid",
        "source": source,
        "value": True,
        "expires_at": "2026-11-21T09:30:10.000Z",
    }
    cache.merge({"from_version": 1, "version": 2, "changed": {"entitlements": {"vip": right}}})
    assert cache.right("vip") == right
    seconds.passed = 1010.0
    assert cache.right("vip") is None
    assert not cache.may_answer(Policy.CACHED_OR_FETCHED)


def test_not_stale_asks_again_after_a_minute():
    seconds = Seconds()
    cache = StateCache(Clock(seconds))
    cache.put(state(1), None, asked_at=1000.0, generation=0)
    seconds.passed = 1060.0
    assert not cache.may_answer(Policy.NOT_STALE)
    assert cache.may_answer(Policy.CACHED_OR_FETCHED)
    cache.confirm(asked_at=1060.0, generation=0)
    assert cache.may_answer(Policy.NOT_STALE)


def test_an_item_that_is_used_up_is_gone():
    cache = StateCache(Clock(Seconds()))
    potion = {"sku": "potion", "instance": "itm_1", "quantity": 1, "expires_at": None}
    cache.put(state(1, items=[potion]), None, asked_at=1000.0, generation=0)
    cache.merge({"from_version": 1, "version": 2, "changed": {"items": [{**potion, "quantity": 0}]}})
    assert cache.document["items"] == []


def test_what_a_subscription_gives_is_fetched_because_the_state_alone_tells_it_whole():
    cache = StateCache(Clock(Seconds()))
    cache.put(state(1), None, asked_at=1000.0, generation=0)
    right = {"active": True, "source": {"type": "subscription", "id": "sub_1", "sku": "basic"}, "expires_at": None}
    cache.merge({"from_version": 1, "version": 2, "changed": {"entitlements": {"lounge": right}}})
    assert not cache.may_answer(Policy.CACHED_OR_FETCHED)
