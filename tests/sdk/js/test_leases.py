"""Offline: what a signed lease vouches for, until when, and that nothing else is believed."""

import json

import pytest
from joserfc.jwk import OKPKey

from storefront.testing import running_shop
from tests.sdk.leases import AT_SECONDS, leased, sign, state

from .runtimes import HERE, JsError

pytestmark = pytest.mark.asyncio(loop_scope="session")
EXAMPLE = HERE.parents[2] / "config.example.yaml"
JSON = "application/json"
ME, KEYS = "GET /v1/me", "GET /.well-known/jwks.json"
CLIENT = """
    kept.passed ??= 1000;
    kept.wall ??= wall;
    kept.storage ??= new sdk.MemoryStorage();
    kept.written ??= new Promise((done) => {
      const { storage } = kept;
      storage.set = (...told) => done(sdk.MemoryStorage.prototype.set.apply(storage, told));
    });
    kept.make = (options) => open(url, { token, customer: name, storage: kept.storage, tries: 1, grace_seconds: 60,
      clock: { monotonic: () => kept.passed, wall: () => kept.wall }, ...options });
    kept.mine = kept.make({});
    kept.may = async (key, amount = 1, options = {}) => {
      const { allowed, reason } = await kept.mine.check(key, amount, options);
      return [allowed, reason];
    };
"""
PAID, OFFLINE = [True, "paid"], [False, "offline"]


async def begin(game, road, player, **more):
    """Fetch a leased state at ``AT``, over a good line; then the line is bad."""
    road.answer(200, leased(game, player.name, **more), Content_Type=JSON)
    await player.js(CLIENT + "await kept.mine.me(); await kept.written", wall=AT_SECONDS)
    road.lose_replies(10_000)


async def test_a_lease_answers_while_nobody_can_be_asked_until_it_ends(game, road, player):
    await begin(game, road, player)
    assert road.requests == [ME, KEYS]
    after = """
        kept.passed = 1000 + seconds;
        return Promise.all([kept.may("vip"), kept.may("rooms", 5), kept.may("rooms", 6), kept.may("gone")])"""
    assert await player.js(after, seconds=1790) == [PAID, PAID, OFFLINE, OFFLINE]
    # vip ends at 10:00 and has a minute of grace; the lease ends at 10:30.
    held = "kept.passed = 1000 + seconds; return kept.may(key, 1, { policy: 'not_stale' })"
    assert await player.js(held, seconds=1859, key="vip") == PAID
    assert await player.js(held, seconds=1860, key="vip") == OFFLINE
    assert await player.js(held, seconds=3599, key="rooms") == PAID
    assert await player.js(held, seconds=3600, key="rooms") == OFFLINE


async def test_the_shops_own_lease_answers_while_the_shop_is_away(node, tmp_path):
    async with running_shop(tmp_path, EXAMPLE) as shop:
        token = await shop.session("ada")
        grant = {"customer": "ada", "asset": "gems", "amount": 500, "reason": "start"}
        await shop.as_server().post("/v1/grants", grant, key="g")
        await shop.bought("sword-of-dawn", customer="ada")
        begin = CLIENT + "await kept.mine.me(); await kept.written; return kept.may('sword-of-dawn')"
        given = {"url": shop.url, "token": token, "name": "ada", "wall": shop.wall() / 1000}
        assert await node.run(begin, **given) == PAID
        await shop.stop()
        asked = "kept.passed += seconds; kept.wall += seconds; return kept.may(key, 1, { policy: 'not_stale' })"
        assert await node.run(asked, seconds=53 * 3600, key="sword-of-dawn") == PAID
        assert await node.run(asked, seconds=0, key="shield") == OFFLINE
        assert await node.run(asked, seconds=20 * 3600, key="sword-of-dawn") == OFFLINE
        await shop.start()


async def test_a_lease_answers_also_where_no_token_can_be_had(game, road, player):
    await begin(game, road, player)
    away = (
        "kept.mine = kept.make({ token: undefined, get_token: async () => { throw new TypeError('fetch failed') } });"
    )
    assert await player.js(away + "return Promise.all([kept.may('rooms'), kept.may('sword')])") == [PAID, OFFLINE]


