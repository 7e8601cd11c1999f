"""Rate limits: exact, per whom they should be, deaf to forged headers, and bounded in memory."""

import pytest

from storefront.core.config.model import RateLimit, RateLimitPer
from storefront.core.principals import Principal, Role
from storefront.networks import network_of
from storefront.web.limits import Buckets, RateLimiter

SECOND = 1_000_000_000


def per(what: str, rate: int, *, period: int = 1, burst: int) -> RateLimit:
    return RateLimit(RateLimitPer(what), rate=rate, period_seconds=period, burst=burst)


def taken(buckets: Buckets, owner: str, at: int, tries: int) -> int:
    return sum(buckets.take(owner, at) == 0 for _ in range(tries))


def test_a_burst_passes_and_then_the_rate():
    buckets = Buckets("read", per("address", 10, burst=25))
    assert taken(buckets, "a", 0, 100) == 25
    assert taken(buckets, "a", SECOND // 10 - 1, 100) == 0
    assert taken(buckets, "a", SECOND // 10, 100) == 1
    assert taken(buckets, "a", 60 * SECOND, 100) == 25
    assert taken(buckets, "b", 60 * SECOND, 100) == 25


def test_a_steady_caller_gets_the_rate_over_an_hour():
    buckets = Buckets("checkout", per("address", 30, period=60, burst=30))
    passed = sum(buckets.take("a", tick * SECOND) == 0 for tick in range(3600))
    assert passed == 30 + 1799


def test_the_wait_that_is_told_is_the_wait_that_helps():
    buckets = Buckets("checkout", per("address", 1, period=60, burst=1))
    assert buckets.take("a", 5 * SECOND) == 0
    wait = buckets.take("a", 10 * SECOND)
    assert wait == 55 * SECOND
    assert buckets.take("a", 10 * SECOND + wait - 1) == 1
    assert buckets.take("a", 10 * SECOND + wait) == 0


def test_a_debt_survives_the_rotation_of_generations():
    buckets = Buckets("read", per("address", 1, burst=10))
    assert buckets.take("early", 0) == 0
    assert taken(buckets, "debtor", 9 * SECOND, 20) == 10
    assert buckets.take("rotates", 10 * SECOND) == 0
    assert taken(buckets, "debtor", 10 * SECOND, 20) == 1


def test_a_million_addresses_do_not_fill_the_memory():
    buckets = Buckets("read", per("address", 1, period=3600, burst=1), max_buckets=10_000)
    fullest = 0
    for number in range(1_000_000):
        buckets.take(f"2001:db8:{number:x}::/64", 0)
        fullest = max(fullest, len(buckets))
    assert 5_000 <= fullest <= 10_000


def test_idle_callers_are_forgotten():
    buckets = Buckets("read", per("address", 10, burst=10))
    for number in range(1000):
        buckets.take(str(number), 0)
    buckets.take("x", 2 * SECOND)
    buckets.take("y", 4 * SECOND)
    assert len(buckets) == 2


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("unknown", "unknown"),
    ],
)
def test_an_ipv6_network_shares_a_bucket(address, network):
    assert network_of(address) == network


async def test_strangers_are_held_and_told_when_to_come_back(start):
    world = await start(limits={"read": (per("address", 2, period=10, burst=3),)})
    assert [(await world.get("/v1/catalog")).status for _ in range(4)] == [200, 200, 200, 429]
    answer = await world.get("/v1/catalog")
    assert answer.is_problem(429, "rate_limited")
    assert answer.headers["Retry-After"] == "5"
    assert answer.headers["RateLimit-Policy"] == '"read";q=2;w=10'
    assert answer.headers["RateLimit"] == '"read";r=0;t=5'
    world.clock.move(5)
    assert [(await world.get("/v1/catalog")).status for _ in range(2)] == [200, 429]


