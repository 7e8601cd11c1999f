"""A purchase from session to books, as the official library sees it."""

import asyncio
import json
from pathlib import Path

import pytest
import stripe

from storefront.sandbox import SandboxLocked
from storefront.sandbox.testing import running_sandbox


async def test_a_paid_session_is_complete_charged_once_and_booked_with_its_fee(box, api, open_session):
    session = await open_session(
        client_reference_id="pur_1", payment_intent_data={"metadata": {"purchase": "pur_1"}}, quantity=2
    )
    assert session.url == f"{box.url}/pay/{session.id}"
    assert (session.status, session.payment_status, session.amount_total) == ("open", "unpaid", 998)
    assert session.payment_intent is None

    paid = await box.pay(session.url)

    assert (paid.status, paid.location) == (303, f"https://shop.example/done?session={session.id}")
    session = await api.v1.checkout.sessions.retrieve_async(
        session.id, {"expand": ["payment_intent.latest_charge.balance_transaction", "line_items"]}
    )
    assert (session.status, session.payment_status, session.url) == ("complete", "paid", None)
    intent = session.payment_intent
    assert (intent.status, intent.amount_received, intent.metadata["purchase"]) == ("succeeded", 998, "pur_1")
    charge = intent.latest_charge
    assert (charge.paid, charge.captured, charge.amount_captured) == (True, True, 998)
    assert charge.metadata["purchase"] == "pur_1"
    card = charge.payment_method_details.card
    assert (card.brand, card.last4, card.country) == ("visa", "4242", "US")
    assert charge.outcome.risk_level == "normal"
    # 2.9 % of 998 is 28.942, rounded to 29; and 30.
    assert (charge.balance_transaction.fee, charge.balance_transaction.net) == (59, 939)
    assert session.line_items.data[0].description == "500 gems"
    books = await box.sandbox.books()
    assert books["totals"] == {"usd": {"charged": 998, "refunded": 0, "disputed": 0, "fees": 59, "net": 939}}
    assert [charge["client_reference_id"] for charge in books["charges"]] == ["pur_1"]


async def test_two_submits_at_once_charge_once(box, open_session):
    session = await open_session()

    answers = await asyncio.gather(*(box.pay(session.url) for _ in range(8)))

    assert {answer.status for answer in answers} == {303}
    assert [charge["amount"] for charge in await box.charges()] == [499]


async def test_cancel_leads_back_and_leaves_the_session_open(box, api, open_session):
    session = await open_session()

    left = await box.cancel(session.url)

    assert (left.status, left.location) == (303, "https://shop.example/left")
    assert (await api.v1.checkout.sessions.retrieve_async(session.id)).status == "open"
    assert await box.charges() == []


async def test_a_session_expires_at_its_time_and_tells(box, api, clock, open_session):
    session = await open_session(expires_at=1_800_001_800)
    assert (await box.sandbox.clock_state())["next_due_ms"] == 1_800_001_800_000

    await box.sandbox.set_clock(1_800_001_800_000)

    assert (await api.v1.checkout.sessions.retrieve_async(session.id)).status == "expired"
    events = await api.v1.events.list_async({"types": ["checkout.session.expired"]})
    assert [(event.data.object.id, event.created) for event in events.data] == [(session.id, 1_800_001_800)]
    paid = await box.pay(session.url if session.url else f"{box.url}/pay/{session.id}")
    assert paid.status == 410
    assert await box.charges() == []
    with pytest.raises(stripe.InvalidRequestError, match="can be expired"):
        await api.v1.checkout.sessions.expire_async(session.id)


