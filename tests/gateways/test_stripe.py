"""What is Stripe's own: delayed methods, taxes, 3-D Secure on request, refunds by hand, secrets, other API versions."""

import json
import math
import time
from typing import Any
from urllib.parse import parse_qs

import pytest

from storefront.core.gateways import (
    BadSignature,
    BalanceKind,
    GatewayUnavailable,
    OutcomeUnknown,
    PaymentState,
    RefundState,
    Subject,
    TaxPart,
)
from storefront.core.gateways.stripe import Patience, StripeGateway
from storefront.core.gateways.stripe.balance import kind_of
from storefront.core.gateways.stripe.pacing import TokenBucket
from storefront.core.money import Money
from storefront.sandbox.webhooks import signature_header
from storefront.testing.gateway_contract import CheckoutContract, RefundContract
from tests.gateways.stripe_driver import DAY_MS, StripeDriver

OWN, NEXT, CONNECT = ("whsec_" + letter * 30 for letter in "abc")
PAYS, FAILS = "DE89370400440532013000", "DE62370400440532013001"


@pytest.mark.parametrize(("iban", "end"), [(PAYS, PaymentState.RECEIVED), (FAILS, PaymentState.FAILED)])
async def test_a_delayed_method_is_under_way_until_the_bank_answers(
    stripe: StripeDriver, iban: str, end: PaymentState
) -> None:
    checkout = await CheckoutContract().open(stripe, Money(1999, "EUR"))
    assert (await stripe.box.post(checkout.redirect_url, {"iban": iban, "action": "pay"})).status == 303
    under_way = await stripe.gateway.look_up(checkout.reference)
    closed = await stripe.gateway.close_checkout(checkout.reference)
    await stripe.box.sandbox.set_clock(stripe.now() + 8 * DAY_MS)
    ended = await stripe.gateway.look_up(checkout.reference)

    assert (under_way.state, under_way.is_delayed) == (PaymentState.PROCESSING, True)
    assert closed.state is PaymentState.PROCESSING
    assert (ended.state, ended.amount, ended.is_delayed) == (end, Money(1999, "EUR"), True)
    assert (ended.failure is None) == (end is PaymentState.RECEIVED)


async def test_the_tax_that_stripe_works_out_is_told_by_jurisdiction(stripe: StripeDriver) -> None:
    checkout = await CheckoutContract().open(stripe, Money(1000, "EUR"), taxes=True)
    form = {"card_number": "4242424242424242", "action": "pay", "country": "DE"}
    assert (await stripe.box.post(checkout.redirect_url, form)).status == 303

    facts = await stripe.gateway.look_up(checkout.reference)

    assert (facts.state, facts.amount) == (PaymentState.RECEIVED, Money(1000, "EUR"))
    assert facts.taxes == (TaxPart("DE", 160),)


async def test_three_d_secure_is_asked_for(stripe: StripeDriver) -> None:
    await CheckoutContract().open(stripe, asks_challenge=True)

    body = parse_qs(stripe.strict.requests[-1].body.decode())
    assert body["payment_method_options[card][request_three_d_secure]"] == ["any"]


async def test_refunds_that_were_made_at_stripe_by_hand_are_seen_on_all_pages(stripe: StripeDriver) -> None:
    paid = await RefundContract().paid(stripe, Money(20_000, "USD"))
    async with stripe.library() as client:
        made = [
            await client.v1.refunds.create_async({"payment_intent": paid.payment or "", "amount": 1 + step})
            for step in range(103)
        ]

    seen = (await stripe.gateway.reversals(paid.payment or "")).refunds

    assert [refund.reference for refund in seen] == [refund.id for refund in made]
    assert {refund.reversal_id for refund in seen} == {None}
    assert {refund.state for refund in seen} == {RefundState.SUCCEEDED}


@pytest.fixture
def listening() -> StripeGateway:
    """A gateway with two secrets of its own and one for connected accounts; it calls nobody."""
    return StripeGateway(
        "stripe",
        secret_key="sk_test_1",
        webhook_secrets=[OWN, NEXT],
        connect_webhook_secrets=[CONNECT],
        requests_per_second=math.inf,
    )


