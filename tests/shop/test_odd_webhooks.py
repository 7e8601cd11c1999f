"""Signed webhooks of odd shapes: never a 500, never a job that fails for ever, nothing granted."""

import pytest

from storefront.testing import Shop

EVENT = {
    "id": "evt_1",
    "object": "event",
    "type": "checkout.session.completed",
    "livemode": False,
    "data": {"object": {"id": "cs_test_x", "object": "customer"}},
}
ODD = [None, ["a"], {"a": 1}, 2**70]


@pytest.mark.parametrize("field", ["id", "type"])
@pytest.mark.parametrize("value", ODD)
async def test_an_event_whose_members_are_no_texts_is_refused(shop: Shop, field: str, value: object) -> None:
    answer = await shop.sandbox.post_webhook({**EVENT, field: value})

    assert (answer.status, answer.json["code"]) == (400, "bad_signature")
    assert shop.query("SELECT count(*) AS n FROM inbox") == [{"n": 0}]


@pytest.mark.parametrize(
    "raw",
    [
        b'{"id": "evt_\\ud800", "type": "x", "data": {"object": {}}}',
        b"[" * 50_000,
        b'{"id": "evt_1", "type": "x", "data": ' + b"[" * 100_000,
        b"\xff\xfe",
    ],
)
async def test_bytes_that_are_no_event_are_refused(shop: Shop, raw: bytes) -> None:
    answer = await shop.sandbox.post_webhook(raw)

    assert answer.status == 400
    assert shop.query("SELECT count(*) AS n FROM inbox") == [{"n": 0}]


@pytest.mark.parametrize("kind", ["checkout.session", "payment_intent"])
@pytest.mark.parametrize("value", [*ODD, "../../control/books", "cs/../x?y#z", "c" * 100_000])
async def test_an_odd_reference_is_kept_and_leaves_no_job_behind(shop: Shop, kind: str, value: object) -> None:
    subject = {"id": value, "object": kind, "metadata": {"purchase_id": value}}

    answer = await shop.sandbox.post_webhook({**EVENT, "data": {"object": subject}})
    await shop.quiet()

    assert answer.status == 200
    assert shop.query("SELECT kind FROM jobs WHERE kind = 'inbox.process'") == []
    assert shop.query("SELECT state FROM inbox") == [{"state": "ignored"}]


async def test_a_signature_from_the_far_future_is_refused(shop: Shop) -> None:
    answer = await shop.sandbox.post_webhook(EVENT, age_seconds=-100_000)

    assert answer.status == 400
