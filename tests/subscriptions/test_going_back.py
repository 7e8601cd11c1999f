"""Money that goes back: a refund or a lost dispute of the present period ends access, of an earlier one it does not."""

from .subscribing import events, invoices, may, see, subscribe


async def refund(club, purchase, **more):
    path = f"/v1/purchases/{purchase}/refunds"
    answer = await club.as_server().post(path, {"reason": "asked", **more}, key=f"refund-{purchase}")
    assert answer.status in (201, 202), answer
    await club.quiet()


async def test_a_full_refund_of_the_present_period_ends_it_now(club):
    subscription = await subscribe(club)
    await refund(club, (await invoices(club, subscription))[0]["purchase"])
    found = await see(club, subscription)
    assert (found["billing_state"], found["reason"]) == ("canceled", "refunded")
    assert not await may(club, "lounge")
    await subscribe(club)


async def test_a_part_of_it_ends_nothing(club):
    subscription = await subscribe(club)
    await refund(club, (await invoices(club, subscription))[0]["purchase"], amount=100)
    assert (await see(club, subscription))["billing_state"] == "active"


async def test_a_refund_of_an_earlier_period_ends_nothing(club):
    subscription = await subscribe(club)
    await club.advance("32d")
    await refund(club, (await invoices(club, subscription))[1]["purchase"])
    assert (await see(club, subscription))["billing_state"] == "active"
    assert await may(club, "lounge")


async def test_a_dispute_that_is_lost_ends_it_now(club):
    subscription = await subscribe(club)
    await club.sandbox.dispute({"id": (await invoices(club, subscription))[0]["purchase"]}, "lost")
    await club.quiet()
    found = await see(club, subscription)
    assert (found["billing_state"], found["reason"]) == ("canceled", "dispute_lost")
    assert not await may(club, "lounge")


async def test_a_part_of_another_purchase_that_goes_back_into_the_wallet_holds_up_nothing(club):
    await club.bought("gems-500")
    potions = await club.bought("potion", quantity=5)
    subscription = await subscribe(club)
    await refund(club, potions["id"], quantity=1)
    await refund(club, (await invoices(club, subscription))[0]["purchase"])
    await club.until(lambda: "canceled" in events(club))
    told = (await club.as_server().get("/v1/events")).json["data"]
    assert [event["data"]["dispute"] for event in told if event["type"] == "purchase.refunded"] == ["none", "none"]