async def test_an_expired_session_can_be_paid_late_by_order(box, api, control, open_session):
    session = await open_session()
    assert (await control("late_payments", session=session.id))[0] == 400
    await box.pay(session.url, "4000000000000002")
    await api.v1.checkout.sessions.expire_async(session.id)
    declined = await control("late_payments", session=session.id, card_number="4000000000000002")
    assert (declined[0], (await api.v1.checkout.sessions.retrieve_async(session.id)).status) == (400, "expired")

    status, late = await control("late_payments", session=session.id)

    assert (status, late["status"], late["payment_status"]) == (200, "complete", "paid")
    assert [charge["amount"] for charge in await box.charges()] == [499]
    types = [event.type for event in (await api.v1.events.list_async()).data]
    assert types.index("checkout.session.completed") < types.index("checkout.session.expired")  # newest first


async def test_expiring_a_session_cancels_the_intent_of_its_declined_attempt(box, api, open_session):
    session = await open_session()
    await box.pay(session.url, "4000000000000002")

    expired = await api.v1.checkout.sessions.expire_async(session.id, {"expand": ["payment_intent"]})

    assert (expired.payment_intent.status, expired.payment_intent.cancellation_reason) == ("canceled", "expired")


async def test_business_time_survives_a_restart_and_never_goes_back(tmp_path, clock):
    async with running_sandbox(tmp_path, clock=clock) as box:
        assert await box.sandbox.set_clock(1_800_000_500_000) == 1_800_000_500_000
        assert await box.sandbox.set_clock(1_800_000_100_000) == 1_800_000_500_000
    async with running_sandbox(tmp_path, clock=clock) as box:
        assert box.sandbox.now_ms == 1_800_000_500_000


async def test_manual_capture_takes_money_only_when_captured(box, api, open_session):
    session = await open_session(payment_intent_data={"capture_method": "manual"})
    await box.pay(session.url)
    session = await api.v1.checkout.sessions.retrieve_async(session.id)
    intent = await api.v1.payment_intents.retrieve_async(session.payment_intent)
    assert (session.status, session.payment_status) == ("complete", "unpaid")
    assert (intent.status, intent.amount_capturable) == ("requires_capture", 499)
    assert (await box.sandbox.books())["totals"] == {}

    captured = await api.v1.payment_intents.capture_async(intent.id, {"amount_to_capture": 400})

    assert (captured.status, captured.amount_received) == ("succeeded", 400)
    # 2.9 % of 400 is 11.6, rounded to 12; and 30.
    totals = (await box.sandbox.books())["totals"]
    assert totals == {"usd": {"charged": 400, "refunded": 0, "disputed": 0, "fees": 42, "net": 358}}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await api.v1.payment_intents.cancel_async(intent.id)
    assert refused.value.code == "payment_intent_unexpected_state"


async def test_a_cancelled_authorisation_moves_no_money(box, api, open_session):
    session = await open_session(payment_intent_data={"capture_method": "manual"})
    await box.pay(session.url)
    session = await api.v1.checkout.sessions.retrieve_async(session.id)

    intent = await api.v1.payment_intents.cancel_async(session.payment_intent)

    assert (intent.status, intent.amount_capturable) == ("canceled", 0)
    assert (await box.sandbox.books())["totals"] == {}


async def test_refunds_add_up_to_the_charge_and_no_further(box, api, open_session):
    session = await open_session()
    await box.pay(session.url)
    intent = (await api.v1.checkout.sessions.retrieve_async(session.id)).payment_intent

    await api.v1.refunds.create_async({"payment_intent": intent, "amount": 99})
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        await api.v1.refunds.create_async({"payment_intent": intent, "amount": 401})
    rest = await api.v1.refunds.create_async({"payment_intent": intent})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await api.v1.refunds.create_async({"payment_intent": intent})

    assert refused.value.code == "charge_already_refunded"
    assert rest.amount == 400
    charge = (await api.v1.charges.list_async({"payment_intent": intent})).data[0]
    assert (charge.refunded, charge.amount_refunded) == (True, 499)
    totals = (await box.sandbox.books())["totals"]["usd"]
    assert (totals["charged"], totals["refunded"], totals["net"]) == (499, 499, -44)


