"""Connected accounts: onboarding, transfers and their reversals, and the events that name the account."""

import pytest
import stripe

from storefront.sandbox.testing import ENDPOINT_SECRET, running_sandbox
from tests.sandbox.money import balances, connected_account, later, paid_charge

LINK = {
    "type": "account_onboarding",
    "refresh_url": "https://shop.example/again",
    "return_url": "https://shop.example/back",
}


async def test_onboarding_enables_an_account_and_tells(box, api):
    account = await api.v1.accounts.create_async({"type": "express", "country": "DE", "email": "ada@example.org"})
    assert (account.charges_enabled, account.payouts_enabled, account.details_submitted) == (False, False, False)
    assert (account.type, account.default_currency, account.capabilities.transfers) == ("express", "eur", "inactive")
    link = await api.v1.account_links.create_async({"account": account.id, **LINK})

    page = await box.browser.get(link.url)
    text = await page.text()
    assert page.status == 200
    assert account.id in text
    assert (await box.post(link.url, {"action": "later"})).status == 400
    finished = await box.post(link.url, {"action": "finish"})

    assert (finished.status, finished.location) == (303, "https://shop.example/back")
    account = await api.v1.accounts.retrieve_async(account.id)
    assert (account.charges_enabled, account.payouts_enabled, account.details_submitted) == (True, True, True)
    assert (account.requirements.currently_due, account.capabilities.transfers) == ([], "active")
    assert [bank.currency for bank in account.external_accounts.data] == ["eur"]
    mine = {"stripe_account": account.id}
    event = (await api.v1.events.list_async({"type": "account.updated"}, mine)).data[0]
    assert (event.account, event.data.object.id) == (account.id, account.id)
    assert event.data.previous_attributes["charges_enabled"] is False
    again = await box.post(link.url, {"action": "refuse"})
    assert again.location == "https://shop.example/again"
    assert (await api.v1.accounts.retrieve_async(account.id)).charges_enabled is True


async def test_a_refused_account_may_do_nothing(box, api):
    account = await api.v1.accounts.create_async({"controller": {"stripe_dashboard": {"type": "express"}}})
    link = await api.v1.account_links.create_async({"account": account.id, **LINK})

    assert (await box.post(link.url, {"action": "refuse"})).status == 303

    account = await api.v1.accounts.retrieve_async(account.id)
    assert (account.details_submitted, account.charges_enabled, account.payouts_enabled) == (True, False, False)
    assert account.requirements.disabled_reason == "rejected.other"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await api.v1.transfers.create_async({"amount": 1, "currency": "usd", "destination": account.id})
    assert refused.value.code == "insufficient_capabilities_for_transfer"


async def test_a_link_runs_out_after_five_minutes(box, api):
    account = await api.v1.accounts.create_async({"type": "express"})
    link = await api.v1.account_links.create_async({"account": account.id, **LINK})
    await later(box, 301 / 86_400)

    left = await box.post(link.url, {"action": "finish"})

    assert left.location == "https://shop.example/again"
    assert (await api.v1.accounts.retrieve_async(account.id)).charges_enabled is False
    assert (await box.post(f"{box.url}/onboard/link_unknown", {"action": "finish"})).status == 404


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, None),
        ({"type": "express", "controller": {"fees": {"payer": "account"}}}, None),
        ({"type": "custom"}, "sandbox_not_emulated"),
        ({"type": "club"}, None),
        ({"type": "express", "default_currency": "zzz"}, None),
        ({"type": "express", "capabilities": {"treasury": {"requested": True}}}, "sandbox_not_emulated"),
        ({"type": "express", "capabilities": {"flying": {"requested": True}}}, "parameter_unknown"),
        ({"type": "express", "external_account": "btok_unknown"}, "resource_missing"),
        ({"type": "express", "external_account": {"object": "bank_account"}}, "parameter_missing"),
    ],
)
async def test_a_bad_account_is_refused(api, params, code):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await api.v1.accounts.create_async(params)

    assert refused.value.code == code
    assert (await api.v1.accounts.list_async()).data == []


