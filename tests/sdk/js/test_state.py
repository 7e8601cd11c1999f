"""The held state: what is answered from memory, when it is fetched, and that it never goes back."""

import json

import pytest

from .runtimes import JsError

pytestmark = pytest.mark.asyncio(loop_scope="session")
ME, BUY = "GET /v1/me", "POST /v1/purchases"
JSON = "application/json"


def state(player, version, *, second=0, **more):
    moment = f"2026-11-21T09:30:{second:02d}.000Z"
    empty = {"wallets": {}, "entitlements": {}, "items": [], "fresh_until": None}
    found = {"customer": player.name, "version": version, "as_of": moment, "server_time": moment, **empty, **more}
    return json.dumps(found)


async def test_the_state_is_fetched_once_and_callers_share_it(road, player):
    seen = await player.js("""
        const states = await Promise.all(Array.from({ length: 10 }, () => me.me({ policy: "fetch" })));
        const { balance } = await me.wallet("gems");
        const none = await me.wallet("constructor");
        const [offer] = await me.catalog();
        if (!Object.isFrozen(states[0].wallets.gems) || !Object.isFrozen(offer.prices)) throw new Error("not frozen");
        return [new Set(states).size, balance, none.balance, await me.inventory({ policy: "not_stale" })]""")
    assert seen == [1, 500, 0, []]
    assert road.requests == [ME, "GET /v1/catalog"]


async def test_a_purchase_is_merged_without_asking(road, player):
    seen = await player.js("""
        const before = await me.me();
        await me.purchase("sword");
        await me.purchase("potion", { quantity: 2 });
        const left = await me.consume("potion");
        const after = await me.me();
        const sword = await me.check("sword");
        return { grew: after.version - before.version, left, gems: after.wallets.gems.balance, sword: sword.allowed,
          items: after.items.map((item) => [item.sku, item.quantity]), after }""")
    assert (seen["grew"], seen["left"], seen["gems"], seen["sword"]) == (3, 1, 350, True)
    assert sorted(seen["items"]) == [["potion", 1], ["sword", 1]]
    assert road.requests[:3] == [ME, BUY, BUY]
    assert road.requests.count(ME) == 1
    asked = await player.js("return me.me({ policy: 'fetch' })")
    assert [asked[name] for name in ("wallets", "entitlements", "version")] == [
        seen["after"][name] for name in ("wallets", "entitlements", "version")
    ]


async def test_what_happened_elsewhere_is_fetched_and_a_replay_takes_nothing_back(game, road, player):
    await player.js("await me.me()")
    await game.bought("potion", customer=player.name)
    assert await player.js("return (await me.wallet('gems')).balance") == 500
    assert await player.js("await me.purchase('potion'); return (await me.wallet('gems')).balance") == 470
    assert road.requests == [ME, BUY, ME]
    again = await player.js("""
        for (const key of ["1", "2", "1"]) await me.purchase("potion", { idempotency_key: name + key });
        return (await me.wallet("gems")).balance""")
    assert again == 440
    assert road.requests == [ME, BUY, ME, BUY, BUY, BUY]


async def test_what_finalize_completed_is_fetched(game, player):
    pending = await player.js("await me.me(); return (kept.pending = await me.purchase('gems-1200'))")
    assert (pending["status"], pending["is_settled"]) == ("pending", False)
    with pytest.raises(JsError) as late:
        await player.js("await me.wait(kept.pending, { timeout_seconds: 0.01 })")
    assert late.value.name == "TimedOut"
    await game.pay(pending)
    paid = await player.js("return [(await me.wait(kept.pending)).status, (await me.wallet('gems')).balance]")
    assert paid == ["completed", 1700]
    assert await player.js("return (await me.getPurchase(kept.pending)).is_completed")
    canceled = await player.js("return (await me.cancel(await me.purchase('gems-500'))).status")
    assert canceled == "canceled"


async def test_an_unchanged_state_and_catalog_are_not_sent_again_and_the_held_version_is_sent(road, player):
    same = await player.js("""
        const ask = async () => JSON.stringify([await me.me({ policy: "fetch" }), await me.catalog()]);
        return (await ask()) === (await ask())""")
    assert (same, road.statuses) == (True, [200, 200, 304, 304])
    version = await player.js("await me.quote('potion'); return (await me.me()).version")
    assert f"x-customer-version: {version}" in road.heads[-1].lower()


async def test_cache_only_never_asks(road, player):
    with pytest.raises(JsError) as nothing:
        await player.js("await me.me({ policy: 'cache_only' })")
    assert nothing.value.name == "NothingCached"
    assert await player.js("return (await me.check('sword', 1, { policy: 'cache_only' })).reason") == "unknown"
    assert road.requests == []
    await player.js("await me.purchase('sword'); await me.me()")
    assert await player.js("return (await me.check('sword', 1, { policy: 'cache_only' })).allowed")
    assert road.requests == [BUY, ME]
    with pytest.raises(JsError, match="policy must be one of"):
        await player.js("await me.me({ policy: 'cached' })")


