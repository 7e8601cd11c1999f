"""Refunds that take their time, fail afterwards, or are not allowed."""

import pytest
import stripe

DAY_MS = 24 * 3600 * 1000


async def types_after(api, marker):
    """The types of the events since the first one of type ``marker``, oldest first."""
    types = [event.type for event in (await api.v1.events.list_async({"limit": 100})).data][::-1]
    return types[types.index(marker) :]


async def test_a_pending_refund_succeeds_after_a_day(api, box, clock, charged):
    charge = await charged("pm_card_pendingRefund")
    refund = await api.v1.refunds.create_async({"charge": charge.id, "amount": 500, "metadata": {"purchase": "pur_1"}})
    assert (refund.status, refund.pending_reason, refund.metadata["purchase"]) == ("pending", "processing", "pur_1")
    assert (await box.sandbox.clock_state())["next_due_ms"] == clock.now_ms + DAY_MS

    await box.sandbox.set_clock(clock.now_ms + DAY_MS)

    assert (await api.v1.refunds.retrieve_async(refund.id)).status == "succeeded"
    assert await types_after(api, "refund.created") == [
        "refund.created",
        "charge.refunded",
        "refund.updated",
        "charge.refund.updated",
    ]


async def test_a_refund_that_fails_gives_the_money_back_to_the_balance(api, box, clock, charged):
    charge = await charged("pm_card_refundFail")
    refund = await api.v1.refunds.create_async({"charge": charge.id})
    assert refund.status == "succeeded"
    assert (await api.v1.charges.retrieve_async(charge.id)).refunded is True

    await box.sandbox.set_clock(clock.now_ms + DAY_MS)

    refund = await api.v1.refunds.retrieve_async(refund.id, {"expand": ["failure_balance_transaction"]})
    assert (refund.status, refund.failure_reason) == ("failed", "expired_or_canceled_card")
    movement = refund.failure_balance_transaction
    assert (movement.type, movement.amount, movement.fee) == ("refund_failure", 1998, 0)
    charge = await api.v1.charges.retrieve_async(charge.id)
    assert (charge.refunded, charge.amount_refunded) == (False, 0)
    assert await types_after(api, "refund.updated") == ["refund.updated", "charge.refund.updated", "refund.failed"]
    # 2.9 % of 1998 is 57.942, rounded to 58; and 30.
    totals = (await box.sandbox.books())["totals"]["usd"]
    assert totals == {"charged": 1998, "refunded": 0, "disputed": 0, "fees": 88, "net": 1910}


async def test_what_a_failed_refund_gave_back_can_be_refunded_again_and_no_more(api, control, charged):
    charge = await charged()
    first = await api.v1.refunds.create_async({"charge": charge.id, "amount": 1500})
    order = {"refund": first.id, "status": "failed", "failure_reason": "lost_or_stolen_card"}
    assert (await control("refunds", **order))[1]["failure_reason"] == "lost_or_stolen_card"

    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        await api.v1.refunds.create_async({"charge": charge.id, "amount": 1999})
    await api.v1.refunds.create_async({"charge": charge.id, "amount": 1998})

    with pytest.raises(stripe.InvalidRequestError) as refused:
        await api.v1.refunds.create_async({"charge": charge.id, "amount": 1})
    assert refused.value.code == "charge_already_refunded"
    assert (await control("refunds", refund=first.id, status="succeeded"))[0] == 400


async def test_only_a_refund_that_waits_for_its_payee_can_be_cancelled(api, control, charged):
    charge = await charged()
    refund = await api.v1.refunds.create_async({"charge": charge.id})
    with pytest.raises(stripe.InvalidRequestError, match="requires action"):
        await api.v1.refunds.cancel_async(refund.id)
    await control("refunds", refund=refund.id, status="requires_action")

    cancelled = await api.v1.refunds.cancel_async(refund.id)

    assert cancelled.status == "canceled"
    assert (await api.v1.charges.retrieve_async(charge.id)).amount_refunded == 0


async def test_a_disputed_charge_is_not_refunded(api, box, charged):
    charge = await charged("pm_card_createDispute")

    with pytest.raises(stripe.InvalidRequestError) as refused:
        await api.v1.refunds.create_async({"charge": charge.id})

    assert refused.value.code == "charge_disputed"
    assert (await box.sandbox.books())["refunds"] == []
