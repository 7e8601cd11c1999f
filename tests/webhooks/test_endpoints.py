"""Endpoints: who may see and change them, what they show, pausing, rotating, replaying, testing."""

import asyncio
import textwrap
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from storefront.core.clock import DAY_MS, iso
from storefront.testing import OPERATOR_KEY, PUBLISHABLE_KEY, SERVER_KEY, Shop

from .conftest import PATH, Operator, Receiver, settled

ROUTES = (
    ("GET", ""),
    ("POST", ""),
    ("GET", "/{id}"),
    ("PATCH", "/{id}"),
    ("DELETE", "/{id}"),
    ("POST", "/{id}/pause"),
    ("POST", "/{id}/resume"),
    ("POST", "/{id}/rotate-secret"),
    ("POST", "/{id}/test"),
    ("POST", "/{id}/replay"),
    ("GET", "/{id}/deliveries"),
    ("GET", "/{id}/deliveries/{event}"),
    ("POST", "/{id}/deliveries/{event}/replay"),
)
NOBODYS = "whe_01m7y0000000000000000000000"


async def test_this_list_of_routes_is_whole(shop: Shop) -> None:
    document = (await shop.as_nobody().get("/openapi.json")).json
    declared = {
        (method.upper(), path.removeprefix(PATH))
        for path, methods in document["paths"].items()
        if path.startswith(PATH)
        for method in methods
        if method in ("get", "post", "put", "patch", "delete")
    }
    assert declared == set(ROUTES)


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_only_an_operator_gets_in_and_strangers_learn_nothing(
    shop: Shop, operator: Operator, receiver: Receiver, method: str, path: str
) -> None:
    endpoint = await operator.add(receiver.url, "purchase.completed")
    await shop.bought("gems-500")
    await settled(shop)
    (delivery,) = await operator.deliveries(endpoint)
    keys = await shop.bearing(OPERATOR_KEY).post(
        "/v1/keys", {"kind": "operator", "name": "few", "scopes": ["keys:write"]}
    )
    session = await shop.session("bob")
    await shop.quiet()
    before, taken = shop.rows(), len(receiver.received)
    bodies = {
        "": {"url": receiver.url},
        "/{id}": {"description": "x"},
        "/{id}/replay": {"since": "2020-01-01T00:00:00Z"},
    }
    body = None if method == "GET" else bodies.get(path)
    for credential, status in [
        (None, 401),
        (PUBLISHABLE_KEY, 403),
        (SERVER_KEY, 403),
        (session, 403),
        (keys.json["key"], 403),
    ]:
        caller = Operator(shop, shop.as_nobody() if credential is None else shop.bearing(credential))
        for known in ((endpoint["id"], delivery["event"]), (NOBODYS, "evt_01m7y0000000000000000000000")):
            answer = await caller.send(method, path.format(id=known[0], event=known[1]), body)
            assert answer.status == status, (credential, answer)
    if path:
        missing = await operator.send(method, path.format(id=NOBODYS, event=delivery["event"]), body)
        assert (missing.status, missing.json["code"]) == (404, "not_found")
    assert shop.rows() == before
    assert len(receiver.received) == taken


async def test_a_secret_is_shown_once_and_lies_nowhere(
    shop: Shop, operator: Operator, receiver: Receiver, capfd: pytest.CaptureFixture[str]
) -> None:
    endpoint = await operator.add(receiver.url)
    rotated = await operator.ok("POST", f"/{endpoint['id']}/rotate-secret")
    await operator.ok("POST", f"/{endpoint['id']}/test")
    await settled(shop)
    secrets = {endpoint["secret"], rotated["secret"]}
    assert len(secrets) == 2
    assert all(secret.startswith("whsec_") and len(secret) == 50 for secret in secrets)
    shown = [await operator.ok("GET", ""), await operator.ok("GET", f"/{endpoint['id']}"),
             await operator.ok("PATCH", f"/{endpoint['id']}", {"description": "x"}),
             await operator.deliveries(endpoint)]  # fmt: skip
    dump = [shop.query(f"SELECT * FROM {table}") for table in shop.rows()]
    printed = capfd.readouterr()
    for secret in secrets:
        for place in (shown, dump, printed, [one.body for one in receiver.received]):
            assert secret.removeprefix("whsec_") not in str(place)


async def test_a_paused_endpoint_accumulates_and_then_gets_all_in_order(
    shop: Shop, operator: Operator, receiver: Receiver
) -> None:
    endpoint = await operator.add(receiver.url, "purchase.*")
    assert (await operator.ok("POST", f"/{endpoint['id']}/pause"))["state"] == "paused"
    first = await shop.bought("gems-500")
    await shop.advance("6d")
    second = await shop.bought("gems-500")
    await settled(shop)
    assert receiver.received == []
    assert (await operator.ok("GET", f"/{endpoint['id']}"))["deliveries"] == {"waiting": 4, "delivered": 0, "dead": 0}

    await operator.ok("POST", f"/{endpoint['id']}/resume")
    await settled(shop)
    told = [(one.event["subject"], one.event["type"]) for one in receiver.received]
    assert told == [(one["id"], f"purchase.{state}") for one in (first, second) for state in ("pending", "completed")]