async def test_accounts_are_updated_listed_and_deleted_when_empty(box, api, session_params):
    first = await api.v1.accounts.create_async({"type": "express"})
    second = await connected_account(box, api)
    changed = await api.v1.accounts.update_async(
        first.id, {"metadata": {"creator": "c1"}, "settings": {"payouts": {"schedule": {"interval": "manual"}}}}
    )
    assert (changed.metadata["creator"], changed.settings.payouts.schedule.interval) == ("c1", "manual")
    assert [account.id for account in (await api.v1.accounts.list_async()).data] == [second, first.id]
    await paid_charge(box, api, session_params(unit_amount=1000))
    await later(box, 2)
    await api.v1.transfers.create_async({"amount": 5, "currency": "usd", "destination": second})

    assert (await api.v1.accounts.delete_async(first.id)).deleted is True
    with pytest.raises(stripe.InvalidRequestError, match="has a balance"):
        await api.v1.accounts.delete_async(second)
    with pytest.raises(stripe.PermissionError):
        await api.v1.balance.retrieve_async(None, {"stripe_account": first.id})


async def test_a_transfer_moves_available_money_and_no_more(box, api, session_params):
    account = await connected_account(box, api)
    await paid_charge(box, api, session_params(unit_amount=1000))
    wanted = {"amount": 400, "currency": "usd", "destination": account, "transfer_group": "g1"}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await api.v1.transfers.create_async(wanted)
    assert refused.value.code == "balance_insufficient"
    await later(box, 2)

    transfer = await api.v1.transfers.create_async({**wanted, "expand": ["balance_transaction"]})

    movement = transfer.balance_transaction
    assert (movement.type, movement.reporting_category, movement.amount, movement.fee) == (
        "transfer", "transfer", -400, 0,
    )  # fmt: skip
    mine = {"stripe_account": account}
    assert balances(await api.v1.balance.retrieve_async())["usd"] == (541, 0)
    assert balances(await api.v1.balance.retrieve_async(None, mine)) == {"usd": (400, 0)}
    theirs = (await api.v1.balance_transactions.list_async(None, mine)).data
    assert [(found.type, found.amount, found.source) for found in theirs] == [
        ("payment", 400, transfer.destination_payment)
    ]
    payment = await api.v1.charges.retrieve_async(transfer.destination_payment, None, mine)
    assert (payment.amount, payment.source_transfer) == (400, transfer.id)
    assert [found.id for found in (await api.v1.transfers.list_async({"transfer_group": "g1"})).data] == [transfer.id]
    assert (await api.v1.transfers.list_async({"destination": "acct_other"})).data == []
    assert [event.type for event in (await api.v1.events.list_async({"type": "transfer.created"})).data] == [
        "transfer.created"
    ]


async def test_a_transfer_of_a_charge_takes_no_more_than_it_brought_and_waits_with_it(box, api, session_params):
    account = await connected_account(box, api)
    charge = await paid_charge(box, api, session_params(unit_amount=1000))
    wanted = {"amount": 700, "currency": "usd", "destination": account, "source_transaction": charge.id}

    transfer = await api.v1.transfers.create_async(wanted)
    with pytest.raises(stripe.InvalidRequestError, match="300 is left"):
        await api.v1.transfers.create_async({**wanted, "amount": 301})
    with pytest.raises(stripe.InvalidRequestError, match="must be the same"):
        await api.v1.transfers.create_async({**wanted, "amount": 1, "currency": "eur"})
    rest = await api.v1.transfers.create_async({key: value for key, value in wanted.items() if key != "amount"})

    assert rest.amount == 300
    assert transfer.transfer_group == (await api.v1.charges.retrieve_async(charge.id)).transfer_group
    mine = {"stripe_account": account}
    assert balances(await api.v1.balance.retrieve_async(None, mine)) == {"usd": (0, 1000)}
    await later(box, 2)
    assert balances(await api.v1.balance.retrieve_async(None, mine)) == {"usd": (1000, 0)}
    assert balances(await api.v1.balance.retrieve_async())["usd"] == (-59, 0)


