"""Bad requests are refused as Stripe refuses them, and leave no trace."""

import pytest
import stripe


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"colour": "red"}, "parameter_unknown", "colour"),
        ({"payment_intent_data": {"colour": "red"}}, "parameter_unknown", "payment_intent_data[colour]"),
        ({"line_items": [{"quantity": 1, "tint": "x"}]}, "parameter_unknown", "line_items[0][tint]"),
        ({"mode": None}, "parameter_missing", "mode"),
        ({"line_items": None}, "parameter_missing", "line_items"),
        ({"success_url": None}, "parameter_missing", "success_url"),
        (
            {"line_items": [{"quantity": 1, "price_data": {"unit_amount": 5}}]},
            "parameter_missing",
            "line_items[0][price_data][currency]",
        ),
        ({"mode": "gift"}, None, "mode"),
        ({"ui_mode": "hosted"}, None, "ui_mode"),
        ({"expires_at": "soon"}, "parameter_invalid_integer", "expires_at"),
        ({"expires_at": 1_800_001_799}, None, "expires_at"),
        ({"expires_at": 1_800_086_401}, None, "expires_at"),
        ({"success_url": "shop"}, "url_invalid", "success_url"),
        ({"success_url": "javascript:alert(1)"}, "url_invalid", "success_url"),
        ({"customer": "cus_nobody"}, "resource_missing", "customer"),
        ({"customer_email": "nobody"}, "email_invalid", "customer_email"),
        ({"client_reference_id": "x" * 201}, None, "client_reference_id"),
        ({"client_reference_id": ""}, "parameter_invalid_empty", "client_reference_id"),
        ({"metadata": {"k": "v" * 501}}, None, "metadata[k]"),
        ({"payment_method_types": ["card"]}, "payment_method_types_no_longer_supported", "payment_method_types"),
        ({"allowed_payment_method_types": ["sepa_debit"]}, None, "allowed_payment_method_types"),
        ({"allowed_payment_method_types": ["shells"]}, None, "allowed_payment_method_types[0]"),
        ({"subscription_data": {"description": "x"}}, "sandbox_not_emulated", "subscription_data"),
        ({"mode": "subscription"}, "sandbox_not_emulated", "mode"),
        (
            {"automatic_tax": {"enabled": True, "liability": {"type": "self"}}},
            "sandbox_not_emulated",
            "automatic_tax[liability]",
        ),
        ({"mode": "setup", "currency": "usd"}, None, "line_items"),
        ({"setup_intent_data": {"description": "x"}}, None, "setup_intent_data"),
        ({"customer_update": {"address": "auto"}}, None, "customer_update"),
        ({"expand": ["colour"]}, None, "expand"),
    ],
)
async def test_a_bad_session_is_refused_by_code_and_parameter(api, box, session_params, change, code, param):
    params = {name: value for name, value in {**session_params(), **change}.items() if value is not None}

    with pytest.raises(stripe.InvalidRequestError) as refused:
        await api.v1.checkout.sessions.create_async(params)

    assert (refused.value.http_status, refused.value.code, refused.value.param) == (400, code, param)
    assert (await box.sandbox.books())["sessions"] == []


@pytest.mark.parametrize(
    ("price", "code"),
    [
        ({"currency": "usd", "unit_amount": 49}, "amount_too_small"),
        ({"currency": "usd", "unit_amount": 100_000_000}, "amount_too_large"),
        ({"currency": "usd", "unit_amount": "4.99"}, "parameter_invalid_integer"),
        ({"currency": "usd", "unit_amount": -1}, "parameter_invalid_integer"),
        ({"currency": "usd", "unit_amount": 2**63}, "parameter_invalid_integer"),
        ({"currency": "zzz", "unit_amount": 499}, None),
        ({"currency": "kwd", "unit_amount": 1234}, None),
        ({"currency": "isk", "unit_amount": 550}, None),
    ],
)
async def test_an_amount_that_stripe_cannot_charge_is_refused(api, session_params, price, code):
    line = {"quantity": 1, "price_data": {**price, "product_data": {"name": "gems"}}}

    with pytest.raises(stripe.InvalidRequestError) as refused:
        await api.v1.checkout.sessions.create_async(session_params(line_items=[line]))

    assert refused.value.code == code


