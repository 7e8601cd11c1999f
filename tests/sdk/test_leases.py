"""Offline, in Python: what a signed lease vouches for, until when, and that nothing else is believed."""

import json
from contextlib import asynccontextmanager

import pytest
from joserfc.jwk import OKPKey
from storefront_sdk import (
    Clock,
    ConnectionLost,
    FileStorage,
    MemoryStorage,
    NothingCached,
    Policy,
    StorefrontClient,
    TokenUnavailable,
    verify_lease,
)

from storefront.testing import TINY_SHOP, running_shop
from tests.sdk.leases import AT_SECONDS, leased, sign, state

JSON = "application/json"


class Time:
    """Both clocks, to be set; the monotonic one of a new run begins anew."""

    def __init__(self) -> None:
        self.passed = 1000.0
        self.wall = float(AT_SECONDS)
        self.clock = Clock(lambda: self.passed, lambda: self.wall)


@pytest.fixture
def time():
    return Time()


@asynccontextmanager
async def running(shop, road, time, storage, **options):
    given = {"token": await shop.session("ada"), "tries": 1, "grace_seconds": 60, "pause_seconds": 0.0}
    async with StorefrontClient(
        road.url, customer="ada", storage=storage, clock=time.clock, **{**given, **options}
    ) as client:
        yield client


@asynccontextmanager
async def begun(shop, road, time, storage=None, **more):
    """A client that has fetched a leased state at ``AT``, over a good line; then the line is bad."""
    storage = storage or MemoryStorage()
    async with running(shop, road, time, storage) as client:
        road.answer(200, leased(shop, "ada", **more), Content_Type=JSON)
        await client.me()
        await shop.until(lambda: kept(storage, road) is not None)
        road.lose_replies(10_000)
        yield client


def kept(storage, road):
    return storage.get(f"storefront:{road.url}:ada")


async def may(client, key, amount=1, policy=Policy.CACHED_OR_FETCHED):
    answer = await client.check(key, amount, policy=policy)
    return answer.allowed, answer.reason


async def test_a_lease_answers_while_nobody_can_be_asked_until_it_ends(shop, road, time):
    async with begun(shop, road, time) as client:
        assert road.requests == ["GET /v1/me", "GET /.well-known/jwks.json"]
        time.passed += 1790
        assert await may(client, "vip") == await may(client, "rooms", 5) == (True, "paid")
        assert await may(client, "rooms", 6) == await may(client, "gone") == (False, "offline")
        for passed, key, expected in [
            (1859, "vip", True),
            (1860, "vip", False),
            (3599, "rooms", True),
            (3600, "rooms", False),
        ]:  # vip ends at 10:00 and has a minute of grace; the lease ends at 10:30
            time.passed = 1000 + passed
            assert (await may(client, key, policy=Policy.NOT_STALE))[0] is expected, passed
        with pytest.raises(ConnectionLost):
            await client.purchase("potion")
    assert [request for request in road.requests if request.startswith("POST")] == ["POST /v1/purchases"]


async def test_the_next_run_answers_from_the_files_and_a_clock_set_back_gains_nothing(shop, road, time, tmp_path):
    storage = FileStorage(tmp_path / "kept")
    async with begun(shop, road, time, storage):
        pass

    async def no_token():
        raise OSError("no network to mint by")

    for wall, expected in [(3599, True), (3600, False), (-86_400, True)]:
        time.passed, time.wall = 5.0, AT_SECONDS + wall
        async with running(shop, road, time, storage, token=None, get_token=no_token) as client:
            assert (await may(client, "rooms"))[0] is expected
            assert (await client.wallet("gems", Policy.CACHE_ONLY)).balance == 500
            with pytest.raises(TokenUnavailable):
                await client.me(Policy.FETCH)
    # The server was seen at 10:40, when its lease of 10:30 is over, whatever the local clock says.
    road.lose_replies(0)
    async with running(shop, road, time, storage) as client:
        road.answer(200, leased(shop, "ada", server_time="2026-11-21T10:40:00.000Z"), Content_Type=JSON)
        await client.me(Policy.FETCH)
    road.lose_replies(10_000)
    time.wall = AT_SECONDS
    async with running(shop, road, time, storage) as client:
        assert await may(client, "rooms") == (False, "offline")
    (file,) = (tmp_path / "kept").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


def _swapped(one, other):
    head, _, signature = one.split(".")
    return ".".join((head, other.split(".")[1], signature))


BAD = {
    "another key": lambda shop, told: sign(shop, told, key=OKPKey.generate_key("Ed25519")),
    "a session's type": lambda shop, told: sign(shop, told, typ="session+jwt"),
    "an unknown kid": lambda shop, told: sign(shop, told, kid="nobody"),
    "another's state": lambda shop, told: sign(shop, {**told, "customer": "mallory"}),
    "no end": lambda shop, told: sign(shop, {name: told[name] for name in told if name != "lease_until"}),
    "an end that is none": lambda shop, told: sign(shop, {**told, "lease_until": "tomorrow"}),
    "a changed payload": lambda shop, told: _swapped(sign(shop, told), sign(shop, {**told, "version": 9})),
    "a cut signature": lambda shop, told: sign(shop, told)[:-4],
    "no signature": lambda shop, told: sign(shop, told).rpartition(".")[0] + ".",
    "nonsense": lambda shop, told: "..",
    "a number": lambda shop, told: 7,
}


