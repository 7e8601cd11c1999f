"""Disputes, inquiries, early fraud warnings and reviews: by test card, by the API, by order."""

import pytest
import stripe

DAY_MS = 24 * 3600 * 1000


async def types_of(api, prefix):
    types = [event.type for event in (await api.v1.events.list_async({"limit": 100})).data][::-1]
    return [name.removeprefix(prefix) for name in types if name.startswith(prefix)]


async def dispute_of(api, charge):
    [dispute] = (await api.v1.disputes.list_async({"charge": charge.id})).data
    return dispute


async def totals(box):
    return (await box.sandbox.books())["totals"]["usd"]


@pytest.mark.parametrize(
    ("method", "reason"),
    [("pm_card_createDispute", "fraudulent"), ("pm_card_createDisputeProductNotReceived", "product_not_received")],
)
async def test_a_card_that_disputes_takes_the_money_and_a_fee(api, box, charged, method, reason):
    charge = await charged(method)

    dispute = await dispute_of(api, charge)

    assert (dispute.status, dispute.reason, dispute.amount) == ("needs_response", reason, 1998)
    assert (dispute.is_charge_refundable, dispute.payment_intent) == (False, charge.payment_intent)
    [movement] = dispute.balance_transactions
    assert (movement.type, movement.reporting_category) == ("adjustment", "dispute")
    assert (movement.amount, movement.fee, movement.net) == (-1998, 1500, -3498)
    assert (await api.v1.charges.retrieve_async(charge.id)).disputed is True
    assert await types_of(api, "charge.dispute.") == ["created", "funds_withdrawn"]
    assert await totals(box) == {"charged": 1998, "refunded": 0, "disputed": 1998, "fees": 1588, "net": -1588}
    [payment] = (await box.sandbox.books())["payments"]
    assert (payment["times_charged"], payment["captured"], payment["disputed"]) == (1, 1998, 1998)
    by_intent = await api.v1.disputes.list_async({"payment_intent": charge.payment_intent})
    assert [found.id for found in by_intent.data] == [dispute.id]


async def test_staged_evidence_decides_nothing_until_it_is_sent(api, box, charged):
    dispute = await dispute_of(api, await charged("pm_card_createDispute"))

    staged = await api.v1.disputes.update_async(
        dispute.id, {"evidence": {"uncategorized_text": "winning_evidence"}, "submit": False}
    )
    assert (staged.status, staged.evidence_details.has_evidence) == ("needs_response", True)
    assert staged.evidence_details.submission_count == 0
    won = await api.v1.disputes.update_async(dispute.id, {"evidence": {"customer_name": "Ada"}})

    assert (won.status, won.evidence_details.submission_count) == ("won", 1)
    assert await types_of(api, "charge.dispute.") == [
        "created",
        "funds_withdrawn",
        "updated",
        "updated",
        "funds_reinstated",
        "closed",
    ]
    # The money is back, the dispute's fee is not.
    assert await totals(box) == {"charged": 1998, "refunded": 0, "disputed": 0, "fees": 1588, "net": 410}
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        await api.v1.disputes.update_async(dispute.id, {"evidence": {"customer_name": "Eve"}})


async def test_evidence_that_loses_and_a_dispute_given_up_leave_the_money_away(api, box, charged):
    first = await dispute_of(api, await charged("pm_card_createDispute"))
    second = await dispute_of(api, await charged("pm_card_createDispute"))

    lost = await api.v1.disputes.update_async(first.id, {"evidence": {"uncategorized_text": "losing_evidence"}})
    closed = await api.v1.disputes.close_async(second.id)

    assert (lost.status, closed.status) == ("lost", "lost")
    assert (await totals(box))["disputed"] == 3996
    assert (await types_of(api, "charge.dispute.")).count("closed") == 2


async def test_an_unanswered_dispute_is_lost_when_its_time_is_over(api, box, clock, charged):
    dispute = await dispute_of(api, await charged("pm_card_createDispute"))

    await box.sandbox.set_clock(dispute.evidence_details.due_by * 1000)

    dispute = await api.v1.disputes.retrieve_async(dispute.id)
    assert (dispute.status, dispute.evidence_details.past_due) == ("lost", True)


