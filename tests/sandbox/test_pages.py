"""The hosted page by plain HTTP, without script: every card, every state."""

import pytest

DECLINED = "The bank declined this card. Nothing was charged. Try another card."


@pytest.mark.parametrize(
    ("card", "brand", "country"),
    [
        ("4242 4242 4242 4242", "visa", "US"),
        ("5555-5555-5555-4444", "mastercard", "US"),
        ("378282246310005", "amex", "US"),
        ("4000002760000016", "visa", "DE"),
        ("4000000000000259", "visa", "US"),
    ],
)
async def test_a_good_card_pays(box, api, open_session, card, brand, country):
    session = await open_session()

    assert (await box.pay(session.url, card)).status == 303

    [charge] = (await api.v1.charges.list_async()).data
    found = charge.payment_method_details.card
    assert (found.brand, found.country) == (brand, country)
    assert len(found.fingerprint) == 16


@pytest.mark.parametrize(
    ("card", "code", "decline_code", "words"),
    [
        ("4000000000000002", "card_declined", "generic_decline", DECLINED),
        ("4000000000009995", "card_declined", "insufficient_funds", "There is not enough money on this card."),
        ("4000000000009987", "card_declined", "lost_card", DECLINED),
        ("4000000000009979", "card_declined", "stolen_card", DECLINED),
        ("4000000000000069", "expired_card", "expired_card", "This card has expired."),
        ("4000000000000127", "incorrect_cvc", "incorrect_cvc", "The security code is wrong."),
        ("4000000000000119", "processing_error", "processing_error", "The bank did not answer just now."),
        ("4100000000000019", "card_declined", "fraudulent", DECLINED),
    ],
)
async def test_a_declined_card_charges_nothing_and_another_one_pays(
    box, api, open_session, card, code, decline_code, words
):
    session = await open_session()

    declined = await box.pay(session.url, card)

    assert declined.status == 402
    assert words in declined.text
    assert "<title>Error: " in declined.text
    assert await box.charges() == []
    session = await api.v1.checkout.sessions.retrieve_async(session.id, {"expand": ["payment_intent"]})
    error = session.payment_intent.last_payment_error
    assert (session.status, session.payment_intent.status) == ("open", "requires_payment_method")
    assert (error.code, error.decline_code) == (code, decline_code)
    assert (await box.pay(session.url)).status == 303
    assert [charge["amount"] for charge in await box.charges()] == [499]
    assert len(await box.charges("failed")) == 1


async def test_a_blocked_card_says_so_in_the_outcome(box, api, open_session):
    session = await open_session()
    await box.pay(session.url, "4100000000000019")

    outcome = (await api.v1.charges.list_async()).data[0].outcome

    assert (outcome.type, outcome.network_status) == ("blocked", "not_sent_to_network")
    assert (outcome.risk_level, outcome.reason) == ("highest", "highest_risk_level")


@pytest.mark.parametrize("card", ["4000002500003155", "4000002760003184", "4000000000003220"])
async def test_3d_secure_asks_and_charges_only_after_yes(box, api, open_session, card):
    session = await open_session()

    asked = await box.pay(session.url, card)
    assert asked.status == 200
    assert "Is this you?" in asked.text
    failed = await box.post(session.url, {"challenge": "fail"})
    assert failed.status == 402
    assert "could not confirm that it was you" in failed.text
    assert await box.charges() == []

    passed = await box.pay(session.url, card, challenge="pass")
    assert passed.status == 303
    again = await box.post(session.url, {"challenge": "pass"})
    assert again.status == 303
    assert [charge["amount"] for charge in await box.charges()] == [499]
    charge = (await api.v1.charges.list_async()).data[0]
    assert charge.payment_method_details.card.three_d_secure.result == "authenticated"


async def test_a_challenge_that_nobody_asked_charges_nothing(box, open_session):
    session = await open_session()

    answer = await box.post(session.url, {"challenge": "pass"})

    assert answer.status == 200
    assert await box.charges() == []


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"card_number": "4111111111111111"}, 402, "That is no test card"),
        ({"card_number": "4242424242424241"}, 400, "One of its digits is wrong"),
        ({"card_number": ""}, 400, "Enter a card number"),
        ({"card_number": "4242424242424242", "exp": "03 / 24"}, 400, "has not passed"),
        ({"card_number": "4242424242424242", "exp": "13 / 40"}, 400, "like 09 / 29"),
        ({"card_number": "4242424242424242", "cvc": "x"}, 400, "three or four digits"),
        ({"card_number": "4242424242424242", "email": "nobody"}, 400, "name@example.org"),
    ],
)
async def test_a_wrong_form_is_explained_and_nothing_is_attempted(box, open_session, fields, status, words):
    session = await open_session()

    answer = await box.post(session.url, {"action": "pay", **fields})

    assert answer.status == status
    assert words.lower() in answer.text.lower()
    assert 'aria-invalid="true"' in answer.text
    assert await box.charges("failed") == []


async def test_the_page_shows_the_sum_in_the_readers_way_and_names_the_redirect_targets(box, open_session):
    session = await open_session(
        unit_amount=1998,
        currency="eur",
        success_url="https://shop.example:8443/done",
        customer_email="ada@example.org",
    )
    async with box.browser.get(session.url, headers={"Accept-Language": "fr;q=0.3, de-DE"}) as response:
        text = await response.text()
        policy = response.headers["Content-Security-Policy"]

    assert "Pay 19,98\N{NO-BREAK SPACE}€" in text
    assert 'value="ada@example.org"' in text
    assert "(test)</title>" in text
    assert "Test mode. No money moves." in text
    assert "form-action 'self' https://shop.example https://shop.example:8443" in policy
    assert "style=" not in text
    assert text.count("<h1") == 1


@pytest.mark.parametrize(("cookie", "is_dark"), [("theme=dark", True), ("theme=neon", False), ("", False)])
async def test_the_theme_chosen_in_the_shop_holds_here(box, open_session, cookie, is_dark):
    session = await open_session()

    async with box.browser.get(session.url, headers={"Cookie": cookie}) as response:
        text = await response.text()

    assert ('data-theme="dark"' in text) == is_dark
    assert "neon" not in text


async def test_markup_in_names_is_text(box, open_session, session_params):
    line = session_params()["line_items"][0]
    line["price_data"]["product_data"]["name"] = "<script>alert(1)</script>"
    session = await open_session(line_items=[line])

    async with box.browser.get(session.url) as response:
        text = await response.text()

    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text


async def test_paid_expired_and_unknown_pages_say_what_happened(box, api, open_session):
    paid, expired = await open_session(), await open_session()
    await box.pay(paid.url)
    await api.v1.checkout.sessions.expire_async(expired.id)
    for address, status, words in (
        (paid.url, 200, "has your payment"),
        (expired.url, 410, "This page has run out"),
        (f"{box.url}/pay/cs_test_nobody", 404, "We don’t know this payment page"),
    ):
        async with box.browser.get(address) as response:
            assert response.status == status
            assert words in await response.text()


async def test_the_files_of_the_page_are_served(box, open_session):
    session = await open_session()
    async with box.browser.get(session.url) as response:
        text = await response.text()
    files = [part.split('"')[0] for part in text.split('"') if "/static/" in part]
    assert len(files) == 5
    for file in files:
        async with box.browser.get(box.url + file) as response:
            assert response.status == 200, file