async def test_a_bad_lease_is_as_good_as_none(shop, road, time):
    told = {**state("ada"), "lease_until": "2026-11-21T10:30:00.000Z"}
    keys = (await shop.as_nobody().get("/.well-known/jwks.json")).json
    for why, make in BAD.items():
        storage, bad = MemoryStorage(), make(shop, told)
        road.lose_replies(0)
        async with running(shop, road, time, storage) as client:
            road.answer(200, json.dumps({**state("ada"), "lease": bad}), Content_Type=JSON)
            # The state itself came from the shop and is good; but nothing is kept for when the shop is away.
            assert (await may(client, "rooms")) == (True, "paid"), why
            await shop.until(lambda storage=storage: kept(storage, road) is not None)
            road.lose_replies(10_000)
            time.passed += 60
            with pytest.raises(ConnectionLost):
                await client.check("rooms", policy=Policy.NOT_STALE)
        planted = {"document": {**state("ada"), "lease": bad}, "seen": 0, "keys": keys}
        storage.set(f"storefront:{road.url}:ada", json.dumps(planted))
        async with running(shop, road, time, storage) as client:
            assert await may(client, "rooms", policy=Policy.CACHE_ONLY) == (False, "unknown"), why
            with pytest.raises(NothingCached):
                await client.me(Policy.CACHE_ONLY)
    assert verify_lease(sign(shop, told), keys) is not None
    assert verify_lease(sign(shop, told), {"keys": []}) is None


async def test_a_kept_state_without_a_lease_vouches_for_nothing_and_pinned_keys_alone_are_trusted(shop, road, time):
    storage = MemoryStorage()
    bare = json.dumps({"document": state("ada", version=1_000_000), "seen": 0, "keys": None})
    storage.set(f"storefront:{road.url}:ada", bare)
    async with running(shop, road, time, storage) as client:
        assert (await client.wallet("gems", Policy.CACHE_ONLY)).balance == 500
        assert await may(client, "rooms", policy=Policy.CACHE_ONLY) == (False, "unknown")
        assert road.requests == []
        # The shop says otherwise, and is right, whatever version the planted one claims.
        assert (await may(client, "rooms"))[0] is False
    for planted in ("{", "[]", "{}", '{"document": {}, "seen": 0}', bare.replace('"ada"', '"mallory"')):
        storage.set(f"storefront:{road.url}:ada", planted)
        async with running(shop, road, time, storage) as client:
            with pytest.raises(NothingCached):
                await client.me(Policy.CACHE_ONLY)
    stranger = OKPKey.generate_key("Ed25519")
    pinned = {"keys": [{**stranger.as_dict(private=False), "kid": "pinned"}]}
    told, asked = {**state("ada"), "lease_until": "2026-11-21T10:30:00.000Z"}, len(road.requests)
    for signed, expected in [(sign(shop, told), False), (sign(shop, told, key=stranger, kid="pinned"), True)]:
        assert (verify_lease(signed, pinned) is not None) is expected
        async with running(shop, road, time, MemoryStorage(), lease_keys=pinned) as client:
            road.answer(200, json.dumps({**state("ada"), "lease": signed}), Content_Type=JSON)
            await client.me()
            assert (client._cache.lease is not None) is expected
    assert "GET /.well-known/jwks.json" not in road.requests[asked:]


async def test_the_shops_own_lease_answers_while_the_shop_is_away(data_folder, time):
    async with running_shop(data_folder, TINY_SHOP) as shop:
        await shop.bought("gems-500")
        await shop.bought("sword")
        time.wall, storage = shop.wall() / 1000, MemoryStorage()
        given = {"token": await shop.session("ada"), "customer": "ada", "storage": storage, "tries": 1}
        async with StorefrontClient(shop.url, clock=time.clock, **given) as client:
            assert (await client.check("sword")).allowed
            await shop.until(lambda: storage.get(f"storefront:{shop.url}:ada") is not None)
            await shop.stop()
            for hours, key, expected in [(53, "sword", True), (53, "shield", False), (73, "sword", False)]:
                time.passed = 1000.0 + hours * 3600
                assert (await client.check(key, policy=Policy.NOT_STALE)).allowed is expected
        await shop.start()


async def test_a_storage_that_fails_and_a_stranger_are_told(shop, road, time):
    class Full(MemoryStorage):
        def set(self, key, text):
            raise OSError("full")

    errors = []
    async with running(shop, road, time, Full()) as client:
        client.on("error", errors.append)
        await client.me()
    assert [str(error) for error in errors] == ["full"]
    async with running(shop, road, time, MemoryStorage(), token=await shop.session("bob")) as client:
        with pytest.raises(ValueError, match="the token is bob's, and the states of ada are kept here"):
            await client.me()
    with pytest.raises(ValueError, match="say whose states it keeps"):
        StorefrontClient(shop.url, token="t", storage=MemoryStorage())
