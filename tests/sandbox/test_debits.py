"""Bank debits: ordered on the checkout page or by the API, and answered days later."""

import pytest
import stripe

DAY_MS = 24 * 3600 * 1000
PAYS = "DE89370400440532013000"
REFUSED = "DE62370400440532013001"
NO_FUNDS = "DE65370400440002222227"
DISPUTED = "DE35370400440532013002"


async def event_types(api):
    return [event.type for event in (await api.v1.events.list_async({"limit": 100})).data][::-1]


async def looked_up(api, session):
    return await api.v1.checkout.sessions.retrieve_async(session.id, {"expand": ["payment_intent.latest_charge"]})


async def test_a_debit_is_complete_at_once_and_paid_after_three_days(api, box, clock, open_session):
    session = await open_session(currency="eur")
    assert session.payment_method_types == ["card", "sepa_debit"]

    ordered = await box.post(session.url, {"action": "pay", "iban": PAYS, "name": "Ada", "email": "ada@example.org"})

    assert ordered.status == 303
    session = await looked_up(api, session)
    assert (session.status, session.payment_status, session.payment_intent.status) == (
        "complete",
        "unpaid",
        "processing",
    )
    charge = session.payment_intent.latest_charge
    assert (charge.status, charge.paid, charge.balance_transaction) == ("pending", False, None)
    assert (charge.payment_method_details.type, charge.payment_method_details.sepa_debit.last4) == (
        "sepa_debit",
        "3000",
    )
    assert (await box.sandbox.books())["totals"] == {}
    async with box.browser.get(f"{box.url}/pay/{session.id}") as response:
        assert "Under way" in await response.text()

    await box.sandbox.set_clock(clock.now_ms + 3 * DAY_MS)

    session = await looked_up(api, session)
    assert (session.payment_status, session.payment_intent.status) == ("paid", "succeeded")
    charge = session.payment_intent.latest_charge
    movement = await api.v1.balance_transactions.retrieve_async(charge.balance_transaction)
    assert (charge.paid, movement.type, movement.reporting_category) == (True, "payment", "charge")
    assert await event_types(api) == [
        "payment_intent.created",
        "charge.pending",
        "payment_intent.processing",
        "checkout.session.completed",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.async_payment_succeeded",
    ]
    assert len(await box.charges()) == 1


@pytest.mark.parametrize(("iban", "code"), [(REFUSED, "debit_not_authorized"), (NO_FUNDS, "insufficient_funds")])
async def test_a_debit_that_the_bank_refuses_fails_later(api, box, clock, open_session, iban, code):
    session = await open_session(currency="eur")
    await box.post(session.url, {"action": "pay", "iban": iban})

    await box.sandbox.set_clock(clock.now_ms + 3 * DAY_MS)

    session = await looked_up(api, session)
    assert (session.status, session.payment_status) == ("complete", "unpaid")
    intent = session.payment_intent
    assert (intent.status, intent.last_payment_error.code) == ("requires_payment_method", code)
    assert (await event_types(api))[-3:] == [
        "charge.failed",
        "payment_intent.payment_failed",
        "checkout.session.async_payment_failed",
    ]
    assert await box.charges() == []


async def test_the_end_of_a_debit_can_be_ordered(api, box, clock, control, open_session):
    paid, failed = await open_session(currency="eur"), await open_session(currency="eur")
    for session in (paid, failed):
        await box.post(session.url, {"action": "pay", "iban": PAYS})
    intents = [(await looked_up(api, session)).payment_intent.id for session in (paid, failed)]

    assert (await control("debits", payment_intent=intents[0], status="succeeded"))[1]["status"] == "succeeded"
    assert (await control("debits", payment_intent=intents[1], status="failed"))[1]["status"] == "failed"

    assert (await control("debits", payment_intent=intents[0]))[0] == 400
    await box.sandbox.set_clock(clock.now_ms + 3 * DAY_MS)
    assert (await looked_up(api, paid)).payment_status == "paid"
    assert (await looked_up(api, failed)).payment_status == "unpaid"
    assert len(await box.charges()) == 1


async def test_a_debit_under_way_is_neither_refunded_nor_cancelled(api, box, open_session):
    session = await open_session(currency="eur")
    await box.post(session.url, {"action": "pay", "iban": PAYS})
    intent = (await looked_up(api, session)).payment_intent.id

    with pytest.raises(stripe.InvalidRequestError) as refused:
        await api.v1.refunds.create_async({"payment_intent": intent})
    assert refused.value.code == "charge_not_refundable"
    with pytest.raises(stripe.InvalidRequestError):
        await api.v1.payment_intents.cancel_async(intent)


async def test_a_disputed_debit_and_a_refund_of_one(api, box, clock, open_session):
    disputed, refunded = await open_session(currency="eur"), await open_session(currency="eur")
    await box.post(disputed.url, {"action": "pay", "iban": DISPUTED})
    await box.post(refunded.url, {"action": "pay", "iban": PAYS})
    await box.sandbox.set_clock(clock.now_ms + 3 * DAY_MS)
    [dispute] = (await api.v1.disputes.list_async()).data
    assert dispute.charge == (await looked_up(api, disputed)).payment_intent.latest_charge.id

    refund = await api.v1.refunds.create_async({"payment_intent": (await looked_up(api, refunded)).payment_intent.id})

    assert (refund.status, refund.destination_details.type) == ("pending", "eu_bank_transfer")
    movement = await api.v1.balance_transactions.retrieve_async(refund.balance_transaction)
    assert movement.type == "payment_refund"


async def test_debits_by_the_api_need_a_mandate(api):
    params = {
        "amount": 500,
        "currency": "eur",
        "confirm": True,
        "return_url": "https://shop.example/back",
        "payment_method_data": {
            "type": "sepa_debit",
            "sepa_debit": {"iban": PAYS},
            "billing_details": {"name": "Ada", "email": "ada@example.org"},
        },
    }
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await api.v1.payment_intents.create_async(params)
    assert refused.value.code == "payment_intent_mandate_invalid"

    acceptance = {"type": "online", "online": {"ip_address": "192.0.2.7", "user_agent": "test"}}
    intent = await api.v1.payment_intents.create_async({**params, "mandate_data": {"customer_acceptance": acceptance}})

    assert intent.status == "processing"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"iban": "DE89370400440532013001"}, "One of its letters or digits is wrong"),
        ({"iban": "GB33BUKB20201555555555"}, "no test account"),
        ({"iban": ""}, "Enter an IBAN"),
        ({"iban": PAYS, "name": " "}, "holder"),
        ({"iban": PAYS, "email": "nobody"}, "name@example.org"),
    ],
)
async def test_a_wrong_debit_form_is_explained(box, open_session, fields, words):
    session = await open_session(currency="eur")

    answer = await box.post(session.url, {"action": "pay", **fields})

    assert answer.status == 400
    assert words in answer.text
    assert "<title>Error: " in answer.text
    assert (await box.sandbox.books())["charges"] == []


async def test_the_page_offers_only_what_the_session_allows(box, open_session):
    debit_only = await open_session(currency="eur", allowed_payment_method_types=["sepa_debit"])
    card_only = await open_session(currency="eur", excluded_payment_method_types=["sepa_debit"])
    held = await open_session(currency="eur", payment_intent_data={"capture_method": "manual"})
    assert [s.payment_method_types for s in (debit_only, card_only, held)] == [["sepa_debit"], ["card"], ["card"]]

    assert (await box.pay(debit_only.url)).status == 400
    assert (await box.post(card_only.url, {"action": "pay", "iban": PAYS})).status == 400

    assert (await box.sandbox.books())["charges"] == []