async def test_a_no_says_what_would_help_and_is_asked_for_once(road, player):
    for _ in range(3):
        no = await player.js("return me.check('sword')")
        assert (no["allowed"], no["reason"], no["offers"]) == (False, "not_owned", ["sword"])
    assert road.requests == [ME, "GET /v1/entitlements/sword?amount=1"]
    await player.js("await me.purchase('sword')")
    assert await player.js("return (await me.check('sword')).allowed")
    assert await player.js("return (await me.check('sword', 1, { policy: 'fetch' })).reason") == "paid"
    asked = len(road.requests)
    await player.js("await me.check('chapters'); await me.purchase('potion'); await me.check('chapters')")
    chapters = "GET /v1/entitlements/chapters?amount=1"
    assert road.requests[asked:] == [chapters, BUY, chapters]


async def test_what_a_subscription_gives_is_fetched_because_the_state_alone_tells_it_whole(road, player):
    right = {"active": True, "source": {"type": "subscription", "id": "sub_1", "sku": "basic"}, "expires_at": None}
    change = {"id": player.name, "from_version": 1, "version": 2, "changed": {"entitlements": {"lounge": right}}}
    bought = {"id": "pur_1", "sku": "basic", "status": "completed", "total": {}, "payment": {}, "customer": change}
    for version in (1, 2):
        road.answer(200, state(player, version), Content_Type=JSON)
        await player.js("await me.me()")
        if version == 1:
            road.answer(201, json.dumps(bought), Content_Type=JSON)
            await player.js("await me.purchase('basic')")
    assert road.requests == [ME, BUY, ME]


async def test_an_unknown_key_is_no_error(player):
    keys = ["nonsense", "", ".", "..", "a/b?c=d#e", "%00", "ключ", "constructor", "__proto__"]
    answers = await player.js("return Promise.all(keys.map((key) => me.check(key)))", keys=keys)
    assert {(answer["allowed"], answer["reason"]) for answer in answers} == {(False, "unknown")}


async def test_an_older_state_never_replaces_a_newer_one(road, player):
    for version, second in [(5, 7), (4, 9), (5, 6), (5, 8)]:
        road.answer(200, state(player, version, second=second), Content_Type=JSON)
    seen = "const { version, as_of } = await me.me({ policy: 'fetch' }); return [version, as_of]"
    told = [await player.js(seen) for _ in range(4)]
    newest = "2026-11-21T09:30:07.000Z"
    assert told == [[5, newest], [5, newest], [5, newest], [5, "2026-11-21T09:30:08.000Z"]]


async def test_a_state_ends_at_fresh_until_by_the_clock_of_the_server_and_stale_after_a_minute(road, player):
    ends = {"fresh_until": "2026-11-21T09:32:00.000Z"}
    right = {"active": True, "reason": "paid", "value": True, "expires_at": "2026-11-21T09:31:50.000Z"}
    road.answer(200, state(player, 1, **ends, entitlements={"vip": right}), Content_Type=JSON)
    await player.js("""
        kept.passed = 1000;
        // The local clock is years off; it is not asked.
        kept.mine = open(url, { token, clock: { monotonic: () => kept.passed, wall: () => 0 } });
        await kept.mine.me()""")
    check = "return (await kept.mine.check('vip', 1, { policy: 'cache_only' })).allowed"
    may = "kept.passed = at; " + check
    assert await player.js(may, at=1059.9)
    assert await player.js("await kept.mine.me({ policy: 'not_stale' })") is None
    assert road.requests == [ME]
    road.answer(200, state(player, 1, **ends, entitlements={"vip": right}), Content_Type=JSON)
    await player.js("kept.passed = 1060; await kept.mine.me({ policy: 'not_stale' })")
    assert road.requests == [ME, ME]
    assert await player.js(may, at=1060 + 109.9)
    assert not await player.js(may, at=1060 + 110)
    await player.js("kept.passed = 1060 + 120; return kept.mine.me()")
    assert road.requests == [ME, ME, ME]


async def test_a_change_that_began_from_another_version_is_fetched_and_one_that_was_under_way_tells_nothing(
    road, player
):
    """Planted behind the client's back: a fetch that was sent before a purchase is answered after it."""
    seen = await player.js("""
        await me.me();
        const fetched = me.me({ policy: "fetch" });
        await me.purchase("potion");
        await fetched;
        return (await me.wallet("gems")).balance""")
    assert seen == 485
    bronze = "await me.subscriptions.subscribe('bronze', { currency: 'gems' }); return me.check('lounge')"
    assert (await player.js(bronze))["allowed"]