async def test_customers_of_one_address_have_buckets_of_their_own(start):
    world = await start(
        limits={"read": (per("customer", 1, period=60, burst=2), per("address", 1, period=60, burst=1))}
    )
    ada, bob = world.session("ada"), world.session("bob")
    assert [(await world.get("/v1/catalog", token=ada)).status for _ in range(3)] == [200, 200, 429]
    assert (await world.get("/v1/catalog", token=world.session("ada"))).status == 429
    assert (await world.get("/v1/catalog", token=bob)).status == 200
    assert [(await world.get("/v1/catalog")).status for _ in range(2)] == [200, 429]


async def test_server_keys_meet_only_limits_for_keys(start):
    rules = (per("customer", 1, burst=1), per("address", 1, burst=1))
    world = await start(limits={"read": rules})
    assert {(await world.get("/v1/catalog", token="sk_sandbox_demo")).status for _ in range(20)} == {200}
    world = await start(limits={"read": (*rules, per("key", 1, period=60, burst=5))})
    statuses = [(await world.get("/v1/catalog", token="sk_sandbox_demo")).status for _ in range(6)]
    assert statuses == [200, 200, 200, 200, 200, 429]


async def test_all_limits_of_a_class_must_have_room(start):
    world = await start(limits={"read": (per("address", 10, burst=10), per("address", 1, period=60, burst=2))})
    assert [(await world.get("/v1/catalog")).status for _ in range(3)] == [200, 200, 429]


async def test_classes_do_not_share_buckets(start):
    world = await start(limits={"checkout": (per("address", 1, period=60, burst=1),)})
    assert [(await world.order({"sku": "gems"})).status for _ in range(2)] == [201, 429]
    assert (await world.get("/v1/catalog")).status == 200


async def test_guessing_credentials_is_held_up_and_good_ones_are_not(start):
    world = await start(limits={"sign_in": (per("address", 1, period=60, burst=3),)})
    statuses = [(await world.get("/v1/things/7", token=f"sk_guess{n}")).status for n in range(5)]
    assert statuses == [401, 401, 401, 429, 429]
    assert (await world.get("/v1/things/7", token=world.session())).status == 200


async def test_forwarded_addresses_are_believed_from_trusted_proxies_only(start):
    world = await start(limits={"read": (per("address", 1, period=60, burst=1),)})
    forged = [{"X-Forwarded-For": f"198.51.100.{n}"} for n in range(3)]
    assert [(await world.get("/v1/catalog", headers=headers)).status for headers in forged] == [200, 429, 429]


async def test_behind_a_proxy_the_rightmost_untrusted_hop_counts(start):
    world = await start(trusted_proxies=("127.0.0.0/8", "10.0.0.0/8", "2001:db8::/32"))

    async def address(forwarded: str) -> str:
        return (await world.get("/v1/catalog", headers={"X-Forwarded-For": forwarded})).json["address"]

    assert await address("198.51.100.1") == "198.51.100.1"
    assert await address("1.1.1.1, 198.51.100.1") == "198.51.100.1"
    assert await address("1.1.1.1, 198.51.100.1, 10.1.2.3") == "198.51.100.1"
    assert await address("198.51.100.1:4711, [2001:db8::1]:80") == "198.51.100.1"
    assert await address("10.9.9.9, 10.1.2.3") == "10.9.9.9"
    assert await address("1.1.1.1, nonsense, 10.1.2.3") == "10.1.2.3"
    assert await address("nonsense") == "127.0.0.1"
    assert (await world.get("/v1/catalog")).json["address"] == "127.0.0.1"


def test_the_default_limits_leave_a_signed_in_game_alone():
    now = [0]
    limiter = RateLimiter(nanoseconds=lambda: now[0])
    ada = Principal(Role.CUSTOMER, "customer:cus_ada", customer_id="cus_ada")
    for tick in range(5000):
        now[0] = tick * SECOND // 500
        limiter.check("read", ada, "198.51.100.1")
