"""What is given by hand: currency and goods, once per key, with a reason, an actor and an audit row."""

import asyncio

import pytest

from storefront.core.clock import HOUR_MS, iso
from storefront.testing import OPERATOR_KEY

GEMS = {"customer": "ada", "asset": "gems", "amount": 250, "reason": "lost in the outage"}


async def test_granted_gems_can_be_spent_and_name_their_reason(shop):
    server = shop.as_server()
    made = await server.post("/v1/grants", GEMS, key="k1")

    assert made.status == 201
    assert (made.json["asset"], made.json["amount"], made.json["reason"]) == ("gems", 250, "lost in the outage")
    assert made.json["customer"]["id"] == "ada"
    assert made.json["customer"]["changed"]["wallets"]["gems"]["available"] == 250
    assert shop.balance("customer:ada:gems") == 250
    assert shop.balance("platform:issuance:gems") == -250
    assert (await shop.buy("sword")).status == 201

    [entry] = shop.query("SELECT kind, about, facts FROM entries WHERE kind = 'grant'")
    assert entry == {"kind": "grant", "about": made.json["id"], "facts": None}
    assert shop.query("SELECT action, about, actor FROM audit_actions WHERE action = 'grant.made'") == [
        {"action": "grant.made", "about": made.json["id"], "actor": made.json["actor"]}
    ]
    told = (await server.get("/v1/events")).json["data"]
    [event] = [event for event in told if event["type"] == "grant.made"]
    assert (event["subject"], event["data"]["amount"]) == (made.json["id"], 250)


async def test_a_retry_gets_the_same_bytes_and_gives_nothing_more(shop):
    server = shop.as_server()
    first = await server.post("/v1/grants", GEMS, key="k1")
    again = await server.post("/v1/grants", GEMS, key="k1")
    other = await server.post("/v1/grants", {**GEMS, "amount": 9}, key="k1")

    assert again.json == first.json
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (other.status, other.json["code"]) == (422, "idempotency_key_reused")
    assert shop.balance("customer:ada:gems") == 250


async def test_a_retry_after_the_grants_end_is_still_answered(shop):
    server = shop.as_server()
    body = {**GEMS, "expires_at": iso(shop.wall() + HOUR_MS)}
    first = await server.post("/v1/grants", body, key="k1")
    assert first.json["expires_at"] == body["expires_at"]
    await shop.advance("2h")

    again = await server.post("/v1/grants", body, key="k1")
    fresh = await server.post("/v1/grants", body, key="k2")

    assert (again.status, again.json) == (201, first.json)
    assert (fresh.status, fresh.json["errors"][0]["pointer"]) == (422, "/expires_at")


async def test_one_key_from_32_at_once_gives_once(shop):
    answers = await asyncio.gather(*(shop.as_server().post("/v1/grants", GEMS, key="k1") for _ in range(32)))

    assert {answer.status for answer in answers} == {201}
    assert len({answer.json["id"] for answer in answers}) == 1
    assert shop.balance("customer:ada:gems") == 250
    assert shop.query("SELECT count(*) AS n FROM grants") == [{"n": 1}]


async def test_goods_are_granted_with_their_rights_and_nobody_pays(shop):
    made = await shop.as_server().post("/v1/grants", {"customer": "ada", "sku": "sword", "reason": "a prize"}, key="k1")

    assert (made.status, made.json["sku"], made.json["quantity"]) == (201, "sword", 1)
    check = (await shop.as_customer().get("/v1/entitlements/sword")).json
    assert (check["allowed"], check["reason"]) == (True, "granted")
    assert shop.query("SELECT source_type, source_id FROM entitlements") == [
        {"source_type": "grant", "source_id": made.json["id"]}
    ]
    assert shop.query("SELECT id FROM entries") == []
    assert shop.query("SELECT entry_id FROM grants") == [{"entry_id": None}]


