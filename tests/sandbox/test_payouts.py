"""Payouts by hand and by themselves: how they arrive, fail, come back, and what was in them."""

import pytest
import stripe

from storefront.sandbox.behaviour import Behaviour
from storefront.sandbox.testing import running_sandbox
from tests.sandbox.money import balances, connected_account, later, paid_charge


@pytest.fixture
async def funded(box, api, session_params):
    """9.41 USD that may be paid out."""
    await paid_charge(box, api, session_params(unit_amount=1000))
    await later(box, 2)
    return api


async def types(api, prefix="payout."):
    events = (await api.v1.events.list_async({"limit": 100})).data
    return [event.type for event in reversed(events) if event.type.startswith(prefix)]


async def test_a_payout_leaves_at_midnight_and_arrives_two_days_later(box, funded):
    payout = await funded.v1.payouts.create_async({"amount": 900, "currency": "usd", "metadata": {"run": "1"}})

    assert (payout.status, payout.automatic, payout.reconciliation_status) == ("pending", False, "not_applicable")
    assert balances(await funded.v1.balance.retrieve_async())["usd"] == (41, 0)
    movement = await funded.v1.balance_transactions.retrieve_async(payout.balance_transaction)
    assert (movement.type, movement.reporting_category, movement.amount, movement.source) == (
        "payout", "payout", -900, payout.id,
    )  # fmt: skip
    await later(box, 1)
    assert (await funded.v1.payouts.retrieve_async(payout.id)).status == "in_transit"
    assert (await box.sandbox.clock_state())["next_due_ms"] == payout.arrival_date * 1000
    await later(box, 1)
    payout = await funded.v1.payouts.retrieve_async(payout.id)
    assert (payout.status, payout.trace_id.status) == ("paid", "supported")
    assert await types(funded) == ["payout.created", "payout.updated", "payout.updated", "payout.paid"]
    with pytest.raises(stripe.InvalidRequestError, match="only be filtered on automatic"):
        await funded.v1.balance_transactions.list_async({"payout": payout.id})


async def test_more_than_is_available_is_not_paid_out(funded, box):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await funded.v1.payouts.create_async({"amount": 942, "currency": "usd"})

    assert refused.value.code == "balance_insufficient"
    assert (await box.sandbox.books())["payouts"] == []


async def test_a_refusal_for_want_of_money_is_kept_under_its_key(funded, box):
    options = {"idempotency_key": "po-1"}
    for _ in range(2):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await funded.v1.payouts.create_async({"amount": 942, "currency": "usd"}, options)
    assert refused.value.headers["Idempotent-Replayed"] == "true"


async def test_a_retry_under_the_same_key_pays_out_once(funded, box):
    wanted = {"amount": 500, "currency": "usd"}
    box.misbehave("lose_reply", "POST /v1/payouts")
    with pytest.raises(stripe.APIConnectionError):
        await funded.v1.payouts.create_async(wanted, {"idempotency_key": "po-1"})

    payout = await funded.v1.payouts.create_async(wanted, {"idempotency_key": "po-1"})

    assert [found["id"] for found in (await box.sandbox.books())["payouts"]] == [payout.id]


async def test_a_pending_payout_can_be_canceled_and_the_money_is_back(box, funded):
    payout = await funded.v1.payouts.create_async({"amount": 900, "currency": "usd"})

    canceled = await funded.v1.payouts.cancel_async(payout.id, {"expand": ["failure_balance_transaction"]})

    assert canceled.status == "canceled"
    movement = canceled.failure_balance_transaction
    assert (movement.type, movement.reporting_category, movement.amount) == ("payout_cancel", "payout_reversal", 900)
    assert balances(await funded.v1.balance.retrieve_async())["usd"] == (941, 0)
    with pytest.raises(stripe.InvalidRequestError, match="cannot be canceled"):
        await funded.v1.payouts.cancel_async(payout.id)
    await later(box, 10)
    assert (await funded.v1.payouts.retrieve_async(payout.id)).status == "canceled"


async def test_a_payout_may_fail_after_it_was_paid(control, box, funded):
    payout = await funded.v1.payouts.create_async({"amount": 900, "currency": "usd"})
    await later(box, 2)
    assert (await funded.v1.payouts.retrieve_async(payout.id)).status == "paid"

    assert (await control("payouts/fail", payout=payout.id, code="account_closed"))[0] == 200

    failed = await funded.v1.payouts.retrieve_async(payout.id, {"expand": ["failure_balance_transaction"]})
    assert (failed.status, failed.failure_code) == ("failed", "account_closed")
    movement = failed.failure_balance_transaction
    assert (movement.type, movement.reporting_category, movement.amount) == ("payout_failure", "payout_reversal", 900)
    assert balances(await funded.v1.balance.retrieve_async())["usd"] == (941, 0)
    assert (await types(funded))[-2:] == ["payout.updated", "payout.failed"]
    assert (await control("payouts/fail", payout=payout.id))[0] == 400
    assert (await control("payouts/fail", payout="po_unknown"))[0] == 400


