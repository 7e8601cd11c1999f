"""The strict checker refuses what Stripe would refuse, and says why; what is right passes."""

import json
from collections.abc import Mapping

import pytest
import stripe

from tests.gateways.strict_requests import Checker, Sent

SESSION = (
    "mode=payment&ui_mode=hosted_page&success_url=https%3A%2F%2Fshop.example%2Fback&line_items[0][quantity]=1"
    "&line_items[0][price_data][currency]=usd&line_items[0][price_data][unit_amount]=499"
    "&line_items[0][price_data][product_data][name]=500+gems&metadata[purchase_id]=pur_1"
)
INTENT = "amount=499&currency=usd&customer=cus_1&payment_method=pm_1&off_session=true&confirm=true"
SESSIONS, INTENTS, REFUNDS = "/v1/checkout/sessions", "/v1/payment_intents", "/v1/refunds"


def post(path: str, body: str, **headers: str | None) -> Sent:
    given: dict[str, str | None] = {
        "stripe-version": stripe.api_version,
        "authorization": "Bearer sk_test_1",
        "content-type": "application/x-www-form-urlencoded",
        "idempotency-key": "checkout:pur_1",
    }
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    kept: Mapping[str, str] = {name: value for name, value in given.items() if value is not None}
    return Sent("POST", path, "", kept, body.encode())


def get(path: str, query: str = "") -> Sent:
    return Sent("GET", path, query, {"stripe-version": stripe.api_version, "authorization": "Bearer sk_test_1"}, b"")


@pytest.mark.parametrize(
    "sent",
    [
        post(SESSIONS, SESSION),
        post(SESSIONS, f"{SESSION}&automatic_tax[enabled]=true&customer=cus_1&customer_update[address]=auto"),
        post(INTENTS, INTENT),
        post(INTENTS, INTENT.replace("off_session=true", "off_session=recurring")),
        post(f"{INTENTS}/pi_1/cancel", ""),
        post(REFUNDS, "payment_intent=pi_1&amount=100&reason=duplicate&metadata=&expand[0]=charge.balance_transaction"),
        post("/v1/payouts", "amount=17500&currency=huf", stripe_account="acct_1"),
        get(f"{SESSIONS}/cs_1", "expand[0]=payment_intent.latest_charge&expand[1]=total_details.breakdown"),
        get("/v1/balance_transactions", "created[gte]=1&limit=100&expand[0]=data.source"),
        get("/v1/disputes/dp_1"),
        post(
            "/v2/billing/meter_event_stream",
            json.dumps({"events": [{"event_name": "uses", "payload": {"value": "1"}}]}),
            content_type="application/json",
        ),
    ],
)
def test_what_stripe_takes_passes(sent: Sent) -> None:
    assert Checker().problems(sent) == []


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        (post(SESSIONS, f"{SESSION}&payment_method_types[0]=card"), "no_longer_supported"),
        (post(INTENTS, f"{INTENT}&payment_method_types[0]=card"), "payment_method_types: unknown parameter"),
        (post(SESSIONS, SESSION.replace("hosted_page", "hosted")), "ui_mode: 'hosted' is none of"),
        (post(SESSIONS, SESSION.replace("mode=payment", "mode=pay", 1)), "mode: 'pay' is none of"),
        (post(SESSIONS, f"{SESSION}&customer_id=cus_1"), "customer_id: unknown parameter"),
        (post(SESSIONS, SESSION.replace("[unit_amount]", "[amount]")), "line_items[0][price_data][amount]: unknown"),
        (post(SESSIONS, SESSION.replace("[unit_amount]=499", "[unit_amount]=4.99")), "'4.99' is no int"),
        (post(SESSIONS, f"{SESSION}&expires_at="), "expires_at: '' is no int"),
        (post(SESSIONS, SESSION.replace("line_items[0]", "line_items[1]")), "the places of the array are 1"),
        (post(SESSIONS, SESSION.replace("line_items[0][quantity]=1", "line_items=1")), "both a value and a hash"),
        (post(SESSIONS, f"{SESSION}&automatic_tax=true"), "automatic_tax: must be a hash"),
        (post(SESSIONS, f"{SESSION}&automatic_tax[enabled]=True"), "'True' is no bool"),
        (post(SESSIONS, f"{SESSION}&metadata[note]={'x' * 501}"), "metadata][note]: too long"),
        (post(SESSIONS, f"{SESSION}&cancel_url="), "cancel_url: must not be empty"),
        (post(SESSIONS, SESSION.replace("price_data][currency]=usd", "price_data][currency]=USD")), "lower case"),
        (post(INTENTS, INTENT.replace("amount=499&", "")), "amount: missing"),
        (post(INTENTS, INTENT.replace("off_session=true", "off_session=yes")), "off_session"),
        (post(INTENTS, INTENT.replace("amount=499&currency=usd", "amount=5123&currency=kwd")), "divisible by 10"),
        (post(INTENTS, INTENT.replace("amount=499&currency=usd", "amount=550&currency=isk")), "divisible by 100"),
        (post("/v1/payouts", "amount=17550&currency=huf"), "divisible by 100"),
        (post(REFUNDS, "payment_intent=pi_1&reason=asked"), "reason: 'asked' is none of"),
        (post("/v1/charges", "amount=499&currency=usd&customer=cus_1"), "charges are made by payment intents"),
        (post("/v1/subscription_items/si_1/usage_records", "quantity=1"), "meters take their place"),
        (post("/v1/invoices/upcoming", "customer=cus_1"), "create_preview takes its place"),
        (post("/v1/accounts", "type=light"), "type: 'light' is none of"),
        (post("/v1/account_links", "account=acct_1"), "type: missing"),
        (get("/v1/charges/ch_1", "expand[0]=invoice.payment_intent"), "is gone from the API"),
        (get(f"{SESSIONS}/cs_1", "expand[0]=payment_intent.charge"), "is no member of Session"),
        (get(REFUNDS, "expand[0]=charge"), "does not begin with data"),
        (get(REFUNDS, "limit=all"), "limit: 'all' is no int"),
        (get("/v1/refund/re_1"), "no such operation"),
        (post(SESSIONS, SESSION, idempotency_key=None), "Idempotency-Key: missing"),
        (post(SESSIONS, SESSION, idempotency_key="checkout:" + "x" * 250), "longer than 255"),
        (post(SESSIONS, SESSION, idempotency_key="6f1b1d6e-6f0e-4a52-9d0e-0a4d3f0f9d11"), "not one of ours"),
        (post(SESSIONS, SESSION, stripe_version="2025-08-27.basil"), "Stripe-Version"),
        (post(SESSIONS, SESSION, authorization="Bearer pk_test_1"), "Authorization"),
        (post(SESSIONS, "{}", content_type="application/json"), "Content-Type"),
        (
            post("/v2/billing/meter_event_stream", '{"events": [{"event_name": "uses", "payload": {"value": 1}}]}',
                 content_type="application/json"),
            "events[0][payload][value]: must be a string",
        ),
        (post("/v2/billing/meter_event_stream", "events[0][event_name]=uses"), "not application/json"),
    ],
)  # fmt: skip
def test_what_stripe_refuses_is_refused(sent: Sent, says: str) -> None:
    problems = Checker().problems(sent)

    assert any(says in problem for problem in problems), problems


def test_a_key_that_comes_with_another_request_is_refused() -> None:
    checker = Checker()

    assert checker.problems(post(SESSIONS, SESSION)) == []
    assert checker.problems(post(SESSIONS, SESSION)) == []
    assert "came with another request" in checker.problems(post(SESSIONS, SESSION.replace("499", "599")))[0]