async def test_what_is_owned_once_is_not_granted_again(shop):
    await shop.as_server().post("/v1/grants", {"customer": "ada", "sku": "sword", "reason": "a prize"}, key="k1")
    before = shop.rows()
    again = await shop.as_server().post(
        "/v1/grants", {"customer": "ada", "sku": "sword", "reason": "a prize"}, key="k2"
    )
    assert (again.status, again.json["code"]) == (409, "already_owned")
    assert shop.rows() == before


async def test_a_granted_pack_fills_the_wallet_as_a_gift(shop):
    body = {"customer": "ada", "sku": "gems-500", "quantity": 2, "reason": "a prize"}
    made = await shop.bearing(OPERATOR_KEY).post("/v1/grants", body, key="k1")

    assert made.status == 201
    assert shop.balance("customer:ada:gems") == 1000
    assert shop.query("SELECT source, cost_amount FROM lots") == [{"source": "granted", "cost_amount": None}]
    assert shop.query("SELECT entry_id IS NOT NULL AS has_entry FROM grants") == [{"has_entry": 1}]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"customer": "ada", "asset": "USD", "amount": 5, "reason": "r"}, "/asset"),
        ({"customer": "ada", "asset": "dust", "amount": 5, "reason": "r"}, "/asset"),
        ({"customer": "ada", "asset": "gems", "reason": "r"}, "/amount"),
        ({"customer": "ada", "asset": "gems", "amount": 0, "reason": "r"}, "/amount"),
        ({"customer": "ada", "asset": "gems", "amount": 5}, "/reason"),
        ({"customer": "ada", "reason": "r"}, "/asset"),
        ({"customer": "ada", "asset": "gems", "amount": 5, "sku": "sword", "reason": "r"}, "/asset"),
        ({"customer": "ada", "sku": "sword", "amount": 5, "reason": "r"}, "/amount"),
        ({"customer": "ada", "sku": "sword", "quantity": 2, "reason": "r"}, "/quantity"),
        ({**GEMS, "expires_at": "2001-01-01T00:00:00Z"}, "/expires_at"),
        ({**GEMS, "expires_at": "tomorrow"}, "/expires_at"),
    ],
)
async def test_what_cannot_be_meant_is_refused_by_its_field(shop, body, pointer):
    answer = await shop.as_server().post("/v1/grants", body, key="k1")
    assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, pointer)
    assert shop.query("SELECT count(*) AS n FROM grants") == [{"n": 0}]


async def test_grants_are_read_one_by_one_and_by_customer(shop):
    server = shop.as_server()
    ours = [(await server.post("/v1/grants", GEMS, key=f"k{n}")).json["id"] for n in range(3)]
    bobs = (await server.post("/v1/grants", {**GEMS, "customer": "bob"}, key="b")).json["id"]

    one = (await server.get(f"/v1/grants/{ours[0]}")).json
    page = (await server.get("/v1/grants?customer=ada&limit=2")).json
    rest = (await server.get(f"/v1/grants?customer=ada&after={page['next']}")).json
    everybody = (await shop.bearing(OPERATOR_KEY).get("/v1/grants")).json

    assert (one["id"], one["customer"], one["amount"]) == (ours[0], {"id": "ada"}, 250)
    assert [grant["id"] for grant in page["data"]] == ours[:0:-1]
    assert [grant["id"] for grant in rest["data"]] == ours[:1]
    assert [grant["id"] for grant in everybody["data"]] == [bobs, *reversed(ours)]
    assert (await server.get("/v1/grants/grant_01k00000000000000000000000")).status == 404
    assert (await server.get("/v1/grants?after=x")).status == 422


async def test_customers_and_strangers_grant_nothing(shop):
    assert (await shop.as_customer().post("/v1/grants", GEMS, key="k1")).status == 403
    assert (await shop.as_nobody().post("/v1/grants", GEMS, key="k1")).status == 401
    assert (await shop.as_customer().get("/v1/grants")).status == 403
    assert (await shop.as_server().post("/v1/grants", GEMS)).json["code"] == "idempotency_key_required"
