"""Events reach their receivers: signed, in order, at least once, whatever the receivers do."""

import asyncio

import pytest
from standardwebhooks import Webhook

from storefront.core.clock import HOUR_MS
from storefront.core.outgoing_webhooks.schedule import GAPS_MS, next_attempt
from storefront.testing import HANG_SECONDS, Shop, running_shop

from .conftest import Operator, Receiver, allowing, settled


async def test_a_purchase_arrives_signed_as_the_reference_library_wants_it(
    shop: Shop, operator: Operator, receiver: Receiver
) -> None:
    endpoint = await operator.add(receiver.url, "purchase.*")
    purchase = await shop.bought("gems-500")
    await settled(shop)

    assert receiver.types == ["purchase.pending", "purchase.completed"]
    for one in receiver.received:
        event = Webhook(endpoint["secret"]).verify(one.body, one.headers)
        assert (event["specversion"], event["id"], event["subject"]) == ("1.0", one.id, purchase["id"])
        assert event["source"] == shop.url
        assert one.headers["content-type"] == "application/cloudevents+json"
        assert one.headers["accept-encoding"] == "identity"
    feed = (await shop.as_server().get("/v1/events")).json["data"]
    assert [one.event for one in receiver.received] == [e for e in feed if e["type"].startswith("purchase.")]
    states = [(one["type"], one["state"], one["attempts"]) for one in await operator.deliveries(endpoint)]
    assert states == [("purchase.completed", "delivered", 1), ("purchase.pending", "delivered", 1)]


async def test_a_receiver_that_is_down_for_three_days_loses_nothing(
    shop: Shop, operator: Operator, receiver: Receiver
) -> None:
    receiver.status = 503
    endpoint = await operator.add(receiver.url, "purchase.completed")
    first = await shop.bought("gems-500")
    await shop.advance("1d")
    second = await shop.bought("gems-500")
    await shop.advance("2d")

    tries = dict.fromkeys((first["id"], second["id"]), 0)
    for one in receiver.received:
        tries[one.event["subject"]] += 1
    # 0 s, 5 s, 5 m, 30 m, 2 h, 5 h, 10 h, 14 h, 20 h: nine tries within 51.6 hours, the tenth after 75.6.
    assert tries == {first["id"]: 9, second["id"]: 8}
    assert [one["state"] for one in await operator.deliveries(endpoint)] == ["waiting", "waiting"]

    receiver.status = 200
    await shop.advance("2d")
    assert [one["state"] for one in await operator.deliveries(endpoint)] == ["delivered", "delivered"]
    taken = {one.event["subject"] for one in receiver.received[17:]}
    assert taken == {first["id"], second["id"]}
    assert len({one.id for one in receiver.received}) == 2


async def test_after_the_whole_schedule_a_delivery_is_dead_kept_alarmed_and_can_be_replayed(
    shop: Shop, operator: Operator, receiver: Receiver
) -> None:
    receiver.status, receiver.answer = 500, b"out\x00of <b>order</b>"
    endpoint = await operator.add(receiver.url, "purchase.completed")
    await shop.bought("gems-500")
    await shop.advance("4d")

    (dead,) = await operator.deliveries(endpoint, "dead")
    assert (dead["attempts"], len(receiver.received)) == (10, 10)
    shown = await operator.ok("GET", f"/{endpoint['id']}/deliveries/{dead['event']}")
    assert [(one["status"], one["excerpt"]) for one in shown["history"]] == [(500, "out of <b>order</b>")] * 10
    alarms = shop.query("SELECT kind, about FROM alarms")
    assert alarms == [{"kind": "webhook_delivery_dead", "about": endpoint["id"]}]

    receiver.status = 200
    again = await operator.ok("POST", f"/{endpoint['id']}/deliveries/{dead['event']}/replay")
    assert (again["state"], again["attempts"]) == ("waiting", 0)
    await settled(shop)
    shown = await operator.ok("GET", f"/{endpoint['id']}/deliveries/{dead['event']}")
    assert (shown["state"], len(shown["history"]), receiver.received[-1].id) == ("delivered", 11, dead["event"])


