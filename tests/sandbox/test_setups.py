"""Cards and accounts kept for later: set-up intents, checkout in mode setup, and what a customer has."""

import pytest
import stripe

BACK = {"return_url": "https://shop.example/back"}
MANDATE = {"customer_acceptance": {"type": "online", "online": {"ip_address": "192.0.2.7", "user_agent": "test"}}}


async def event_types(api, prefix):
    types = [event.type for event in (await api.v1.events.list_async({"limit": 100})).data][::-1]
    return [name for name in types if name.startswith(prefix)]


async def off_session(api, customer, method):
    return await api.v1.payment_intents.create_async(
        {
            "amount": 500,
            "currency": "usd",
            "customer": customer,
            "payment_method": method,
            "off_session": True,
            "confirm": True,
        }
    )


async def test_a_set_up_keeps_the_card_and_moves_no_money(api, box):
    customer = (await api.v1.customers.create_async({})).id
    setup = await api.v1.setup_intents.create_async({"customer": customer, "metadata": {"purchase": "pur_1"}})
    assert (setup.status, setup.usage) == ("requires_payment_method", "off_session")

    setup = await api.v1.setup_intents.confirm_async(setup.id, {"payment_method": "pm_card_visa", **BACK})

    assert (setup.status, setup.metadata["purchase"]) == ("succeeded", "pur_1")
    kept = await api.v1.customers.payment_methods.list_async(customer)
    assert [method.id for method in kept.data] == [setup.payment_method]
    assert await event_types(api, "setup_intent.") == ["setup_intent.created", "setup_intent.succeeded"]
    [tried] = (await api.v1.setup_attempts.list_async({"setup_intent": setup.id})).data
    assert (tried.id, tried.status) == (setup.latest_attempt, "succeeded")
    assert await box.charges() == []
    assert (await off_session(api, customer, setup.payment_method)).status == "succeeded"


async def test_a_confirmed_set_up_spares_the_question_later(api, box):
    customer = (await api.v1.customers.create_async({})).id
    setup = await api.v1.setup_intents.create_async(
        {"customer": customer, "payment_method": "pm_card_authenticationRequiredOnSetup", "confirm": True, **BACK}
    )
    assert (setup.status, setup.next_action.type) == ("requires_action", "redirect_to_url")
    page = setup.next_action.redirect_to_url.url
    async with box.browser.get(page) as response:
        assert "Yes, keep my card" in await response.text()

    passed = await box.post(page, {"challenge": "pass"})

    assert f"setup_intent={setup.id}" in passed.location
    assert passed.location.endswith("redirect_status=succeeded")
    setup = await api.v1.setup_intents.retrieve_async(setup.id)
    assert setup.status == "succeeded"
    assert (await off_session(api, customer, setup.payment_method)).status == "succeeded"


async def test_a_set_up_that_the_bank_refuses_is_402_and_stays_open(api):
    with pytest.raises(stripe.CardError) as declined:
        await api.v1.setup_intents.create_async({"payment_method": "pm_card_chargeDeclined", "confirm": True, **BACK})

    setup = declined.value.error.setup_intent
    assert (declined.value.code, setup.status) == ("card_declined", "requires_payment_method")
    assert await event_types(api, "setup_intent.") == ["setup_intent.created", "setup_intent.setup_failed"]
    cancelled = await api.v1.setup_intents.cancel_async(setup.id, {"cancellation_reason": "abandoned"})
    assert (cancelled.status, cancelled.cancellation_reason) == ("canceled", "abandoned")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await api.v1.setup_intents.confirm_async(setup.id, {"payment_method": "pm_card_visa", **BACK})
    assert refused.value.code == "setup_intent_unexpected_state"


async def test_an_account_is_kept_with_a_mandate(api):
    customer = (await api.v1.customers.create_async({})).id
    account = await api.v1.payment_methods.create_async(
        {
            "type": "sepa_debit",
            "sepa_debit": {"iban": "DE89 3704 0044 0532 0130 00"},
            "billing_details": {"name": "Ada", "email": "ada@example.org"},
        }
    )
    params = {"customer": customer, "payment_method": account.id, "confirm": True, **BACK}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await api.v1.setup_intents.create_async(params)
    assert refused.value.param == "mandate_data"

    setup = await api.v1.setup_intents.create_async({**params, "mandate_data": MANDATE, "expand": ["mandate"]})

    assert (setup.status, setup.mandate.type, setup.mandate.status) == ("succeeded", "multi_use", "active")
    assert (await api.v1.mandates.retrieve_async(setup.mandate.id)).payment_method == account.id


