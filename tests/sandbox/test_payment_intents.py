"""Payment intents by the API: confirmed with kept and fresh methods, on and off the session, captured, lapsed."""

import pytest
import stripe

DAY_MS = 24 * 3600 * 1000
BASE = {"amount": 1998, "currency": "usd"}
ASKING = "pm_card_threeDSecure2Required"
HERE = {"confirm": True, "return_url": "https://shop.example/back"}


async def event_types(api):
    return [event.type for event in (await api.v1.events.list_async({"limit": 100})).data][::-1]


async def customer_with(api, method, **attach):
    customer = await api.v1.customers.create_async({"name": "Ada"})
    kept = await api.v1.payment_methods.attach_async(method, {"customer": customer.id, **attach})
    return customer.id, kept.id


async def test_an_intent_goes_from_method_to_confirmation_to_success(api, box):
    intent = await api.v1.payment_intents.create_async({**BASE, "metadata": {"purchase": "pur_1"}})
    assert (intent.status, intent.amount_received) == ("requires_payment_method", 0)
    intent = await api.v1.payment_intents.update_async(intent.id, {"payment_method": "pm_card_visa"})
    assert intent.status == "requires_confirmation"

    intent = await api.v1.payment_intents.confirm_async(intent.id, {"return_url": "https://shop.example/back"})

    assert (intent.status, intent.amount_received, intent.metadata["purchase"]) == ("succeeded", 1998, "pur_1")
    assert await event_types(api) == ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]
    assert [charge["amount"] for charge in await box.charges()] == [1998]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await api.v1.payment_intents.confirm_async(intent.id)
    assert refused.value.code == "payment_intent_unexpected_state"