async def test_a_spend_is_never_queued(game, road, player):
    await begin(game, road, player)
    with pytest.raises(JsError) as lost:
        await player.js("await kept.mine.purchase('potion')")
    assert lost.value.name == "ConnectionLost"
    road.lose_replies(0)
    assert await player.js("return (await kept.mine.check('sword', 1, { policy: 'fetch' })).allowed") is False
    assert [request for request in road.requests if request.startswith("POST")] == ["POST /v1/purchases"]


async def test_the_next_run_answers_from_the_storage_and_a_clock_set_back_gains_nothing(game, road, player):
    await begin(game, road, player)
    # The monotonic clock of a run begins anew: what is left is the local one.
    again = "kept.passed = 5; kept.wall = wall; kept.mine = kept.make({}); return kept.may('rooms')"
    assert await player.js(again, wall=AT_SECONDS + 3599) == PAID
    assert await player.js(again, wall=AT_SECONDS + 3600) == OFFLINE
    assert await player.js(again, wall=AT_SECONDS - 86_400) == PAID
    shown = "return (await kept.mine.me({ policy: 'cache_only' })).wallets.gems.balance"
    assert await player.js(shown) == 500
    # The server was seen at 10:40, when its lease of 10:30 is over, whatever the local clock says.
    road.lose_replies(0)
    late = leased(game, player.name, server_time="2026-11-21T10:40:00.000Z")
    road.answer(200, late, Content_Type=JSON)
    await player.js("await kept.mine.me({ policy: 'fetch' }); await kept.mine.close()")
    road.lose_replies(10_000)
    assert await player.js(again, wall=AT_SECONDS) == OFFLINE


async def test_an_older_state_than_the_leased_one_is_not_taken_from_the_server_either(game, road, player):
    await begin(game, road, player)
    road.lose_replies(0)
    await player.js("kept.mine = kept.make({})")
    road.answer(200, json.dumps(state(player.name, version=2, entitlements={})), Content_Type=JSON)
    assert await player.js("return (await kept.mine.me({ policy: 'fetch' })).version") == 3


BAD = {
    "another key": lambda game, told: sign(game, told, key=OKPKey.generate_key("Ed25519")),
    "a session's type": lambda game, told: sign(game, told, typ="session+jwt"),
    "an unknown kid": lambda game, told: sign(game, told, kid="nobody"),
    "another's state": lambda game, told: sign(game, {**told, "customer": "mallory"}),
    "no end": lambda game, told: sign(game, {name: told[name] for name in told if name != "lease_until"}),
    "an end that is none": lambda game, told: sign(game, {**told, "lease_until": "tomorrow"}),
    "a changed payload": lambda game, told: _swapped(sign(game, told), sign(game, {**told, "version": 9})),
    "a cut signature": lambda game, told: sign(game, told)[:-4],
    "no signature": lambda game, told: sign(game, told).rpartition(".")[0] + ".",
    "nonsense": lambda game, told: "..",
    "a number": lambda game, told: 7,
}


def _swapped(one, other):
    head, _, signature = one.split(".")
    return ".".join((head, other.split(".")[1], signature))


@pytest.mark.parametrize("why", BAD)
async def test_a_bad_lease_is_as_good_as_none(game, road, player, why):
    told = {**state(player.name), "lease_until": "2026-11-21T10:30:00.000Z"}
    bad = BAD[why](game, told)
    road.answer(200, json.dumps({**state(player.name), "lease": bad}), Content_Type=JSON)
    # The state itself came from the shop and is good; but nothing is kept for when the shop is away.
    assert await player.js(CLIENT + "return kept.may('rooms')", wall=AT_SECONDS) == PAID
    road.lose_replies(10_000)
    with pytest.raises(JsError, match="got no answer"):
        await player.js("kept.passed += 60; return kept.may('rooms', 1, { policy: 'not_stale' })")
    # Planted in the storage it makes the whole state absent.
    kept = json.dumps({"document": {**state(player.name), "lease": bad}, "seen": 0, "keys": await keys_of(game)})
    await player.js("kept.storage.set(`storefront:${url}:${name}`, text); kept.mine = kept.make({})", text=kept)
    assert await player.js("return kept.may('rooms', 1, { policy: 'cache_only' })") == [False, "unknown"]
    with pytest.raises(JsError) as nothing:
        await player.js("await kept.mine.me({ policy: 'cache_only' })")
    assert nothing.value.name == "NothingCached"