async def test_a_failing_delivery_holds_up_neither_later_ones_nor_other_endpoints(
    data_folder, database_url, receiver: Receiver, new_receiver
) -> None:
    other = await new_receiver()
    async with running_shop(data_folder, allowing(receiver, other), database=database_url) as shop:
        operator = Operator(shop)
        stuck, picky = await operator.add(receiver.url, "purchase.*"), await operator.add(other.url, "purchase.*")
        receiver.release.clear()
        other.status = 500
        await shop.bought("gems-500")
        await shop.until(lambda: len(other.received) == 2 and len(receiver.received) == 1)
        async with asyncio.timeout(HANG_SECONDS):
            while [one["attempts"] for one in await operator.deliveries(picky)] != [1, 1]:  # noqa: ASYNC110
                await asyncio.sleep(0.02)  # what came of an attempt is written down after the receiver has it
        assert {one["attempts"] for one in await operator.deliveries(stuck)} == {0}
        receiver.release.set()
        await settled(shop)
        assert receiver.types == ["purchase.pending", "purchase.completed"]


async def test_410_disables_and_resuming_loses_nothing(shop: Shop, operator: Operator, receiver: Receiver) -> None:
    receiver.status = 410
    endpoint = await operator.add(receiver.url, "purchase.*")
    await shop.bought("gems-500")
    await settled(shop)
    shown = await operator.ok("GET", f"/{endpoint['id']}")
    assert (shown["state"], shown["reason"]) == ("disabled", "the receiver answered 410 Gone")
    assert len(receiver.received) == 1
    paused = await operator.send("POST", f"/{endpoint['id']}/pause")
    assert (paused.status, paused.json["code"]) == (409, "webhook_endpoint_state")
    await shop.bought("gems-500")
    await shop.advance("1d")
    assert len(receiver.received) == 1

    receiver.status = 204
    assert (await operator.ok("POST", f"/{endpoint['id']}/resume"))["state"] == "enabled"
    await settled(shop)
    assert sorted(receiver.types[1:]) == ["purchase.completed"] * 2 + ["purchase.pending"] * 2
    acts = shop.query("SELECT action, actor FROM audit_actions WHERE about = ? ORDER BY id", endpoint["id"])
    assert [one["action"].partition(".")[2] for one in acts] == ["created", "disabled", "resumed"]
    assert acts[1]["actor"] == "webhooks"


async def test_a_redirect_is_a_failure_and_nobody_follows_it(
    shop: Shop, operator: Operator, receiver: Receiver
) -> None:
    receiver.status, receiver.headers = 307, {"Location": "/elsewhere"}
    endpoint = await operator.add(receiver.url, "purchase.completed")
    await shop.bought("gems-500")
    await settled(shop)
    assert [one.path for one in receiver.received] == ["/hooks"]
    (waiting,) = await operator.deliveries(endpoint)
    assert (waiting["state"], waiting["attempts"]) == ("waiting", 1)


@pytest.mark.parametrize(("header", "hours"), [("7200", 2), ("864000", 24), ("nonsense", 0)])
async def test_retry_after_is_honoured_up_to_a_day(
    shop: Shop, operator: Operator, receiver: Receiver, header: str, hours: int
) -> None:
    receiver.status, receiver.headers = 503, {"Retry-After": header}
    await operator.add(receiver.url, "purchase.completed")
    await shop.bought("gems-500")
    await settled(shop)
    due, now = shop.query("SELECT due_at FROM webhook_deliveries")[0]["due_at"], shop.parts.services.clock.now()
    assert hours * HOUR_MS - 60_000 < due - now <= max(hours * HOUR_MS, 5_500)


