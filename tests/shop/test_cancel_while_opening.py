"""A purchase that is canceled while its checkout is being opened leaves no page on which one could pay."""

import asyncio

from storefront.testing import Shop


async def test_a_checkout_that_opens_after_the_cancel_is_closed(shop: Shop) -> None:
    await shop.sandbox.misbehave("delay", on="POST /v1/checkout/sessions", times=1, seconds=1.0)
    buying = asyncio.create_task(shop.buy("gems-500"))
    await shop.until(lambda: shop.query("SELECT id FROM purchases") != [])
    purchase_id = shop.query("SELECT id FROM purchases")[0]["id"]

    canceled = await shop.as_customer().post(f"/v1/purchases/{purchase_id}/cancel")
    bought = await buying

    assert canceled.json["status"] == "canceled"
    assert (bought.status, bought.json["status"]) == (202, "canceled")
    sessions = (await shop.sandbox.books())["sessions"]
    assert [session["status"] for session in sessions] == ["expired"]