async def keys_of(game):
    return (await game.as_nobody().get("/.well-known/jwks.json")).json


async def test_a_kept_state_without_a_lease_is_shown_and_vouches_for_nothing(game, road, player):
    kept = json.dumps({"document": state(player.name, version=1_000_000), "seen": 0, "keys": None})
    plant = "kept.storage.set(`storefront:${url}:${name}`, text);"
    await player.js(CLIENT + plant, text=kept, wall=AT_SECONDS)
    assert await player.js("return (await kept.mine.wallet('gems', { policy: 'cache_only' })).balance") == 500
    assert await player.js("return kept.may('rooms', 1, { policy: 'cache_only' })") == [False, "unknown"]
    assert road.requests == []
    # The shop says otherwise, and is right, whatever version the planted one claims.
    assert (await player.js("return kept.may('rooms')"))[0] is False
    assert await player.js("return (await kept.mine.me()).version < 100")
    for planted in ("{", "[]", "{}", '{"document": {}, "seen": 0}', kept.replace(player.name, "mallory")):
        await player.js(plant + "kept.mine = kept.make({})", text=planted)
        with pytest.raises(JsError) as nothing:
            await player.js("await kept.mine.me({ policy: 'cache_only' })")
        assert nothing.value.name == "NothingCached", planted


async def test_pinned_keys_alone_are_trusted(game, road, player):
    stranger = OKPKey.generate_key("Ed25519")
    pinned = {"keys": [{**stranger.as_dict(private=False), "kid": "pinned"}]}
    told = {**state(player.name), "lease_until": "2026-11-21T10:30:00.000Z"}
    for signed, expected in [(sign(game, told), None), (sign(game, told, key=stranger, kid="pinned"), PAID)]:
        road.answer(200, json.dumps({**state(player.name), "lease": signed}), Content_Type=JSON)
        await player.js(
            CLIENT
            + "kept.mine = kept.make({ lease_keys: pinned, storage: new sdk.MemoryStorage() }); await kept.mine.me()",
            wall=AT_SECONDS,
            pinned=pinned,
        )
        road.lose_replies(10_000)
        code = "kept.passed += 60; return kept.may('rooms', 1, { policy: 'not_stale' }).catch(() => null)"
        assert await player.js(code) == expected
        road.lose_replies(0)
    assert KEYS not in road.requests
    lease = await player.js("return sdk.verifyLease(signed, pinned)", signed=signed, pinned=pinned)
    assert (lease["until"], lease["state"]["customer"]) == (AT_SECONDS + 3600, player.name)


async def test_a_runtime_without_ed25519_says_so(game, road, player):
    road.answer(200, leased(game, player.name), Content_Type=JSON)
    said = await player.js(
        """
        const subtle = crypto.subtle, whole = subtle.importKey, builtin = process.getBuiltinModule;
        process.getBuiltinModule = undefined; // as in an older Node, or a browser
        subtle.importKey = async () => { throw new DOMException("no such algorithm", "NotSupportedError") };
        try {
          const can = await sdk.canVerifyLeases();
          const error = await sdk.verifyLease(signed, pinned).catch((failure) => failure);
          const mine = open(url, { token });
          const told = [];
          const said = new Promise((done) => mine.on("error", (failure) => done(told.push(failure.name))));
          await mine.me();
          await said;
          return [can, error.name, error.detail, told];
        } finally {
          subtle.importKey = whole;
          process.getBuiltinModule = builtin;
        }""",
        signed=json.loads(leased(game, player.name))["lease"],
        pinned=await keys_of(game),
    )
    assert said[:2] == [False, "Unsupported"]
    assert said[2].startswith("WebCrypto has no Ed25519 here")
    assert said[3] == ["Unsupported"]
    assert await player.js("return sdk.canVerifyLeases()")


async def test_a_storage_that_is_full_is_told_and_stops_nothing(player):
    told = await player.js("""
        const storage = { get: async () => null, set: async () => { throw new Error("full") } };
        const mine = open(url, { token, customer: name, storage });
        const errors = [];
        mine.on("error", (error) => errors.push(error.message));
        await mine.me();
        await mine.close();
        return errors""")
    assert told == ["full"]
    with pytest.raises(JsError, match="the states of somebody-else are kept here"):
        await player.js("await open(url, { token, customer: 'somebody-else', storage: new sdk.MemoryStorage() }).me()")