async def test_an_inquiry_moves_no_money_and_a_full_refund_ends_it(api, box, charged):
    charge = await charged("pm_card_createDisputeInquiry")
    inquiry = await dispute_of(api, charge)
    assert (inquiry.status, inquiry.is_charge_refundable) == ("warning_needs_response", True)
    assert (await api.v1.charges.retrieve_async(charge.id)).disputed is False

    await api.v1.refunds.create_async({"charge": charge.id})

    assert (await api.v1.disputes.retrieve_async(inquiry.id)).status == "warning_closed"
    assert await types_of(api, "charge.dispute.") == ["created", "closed"]
    assert (await totals(box))["disputed"] == 0


async def test_an_inquiry_can_grow_into_a_dispute(api, box, charged):
    inquiry = await dispute_of(api, await charged("pm_card_createDisputeInquiry"))

    grown = await api.v1.disputes.update_async(
        inquiry.id, {"evidence": {"uncategorized_text": "escalate_inquiry_evidence"}}
    )

    assert grown.status == "needs_response"
    assert (await totals(box))["disputed"] == 1998


async def test_every_status_is_reached_by_order_and_the_money_follows(api, box, control, charged):
    charge = await charged()
    status, dispute = await control("disputes", charge=charge.id, status="warning_needs_response")
    assert (status, dispute["status"]) == (200, "warning_needs_response")
    held = []
    for step in (
        "warning_under_review",
        "needs_response",
        "under_review",
        "won",
        "appeal_needs_response",
        "appeal_under_review",
        "lost",
        "prevented",
    ):
        assert (await control("disputes", dispute=dispute["id"], status=step))[1]["status"] == step
        held.append((await totals(box))["disputed"])

    assert held == [0, 1998, 1998, 0, 1998, 1998, 1998, 0]
    # One fee, however often the money comes and goes: 88 of the charge, 1500 of the dispute.
    assert (await totals(box))["fees"] == 1588
    assert (await control("disputes", dispute=dispute["id"], status="sulking"))[0] == 400


async def test_part_of_a_payment_can_be_disputed_and_not_twice_at_once(api, control, charged):
    charge = await charged()
    order = {"payment_intent": charge.payment_intent, "amount": 500, "reason": "duplicate"}

    assert (await control("disputes", **order))[1]["amount"] == 500

    assert (await control("disputes", **order))[0] == 400
    assert (await control("disputes", charge="ch_nobody"))[0] == 400


async def test_an_early_fraud_warning_is_actionable_until_the_refund(api, charged):
    charge = await charged("pm_card_createIssuerFraudRecord")
    [warning] = (await api.v1.radar.early_fraud_warnings.list_async({"charge": charge.id})).data
    assert (warning.actionable, warning.payment_intent) == (True, charge.payment_intent)

    await api.v1.refunds.create_async({"charge": charge.id, "reason": "fraudulent"})

    assert (await api.v1.radar.early_fraud_warnings.retrieve_async(warning.id)).actionable is False
    assert await types_of(api, "radar.early_fraud_warning.") == ["created", "updated"]


async def test_a_warning_by_order_loses_its_use_when_the_dispute_comes(api, control, charged):
    charge = await charged()
    _, warning = await control("early_fraud_warnings", payment_intent=charge.payment_intent)
    assert warning["actionable"] is True

    await control("disputes", charge=charge.id)

    by_intent = await api.v1.radar.early_fraud_warnings.list_async({"payment_intent": charge.payment_intent})
    assert [found.actionable for found in by_intent.data] == [False]


async def test_a_review_is_opened_by_order_and_approved(api, control, charged):
    charge = await charged("pm_card_riskLevelElevated")
    assert (charge.outcome.risk_level, charge.outcome.risk_score) == ("elevated", 68)
    _, opened = await control("reviews", charge=charge.id)
    intent = await api.v1.payment_intents.retrieve_async(charge.payment_intent, {"expand": ["review"]})
    assert (intent.review.id, intent.review.open) == (opened["id"], True)

    approved = await api.v1.reviews.approve_async(opened["id"])

    assert (approved.open, approved.closed_reason) == (False, "approved")
    assert (await api.v1.charges.retrieve_async(charge.id)).review is None
    assert await types_of(api, "review.") == ["opened", "closed"]
    with pytest.raises(stripe.InvalidRequestError):
        await api.v1.reviews.approve_async(opened["id"])


async def test_a_refund_as_fraud_closes_the_review(api, control, charged):
    charge = await charged()
    _, opened = await control("reviews", charge=charge.id, reason="manual")

    await api.v1.refunds.create_async({"charge": charge.id, "reason": "fraudulent"})

    assert (await api.v1.reviews.retrieve_async(opened["id"])).closed_reason == "refunded_as_fraud"
