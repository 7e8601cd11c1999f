"""Misbehaviour on demand, by the control API and in-process."""

import asyncio
import json

import aiohttp
import pytest
import stripe

from storefront.sandbox import read_orders
from storefront.sandbox.testing import running_sandbox


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
        ({"fault": "status", "status": 500}, stripe.APIError),
        ({"fault": "status", "status": 502}, stripe.APIError),
        ({"fault": "rate_limit"}, stripe.RateLimitError),
        ({"fault": "lock_timeout"}, stripe.RateLimitError),
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


async def test_a_lock_timeout_has_its_own_code(api, box):
    box.misbehave("lock_timeout", "POST /v1/customers")

    with pytest.raises(stripe.RateLimitError) as limited:
        await api.v1.customers.create_async({"name": "ada"})

    assert (limited.value.http_status, limited.value.error.code) == (429, "lock_timeout")
    assert (await api.v1.customers.list_async()).data == []


@pytest.mark.parametrize("manner", ["close", "reset"])
async def test_a_reply_lost_by_drop_or_reset_left_its_work(box, manner):
    answer = await control(
        box, "POST", "misbehave", {"fault": "lose_reply", "on": "POST /v1/customers", "manner": manner}
    )
    assert answer[0] == 200
    host, port = box.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        f"POST /v1/customers HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {box.secret_key}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 8\r\n\r\nname=ada".encode()
    )

    if manner == "reset":
        with pytest.raises(ConnectionResetError):
            await reader.read()
    else:
        assert await reader.read() == b""

    writer.close()
    assert await names(box) == ["ada"]


async def names(box):
    headers = {"Authorization": f"Bearer {box.secret_key}"}
    async with box.browser.get(f"{box.url}/v1/customers", headers=headers) as response:
        return [customer["name"] for customer in (await response.json())["data"]]


@pytest.mark.parametrize(("fault", "done"), [("lose_request", []), ("lose_reply", ["ada"])])
async def test_a_long_silence_ends_when_the_caller_gives_up(box, fault, done):
    box.misbehave(fault, "POST /v1/customers", seconds=3600)
    headers = {"Authorization": f"Bearer {box.secret_key}"}

    with pytest.raises(TimeoutError):
        await box.browser.post(
            f"{box.url}/v1/customers",
            headers=headers,
            data={"name": "ada"},
            timeout=aiohttp.ClientTimeout(total=0.3),
        )

    assert await names(box) == done


async def test_a_slow_drip_arrives_whole(api, box):
    box.misbehave("drip", "POST /v1/customers", seconds=0.2)

    assert (await api.v1.customers.create_async({"name": "ada"})).name == "ada"


PAID = {
    "amount": 500,
    "currency": "usd",
    "confirm": True,
    "payment_method": "pm_card_visa",
    "return_url": "https://shop.example/back",
}


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        ("other_amount", (501, "usd", "succeeded")),
        ("other_currency", (500, "eur", "succeeded")),
        ("unknown_status", (500, "usd", "sandbox_unknown")),
    ],
)
async def test_a_false_reply_leaves_the_books_right(api, box, fault, seen):
    box.misbehave(fault, "POST /v1/payment_intents")

    answered = await api.v1.payment_intents.create_async(PAID)

    assert (answered.amount, answered.currency, answered.status) == seen
    kept = await api.v1.payment_intents.retrieve_async(answered.id)
    assert (kept.amount, kept.currency, kept.status) == (500, "usd", "succeeded")
    assert [charge["amount"] for charge in await box.charges()] == [500]


async def test_a_false_reply_is_false_in_what_it_expands_too(api, box, open_session):
    session = await open_session()
    await box.pay(session.url)
    box.misbehave("other_amount", "GET /v1/checkout/sessions/*")

    seen = await api.v1.checkout.sessions.retrieve_async(session.id, {"expand": ["payment_intent"]})

    assert (seen.amount_total, seen.payment_intent.amount) == (500, 500)


async def test_a_duplicate_id_is_that_of_an_older_object(api, box):
    first = await api.v1.payment_intents.create_async(PAID)
    box.misbehave("duplicate_id", "POST /v1/payment_intents")

    second = await api.v1.payment_intents.create_async(PAID)

    assert second.id == first.id
    assert len({charge["payment_intent"] for charge in await box.charges()}) == 2


async def test_orders_in_a_file_hold_from_the_start(tmp_path, connect):
    orders = tmp_path / "misbehave.yaml"
    orders.write_text(
        "- {fault: status, status: 503, on: POST /v1/customers, times: 2}\n"
        "- webhooks: {mode: drop, times: 1, types: [customer.created]}\n"
    )
    async with running_sandbox(tmp_path, misbehave=read_orders(orders)) as box:
        api = connect(box)
        for _ in range(2):
            with pytest.raises(stripe.APIError):
                await api.v1.customers.create_async({"name": "ada"})
        assert (await api.v1.customers.create_async({"name": "ada"})).name == "ada"


@pytest.mark.parametrize("text", ["- {fault: sulk}", "- {colour: red}", "fault: status", "- [", "- {times: soon}"])
def test_a_bad_file_of_orders_names_itself(tmp_path, text):
    orders = tmp_path / "misbehave.yaml"
    orders.write_text(text)

    with pytest.raises(ValueError, match=r"misbehave\.yaml"):
        read_orders(orders)


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
