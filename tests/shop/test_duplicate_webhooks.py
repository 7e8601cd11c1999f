"""The same event posted many times at once is stored once and answered 2xx each time."""

import asyncio

from storefront.testing import Shop


async def test_the_same_event_posted_32_times_at_once_is_stored_once(shop: Shop) -> None:
    event = {
        "id": "evt_same",
        "object": "event",
        "type": "customer.created",
        "livemode": False,
        "api_version": "2026-10-28.endive",
        "data": {"object": {"object": "customer", "id": "cus_x"}},
    }

    answers = await asyncio.gather(*(shop.sandbox.post_webhook(event) for _ in range(32)))

    assert {answer.status for answer in answers} == {200}
    assert shop.query("SELECT count(*) AS n FROM inbox WHERE event_id = 'evt_same'")[0]["n"] == 1