async def test_two_secrets_are_good_for_a_day_after_a_rotation(
    shop: Shop, operator: Operator, receiver: Receiver
) -> None:
    endpoint = await operator.add(receiver.url, "none.such")
    old = Webhook(endpoint["secret"])
    rotated = await operator.ok("POST", f"/{endpoint['id']}/rotate-secret")
    new = Webhook(rotated["secret"])
    assert rotated["previous_secret_until"] is not None
    await operator.ok("POST", f"/{endpoint['id']}/test")
    await settled(shop)
    during = receiver.received[-1]
    assert during.event["type"] == "webhook_endpoint.test"
    for secret in (old, new):
        secret.verify(during.body, during.headers)

    shop.wall.move(86_401)
    await operator.ok("POST", f"/{endpoint['id']}/test")
    await settled(shop)
    after = receiver.received[-1]
    assert after.id != during.id
    assert after.headers["webhook-signature"].count("v1,") == 1
    # The library judges the time by the machine's clock, which did not move: put the time back, and sign again.
    assert after.headers["webhook-signature"] == signature(new, after)
    assert after.headers["webhook-signature"] != signature(old, after)
    assert (await operator.ok("GET", f"/{endpoint['id']}"))["previous_secret_until"] is None


def signature(secret: Webhook, received) -> str:
    from datetime import UTC, datetime

    at = datetime.fromtimestamp(int(received.headers["webhook-timestamp"]), UTC)
    return secret.sign(received.id, at, received.body.decode())


async def test_a_signature_covers_the_bytes_the_id_and_the_time(
    shop: Shop, operator: Operator, receiver: Receiver
) -> None:
    endpoint = await operator.add(receiver.url, "purchase.completed")
    await shop.bought("gems-500")
    await settled(shop)
    (one,) = receiver.received
    secret = Webhook(endpoint["secret"])
    secret.verify(one.body, one.headers)
    forged = [
        (one.body + b" ", one.headers),
        (one.body, {**one.headers, "webhook-id": "evt_other"}),
        (one.body, {**one.headers, "webhook-timestamp": str(int(one.headers["webhook-timestamp"]) + 1)}),
    ]
    for body, headers in forged:
        with pytest.raises(WebhookVerificationError):
            secret.verify(body, headers)


async def test_the_ten_lines_of_the_guide_verify(shop: Shop, operator: Operator, receiver: Receiver) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text()
    block = textwrap.dedent(guide.partition("   ```python\n")[2].partition("   ```")[0])
    written: dict[str, Any] = {}
    exec(block, written)
    endpoint = await operator.add(receiver.url, "purchase.completed")
    await shop.bought("gems-500")
    await settled(shop)
    (one,) = receiver.received

    assert written["verify"](endpoint["secret"], one.headers, one.body) is True
    assert written["verify"](endpoint["secret"], one.headers, one.body + b" ") is False
    old = {**one.headers, "webhook-timestamp": str(int(one.headers["webhook-timestamp"]) - 600)}
    assert written["verify"](endpoint["secret"], old, one.body) is False


async def test_all_since_a_time_are_sent_again_also_from_before_the_endpoint(
    shop: Shop, operator: Operator, receiver: Receiver
) -> None:
    old = await shop.bought("gems-500")
    await shop.advance("2d")
    early = iso(shop.parts.services.clock.now())
    recent = await shop.bought("gems-500")
    endpoint = await operator.add(receiver.url, "purchase.completed")
    await settled(shop)
    assert receiver.received == []

    await operator.ok("POST", f"/{endpoint['id']}/replay", {"since": early})
    await settled(shop)
    assert [one.event["subject"] for one in receiver.received] == [recent["id"]]

    start = (await shop.as_server().get("/v1/events?limit=1")).json["next"]
    await operator.ok("POST", f"/{endpoint['id']}/replay", {"after": start})
    await settled(shop)
    assert [one.event["subject"] for one in receiver.received] == [recent["id"], old["id"], recent["id"]]
    assert receiver.received[0].id == receiver.received[2].id

    now = shop.parts.services.clock.now()
    await operator.ok("POST", f"/{endpoint['id']}/replay", {"since": iso(now + DAY_MS)})
    await shop.bought("gems-500")
    await settled(shop)
    assert len(receiver.received) == 4, "a replay never skips"
    for wrong in ({"since": "yesterday"}, {"after": "x"}, {}, {"since": early, "after": start}):
        assert (await operator.send("POST", f"/{endpoint['id']}/replay", wrong)).status == 422


