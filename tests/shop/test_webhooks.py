"""Webhooks that are not what they should be: nothing is stored, or nothing is granted."""

import time

import msgspec
import pytest

from storefront.sandbox.webhooks import signature_header

OTHER_SECRET = "whsec_of_somebody_else_0123456789"


def completed(session: str, *, livemode: bool = False, event_id: str = "evt_made_by_a_test") -> dict:
    """An event of the gateway's shape about a paid session."""
    return {
        "id": event_id,
        "object": "event",
        "api_version": "2026-10-28.endive",
        "created": 1_790_000_000,
        "livemode": livemode,
        "type": "checkout.session.completed",
        "data": {"object": {"id": session, "object": "checkout.session", "payment_status": "paid", "metadata": {}}},
    }


async def session_of(shop, purchase) -> str:
    sessions = (await shop.sandbox.books())["sessions"]
    return next(s["id"] for s in sessions if s["client_reference_id"] == purchase.json["id"])


async def alarms(shop) -> list[str]:
    return [alarm["kind"] for alarm in shop.query("SELECT kind FROM alarms ORDER BY raised_at, id")]


@pytest.mark.parametrize(
    ("secret", "age_seconds"),
    [(OTHER_SECRET, 0), (None, 301), (None, 86_400)],
    ids=["wrong secret", "older than 300 s", "a day old"],
)
async def test_a_webhook_with_a_bad_signature_is_refused_and_not_stored(shop, secret, age_seconds):
    purchase = await shop.buy("gems-500")
    before = shop.rows()

    event = completed(await session_of(shop, purchase))
    answer = await shop.sandbox.post_webhook(event, secret=secret, age_seconds=age_seconds)

    assert (answer.status, answer.json["code"]) == (400, "bad_signature")
    assert shop.rows() == before


@pytest.mark.parametrize("header", ["", "t=1,v1=00", "v1=abc", "t=x,v1=", "t=99999999999999999999,v1=00", "\u00e9"])
async def test_a_malformed_signature_is_refused_and_not_stored(shop, header):
    before = shop.rows()
    answer = await shop.as_nobody().send(
        "POST", "/webhooks/sandbox", content=b"{}", headers={"Stripe-Signature": header}
    )
    assert answer.status == 400
    assert shop.rows() == before


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"null", b'"x"', b"{}", b"\xff", b'{"id": 5, "object": "event"}'])
async def test_signed_bytes_that_are_no_event_are_refused_and_not_stored(shop, raw):
    before = shop.rows()
    answer = await shop.sandbox.post_webhook(raw)
    assert (answer.status, answer.json["code"]) == (400, "bad_signature")
    assert shop.rows() == before


async def test_a_changed_byte_breaks_the_signature(shop):
    before = shop.rows()
    raw = msgspec.json.encode(completed("cs_test_1"))
    signature = signature_header(raw, shop.sandbox.webhook_secret, time.time_ns() // 1_000_000_000)
    changed = raw.replace(b"cs_test_1", b"cs_test_2")
    answer = await shop.as_nobody().send(
        "POST", "/webhooks/sandbox", content=changed, headers={"Stripe-Signature": signature}
    )
    assert answer.status == 400
    assert shop.rows() == before


async def test_an_event_that_says_paid_grants_nothing_while_the_gateway_says_no(shop):
    purchase = await shop.buy("gems-500")

    answer = await shop.sandbox.post_webhook(completed(await session_of(shop, purchase)))
    await shop.quiet()

    assert answer.status == 200
    assert (await shop.seen(purchase))["status"] == "pending"
    assert shop.balance("customer:ada:gems") == 0


async def test_an_event_about_an_unknown_session_is_quarantined(shop):
    purchase = await shop.buy("gems-500")

    answer = await shop.sandbox.post_webhook(completed("cs_test_of_nobody"))
    await shop.quiet()

    assert answer.status == 200
    assert shop.query("SELECT state FROM inbox") == [{"state": "quarantined"}]
    assert await alarms(shop) == ["webhook_quarantined"]
    assert (await shop.seen(purchase))["status"] == "pending"


async def test_an_event_of_the_other_mode_is_quarantined(shop):
    purchase = await shop.buy("gems-500")

    answer = await shop.sandbox.post_webhook(completed(await session_of(shop, purchase), livemode=True))
    await shop.quiet()

    assert answer.status == 200
    assert shop.query("SELECT state FROM inbox") == [{"state": "quarantined"}]
    assert await alarms(shop) == ["webhook_quarantined"]
    assert (await shop.seen(purchase))["status"] == "pending"


async def test_an_event_of_an_unknown_type_is_kept_and_acknowledged(shop):
    event = {**completed("cs_test_of_nobody"), "type": "tax.settings.updated", "data": {"object": {"object": "tax"}}}
    answer = await shop.sandbox.post_webhook(event)
    await shop.quiet()
    assert answer.status == 200
    assert shop.query("SELECT state, type FROM inbox") == [{"state": "ignored", "type": "tax.settings.updated"}]


async def test_a_quarantined_event_does_not_block_the_next_one(shop):
    for number in range(3):
        await shop.sandbox.post_webhook(completed("cs_test_of_nobody", event_id=f"evt_strange_{number}"))
    await shop.bought("gems-500")
    assert shop.balance("customer:ada:gems") == 500


async def test_a_gateway_without_a_name_here_is_not_found(shop):
    answer = await shop.as_nobody().send("POST", "/webhooks/paypal", content=b"{}")
    assert answer.status == 404


async def test_another_amount_than_agreed_is_booked_as_unapplied_and_gives_nothing(shop):
    purchase = await shop.buy("gems-500")
    await shop.sandbox.change_amount(purchase, 199)

    assert await shop.pay(purchase) == 303
    seen = await shop.settled(purchase)
    await shop.quiet()

    assert (seen["status"], seen["payment"]["state"]) == ("paid", "received")
    assert shop.balance("customer:ada:gems") == 0
    assert shop.balance("customer:ada:unapplied:USD") == 199
    assert shop.balance("platform:revenue:USD") == 0
    assert await alarms(shop) == ["goods_owed"]

    await shop.advance("1d")
    assert (await shop.seen(purchase))["status"] == "paid"
    assert shop.balance("customer:ada:gems") == 0
    assert shop.balance("customer:ada:unapplied:USD") == 199