def signed(secret: str, **event: Any) -> tuple[bytes, dict[str, str]]:
    plain = {
        "id": "evt_1",
        "object": "event",
        "type": "charge.refunded",
        "api_version": "2026-10-28.endive",
        "livemode": False,
        "data": {"object": {"id": "ch_1", "object": "charge", "payment_intent": "pi_1"}},
    }
    raw = json.dumps({**plain, **event}).encode()
    return raw, {"Stripe-Signature": signature_header(raw, secret, int(time.time()))}


@pytest.mark.parametrize("secret", [OWN, NEXT])
def test_two_secrets_are_good_while_one_is_being_replaced(listening: StripeGateway, secret: str) -> None:
    event = listening.read_event(*signed(secret))

    assert (event.id, event.subject, event.payment, event.reference) == ("evt_1", Subject.PAYMENT, "pi_1", None)


def test_the_connect_endpoint_hears_of_connected_accounts_only(listening: StripeGateway) -> None:
    assert listening.read_event(*signed(CONNECT, account="acct_1")).account == "acct_1"
    with pytest.raises(BadSignature):
        listening.read_event(*signed(CONNECT))


@pytest.mark.parametrize("version", ["2019-05-16", None])
def test_an_event_of_another_version_is_noted(listening: StripeGateway, version: str | None) -> None:
    event = listening.read_event(*signed(OWN, api_version=version))

    assert event.payment == "pi_1"
    assert "2026-10-28.endive" in (event.note or "")


PUR = "pur_" + "0" * 26
EVENTS = [
    ("checkout.session.completed", {"id": "cs_1", "payment_intent": "pi_1", "metadata": {"purchase_id": PUR}},
     (Subject.PAYMENT, "cs_1", "pi_1", PUR)),
    ("checkout.session.async_payment_failed", {"id": "cs_1", "payment_intent": {"id": "pi_1"}},
     (Subject.PAYMENT, "cs_1", "pi_1", None)),
    ("checkout.session.completed", {"id": "cs_1", "mode": "setup"}, (Subject.SETUP, "cs_1", None, None)),
    ("payment_intent.succeeded", {"id": "pi_1", "metadata": {"purchase_id": PUR}},
     (Subject.PAYMENT, None, "pi_1", PUR)),
    ("charge.succeeded", {"id": "ch_1", "payment_intent": "pi_1"}, (Subject.PAYMENT, None, "pi_1", None)),
    ("charge.dispute.created", {"id": "dp_1", "payment_intent": "pi_1"}, (Subject.DISPUTE, "dp_1", "pi_1", None)),
    ("refund.failed", {"id": "re_1", "payment_intent": "pi_1"}, (Subject.REFUND, "re_1", "pi_1", None)),
    ("charge.refund.updated", {"id": "re_1", "payment_intent": "pi_1"}, (Subject.REFUND, "re_1", "pi_1", None)),
    ("radar.early_fraud_warning.created", {"id": "issfr_1", "payment_intent": "pi_1"},
     (Subject.WARNING, "issfr_1", "pi_1", None)),
    ("review.opened", {"id": "prv_1", "payment_intent": "pi_1"}, (Subject.PAYMENT, None, "pi_1", None)),
    ("setup_intent.succeeded", {"id": "seti_1"}, (Subject.SETUP, "seti_1", None, None)),
    ("payout.failed", {"id": "po_1"}, (Subject.PAYOUT, "po_1", None, None)),
    ("transfer.reversed", {"id": "tr_1"}, (Subject.TRANSFER, "tr_1", None, None)),
    ("account.updated", {"id": "acct_1"}, (Subject.ACCOUNT, "acct_1", None, None)),
    ("customer.created", {"id": "cus_1"}, (Subject.OTHER, None, None, None)),
    ("invoice.paid", {"id": "in_1", "metadata": {"purchase_id": PUR}}, (Subject.OTHER, None, None, None)),
]  # fmt: skip
KINDS = {
    "checkout.session": "checkout.session", "payment_intent": "payment_intent", "charge.dispute": "dispute",
    "charge.refund": "refund", "refund": "refund", "radar.early_fraud_warning": "radar.early_fraud_warning",
    "review": "review", "setup_intent": "setup_intent", "payout": "payout", "transfer": "transfer",
    "account": "account", "customer": "customer", "invoice": "invoice", "charge": "charge",
}  # fmt: skip


