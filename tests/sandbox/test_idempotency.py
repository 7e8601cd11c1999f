"""Keys: the same answer byte for byte, through lost replies, races, restarts and SIGKILL."""

import asyncio
import signal
import sys
from urllib.parse import urlencode

import aiohttp
import pytest
import stripe

from storefront.sandbox.testing import SECRET_KEY, running_sandbox

SERVER = """
import sys
from pathlib import Path
from aiohttp import web
from storefront.sandbox import create_sandbox
port = int(sys.argv[2])
app = create_sandbox(path=Path(sys.argv[1]), public_url=f"http://127.0.0.1:{port}", secret_key=sys.argv[3])
web.run_app(app, host="127.0.0.1", port=port, print=lambda *_: print("ready", flush=True))
"""


def form(**more):
    return urlencode({"email": "ada@example.org", "metadata[a]": "1", **more})


async def post(browser, url, key, body, path="customers"):
    headers = {
        "Authorization": f"Bearer {SECRET_KEY}",
        "Content-Type": "application/x-www-form-urlencoded",
        "Idempotency-Key": key,
    }
    async with browser.post(f"{url}/v1/{path}", headers=headers, data=body) as response:
        return response.status, await response.read(), response.headers.get("Idempotent-Replayed")


async def test_the_same_request_gets_the_same_bytes_also_after_a_restart(tmp_path):
    async with running_sandbox(tmp_path) as box:
        first = await post(box.browser, box.url, "k1", form())
        again = await post(box.browser, box.url, "k1", form())
    async with running_sandbox(tmp_path) as box:
        later = await post(box.browser, box.url, "k1", form())

    assert (first[0], first[2]) == (200, None)
    assert again == (200, first[1], "true")
    assert later == (200, first[1], "true")


async def test_a_key_with_other_parameters_or_elsewhere_is_refused(api, box):
    await post(box.browser, box.url, "k1", form())

    with pytest.raises(stripe.IdempotencyError) as refused:
        await api.v1.customers.create_async({"email": "eve@example.org"}, {"idempotency_key": "k1"})
    with pytest.raises(stripe.IdempotencyError):
        await api.v1.refunds.create_async({"charge": "ch_1"}, {"idempotency_key": "k1"})

    assert refused.value.http_status == 400
    assert len((await api.v1.customers.list_async()).data) == 1


async def test_bad_input_does_not_use_up_a_key(api):
    with pytest.raises(stripe.InvalidRequestError):
        await api.v1.customers.create_async({"email": "nobody"}, {"idempotency_key": "k1"})

    customer = await api.v1.customers.create_async({"email": "ada@example.org"}, {"idempotency_key": "k1"})

    assert customer.email == "ada@example.org"


async def test_an_answer_of_the_work_itself_is_kept_even_when_it_is_a_refusal(box, api, open_session):
    session = await open_session()
    await box.pay(session.url)
    intent = (await api.v1.checkout.sessions.retrieve_async(session.id)).payment_intent
    await api.v1.refunds.create_async({"payment_intent": intent})

    first = await post(box.browser, box.url, "r2", f"payment_intent={intent}", "refunds")
    again = await post(box.browser, box.url, "r2", f"payment_intent={intent}", "refunds")

    assert (first[0], first[2]) == (400, None)
    assert again == (400, first[1], "true")


async def test_a_second_request_in_flight_is_409(api, box):
    box.misbehave("delay", "POST /v1/customers", seconds=0.3)

    both = await asyncio.gather(*(post(box.browser, box.url, "k1", form()) for _ in range(2)))

    assert sorted(answer[0] for answer in both) == [200, 409]
    assert len((await api.v1.customers.list_async()).data) == 1


async def test_a_key_is_forgotten_after_a_day_of_business_time(api, box):
    await api.v1.customers.create_async({"name": "a"}, {"idempotency_key": "k1"})

    await box.sandbox.set_clock(1_800_086_400_000)
    await api.v1.customers.create_async({"name": "b"}, {"idempotency_key": "k1"})

    assert [customer.name for customer in (await api.v1.customers.list_async()).data] == ["b", "a"]


async def test_sigkill_loses_no_answered_request(tmp_path, unused_tcp_port):
    url = f"http://127.0.0.1:{unused_tcp_port}"
    arguments = [sys.executable, "-c", SERVER, str(tmp_path / "sandbox.sqlite"), str(unused_tcp_port), SECRET_KEY]
    answers = []
    async with aiohttp.ClientSession() as browser:
        for _ in range(2):
            process = await asyncio.create_subprocess_exec(*arguments, stdout=asyncio.subprocess.PIPE)
            assert process.stdout is not None
            assert await process.stdout.readline() == b"ready\n"
            answers.append(await post(browser, url, "k1", form()))
            process.send_signal(signal.SIGKILL)
            await process.wait()

    assert answers == [(200, answers[0][1], None), (200, answers[0][1], "true")]
