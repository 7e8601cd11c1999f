"""Every object that the emulator answers is what the pinned library expects, and has what Stripe's example has."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
import stripe

import storefront.sandbox
from storefront.sandbox.testing import RunningSandbox
from storefront.sandbox.world import World
from tests.sandbox.money import connected_account, later
from tests.sandbox.shapes import against_annotations, against_example, resource_of

EXAMPLES: Mapping[str, Any] = msgspec.json.decode(
    (Path(__file__).parent / "data" / "stripe-fixtures3.json").read_bytes()
)

# Where the emulator departs from the annotations or from an example, and why. A difference that is not here fails the
# test, and so does a line that no longer describes one.
DIFFERENCES: Mapping[str, str] = {
    "balance.connect_reserved: in the example, not answered": (
        "Only a platform reserves for the accounts connected to it; the story asks for a connected one's balance too."
    ),
    "charge.payment_method_details.card: in the example, not answered": (
        "The example was paid by card; a transfer's payment has `stripe_account` instead."
    ),
    "payment_method.card: in the example, not answered": (
        "The example is a card; the story keeps a bank account for direct debits too, which has `sepa_debit`."
    ),
}
# Where Stripe's examples are not what the library's annotations say. The emulator follows the annotations.
EXAMPLES_NOT_AS_ANNOTATED: Mapping[str, str] = {
    "dispute.evidence_details.submission_method: annotated, not answered": "The example is older than the member.",
}

Body = dict[str, Any]


class Collected:
    """The objects of a story, as they came over the wire: answers by kind, and what the events carried."""

    def __init__(self) -> None:
        self.answers: list[tuple[str, Body]] = []
        self.carried: list[Body] = []

    async def add(self, answer: Awaitable[Any], example: str | None = None) -> Any:
        """Keep an answer, to be held against its own kind's example or the named one; gives it back."""
        found = await answer
        body: Body = msgspec.json.decode(found.last_response.body)
        kinds = body["data"] if body["object"] == "list" else [body]
        self.answers.extend((example or one["object"], one) for one in kinds)
        return found

    async def add_events(self, api: stripe.StripeClient, account: str | None = None) -> None:
        """Keep all events of the platform or of a connected account, and what they carry."""
        options: Any = {"stripe_account": account} if account else {}
        page = await self.add(api.v1.events.list_async({"limit": 100}, options))
        assert page.has_more is False
        body: Body = msgspec.json.decode(page.last_response.body)
        self.carried.extend(event["data"]["object"] for event in body["data"])

    def kinds(self) -> set[str]:
        """The kinds of everything that was answered, by itself or within another object."""
        return {kind for _, body in self.answers for kind in _kinds_within(body)}

    def differences(self) -> set[str]:
        """All that is not as annotated, or not as exemplified."""
        found: set[str] = set()
        for example, body in self.answers:
            if not body.get("deleted"):
                found.update(against_annotations(body, resource_of(body), body["object"]))
            found.update(against_example(body, EXAMPLES[example], example))
        for body in self.carried:
            found.update(against_annotations(body, resource_of(body), body["object"]))
        return found


async def test_what_is_answered_is_what_the_library_expects(box, api, control):
    collected = Collected()
    await _payments(collected, box, api, control)
    await _money(collected, box, api)
    await _meters(collected, api)
    await _events(collected, api)

    stored = await box.sandbox.act(_kinds_in_the_books)
    assert (stored | _kinds_in_the_source()) - collected.kinds() == set(), "no such object was held against anything"
    differences = collected.differences()
    unlisted, outlived = sorted(differences - set(DIFFERENCES)), sorted(set(DIFFERENCES) - differences)
    assert not unlisted, "not listed above:\n" + "\n".join(unlisted)
    assert not outlived, "listed above and no longer so:\n" + "\n".join(outlived)


def _kinds_within(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("object"), str):
            yield value["object"]
        for one in value.values():
            yield from _kinds_within(one)
    elif isinstance(value, list):
        for one in value:
            yield from _kinds_within(one)


def _kinds_in_the_books(world: World) -> set[str]:
    """Every kind of object that the story left in the emulator's file."""
    return {kind for (kind,) in world.records.connection.execute("SELECT DISTINCT kind FROM objects")}


