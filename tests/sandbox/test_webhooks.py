"""Events reach their endpoints signed, and again until accepted; tests decide when and in which order."""

import pytest
import stripe

from storefront.sandbox import create_sandbox
from storefront.sandbox.testing import ENDPOINT_SECRET, SECRET_KEY, running_sandbox


async def test_a_payment_posts_its_signed_events(posting_box, receiver, connect, session_params):
    session = await connect(posting_box).v1.checkout.sessions.create_async(session_params())
    await posting_box.pay(session.url)

    events = await receiver.wait_for(4)

    assert {event.type for event in events} == {
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
    }
    completed = next(event for event in events if event.type == "checkout.session.completed")
    assert (completed.data.object.id, completed.data.object.payment_status) == (session.id, "paid")
    assert (completed.api_version, completed.livemode) == ("2026-10-28.endive", False)
    body, header = receiver.got[0]
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body, header, "whsec_of_somebody_else")


async def test_a_refused_webhook_comes_again_until_accepted(posting_box, receiver, connect):
    receiver.answers = [500, 404, 302]
    customer = await connect(posting_box).v1.customers.create_async({"name": "ada"})

    events = await receiver.wait_for(4)

    assert len({event.id for event in events}) == 1
    assert events[0].data.object.id == customer.id


async def test_a_webhook_that_nobody_took_survives_a_restart(tmp_path, receiver, connect):
    nowhere = ("http://127.0.0.1:9/hook", ENDPOINT_SECRET)
    async with running_sandbox(tmp_path, endpoint=nowhere) as box:
        api = connect(box)
        await api.v1.customers.create_async({"name": "ada"})
        waiting = await api.v1.events.list_async({"delivery_success": False})
        assert [(event.type, event.pending_webhooks) for event in waiting.data] == [("customer.created", 1)]

    async with running_sandbox(tmp_path, endpoint=(receiver.url, ENDPOINT_SECRET)):
        events = await receiver.wait_for(1)

    assert events[0].type == "customer.created"


async def test_an_endpoint_made_by_the_api_gets_what_it_asked_for(box, receiver, api):
    endpoint = await api.v1.webhook_endpoints.create_async(
        {"url": receiver.url, "enabled_events": ["customer.updated"]}
    )
    customer = await api.v1.customers.create_async({"name": "ada"})
    await api.v1.customers.update_async(customer.id, {"name": "lovelace"})

    events = await receiver.wait_for(1, endpoint.secret)

    assert [event.type for event in events] == ["customer.updated"]
    assert not hasattr(await api.v1.webhook_endpoints.retrieve_async(endpoint.id), "secret")
    await api.v1.webhook_endpoints.delete_async(endpoint.id)
    assert (await api.v1.webhook_endpoints.list_async()).data == []
    with pytest.raises(stripe.InvalidRequestError):
        await api.v1.webhook_endpoints.create_async({"url": receiver.url, "enabled_events": ["customer.sneezed"]})


@pytest.mark.parametrize("order", ["as_created", "reversed", "shuffled"])
async def test_held_webhooks_go_out_in_the_order_and_number_asked_for(
    posting_box, receiver, connect, session_params, order
):
    await posting_box.sandbox.set_webhooks("hold")
    session = await connect(posting_box).v1.checkout.sessions.create_async(session_params())
    await posting_box.pay(session.url)
    assert receiver.got == []

    sent = await posting_box.release_webhooks(order, seed=7, copies=2)

    created = [
        *["payment_intent.created"] * 2,
        *["charge.succeeded"] * 2,
        *["payment_intent.succeeded"] * 2,
        *["checkout.session.completed"] * 2,
    ]
    assert receiver.types() == [receipt.event_type for receipt in sent]
    assert sorted(receiver.types()) == sorted(created)
    if order != "shuffled":
        assert receiver.types() == (created if order == "as_created" else created[::-1])


async def test_held_webhooks_go_out_in_any_order_as_often_as_they_are_named(posting_box, receiver, connect):
    await posting_box.sandbox.set_webhooks("hold")
    for name in ("first", "second", "lost"):
        await connect(posting_box).v1.customers.create_async({"name": name})
    held = await posting_box.sandbox.held_webhooks()
    first, second, lost = [event["id"] for event in held]
    assert [event["data"]["object"]["name"] for event in held] == ["first", "second", "lost"]

    await posting_box.sandbox.deliver_webhooks([second, first, lost, second], dropped=[lost])

    events = await receiver.wait_for(3)
    assert [event.data.object.name for event in events] == ["second", "first", "second"]
    assert await posting_box.sandbox.held_webhooks() == []
    await posting_box.sandbox.deliver_webhooks([first])
    assert len(receiver.got) == 4