@pytest.mark.parametrize(
    ("number", "code", "seen"),
    [
        ("000111111116", "no_account", ["in_transit", "failed", "failed"]),
        ("000111111113", "account_closed", ["in_transit", "paid", "failed"]),
    ],
)
async def test_a_test_number_decides_how_a_payout_ends(box, funded, number, code, seen):
    own = await funded.v1.accounts.retrieve_current_async()
    bank = {"object": "bank_account", "country": "US", "currency": "usd", "account_number": number}
    destination = await funded.v1.accounts.external_accounts.create_async(own.id, {"external_account": bank})
    payout = await funded.v1.payouts.create_async({"amount": 500, "currency": "usd", "destination": destination.id})

    statuses = []
    for _ in range(3):
        await later(box, 1)
        statuses.append((await funded.v1.payouts.retrieve_async(payout.id)).status)

    assert statuses == seen
    assert (await funded.v1.payouts.retrieve_async(payout.id)).failure_code == code
    assert balances(await funded.v1.balance.retrieve_async())["usd"] == (941, 0)


async def test_a_paid_payout_can_be_reversed_once(box, funded):
    payout = await funded.v1.payouts.create_async({"amount": 900, "currency": "usd"})
    with pytest.raises(stripe.InvalidRequestError, match="cannot be reversed"):
        await funded.v1.payouts.reverse_async(payout.id)
    await later(box, 2)

    back = await funded.v1.payouts.reverse_async(payout.id, {"metadata": {"why": "typo"}})

    assert (back.amount, back.original_payout, back.metadata["why"]) == (-900, payout.id, "typo")
    assert (await funded.v1.payouts.retrieve_async(payout.id)).reversed_by == back.id
    assert balances(await funded.v1.balance.retrieve_async())["usd"] == (941, 0)
    with pytest.raises(stripe.InvalidRequestError, match="and once"):
        await funded.v1.payouts.reverse_async(payout.id)


@pytest.mark.parametrize("currency", ["huf", "twd", "isk"])
async def test_some_currencies_are_paid_out_in_whole_units_only(tmp_path, clock, connect, session_params, currency):
    behaviour = Behaviour(settles=[currency])
    async with running_sandbox(tmp_path, clock=clock, behaviour=behaviour) as box:
        api = connect(box)
        await paid_charge(box, api, session_params(currency=currency, unit_amount=40_000_00))
        await later(box, 2)
        with pytest.raises(stripe.InvalidRequestError, match="divisible by 100"):
            await api.v1.payouts.create_async({"amount": 10_050, "currency": currency})

        payout = await api.v1.payouts.create_async({"amount": 10_000, "currency": currency})

        assert payout.amount == 10_000


async def test_daily_payouts_take_what_is_available_and_say_what_was_in_them(control, box, api, session_params):
    assert (await control("payouts/schedule", automatic=True))[0] == 200
    charges = [await paid_charge(box, api, session_params(unit_amount=1000)) for _ in range(2)]
    refund = await api.v1.refunds.create_async({"charge": charges[0].id, "amount": 300})
    await later(box, 1.9)
    assert (await api.v1.payouts.list_async()).data == []
    await later(box, 0.8)

    payout = (await api.v1.payouts.list_async()).data[0]
    assert (payout.automatic, payout.amount, payout.reconciliation_status) == (True, 2 * 941 - 300, "in_progress")
    with pytest.raises(stripe.InvalidRequestError) as early:
        await api.v1.balance_transactions.list_async({"payout": payout.id})
    assert early.value.code == "payout_reconciliation_not_ready"
    await later(box, 1)

    assert "payout.reconciliation_completed" in await types(api)
    inside = (await api.v1.balance_transactions.list_async({"payout": payout.id})).data
    assert {movement.source for movement in inside} == {payout.id, refund.id, *(charge.id for charge in charges)}
    assert sum(movement.net for movement in inside if movement.type != "payout") == payout.amount
    assert len((await api.v1.payouts.list_async()).data) == 1
    assert (await control("payouts/schedule", automatic=False))[0] == 200
    await later(box, 3)
    assert (await box.sandbox.clock_state())["next_due_ms"] is None


async def test_a_connected_account_is_paid_out_from_its_own_balance(box, funded):
    account = await connected_account(box, funded)
    await funded.v1.transfers.create_async({"amount": 500, "currency": "usd", "destination": account})
    mine = {"stripe_account": account}

    with pytest.raises(stripe.InvalidRequestError, match="insufficient available funds"):
        await funded.v1.payouts.create_async({"amount": 501, "currency": "usd"}, mine)
    payout = await funded.v1.payouts.create_async({"amount": 500, "currency": "usd"}, mine)
    await later(box, 2)

    assert (await funded.v1.payouts.retrieve_async(payout.id, None, mine)).status == "paid"
    with pytest.raises(stripe.InvalidRequestError, match="No such payout"):
        await funded.v1.payouts.retrieve_async(payout.id)
    assert (await funded.v1.payouts.list_async()).data == []
    assert balances(await funded.v1.balance.retrieve_async(None, mine)) == {"usd": (0, 0)}
    assert balances(await funded.v1.balance.retrieve_async())["usd"] == (441, 0)