def _kinds_in_the_source() -> set[str]:
    """Every kind of object that the emulator's code builds."""
    folder = Path(storefront.sandbox.__file__).parent
    found = {kind for path in folder.glob("*.py") for kind in re.findall(r'"object": "([a-z_.]+)"', path.read_text())}
    return found - {"list"}


async def _payments(
    collected: Collected,
    box: RunningSandbox,
    api: stripe.StripeClient,
    control: Callable[..., Awaitable[tuple[int, Any]]],
) -> None:
    keep, v1 = collected.add, api.v1
    customer = await keep(v1.customers.create_async({"email": "ada@example.org", "address": {"country": "DE"}}))
    product = {"name": "500 gems"}
    price = {"currency": "usd", "unit_amount": 499, "tax_behavior": "exclusive", "product_data": product}
    session = await keep(
        v1.checkout.sessions.create_async(
            {
                "mode": "payment",
                "customer": customer.id,
                "success_url": "https://shop.example/done",
                "line_items": [{"quantity": 1, "price_data": price}],
                "payment_intent_data": {"setup_future_usage": "off_session"},
                "automatic_tax": {"enabled": True},
            }
        )
    )
    await box.pay(session.url)
    session = await keep(v1.checkout.sessions.retrieve_async(session.id, {"expand": ["total_details.breakdown"]}))
    await keep(v1.checkout.sessions.line_items.list_async(session.id))
    intent = await keep(v1.payment_intents.retrieve_async(session.payment_intent))
    charge = await keep(v1.charges.retrieve_async(intent.latest_charge))
    await keep(v1.balance_transactions.retrieve_async(charge.balance_transaction))
    await keep(v1.payment_methods.retrieve_async(intent.payment_method))
    await keep(v1.refunds.create_async({"charge": charge.id, "amount": 100}))
    for order in ("disputes", "early_fraud_warnings", "reviews"):
        status, answer = await control(order, charge=charge.id)
        assert status == 200, answer
    await keep(v1.disputes.list_async())
    await keep(v1.radar.early_fraud_warnings.list_async())
    await keep(v1.reviews.list_async())
    await _set_up(collected, api, customer.id)


async def _set_up(collected: Collected, api: stripe.StripeClient, customer: str) -> None:
    keep, v1 = collected.add, api.v1
    intent = await keep(
        v1.setup_intents.create_async(
            {
                "customer": customer,
                "payment_method": "pm_card_visa",
                "confirm": True,
                "return_url": "https://shop.example/back",
            }
        )
    )
    await keep(v1.setup_attempts.list_async({"setup_intent": intent.id}))
    assert intent.status == "succeeded"
    debit = await keep(
        v1.payment_methods.create_async(
            {
                "type": "sepa_debit",
                "sepa_debit": {"iban": "AT611904300234573201"},
                "billing_details": {"name": "Ada", "email": "ada@example.org"},
            }
        )
    )
    intent = await v1.payment_intents.create_async(
        {
            "amount": 1500,
            "currency": "eur",
            "customer": customer,
            "payment_method": debit.id,
            "confirm": True,
            "return_url": "https://shop.example/back",
            "expand": ["latest_charge"],
            "mandate_data": {"customer_acceptance": {"type": "offline"}},
        }
    )
    await keep(v1.mandates.retrieve_async(intent.latest_charge.payment_method_details.sepa_debit.mandate))