async def test_dropped_and_doubled_webhooks(posting_box, receiver, connect):
    api = connect(posting_box)
    await posting_box.sandbox.set_webhooks("drop", times=1)
    await api.v1.customers.create_async({"name": "lost"})
    await posting_box.sandbox.set_webhooks("duplicate", times=1)
    await api.v1.customers.create_async({"name": "twice"})
    await receiver.wait_for(2)
    await api.v1.customers.create_async({"name": "once"})

    events = await receiver.wait_for(3)

    assert [event.data.object.name for event in events] == ["twice", "twice", "once"]
    assert len((await api.v1.events.list_async()).data) == 3


async def test_a_webhook_can_come_before_the_reply(posting_box, receiver, connect):
    await posting_box.sandbox.set_webhooks("before_reply")

    await connect(posting_box).v1.customers.create_async({"name": "ada"})

    assert receiver.types() == ["customer.created"]


async def test_a_mode_can_be_for_some_types_only(posting_box, receiver, connect, session_params):
    await posting_box.sandbox.set_webhooks("drop", types=["payment_intent.succeeded", "charge.succeeded"])
    session = await connect(posting_box).v1.checkout.sessions.create_async(session_params())

    await posting_box.pay(session.url)

    events = await receiver.wait_for(2)
    assert {event.type for event in events} == {"payment_intent.created", "checkout.session.completed"}


async def test_released_webhooks_may_come_in_drawn_numbers_and_leave_some_out(
    posting_box, receiver, connect, session_params
):
    await posting_box.sandbox.set_webhooks("hold")
    session = await connect(posting_box).v1.checkout.sessions.create_async(session_params())
    await posting_box.pay(session.url)

    await posting_box.release_webhooks(
        "shuffled", seed=3, copies=3, is_count_drawn=True, omit=["checkout.session.completed"]
    )

    types = receiver.types()
    assert set(types) == {"payment_intent.created", "charge.succeeded", "payment_intent.succeeded"}
    assert {types.count(name) for name in types} <= {1, 2, 3}
    assert await posting_box.release_webhooks() == []


async def test_a_late_webhook_waits_and_the_others_do_not(posting_box, receiver, connect):
    api = connect(posting_box)
    await posting_box.sandbox.set_webhooks("late", times=1, seconds=3600)
    await api.v1.customers.create_async({"name": "late"})
    await api.v1.customers.create_async({"name": "now"})

    events = await receiver.wait_for(1)

    assert [event.data.object.name for event in events] == ["now"]
    late = (await api.v1.events.list_async()).data[-1]
    assert (late.data.object.name, late.pending_webhooks) == ("late", 1)


async def test_reordered_webhooks_all_come(posting_box, receiver, connect):
    api = connect(posting_box)
    await posting_box.sandbox.set_webhooks("reorder", seconds=0.2)
    for number in range(5):
        await api.v1.customers.create_async({"name": f"c{number}"})

    events = await receiver.wait_for(5)

    assert {event.data.object.name for event in events} == {f"c{number}" for number in range(5)}


async def test_a_skewed_signature_is_refused_by_the_library_and_its_retry_is_right(posting_box, receiver, connect):
    receiver.answers = [400]
    await posting_box.sandbox.set_webhooks("skew", times=1, seconds=-3600)
    await connect(posting_box).v1.customers.create_async({"name": "ada"})
    await receiver.arrived(2)

    (old, header), (again, right) = receiver.got[:2]

    with pytest.raises(stripe.SignatureVerificationError, match="tolerance"):
        stripe.Webhook.construct_event(old, header, ENDPOINT_SECRET)
    assert stripe.Webhook.construct_event(again, right, ENDPOINT_SECRET).type == "customer.created"


def test_a_short_webhook_secret_and_a_live_key_are_refused(tmp_path):
    path = tmp_path / "sandbox.sqlite"
    with pytest.raises(ValueError, match="24 bytes"):
        create_sandbox(path=path, public_url="http://x", secret_key=SECRET_KEY, endpoint=("http://x/h", "short"))
    with pytest.raises(ValueError, match="test keys only"):
        create_sandbox(path=path, public_url="http://x", secret_key="sk_live_123456789")
