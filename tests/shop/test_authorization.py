"""Who may do what: a stranger's things look missing, and no credential does more than its kind."""

import msgspec

from storefront.testing import OPERATOR_KEY, PUBLISHABLE_KEY


def without_request_id(reply) -> tuple:
    body = msgspec.json.decode(reply.body)
    body.pop("request_id")
    return reply.status, body


async def test_a_foreign_purchase_answers_exactly_like_a_missing_one(shop):
    purchase = await shop.buy("gems-500")
    bob = shop.bearing(await shop.session("bob"))
    before = shop.rows()
    for verb, path in [("GET", ""), ("POST", "/finalize"), ("POST", "/cancel")]:
        theirs = await bob.send(verb, f"/v1/purchases/{purchase.json['id']}{path}")
        nobodys = await bob.send(verb, f"/v1/purchases/pur_01m7y0000000000000000000000{path}")
        assert theirs.status == 404
        assert without_request_id(theirs) == without_request_id(nobodys)
        assert set(theirs.headers) == set(nobodys.headers)
    assert shop.rows() == before
    assert (await bob.get("/v1/purchases")).json["data"] == []
    assert (await shop.seen(purchase))["status"] == "pending"


async def test_a_customer_cannot_name_another(shop):
    await shop.session("bob")
    await shop.bought("gems-500")
    await shop.quiet()
    before = shop.rows()
    ada = shop.as_customer("ada")
    bought = await ada.post("/v1/purchases", {"customer": "bob", "sku": "sword"}, key="k1")
    quoted = await ada.post("/v1/quotes", {"customer": "bob", "sku": "sword"})
    used = await ada.post("/v1/microtransactions/inventory/potion/consume", {"customer": "bob"}, key="k1")
    for answer in (bought, quoted, used):
        assert (answer.status, answer.json["code"]) == (422, "invalid_request")
        assert answer.json["errors"][0]["pointer"] == "/customer"
    for path in ("/v1/purchases?customer=bob", "/v1/microtransactions/inventory?customer=bob"):
        assert (await ada.get(path)).status == 422
    checked = await ada.get("/v1/entitlements/sword?customer=bob")
    assert checked.status in (200, 422)
    assert checked.json.get("allowed", False) is False
    assert (await ada.get("/v1/customers/bob")).status == 403
    assert shop.rows() == before


async def test_a_publishable_key_opens_the_catalog_alone(shop):
    stranger = shop.bearing(PUBLISHABLE_KEY)
    before = shop.rows()
    assert (await stranger.get("/v1/catalog")).status == 200
    for answer in (
        await stranger.post("/v1/sessions", {"customer": "ada"}),
        await stranger.post("/v1/purchases", {"customer": "ada", "sku": "gems-500"}, key="k1"),
        await stranger.get("/v1/events"),
        await stranger.get("/v1/customers/ada"),
        await stranger.get("/v1/me"),
        await stranger.post("/sandbox/clock", {"advance": "1d"}),
    ):
        assert (answer.status, answer.json["code"]) == (403, "forbidden")
    assert shop.rows() == before


async def test_a_session_opens_no_route_of_the_server(shop):
    ada = shop.as_customer("ada")
    for answer in (
        await ada.post("/v1/sessions", {"customer": "bob"}),
        await ada.get("/v1/events"),
        await ada.get("/v1/customers/ada"),
        await ada.post("/sandbox/clock", {"advance": "1d"}),
        await ada.get("/v1/keys"),
    ):
        assert (answer.status, answer.json["code"]) == (403, "forbidden")


async def test_no_credential_or_a_dead_one_is_401(shop):
    before = shop.rows()
    nobody = shop.as_nobody()
    token = await shop.session("ada")
    header, claims, signature = token.split(".")
    bearers = ["sk_unknown", "sk_sandbox_demo2", "x", "eyJhbGciOiJub25lIn0.e30.", f"{header}.{claims}.",
               token[:-4] + "AAAA", f"{header}.{claims[:-2]}AA.{signature}"]  # fmt: skip
    for caller in [nobody, *(shop.bearing(text) for text in bearers)]:
        answer = await caller.post("/v1/purchases", {"sku": "gems-500"}, key="k1")
        assert (answer.status, answer.json["code"]) == (401, "unauthorized")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert shop.rows()["purchases"] == before["purchases"] == 0


async def test_an_expired_session_is_401_and_writes_nothing(shop):
    ada = shop.bearing(await shop.session("ada"))
    assert (await ada.get("/v1/me")).status == 200
    before = shop.rows()

    shop.wall.move(901)
    read = await ada.get("/v1/me")
    bought = await ada.post("/v1/purchases", {"sku": "gems-500"}, key="k1")

    assert [(answer.status, answer.json["code"]) for answer in (read, bought)] == [(401, "unauthorized")] * 2
    assert shop.rows() == before
    assert (await shop.bearing(await shop.session("ada")).get("/v1/me")).status == 200


async def test_business_time_does_not_end_a_session(shop):
    ada = shop.bearing(await shop.session("ada"))
    await shop.advance("45d")
    assert (await ada.get("/v1/me")).status == 200


async def test_a_session_outlives_a_restart(shop):
    ada = shop.bearing(await shop.session("ada"))
    await shop.restart()
    assert (await ada.get("/v1/me")).status == 200


async def test_an_operator_reads_purchases_and_does_not_buy(shop):
    purchase = await shop.buy("gems-500")
    operator = shop.bearing(OPERATOR_KEY)
    assert (await operator.get(f"/v1/purchases/{purchase.json['id']}")).status == 200
    answer = await operator.post("/v1/purchases", {"customer": "ada", "sku": "gems-500"}, key="k1")
    assert answer.status == 403


async def test_the_emulators_control_needs_its_own_key(shop):
    for caller in (shop.as_nobody(), shop.as_server(), shop.as_customer("ada")):
        for path in ("/sandbox/control/books", "/sandbox/control/clock"):
            assert (await caller.send("GET", path)).status == 401


async def test_a_key_can_be_limited_to_every_scope_that_something_asks_for(shop):
    operator = shop.bearing(OPERATOR_KEY)
    paths, lists = (await operator.get("/openapi.json")).json["paths"], (await operator.get("/v1/exports")).json["data"]
    asked = {
        scope
        for operations in paths.values()
        for operation in operations.values()
        for way in operation.get("security", ())
        for scopes in way.values()
        for scope in scopes
    } | {one["scope"] for one in lists}
    assert len(asked) > 25
    for scope in sorted(asked):
        made = await operator.post("/v1/keys", {"kind": "server", "name": "one", "scopes": [scope]})
        assert made.status == 201, (scope, made.json)
