"""Misbehaviour on demand, by the control API and in-process."""

import json

import pytest
import stripe


async def control(box, method, path, body=None, key=None):
    headers = {"Authorization": f"Bearer {key or box.secret_key}"}
    data = None if body is None else json.dumps(body)
    async with box.browser.request(method, f"{box.url}/control/{path}", headers=headers, data=data) as response:
        return response.status, await response.json()


async def test_a_lost_reply_and_its_retry_do_the_work_once(box, connect):
    box.misbehave("lose_reply", "POST /v1/customers")
    patient = connect(box, retries=2)

    customer = await patient.v1.customers.create_async({"name": "ada"})

    assert [found.id for found in (await patient.v1.customers.list_async()).data] == [customer.id]


async def test_a_lost_reply_did_the_work_and_a_lost_request_did_not(api, box):
    box.misbehave("lose_reply", "POST /v1/customers")
    with pytest.raises(stripe.APIConnectionError):
        await api.v1.customers.create_async({"name": "done"})
    box.misbehave("lose_request", "POST /v1/customers")
    with pytest.raises(stripe.APIConnectionError):
        await api.v1.customers.create_async({"name": "never"})

    assert [customer.name for customer in (await api.v1.customers.list_async()).data] == ["done"]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"fault": "status", "status": 503}, stripe.APIError),
        ({"fault": "rate_limit"}, stripe.RateLimitError),
        ({"fault": "truncate"}, stripe.APIError),
    ],
)
async def test_a_fault_ordered_by_http_hits_the_next_matching_request_only(api, box, fault, error):
    order = {**fault, "on": "POST /v1/customers/*", "times": 1}
    customer = await api.v1.customers.create_async({"name": "ada"})
    assert await control(box, "POST", "misbehave", order) == (200, {"ok": True})

    assert (await api.v1.customers.retrieve_async(customer.id)).name == "ada"
    with pytest.raises(error):
        await api.v1.customers.update_async(customer.id, {"name": "lovelace"})
    assert (await api.v1.customers.update_async(customer.id, {"name": "byron"})).name == "byron"


async def test_an_error_after_the_work_leaves_the_work_done(api, box):
    box.misbehave("status", "POST /v1/customers", status=500, after=True)

    with pytest.raises(stripe.APIError):
        await api.v1.customers.create_async({"name": "ada"})

    assert len((await api.v1.customers.list_async()).data) == 1


async def test_the_clock_moves_forward_only(box, open_session):
    await open_session()
    status, before = await control(box, "GET", "clock")
    assert (status, before) == (
        200,
        {"now_ms": 1_800_000_000_000, "next_due_ms": 1_800_086_400_000, "idle": True, "webhooks_waiting": 0},
    )

    assert await control(box, "POST", "clock", {"now_ms": 1_799_999_999_999}) == (200, before)
    _, after = await control(box, "POST", "clock", {"now_ms": 1_800_086_400_000})

    assert (after["now_ms"], after["next_due_ms"]) == (1_800_086_400_000, None)
    assert (await control(box, "GET", "books"))[1]["sessions"][0]["status"] == "expired"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("misbehave", {"fault": "sulk"}),
        ("misbehave", {"colour": "red"}),
        ("clock", {"now_ms": "soon"}),
        ("amount", {"session": "cs_test_nobody", "amount_total": 5}),
        ("webhooks/release", {"copies": 0}),
    ],
)
async def test_a_bad_order_is_refused(box, path, body):
    status, answer = await control(box, "POST", path, body)

    assert status == 400
    assert answer["error"]["message"]


async def test_control_needs_the_secret_key(box):
    status, _ = await control(box, "GET", "books", key="sk_test_of_somebody_else")

    assert status == 401