async def test_a_test_event_goes_to_its_endpoint_alone(shop: Shop, operator: Operator, receiver: Receiver) -> None:
    asked = await operator.add(receiver.url + "/asked", "purchase.completed")
    await operator.add(receiver.url + "/other")
    assert await operator.ok("POST", f"/{asked['id']}/test") == {"queued": True, "type": "webhook_endpoint.test"}
    await settled(shop)
    assert [one.path for one in receiver.of_type("webhook_endpoint.test")] == ["/hooks/asked"]
    told = shop.query("SELECT about FROM audit_actions WHERE action = 'webhook_endpoint.tested'")
    assert told == [{"about": asked["id"]}]


async def test_an_endpoint_is_changed_and_what_waits_goes_to_the_new_address(
    shop: Shop, operator: Operator, receiver: Receiver
) -> None:
    endpoint = await operator.add(receiver.url, "purchase.completed")
    await operator.ok("POST", f"/{endpoint['id']}/pause")
    await shop.bought("gems-500")
    await settled(shop)
    changes = {"url": receiver.origin + "/new", "description": "the new one", "event_types": ["hold.*"]}
    changed = await operator.ok("PATCH", f"/{endpoint['id']}", changes)
    assert {name: changed[name] for name in changes} == changes
    await operator.ok("POST", f"/{endpoint['id']}/resume")
    await shop.bought("gems-500")
    await settled(shop)
    assert [(one.path, one.event["type"]) for one in receiver.received] == [("/new", "purchase.completed")]
    actions = shop.query("SELECT action FROM audit_actions ORDER BY id")
    assert [one["action"].partition(".")[2] for one in actions] == ["created", "paused", "updated", "resumed"]


async def test_a_deleted_endpoint_gets_nothing_and_is_forgotten(
    shop: Shop, operator: Operator, receiver: Receiver
) -> None:
    endpoint = await operator.add(receiver.url, "purchase.*")
    await shop.bought("gems-500")
    await settled(shop)
    await operator.ok("DELETE", f"/{endpoint['id']}")
    await shop.bought("gems-500")
    await shop.advance("2d")
    assert len(receiver.received) == 2
    assert (await operator.send("GET", f"/{endpoint['id']}")).status == 404
    assert (await operator.ok("GET", ""))["data"] == []
    assert shop.query("SELECT * FROM webhook_deliveries") == shop.query("SELECT * FROM webhook_attempts") == []


@pytest.mark.parametrize(
    "body",
    [
        {"url": "http://game.example/hooks"},
        {"url": "https://127.0.0.1/hooks"},
        {"url": "https://user:pass@game.example/"},
        {"url": "https://game.example:22/"},
        {"url": "https://game.example/", "event_types": ["Purchase"]},
        {"url": "https://game.example/", "event_types": ["*"]},
        {"url": "https://game.example/", "description": "two\nlines"},
        {"url": "https://game.example/", "secret": "whsec_x"},
        {},
    ],
)
async def test_what_cannot_be_meant_is_refused_when_it_is_made(shop: Shop, operator: Operator, body) -> None:
    answer = await operator.send("POST", "", body)
    assert (answer.status, answer.json["code"]) == (422, "invalid_request")
    assert shop.query("SELECT * FROM webhook_endpoints") == []


async def test_there_may_be_fifty(shop: Shop, operator: Operator) -> None:
    made = [operator.send("POST", "", {"url": "https://game.example/", "event_types": ["none"]}) for _ in range(50)]
    assert {answer.status for answer in await asyncio.gather(*made)} == {201}
    answer = await operator.send("POST", "", {"url": "https://game.example/"})
    assert (answer.status, answer.json["code"], answer.json["at_most"]) == (409, "too_many_webhook_endpoints", 50)


async def test_a_large_event_is_sent_as_a_reference_to_it(shop: Shop, operator: Operator, receiver: Receiver) -> None:
    await operator.add(receiver.url, "game.large")
    plan_of_a_large_event(shop)
    await shop.parts.services.engine.commit(plan_of_a_large_event(shop))
    await settled(shop)
    (one,) = receiver.received
    assert len(one.body) < 20_000
    assert "data" not in one.event
    found = await shop.as_server().get(one.event["dataref"].removeprefix(shop.url))
    (event,) = found.json["data"]
    assert (event["id"], len(event["data"]["text"])) == (one.id, 30_000)


def plan_of_a_large_event(shop: Shop):
    from storefront.core.commit.plan import SHOP_ANCHOR, Plan

    plan = Plan(actor="test", anchors={SHOP_ANCHOR})
    plan.emit("game.large", anchor=SHOP_ANCHOR, subject="game", payload={"text": "x" * 30_000})
    return plan