def test_the_schedule_is_that_of_standard_webhooks_with_jitter() -> None:
    assert sum(GAPS_MS) == (75 * 60 + 35) * 60_000 + 5_000
    waits = [next_attempt(attempts, now=0, wall=0, retry_after=None) for attempts in range(1, 11)]
    assert waits[-1] is None
    for gap, wait in zip(GAPS_MS[1:], waits, strict=False):
        assert wait is not None
        assert gap <= wait <= gap * 1.1
    date = "Wed, 21 Oct 2026 07:28:00 GMT"
    assert next_attempt(1, now=5, wall=1_792_567_680_000 - 3 * HOUR_MS, retry_after=date) == 5 + 3 * HOUR_MS


async def test_what_is_answered_compressed_endless_or_rude_changes_nothing(
    shop: Shop, operator: Operator, receiver: Receiver
) -> None:
    receiver.status, receiver.headers = 200, {"Content-Encoding": "gzip"}
    receiver.answer = b"no gzip at all " * 100_000
    endpoint = await operator.add(receiver.url, "purchase.completed")
    await shop.bought("gems-500")
    await settled(shop)
    (one,) = await operator.deliveries(endpoint)
    shown = await operator.ok("GET", f"/{endpoint['id']}/deliveries/{one['event']}")
    assert shown["state"] == "delivered"
    assert shown["history"][0]["excerpt"].startswith("no gzip at all")
    assert len(shown["history"][0]["excerpt"]) <= 500


async def test_nobody_listening_is_a_failure_that_names_no_path(
    data_folder, receiver: Receiver, unused_tcp_port: int
) -> None:
    receiver.origin = f"http://127.0.0.1:{unused_tcp_port}"
    async with running_shop(data_folder, allowing(receiver)) as shop:
        operator = Operator(shop)
        endpoint = await operator.add(f"{receiver.origin}/very-secret-path", "purchase.completed")
        await shop.bought("gems-500")
        await settled(shop)
        (one,) = await operator.deliveries(endpoint)
        shown = await operator.ok("GET", f"/{endpoint['id']}/deliveries/{one['event']}")
    (attempt,) = shown["history"]
    assert (attempt["status"], attempt["latency_ms"]) == (None, None)
    assert attempt["error"] == "127.0.0.1: could not connect"


async def test_metrics_count_attempts_and_show_what_waits(shop: Shop, operator: Operator, receiver: Receiver) -> None:
    await operator.add(receiver.url, "purchase.completed")
    await shop.bought("gems-500")
    await settled(shop)
    receiver.status = 500
    await shop.bought("gems-500")
    await settled(shop)
    await shop.until(lambda: shop.parts.webhooks.dispatcher.waiting == 1)
    reply = await shop.as_nobody().send("GET", "/metrics")
    assert b'storefront_webhook_attempts_total{result="delivered"} 1.0' in reply.body
    assert b'storefront_webhook_attempts_total{result="failed"} 1.0' in reply.body
    assert b'storefront_webhook_attempts_total{result="dead"} 0.0' in reply.body
    assert b"storefront_webhook_waiting 1.0" in reply.body
    assert b"storefront_webhook_oldest_waiting_seconds" in reply.body


async def test_what_was_delivered_long_ago_is_forgotten_and_what_died_is_not(
    shop: Shop, operator: Operator, receiver: Receiver
) -> None:
    await operator.add(receiver.url, "purchase.completed")
    await shop.bought("gems-500")
    await settled(shop)
    receiver.status = 500
    await shop.bought("gems-500")
    await shop.advance("5d")
    assert [row["state"] for row in shop.query("SELECT state FROM webhook_deliveries ORDER BY state")] == [
        "dead",
        "delivered",
    ]
    await shop.advance("32d")
    assert [row["state"] for row in shop.query("SELECT state FROM webhook_deliveries")] == ["dead"]
    assert shop.query("SELECT count(*) AS n FROM webhook_attempts") == [{"n": 10}]