async def test_a_kept_card_is_listed_for_its_customer(box, api, open_session):
    customer = await api.v1.customers.create_async({"email": "ada@example.org"})
    session = await open_session(customer=customer.id, payment_intent_data={"setup_future_usage": "off_session"})

    await box.pay(session.url, "5555555555554444")

    kept = await api.v1.customers.payment_methods.list_async(customer.id)
    assert [(method.card.brand, method.card.last4) for method in kept.data] == [("mastercard", "4444")]
    again = await api.v1.payment_methods.list_async({"customer": customer.id, "type": "card"})
    assert [method.id for method in again.data] == [kept.data[0].id]


async def test_a_free_session_needs_no_charge(box, api, open_session):
    session = await open_session(unit_amount=0)

    paid = await box.post(session.url, {"action": "pay"})

    assert paid.status == 303
    session = await api.v1.checkout.sessions.retrieve_async(session.id)
    assert (session.status, session.payment_status) == ("complete", "no_payment_required")
    assert await box.charges() == []


async def test_another_amount_can_be_planted_for_mismatch_tests(box, api, open_session):
    session = await open_session()

    await box.sandbox.change_amount(session.id, 1)
    await box.pay(session.url)

    assert [charge["amount"] for charge in await box.charges()] == [1]
    assert (await api.v1.checkout.sessions.retrieve_async(session.id)).amount_total == 1


async def test_a_second_emulator_on_the_same_file_is_refused_by_name(tmp_path):
    async with running_sandbox(tmp_path):
        with pytest.raises(SandboxLocked, match="in use by another sandbox"):
            async with running_sandbox(tmp_path):
                pass


async def test_everything_survives_a_restart(tmp_path, connect, session_params):
    async with running_sandbox(tmp_path) as box:
        session = await connect(box).v1.checkout.sessions.create_async(session_params())
    async with running_sandbox(tmp_path, prefix="/sandbox") as box:
        found = await connect(box).v1.checkout.sessions.retrieve_async(session.id)
        assert found.url == f"{box.url}/pay/{session.id}"
        assert (await box.pay(found.url)).status == 303
        assert len(await box.charges()) == 1


def shape(name):
    text = (Path(__file__).parent / "data" / "stripe-shapes.json").read_text()
    return set(json.loads(text)[name])


async def test_objects_have_every_member_of_stripes_examples(box, api, open_session):
    customer = await api.v1.customers.create_async({"email": "ada@example.org"})
    session = await open_session(customer=customer.id)
    await box.pay(session.url)
    session = await api.v1.checkout.sessions.retrieve_async(session.id)
    intent = await api.v1.payment_intents.retrieve_async(session.payment_intent)
    charge = await api.v1.charges.retrieve_async(intent.latest_charge)
    endpoint = await api.v1.webhook_endpoints.create_async({"url": "http://127.0.0.1:9/x", "enabled_events": ["*"]})
    objects = {
        "account": await api.v1.accounts.retrieve_current_async(),
        "balance_transaction": await api.v1.balance_transactions.retrieve_async(charge.balance_transaction),
        "charge": charge,
        "checkout.session": session,
        "customer": customer,
        "event": (await api.v1.events.list_async()).data[0],
        "item": (await api.v1.checkout.sessions.line_items.list_async(session.id)).data[0],
        "payment_intent": intent,
        "payment_method": await api.v1.payment_methods.retrieve_async(intent.payment_method),
        "refund": await api.v1.refunds.create_async({"charge": charge.id}),
        "webhook_endpoint": endpoint,
    }
    for name, found in objects.items():
        assert shape(name) - set(found.to_dict()) == set(), name
    details = json.loads((Path(__file__).parent / "data" / "stripe-shapes.json").read_text())["charge"]
    wanted = set(details["payment_method_details"]["card"])
    assert wanted - set(charge.payment_method_details.card.to_dict()) == set()
    assert set(details["outcome"]) - set(charge.outcome.to_dict()) == set()