async def test_an_intent_without_a_way_back_is_refused_unless_redirects_are_never_taken(api):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await api.v1.payment_intents.create_async({**BASE, "confirm": True, "payment_method": "pm_card_visa"})
    assert refused.value.param == "return_url"

    never = {"automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}
    paid = await api.v1.payment_intents.create_async(
        {**BASE, **never, "confirm": True, "payment_method": "pm_card_visa"}
    )

    assert paid.status == "succeeded"


@pytest.mark.parametrize(
    ("method", "code", "decline_code", "advice_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline", "try_again_later"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds", "try_again_later"),
        ("pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card", "do_not_try_again"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card", "do_not_try_again"),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc", "confirm_card_data"),
    ],
)
async def test_a_decline_is_402_with_the_intent_and_leaves_it_payable(
    api, box, method, code, decline_code, advice_code
):
    with pytest.raises(stripe.CardError) as declined:
        await api.v1.payment_intents.create_async({**BASE, **HERE, "payment_method": method})

    error = declined.value.error
    assert (declined.value.http_status, declined.value.code) == (402, code)
    assert (error.decline_code, error.advice_code) == (decline_code, advice_code)
    assert error.payment_intent.status == "requires_payment_method"
    assert (await event_types(api))[-2:] == ["charge.failed", "payment_intent.payment_failed"]
    again = await api.v1.payment_intents.confirm_async(
        error.payment_intent.id, {"payment_method": "pm_card_visa", "return_url": "https://shop.example/back"}
    )
    assert again.status == "succeeded"
    assert len(await box.charges()) == 1
    assert len(await box.charges("failed")) == 1


async def test_a_declined_confirmation_is_replayed_under_its_key(api, box):
    params = {**BASE, **HERE, "payment_method": "pm_card_chargeDeclined"}
    refused = []
    for _ in range(2):
        with pytest.raises(stripe.CardError) as declined:
            await api.v1.payment_intents.create_async(params, {"idempotency_key": "pay:1"})
        refused.append(declined.value.error.payment_intent.id)

    assert refused[0] == refused[1]
    assert len(await box.charges("failed")) == 1


async def test_a_kept_card_pays_off_the_session(api, box):
    customer, method = await customer_with(api, "pm_card_visa")

    paid = await api.v1.payment_intents.create_async(
        {**BASE, "customer": customer, "payment_method": method, "off_session": True, "confirm": True}
    )

    assert (paid.status, paid.payment_method) == ("succeeded", method)
    again = await api.v1.payment_intents.create_async(
        {**BASE, "customer": customer, "payment_method": method, "off_session": "recurring", "confirm": True}
    )
    assert again.status == "succeeded"
    assert len(await box.charges()) == 2


async def test_a_card_that_always_asks_declines_off_the_session_and_the_same_intent_pays_on_it(api, box):
    customer, method = await customer_with(api, "pm_card_authenticationRequired")

    with pytest.raises(stripe.CardError) as declined:
        await api.v1.payment_intents.create_async(
            {**BASE, "customer": customer, "payment_method": method, "off_session": True, "confirm": True}
        )

    assert (declined.value.code, declined.value.error.decline_code) == ("authentication_required",) * 2
    intent = declined.value.error.payment_intent
    assert (intent.status, intent.last_payment_error.payment_method.id) == ("requires_payment_method", method)
    asked = await api.v1.payment_intents.confirm_async(
        intent.id, {"payment_method": method, "return_url": "https://shop.example/back?purchase=1"}
    )
    assert (asked.status, asked.next_action.type) == ("requires_action", "redirect_to_url")
    page = asked.next_action.redirect_to_url.url
    async with box.browser.get(page) as response:
        assert "Is this you?" in await response.text()

    passed = await box.post(page, {"challenge": "pass"})

    assert passed.status == 303
    assert passed.location == (
        f"https://shop.example/back?purchase=1&payment_intent={intent.id}"
        f"&payment_intent_client_secret={asked.client_secret}&redirect_status=succeeded"
    )
    paid = await api.v1.payment_intents.retrieve_async(intent.id, {"expand": ["latest_charge"]})
    assert paid.status == "succeeded"
    assert paid.latest_charge.payment_method_details.card.three_d_secure.result == "authenticated"
    assert (await box.post(page, {"challenge": "pass"})).status == 303
    assert len(await box.charges()) == 1


async def test_a_failed_question_charges_nothing(api, box):
    asked = await api.v1.payment_intents.create_async({**BASE, **HERE, "payment_method": ASKING})

    failed = await box.post(asked.next_action.redirect_to_url.url, {"challenge": "fail"})

    assert failed.location.endswith("redirect_status=failed")
    intent = await api.v1.payment_intents.retrieve_async(asked.id)
    assert (intent.status, intent.last_payment_error.code) == (
        "requires_payment_method",
        "payment_intent_authentication_failure",
    )
    assert await box.charges() == []


async def test_a_bank_page_is_found_by_its_secret_only(api, box):
    asked = await api.v1.payment_intents.create_async({**BASE, **HERE, "payment_method": ASKING})
    page = asked.next_action.redirect_to_url.url

    guessed = await box.post(page[:-1] + ("A" if page[-1] != "A" else "B"), {"challenge": "pass"})

    assert guessed.status == 404
    assert (await api.v1.payment_intents.retrieve_async(asked.id)).status == "requires_action"


async def test_a_card_confirmed_once_pays_off_the_session_afterwards(api, box):
    customer = (await api.v1.customers.create_async({})).id
    first = await api.v1.payment_intents.create_async(
        {
            **BASE,
            **HERE,
            "customer": customer,
            "payment_method": "pm_card_authenticationRequiredOnSetup",
            "setup_future_usage": "off_session",
        }
    )
    await box.post(first.next_action.redirect_to_url.url, {"challenge": "pass"})
    [kept] = (await api.v1.customers.payment_methods.list_async(customer)).data

    later = await api.v1.payment_intents.create_async(
        {**BASE, "customer": customer, "payment_method": kept.id, "off_session": True, "confirm": True}
    )

    assert later.status == "succeeded"


async def test_a_card_never_confirmed_is_asked_for_off_the_session(api):
    customer, method = await customer_with(api, "pm_card_authenticationRequiredOnSetup")

    with pytest.raises(stripe.CardError) as declined:
        await api.v1.payment_intents.create_async(
            {**BASE, "customer": customer, "payment_method": method, "off_session": "one_off", "confirm": True}
        )

    assert declined.value.code == "authentication_required"


async def test_a_card_can_be_attached_and_decline_afterwards(api):
    customer, method = await customer_with(api, "pm_card_chargeCustomerFail")

    with pytest.raises(stripe.CardError) as declined:
        await api.v1.payment_intents.create_async(
            {**BASE, "customer": customer, "payment_method": method, "off_session": True, "confirm": True}
        )

    assert declined.value.code == "card_declined"
    with pytest.raises(stripe.CardError):
        await customer_with(api, "pm_card_chargeDeclined")


async def test_error_on_requires_action_declines_instead_of_asking(api):
    with pytest.raises(stripe.CardError) as declined:
        await api.v1.payment_intents.create_async(
            {**BASE, **HERE, "payment_method": "pm_card_authenticationRequired", "error_on_requires_action": True}
        )

    assert declined.value.code == "authentication_required"


async def test_an_authorisation_lapses_after_seven_days_of_business_time(api, box, clock):
    held = await api.v1.payment_intents.create_async(
        {**BASE, **HERE, "capture_method": "manual", "payment_method": "pm_card_visa"}
    )
    assert (held.status, held.amount_capturable) == ("requires_capture", 1998)
    assert (await box.sandbox.clock_state())["next_due_ms"] == clock.now_ms + 7 * DAY_MS

    await box.sandbox.set_clock(clock.now_ms + 7 * DAY_MS)

    intent = await api.v1.payment_intents.retrieve_async(held.id)
    assert (intent.status, intent.cancellation_reason) == ("canceled", "automatic")
    assert (await event_types(api))[-2:] == ["charge.expired", "payment_intent.canceled"]
    with pytest.raises(stripe.InvalidRequestError):
        await api.v1.payment_intents.capture_async(held.id)


async def test_a_captured_authorisation_does_not_lapse(api, box, clock):
    held = await api.v1.payment_intents.create_async(
        {**BASE, **HERE, "capture_method": "manual", "payment_method": "pm_card_visa"}
    )
    with pytest.raises(stripe.InvalidRequestError, match="greater than the capturable amount"):
        await api.v1.payment_intents.capture_async(held.id, {"amount_to_capture": 1999})
    await api.v1.payment_intents.capture_async(held.id, {"amount_to_capture": 1000})

    await box.sandbox.set_clock(clock.now_ms + 8 * DAY_MS)

    intent = await api.v1.payment_intents.retrieve_async(held.id)
    assert (intent.status, intent.amount_received) == ("succeeded", 1000)


async def test_a_method_of_somebody_else_or_spent_or_detached_is_refused(api):
    customer, method = await customer_with(api, "pm_card_visa")
    other = await api.v1.customers.create_async({})
    with pytest.raises(stripe.InvalidRequestError, match="belongs to Customer"):
        await api.v1.payment_intents.create_async({**BASE, "customer": other.id, "payment_method": method})
    await api.v1.payment_methods.detach_async(method)
    with pytest.raises(stripe.InvalidRequestError, match="detached from a Customer"):
        await api.v1.payment_intents.create_async({**BASE, "customer": customer, "payment_method": method})
    fresh = await api.v1.payment_methods.create_async({"type": "card", "card": {"token": "tok_visa"}})
    await api.v1.payment_intents.create_async({**BASE, **HERE, "payment_method": fresh.id})
    with pytest.raises(stripe.InvalidRequestError, match="previously used"):
        await api.v1.payment_intents.create_async({**BASE, **HERE, "payment_method": fresh.id})


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"payment_method_types": ["card"]}, "payment_method_types_no_longer_supported", "payment_method_types"),
        ({"colour": "red"}, "parameter_unknown", "colour"),
        ({"amount": 49}, "amount_too_small", "amount"),
        ({"amount": None}, "parameter_missing", "amount"),
        ({"currency": None}, "parameter_missing", "currency"),
        ({"customer": "cus_nobody"}, "resource_missing", "customer"),
        ({"payment_method": "pm_nobody"}, "resource_missing", "payment_method"),
        ({"off_session": True}, None, "off_session"),
        ({"off_session": "maybe", "confirm": True}, None, "off_session"),
        ({"confirm": True}, "payment_intent_unexpected_state", "payment_method"),
        ({"transfer_data": {"destination": "acct_1"}}, "sandbox_not_emulated", "transfer_data"),
    ],
)
async def test_a_bad_intent_is_refused_by_code_and_parameter(api, change, code, param):
    params = {name: value for name, value in {**BASE, **change}.items() if value is not None}

    with pytest.raises(stripe.InvalidRequestError) as refused:
        await api.v1.payment_intents.create_async(params)

    assert (refused.value.code, refused.value.param) == (code, param)
    assert (await api.v1.payment_intents.list_async()).data == []
