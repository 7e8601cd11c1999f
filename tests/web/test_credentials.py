"""Who may call what, and how a credential is turned away."""

import pytest

from storefront.core.api_keys import KeyKind

SERVER, PUBLISHABLE, OPERATOR = "sk_sandbox_demo", "pk_sandbox_demo", "ak_sandbox_demo"


async def test_a_session_is_its_customer(world):
    answer = await world.get("/v1/things/7", token=world.session("ada"))
    assert answer.status == 200
    assert (answer.json["role"], answer.json["caller"], answer.json["customer"]) == (
        "CUSTOMER",
        "customer:cus_ada",
        "ada",
    )


async def test_everybody_may_read_what_is_public_and_a_valid_credential_is_recognised(world):
    roles = [(await world.get("/v1/catalog", token=token)).json["role"] for token in (None, PUBLISHABLE, SERVER)]
    assert roles == ["PUBLIC", "PUBLIC", "SERVER"]


async def test_no_credential_is_401_with_the_scheme(world):
    answer = await world.get("/v1/things/7")
    assert answer.is_problem(401, "unauthorized")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_a_publishable_key_on_a_server_route_is_403(world):
    assert (await world.get("/v1/things/7", token=PUBLISHABLE)).is_problem(403, "forbidden")


async def test_a_role_that_is_not_listed_is_403_even_where_strangers_may(world):
    answer = await world.order({"sku": "gems"}, token=OPERATOR)
    assert answer.is_problem(403, "forbidden")


async def test_a_customer_may_not_do_what_operators_do(world):
    answer = await world.send("POST", "/v1/keys", json={}, token=world.session())
    assert answer.is_problem(403, "forbidden")


@pytest.mark.parametrize(
    "token",
    [
        "sk_sandbox_dem",
        "sk_" + "A" * 44,
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJjdXNfYWRhIn0.",
        "eyJ",
        "ovl_abcdefgh",
        "hunter2",
        "x" * 5000,
        "eyJ" + "A" * 5000,
    ],
)
async def test_a_credential_that_is_not_ours_is_401_even_on_a_public_route(world, token):
    assert (await world.get("/v1/catalog", token=token)).is_problem(401, "unauthorized")


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer ", "Basic YTpi", "sk_sandbox_demo", "Bearer  sk_sandbox_demo"])
async def test_another_scheme_is_401(world, value):
    assert (await world.get("/v1/catalog", headers={"Authorization": value})).is_problem(401, "unauthorized")


async def test_two_authorization_headers_are_refused(world):
    answer = await world.raw(
        b"GET /v1/catalog HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        b"Authorization: Bearer sk_sandbox_demo\r\nAuthorization: Bearer pk_sandbox_demo\r\n\r\n"
    )
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"code":"malformed_request"' in answer


async def test_an_expired_session_is_401_although_it_was_good_before(world):
    token = world.session(ttl_seconds=60)
    assert (await world.get("/v1/things/7", token=token)).status == 200
    world.clock.move(59)
    assert (await world.get("/v1/things/7", token=token)).status == 200
    world.clock.move(1)
    assert (await world.get("/v1/things/7", token=token)).is_problem(401, "unauthorized")


async def test_a_revoked_session_is_401_at_once(world):
    ada, bob = world.session("ada"), world.session("bob")
    assert (await world.get("/v1/things/7", token=ada)).status == 200
    world.revocations.revoke_customer("cus_ada", now_ms=world.clock.wall_ms)
    assert (await world.get("/v1/things/7", token=ada)).is_problem(401, "unauthorized")
    assert (await world.get("/v1/things/7", token=bob)).status == 200


async def test_one_session_of_several_can_be_ended(world):
    lost, kept = world.session("ada"), world.session("ada")
    world.revocations.revoke_session(world.tokens.verify(lost).session_id, now_ms=world.clock.wall_ms)
    assert (await world.get("/v1/things/7", token=lost)).is_problem(401, "unauthorized")
    assert (await world.get("/v1/things/7", token=kept)).status == 200


async def test_a_key_works_until_it_is_revoked_or_expires(world):
    made = world.hasher.make_key(KeyKind.SERVER, expires_at=world.clock.wall_ms + 10_000)
    assert (await world.get("/v1/things/7", token=made.plaintext)).is_problem(401, "unauthorized")
    world.keys[made.record.key_id] = made.record
    answer = await world.get("/v1/things/7", token=made.plaintext)
    assert (answer.status, answer.json["caller"]) == (200, f"key:{made.record.key_id}")
    world.clock.move(10)
    assert (await world.get("/v1/things/7", token=made.plaintext)).is_problem(401, "unauthorized")


async def test_a_key_without_the_scope_is_403_and_says_which(world):
    made = world.hasher.make_key(KeyKind.SERVER, scopes=frozenset({"grants:write"}))
    world.keys[made.record.key_id] = made.record
    answer = await world.get("/v1/things/7", token=made.plaintext)
    assert answer.is_problem(403, "missing_scope")
    assert answer.json["scope"] == "purchases:read"


async def test_a_session_may_carry_less_than_its_customer_may(world):
    token = world.session(scopes=["entitlements:read"])
    assert (await world.get("/v1/things/7", token=token)).is_problem(403, "missing_scope")


async def test_the_demo_keys_are_unknown_unless_the_configuration_says_so(start):
    world = await start(demo_keys=False)
    for token in (SERVER, PUBLISHABLE, OPERATOR):
        assert (await world.get("/v1/catalog", token=token)).is_problem(401, "unauthorized")


async def test_strangers_of_one_key_do_not_share_a_caller_with_another_address(start):
    world = await start(trusted_proxies=("127.0.0.0/8",))
    callers = {
        (await world.get("/v1/catalog", token=PUBLISHABLE, headers={"X-Forwarded-For": address})).json["caller"]
        for address in ("198.51.100.1", "198.51.100.2")
    }
    assert len(callers) == 2
    assert not any("198.51" in caller for caller in callers)


async def test_a_cookie_reads_anywhere_but_writes_only_from_our_own_pages(world):
    cookie = {"Cookie": f"storefront_session={world.session('ada')}"}
    assert (await world.get("/v1/catalog", headers=cookie)).json["customer"] == "ada"

    foreign = await world.order({"sku": "gems"}, headers=cookie | {"Sec-Fetch-Site": "cross-site"})
    assert foreign.is_problem(403, "cross_site_request")
    silent = await world.order({"sku": "gems"}, headers=cookie)
    assert silent.is_problem(403, "cross_site_request")
    same_site = await world.order({"sku": "gems"}, headers=cookie | {"Sec-Fetch-Site": "same-site"})
    assert same_site.is_problem(403, "cross_site_request")

    ours = await world.order({"sku": "gems"}, headers=cookie | {"Sec-Fetch-Site": "same-origin"})
    assert (ours.status, ours.json["customer"]) == (201, "ada")
    older = await world.order({"sku": "gems"}, headers=cookie | {"Origin": "http://shop.example"})
    assert older.status == 201


async def test_a_dead_cookie_is_no_cookie(world):
    cookie = {"Cookie": f"storefront_session={world.session('ada', ttl_seconds=60)}"}
    world.clock.move(61)
    assert (await world.get("/v1/catalog", headers=cookie)).json["role"] == "PUBLIC"
    assert (await world.get("/v1/things/7", headers=cookie)).is_problem(401, "unauthorized")