async def test_a_transfer_comes_back_in_parts_while_the_account_has_it(box, api, session_params):
    account = await connected_account(box, api)
    charge = await paid_charge(box, api, session_params(unit_amount=1000))
    await later(box, 2)
    transfer = await api.v1.transfers.create_async(
        {"amount": 700, "currency": "usd", "destination": account, "source_transaction": charge.id}
    )

    part = await api.v1.transfers.reversals.create_async(transfer.id, {"amount": 200, "metadata": {"why": "refund"}})
    with pytest.raises(stripe.InvalidRequestError, match="greater than unreversed"):
        await api.v1.transfers.reversals.create_async(transfer.id, {"amount": 501})
    mine = {"stripe_account": account}
    await api.v1.payouts.create_async({"amount": 400, "currency": "usd"}, mine)
    with pytest.raises(stripe.InvalidRequestError) as poor:
        await api.v1.transfers.reversals.create_async(transfer.id)

    assert poor.value.code == "balance_insufficient"
    movement = await api.v1.balance_transactions.retrieve_async(part.balance_transaction)
    assert (movement.type, movement.reporting_category, movement.amount) == (
        "transfer_refund", "transfer_reversal", 200,
    )  # fmt: skip
    assert balances(await api.v1.balance.retrieve_async(None, mine)) == {"usd": (100, 0)}
    found = await api.v1.transfers.retrieve_async(transfer.id)
    assert (found.amount_reversed, found.reversed) == (200, False)
    assert [reversal.id for reversal in found.reversals.data] == [part.id]
    last = await api.v1.transfers.reversals.create_async(transfer.id, {"amount": 100})
    listed = await api.v1.transfers.reversals.list_async(transfer.id, {"limit": 1})
    assert ([reversal.id for reversal in listed.data], listed.has_more) == ([last.id], True)
    events = (await api.v1.events.list_async({"type": "transfer.reversed"})).data
    assert [event.data.object.amount_reversed for event in events] == [300, 200]
    back = await api.v1.charges.retrieve_async(transfer.destination_payment, None, mine)
    assert back.amount_refunded == 300


async def test_a_connected_account_settles_in_its_own_currency(box, api, session_params):
    account = await connected_account(box, api, country="GB")
    await paid_charge(box, api, session_params(unit_amount=2000))
    await later(box, 2)

    await api.v1.transfers.create_async({"amount": 1000, "currency": "usd", "destination": account})

    movement = (await api.v1.balance_transactions.list_async(None, {"stripe_account": account})).data[0]
    # 10 dollars at 0.75 pounds to the dollar.
    assert (movement.amount, movement.currency, movement.exchange_rate) == (750, "gbp", 0.75)


async def test_what_happens_to_a_connected_account_goes_to_the_connect_endpoint_alone(tmp_path, receiver, connect):
    secret = "whsec_" + "of_the_connect_endpoint_0123456789"
    own, connected = f"{receiver.url}?to=own", f"{receiver.url}?to=connect"
    async with running_sandbox(tmp_path, endpoint=(own, ENDPOINT_SECRET), connect_endpoint=(connected, secret)) as box:
        api = connect(box)
        account = await connected_account(box, api)
        await api.v1.customers.create_async({"email": "ada@example.org"})
        made = await api.v1.webhook_endpoints.create_async({"url": connected, "enabled_events": ["*"], "connect": True})
        await api.v1.accounts.update_async(account, {"metadata": {"k": "v"}})
        await receiver.arrived(4)

    def opened(key):
        for body, header in receiver.got:
            try:
                yield stripe.Webhook.construct_event(body, header, key)
            except stripe.SignatureVerificationError:
                continue

    assert [event.type for event in opened(ENDPOINT_SECRET)] == ["customer.created"]
    assert {(event.type, event.account) for event in opened(secret)} == {("account.updated", account)}
    assert [event.type for event in opened(made.secret)] == ["account.updated"]


async def test_keys_of_different_accounts_do_not_meet(box, api):
    account = await connected_account(box, api)
    key = {"idempotency_key": "same"}

    own = await api.v1.customers.create_async({"name": "own"}, key)
    theirs = await api.v1.customers.create_async({"name": "theirs"}, {**key, "stripe_account": account})

    assert own.id != theirs.id
    assert [found.id for found in (await api.v1.customers.list_async()).data] == [own.id]
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        await api.v1.customers.retrieve_async(theirs.id)