@pytest.mark.parametrize(("kind", "facts", "expected"), EVENTS)
def test_an_event_says_whom_to_ask(
    listening: StripeGateway, kind: str, facts: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    named = {"object": KINDS[kind.rpartition(".")[0]], **facts}
    event = listening.read_event(*signed(OWN, type=kind, data={"object": named}))

    assert (event.subject, event.reference, event.payment, event.purchase_id) == expected


@pytest.mark.parametrize(
    ("kind", "category", "expected"),
    [
        ("charge", "charge", BalanceKind.PAYMENT),
        ("payment", "charge", BalanceKind.PAYMENT),
        ("refund", "refund", BalanceKind.REFUND),
        ("payment_refund", "refund", BalanceKind.REFUND),
        ("refund_failure", "refund_failure", BalanceKind.REFUND_FAILURE),
        ("adjustment", "dispute", BalanceKind.DISPUTE),
        ("adjustment", "dispute_reversal", BalanceKind.DISPUTE_REVERSAL),
        ("adjustment", "other_adjustment", BalanceKind.OTHER),
        ("transfer", "transfer", BalanceKind.TRANSFER),
        ("transfer_refund", "transfer_reversal", BalanceKind.TRANSFER_REVERSAL),
        ("payout", "payout", BalanceKind.PAYOUT),
        ("payout_failure", "payout_reversal", BalanceKind.PAYOUT_FAILURE),
        ("stripe_fee", "fee", BalanceKind.FEE),
        ("invented_next_year", None, BalanceKind.OTHER),
    ],
)
def test_movements_are_classified(kind: str, category: str | None, expected: BalanceKind) -> None:
    assert kind_of(kind, category) is expected


def test_a_bucket_lets_a_seconds_worth_begin_and_the_rest_in_turn() -> None:
    now = 100.0
    bucket = TokenBucket(25, now=lambda: now)

    delays = [bucket.reserve() for _ in range(30)]
    now += 10
    later = [bucket.reserve() for _ in range(26)]

    assert [round(delay, 3) for delay in delays] == [0] * 25 + [0.04, 0.08, 0.12, 0.16, 0.2]
    assert [round(delay, 3) for delay in later] == [0] * 25 + [0.04]


def test_what_was_refused_for_being_too_small_follows_the_configuration() -> None:
    gateway = StripeGateway("stripe", secret_key="sk_test_1", webhook_secrets=[OWN], minimums={"USD": 100})

    assert gateway.can_charge(Money(99, "USD")) is not None
    assert gateway.can_charge(Money(100, "USD")) is None
    assert gateway.can_charge(Money(50, "EUR")) is None


@pytest.mark.parametrize(
    "fault", [{"fault": "drip", "seconds": 2.0}, {"fault": "delay", "seconds": 2.0, "after": True}]
)
async def test_an_answer_that_never_ends_is_an_unknown_outcome_and_found_again(
    stripe: StripeDriver, fault: dict[str, Any]
) -> None:
    wanted = CheckoutContract().request(stripe)
    hasty = StripeGateway(
        "stripe",
        secret_key=stripe.box.secret_key,
        webhook_secrets=[OWN],
        api_base=stripe.box.url,
        requests_per_second=math.inf,
        patience=Patience(timeout_seconds=0.2, network_retries=0),
    )
    stripe.box.misbehave(on="POST /v1/checkout/sessions", **fault)

    with pytest.raises(OutcomeUnknown):
        await hasty.open_checkout(wanted)
    await hasty.close()

    checkout = await stripe.gateway.open_checkout(wanted)
    assert (await stripe.gateway.look_up(checkout.reference)).purchase_id == wanted.purchase_id
    assert len((await stripe.box.sandbox.books())["sessions"]) == 1


async def test_a_wait_that_is_too_long_is_left_to_whoever_asked(stripe: StripeDriver) -> None:
    stripe.box.misbehave("rate_limit", "POST /v1/checkout/sessions", times=2, retry_after=3600)
    wanted = CheckoutContract().request(stripe)

    for _ in range(2):
        with pytest.raises(GatewayUnavailable):
            await stripe.gateway.open_checkout(wanted)

    assert (await stripe.gateway.open_checkout(wanted)).redirect_url