async def test_checkout_in_mode_setup_keeps_a_card(api, box):
    customer = (await api.v1.customers.create_async({"email": "ada@example.org"})).id
    session = await api.v1.checkout.sessions.create_async(
        {
            "mode": "setup",
            "currency": "usd",
            "customer": customer,
            "client_reference_id": "ada",
            "setup_intent_data": {"metadata": {"customer": "ada"}},
            "success_url": "https://shop.example/kept?session={CHECKOUT_SESSION_ID}",
        }
    )
    assert (session.mode, session.payment_status, session.amount_total) == ("setup", "no_payment_required", None)
    with pytest.raises(stripe.InvalidRequestError):
        await api.v1.setup_intents.cancel_async(session.setup_intent)
    async with box.browser.get(session.url) as response:
        text = await response.text()
    assert "Save this card" in text
    assert "Nothing is charged now." in text

    declined = await box.pay(session.url, "4000000000000002")
    asked = await box.pay(session.url, "4000002500003155")
    kept = await box.post(session.url, {"challenge": "pass"})

    assert (declined.status, asked.status, kept.status) == (402, 200, 303)
    session = await api.v1.checkout.sessions.retrieve_async(session.id, {"expand": ["setup_intent.payment_method"]})
    assert (session.status, session.setup_intent.status) == ("complete", "succeeded")
    method = session.setup_intent.payment_method
    assert (method.customer, method.card.last4) == (customer, "3155")
    assert session.setup_intent.metadata["customer"] == "ada"
    assert (await off_session(api, customer, method.id)).status == "succeeded"
    assert (await event_types(api, "checkout."))[-1] == "checkout.session.completed"


async def test_an_expired_set_up_session_cancels_its_intent(api):
    session = await api.v1.checkout.sessions.create_async(
        {"mode": "setup", "currency": "usd", "success_url": "https://shop.example/kept"}
    )

    expired = await api.v1.checkout.sessions.expire_async(session.id, {"expand": ["setup_intent"]})

    assert (expired.status, expired.setup_intent.status) == ("expired", "canceled")


async def test_a_session_makes_its_customer_when_told_to(api, box, open_session):
    session = await open_session(customer_creation="always")

    await box.pay(session.url, email="eve@example.org")

    session = await api.v1.checkout.sessions.retrieve_async(session.id, {"expand": ["customer", "payment_intent"]})
    assert session.customer.email == "eve@example.org"
    assert session.payment_intent.customer == session.customer.id


async def test_a_kept_method_is_relabelled_and_let_go(api):
    customer = (await api.v1.customers.create_async({})).id
    method = await api.v1.payment_methods.attach_async("pm_card_mastercard", {"customer": customer})

    changed = await api.v1.payment_methods.update_async(
        method.id, {"billing_details": {"name": "Ada"}, "metadata": {"nick": "work"}, "card": {"exp_year": 2031}}
    )
    gone = await api.v1.payment_methods.detach_async(method.id)

    assert (changed.billing_details.name, changed.metadata["nick"], changed.card.exp_year) == ("Ada", "work", 2031)
    assert gone.customer is None
    assert (await api.v1.customers.payment_methods.list_async(customer)).data == []
    assert await event_types(api, "payment_method.") == [
        "payment_method.attached",
        "payment_method.updated",
        "payment_method.detached",
    ]
    with pytest.raises(stripe.InvalidRequestError):
        await api.v1.payment_methods.attach_async(method.id, {"customer": customer})


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"payment_method_types": ["card"]}, "payment_method_types_no_longer_supported", "payment_method_types"),
        ({"usage": "sometimes"}, None, "usage"),
        ({"colour": "red"}, "parameter_unknown", "colour"),
        ({"confirm": True}, "setup_intent_unexpected_state", "payment_method"),
        ({"confirm": True, "payment_method": "pm_card_visa"}, None, "return_url"),
        ({"single_use": {"amount": 5, "currency": "usd"}}, "sandbox_not_emulated", "single_use"),
    ],
)
async def test_a_bad_set_up_is_refused_by_code_and_parameter(api, params, code, param):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await api.v1.setup_intents.create_async(params)

    assert (refused.value.code, refused.value.param) == (code, param)
    assert (await api.v1.setup_intents.list_async()).data == []
