"""Webhooks in the console: why an attempt failed, what was answered, and when it is tried next."""

import pytest

from storefront.testing import running_shop
from tests.webhooks.conftest import Operator, allowing, receiving, settled


@pytest.fixture
async def receiver():
    async with receiving() as one:
        yield one


async def test_a_delivery_says_what_was_answered_why_it_failed_and_when_it_is_tried_next(
    data_folder, database_url, receiver, signed_in
):
    async with running_shop(data_folder, allowing(receiver), database=database_url) as shop:
        operator = Operator(shop)
        receiver.status, receiver.answer = 503, b"away for <b>lunch</b>"
        endpoint = await operator.add(receiver.url, "purchase.completed")
        await shop.bought("gems-500")
        await settled(shop)
        console = await signed_in(shop, "read_only")
        page = f"/console/webhooks/{endpoint['id']}"
        listed = await console.get(page)
        assert "Answered 503" in listed.text
        (told,) = await operator.deliveries(endpoint)
        assert f'datetime="{told["due_at"]}"' in listed.markup
        one = await console.get(f"{page}/deliveries/{told['event']}")
        assert "away for <b>lunch</b>" in one.text
        assert "<b>lunch" not in one.markup
        assert (f'datetime="{told["due_at"]}"' in one.markup, "Waiting" in one.text) == (True, True)
        receiver.status = 200
        await shop.advance("1h")
        await settled(shop)
        gone = await console.get(f"{page}/deliveries/{told['event']}")
        assert ("Delivered" in gone.text, gone.text.count("Answered 503"), gone.text.count("Answered 200")) == (
            True, 1, 1)  # fmt: skip
        assert (await console.get(f"{page}/deliveries/evt_none")).status == 404
