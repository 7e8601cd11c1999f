"""The shop's own requests, through the strict checker: paid, walked away from, retried after a lost reply."""

from storefront.testing import Shop
from tests.gateways.strict_requests import strict_shop


async def test_a_purchase_from_end_to_end_sends_nothing_that_stripe_would_refuse(shop: Shop) -> None:
    async with strict_shop(shop) as strict:
        paid = await shop.bought("gems-500")
        left = await shop.buy("gems-500", key="left")
        await shop.as_customer().post(f"/v1/purchases/{left.json['id']}/cancel")
        await shop.quiet()

        assert paid["status"] == "completed"
        assert strict.seen["POST /v1/checkout/sessions"] == 2
        assert any(seen.endswith("/expire") for seen in strict.seen)


async def test_a_cut_connection_is_cut_through_the_proxy(shop: Shop) -> None:
    async with strict_shop(shop) as strict:
        await shop.sandbox.misbehave("lose_reply", "POST /v1/checkout/sessions", times=3)

        lost = await shop.buy("gems-500", key="k1")
        again = await shop.buy("gems-500", key="k1")

        assert (lost.status, again.status) == (503, 202)
        assert strict.seen["POST /v1/checkout/sessions"] == 4