async def _money(collected: Collected, box: RunningSandbox, api: stripe.StripeClient) -> None:
    keep, v1 = collected.add, api.v1
    await keep(v1.accounts.retrieve_current_async())
    await keep(
        v1.account_links.create_async(
            {
                "account": (await keep(v1.accounts.create_async({"type": "express"}))).id,
                "type": "account_onboarding",
                "refresh_url": "https://shop.example/again",
                "return_url": "https://shop.example/back",
            }
        )
    )
    account = await connected_account(box, api)
    await keep(v1.accounts.retrieve_async(account))
    await keep(v1.accounts.external_accounts.list_async(account))
    await v1.payment_intents.create_async(
        {
            "amount": 5000,
            "currency": "usd",
            "confirm": True,
            "payment_method": "pm_card_visa",
            "return_url": "https://shop.example/back",
        }
    )
    await later(box, 2)
    transfer = await v1.transfers.create_async({"amount": 900, "currency": "usd", "destination": account})
    await keep(v1.transfers.reversals.create_async(transfer.id, {"amount": 100}))
    await keep(v1.transfers.retrieve_async(transfer.id))
    mine = {"stripe_account": account}
    await keep(v1.charges.retrieve_async(transfer.destination_payment, None, mine))
    await keep(v1.balance_transactions.list_async(None, mine))
    await keep(v1.payouts.create_async({"amount": 800, "currency": "usd"}, mine))
    await keep(v1.payouts.create_async({"amount": 1000, "currency": "usd"}))
    await later(box, 3)
    await keep(v1.payouts.list_async())
    await keep(v1.balance.retrieve_async())
    await keep(v1.balance.retrieve_async(None, mine))
    await collected.add_events(api, account)
    await keep(v1.accounts.delete_async(account), "deleted_account")


async def _meters(collected: Collected, api: stripe.StripeClient) -> None:
    keep, v1 = collected.add, api.v1
    customer = (await v1.customers.create_async({})).id
    meter = await keep(
        v1.billing.meters.create_async(
            {"display_name": "Calls", "event_name": "calls", "default_aggregation": {"formula": "sum"}}
        )
    )
    event = await keep(
        v1.billing.meter_events.create_async(
            {"event_name": "calls", "payload": {"stripe_customer_id": customer, "value": "2"}, "identifier": "e1"}
        )
    )
    minute = event.timestamp // 60 * 60
    window = {"customer": customer, "start_time": minute, "end_time": minute + 60}
    assert (await keep(v1.billing.meters.event_summaries.list_async(meter.id, window))).data
    cancel = {"type": "cancel", "event_name": "calls", "cancel": {"identifier": "e1"}}
    await keep(v1.billing.meter_event_adjustments.create_async(cancel))


async def _events(collected: Collected, api: stripe.StripeClient) -> None:
    wanted = {"url": "http://127.0.0.1:9/x", "enabled_events": ["*"]}
    endpoint = await collected.add(api.v1.webhook_endpoints.create_async(wanted))
    await collected.add(api.v1.webhook_endpoints.delete_async(endpoint.id), "deleted_webhook_endpoint")
    await collected.add_events(api)


def test_where_the_examples_differ_from_the_annotations_is_known():
    found: set[str] = set()
    for name, example in EXAMPLES.items():
        if not name.startswith("deleted_"):
            found.update(against_annotations(example, resource_of(example), name))

    assert found == set(EXAMPLES_NOT_AS_ANNOTATED)


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"colour": "red"}, "transfer.colour: answered, not annotated"),
        ({"amount": "900"}, "transfer.amount: str is not the annotated type"),
        ({"amount": True}, "transfer.amount: bool is not the annotated type"),
        ({"reversed": 0}, "transfer.reversed: int is not the annotated type"),
        ({"object": "payout"}, "transfer.object: 'payout' is no word of the enumeration"),
        ({"metadata": {"k": 1}}, "transfer.metadata{}: int is not the annotated type"),
        ({"reversals": []}, "transfer.reversals: list is not the annotated type"),
        ({"reversals": None}, "transfer.reversals: NoneType is not the annotated type"),
        ({"description": 1}, "transfer.description: int is not the annotated type"),
    ],
)
def test_a_planted_difference_is_seen(change, difference):
    body = {**EXAMPLES["transfer"], **change}

    assert list(against_annotations(body, stripe.Transfer, "transfer")) == [difference]


def test_a_planted_absence_is_seen():
    body = {name: value for name, value in EXAMPLES["transfer"].items() if name != "amount"}

    assert list(against_annotations(body, stripe.Transfer, "transfer")) == ["transfer.amount: annotated, not answered"]
    assert list(against_example(body, EXAMPLES["transfer"], "transfer")) == [
        "transfer.amount: in the example, not answered"
    ]


def test_a_planted_word_outside_an_enumeration_is_seen():
    body = {**EXAMPLES["balance_transaction"], "type": "gift"}

    found = list(against_annotations(body, stripe.BalanceTransaction, "balance_transaction"))

    assert found == ["balance_transaction.type: 'gift' is no word of the enumeration"]
