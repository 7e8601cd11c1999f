"""A payment page that nobody could open while there was time: the purchase is over, nothing was charged."""


async def test_a_checkout_that_was_never_opened_is_not_opened_when_it_is_too_late(shop):
    await shop.sandbox.misbehave("lose_request", "POST /v1/checkout/sessions", times=99)
    lost = await shop.buy("gems-500", key="late")
    assert (lost.status, lost.json["code"]) == (503, "gateway_unavailable")
    await shop.advance("10m")
    await shop.sandbox.misbehave("lose_request", "POST /v1/checkout/sessions", clear=True)

    late = await shop.buy("gems-500", key="late")

    assert (late.status, late.json["code"]) == (409, "checkout_too_late")
    again = await shop.buy("gems-500", key="late")
    assert (again.status, again.json["code"]) == (409, "checkout_too_late")
    assert [row["status"] for row in shop.query("SELECT status FROM purchases")] == ["expired"]
    assert await shop.sandbox.charged() == []
