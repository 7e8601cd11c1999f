"""Tax on the checkout page: by the country that the buyer picks, or the customer's."""

import pytest
import stripe

ON = {"automatic_tax": {"enabled": True}}


def lines(behavior, unit_amount=1000, currency="eur"):
    price = {"currency": currency, "unit_amount": unit_amount, "product_data": {"name": "500 gems"}}
    return [{"quantity": 2, "price_data": {**price, **({"tax_behavior": behavior} if behavior else {})}}]


async def looked_up(api, session):
    expand = ["line_items", "total_details.breakdown", "payment_intent"]
    return await api.v1.checkout.sessions.retrieve_async(session.id, {"expand": expand})


@pytest.mark.parametrize(
    ("behavior", "currency", "country", "total", "tax", "inclusive"),
    [
        ("exclusive", "eur", "DE", 2380, 380, False),
        ("inclusive", "eur", "DE", 2000, 319, True),  # 2000 - 2000 / 1.19 is 319.33
        (None, "eur", "FR", 2000, 333, True),  # 2000 - 2000 / 1.2 is 333.33
        (None, "usd", "CH", 2162, 162, False),
        ("exclusive", "usd", "US", 2000, 0, False),
    ],
)
async def test_the_country_decides_what_is_paid(
    api, box, open_session, behavior, currency, country, total, tax, inclusive
):
    session = await open_session(line_items=lines(behavior, currency=currency), **ON)
    assert (session.automatic_tax.status, session.amount_total) == ("requires_location_inputs", 2000)
    assert (await box.pay(session.url)).status == 400

    shown = await box.post(session.url, {"action": "country", "country": country})
    paid = await box.pay(session.url)

    assert (shown.status, paid.status) == (200, 303)
    session = await looked_up(api, session)
    assert (session.amount_subtotal, session.amount_total, session.total_details.amount_tax) == (2000, total, tax)
    assert (session.automatic_tax.status, session.payment_intent.amount_received) == ("complete", total)
    [part] = session.total_details.breakdown.taxes
    assert (part.amount, part.rate.country, part.rate.inclusive) == (tax, country, inclusive)
    assert session.customer_details.address.country == country
    [line] = session.line_items.data
    assert (line.amount_tax, line.amount_total) == (tax, total)
    assert [charge["amount"] for charge in await box.charges()] == [total]


async def test_the_country_and_the_card_can_come_in_one_form(box, open_session):
    session = await open_session(line_items=lines("exclusive"), **ON)

    assert (await box.pay(session.url, country="AT")).status == 303

    assert [charge["amount"] for charge in await box.charges()] == [2400]


async def test_another_country_after_a_decline_changes_what_is_tried(api, box, open_session):
    session = await open_session(line_items=lines("exclusive"), **ON)
    await box.pay(session.url, "4000000000000002", country="DE")

    await box.pay(session.url, country="SE")

    session = await looked_up(api, session)
    assert (session.amount_total, session.payment_intent.amount_received) == (2500, 2500)


async def test_a_customer_with_an_address_is_taxed_without_a_question(api, box, open_session):
    customer = await api.v1.customers.create_async({"address": {"country": "NL"}})

    session = await open_session(customer=customer.id, line_items=lines("exclusive"), **ON)

    assert (session.amount_total, session.automatic_tax.status) == (2420, "complete")
    assert (await box.pay(session.url)).status == 303


async def test_a_customer_without_an_address_is_refused_unless_the_page_may_ask(api, box, open_session):
    customer = await api.v1.customers.create_async({})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await open_session(customer=customer.id, **ON)
    assert refused.value.code == "customer_tax_location_invalid"
    session = await open_session(customer=customer.id, customer_update={"address": "auto"}, **ON)

    await box.pay(session.url, country="IE")

    assert (await api.v1.customers.retrieve_async(customer.id)).address.country == "IE"


@pytest.mark.parametrize(
    ("currency", "unit_amount", "country", "total"),
    [
        ("jpy", 333, "JP", 733),  # 66.6 of 666, rounded up
        ("kwd", 1230, "DE", 2930),  # 467.4 of 2460, to the ten: 470
        ("isk", 15500, "NO", 38800),  # 7750 of 31000, to the hundred: 7800
    ],
)
async def test_tax_is_rounded_to_what_the_currency_can_charge(box, open_session, currency, unit_amount, country, total):
    session = await open_session(line_items=lines("exclusive", unit_amount, currency), **ON)

    assert (await box.pay(session.url, country=country)).status == 303

    assert [charge["amount"] for charge in await box.charges()] == [total]


async def test_the_page_asks_where_the_buyer_lives_and_shows_the_tax(box, open_session):
    session = await open_session(line_items=lines("exclusive"), **ON)
    async with box.browser.get(session.url) as response:
        assert "Where do you live?" in await response.text()
    missing = await box.post(session.url, {"action": "country", "country": ""})
    assert missing.status == 400
    assert "Choose the country you live in" in missing.text

    shown = await box.post(session.url, {"action": "country", "country": "DE"})

    assert "VAT 19 %" in shown.text
    assert "Pay €23.80" in shown.text