async def test_allowed_types_with_card_and_a_filter_are_taken(open_session):
    session = await open_session(allowed_payment_method_types=["card", "link"], ui_mode="hosted_page", locale="auto")

    assert session.allowed_payment_method_types == ["card", "link"]


@pytest.mark.parametrize("key", ["sk_test_other_key_of_somebody", "sk_live_0123456789abcdefgh"])
async def test_another_key_is_401(box, connect, key):
    with pytest.raises(stripe.AuthenticationError):
        await connect(box, key=key).v1.customers.list_async()


async def test_no_key_is_401_in_stripes_shape(box):
    async with box.browser.get(f"{box.url}/v1/customers") as response:
        assert response.status == 401
        assert response.headers["Request-Id"].startswith("req_")
        assert (await response.json())["error"]["type"] == "invalid_request_error"


async def test_an_unknown_address_names_itself(box):
    headers = {"Authorization": f"Bearer {box.secret_key}"}
    async with box.browser.get(f"{box.url}/v1/usage_records", headers=headers) as response:
        assert response.status == 404
        assert "GET: /v1/usage_records" in (await response.json())["error"]["message"]


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Stripe-Version": "2020-08-27"}, "", 400),
        ({"Stripe-Account": "acct_other"}, "", 403),
        ({"Content-Type": "application/json"}, "{}", 400),
        ({}, "email=%ff", 400),
        ({}, "metadata[a=1", 400),
        ({}, "address=x&address[city]=y", 400),
        ({}, "name=" + "x" * 600_000, 413),
    ],
)
async def test_a_malformed_call_is_refused(box, headers, body, status):
    sent = {
        "Authorization": f"Bearer {box.secret_key}",
        "Content-Type": "application/x-www-form-urlencoded",
        **headers,
    }
    async with box.browser.post(f"{box.url}/v1/customers", headers=sent, data=body) as response:
        assert response.status == status
        assert "message" in (await response.json())["error"]
    assert (await box.sandbox.books())["charges"] == []


async def test_a_missing_object_is_404_where_the_address_names_it(api):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await api.v1.checkout.sessions.retrieve_async("cs_test_nobody")

    assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")


async def test_lists_page_by_cursor_in_both_directions(api):
    made = [(await api.v1.customers.create_async({"name": f"c{number}"})).id for number in range(5)]
    newest_first = made[::-1]

    first = await api.v1.customers.list_async({"limit": 2})
    second = await api.v1.customers.list_async({"limit": 2, "starting_after": first.data[-1].id})
    back = await api.v1.customers.list_async({"limit": 2, "ending_before": second.data[0].id})
    everything = [customer.id async for customer in first.auto_paging_iter()]

    assert ([customer.id for customer in first.data], first.has_more) == (newest_first[:2], True)
    assert [customer.id for customer in second.data] == newest_first[2:4]
    assert ([customer.id for customer in back.data], back.has_more) == (newest_first[:2], False)
    assert everything == newest_first
    with pytest.raises(stripe.InvalidRequestError):
        await api.v1.customers.list_async({"limit": 101})


async def test_lists_filter_by_time_and_type(api, clock, box):
    await api.v1.customers.create_async({"name": "early"})
    await box.sandbox.set_clock(1_800_000_100_000)
    late = await api.v1.customers.create_async({"name": "late"})
    await api.v1.customers.update_async(late.id, {"metadata": {"level": "3"}})

    found = await api.v1.customers.list_async({"created": {"gte": 1_800_000_100}})
    updated = await api.v1.events.list_async({"type": "customer.updated"})

    assert [customer.name for customer in found.data] == ["late"]
    assert [event.data.previous_attributes["metadata"].to_dict() for event in updated.data] == [{}]
    assert (await api.v1.customers.update_async(late.id, {"metadata": {"level": ""}})).metadata.to_dict() == {}
