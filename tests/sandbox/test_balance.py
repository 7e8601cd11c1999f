"""Movements of the balance: settlement currencies, rates, fees, and what is available when."""

import pytest
import stripe

from storefront.sandbox.behaviour import Behaviour, read_behaviour
from storefront.sandbox.testing import running_sandbox
from tests.sandbox.money import balances, later, paid_charge


async def test_a_currency_that_settles_is_kept_as_itself(box, api, session_params):
    charge = await paid_charge(box, api, session_params(currency="eur", unit_amount=1000))

    movement = charge.balance_transaction
    assert (movement.amount, movement.currency, movement.exchange_rate) == (1000, "eur", None)
    # 2.9 % of 1000 is 29; and 30.
    assert (movement.fee, movement.net, movement.fee_details[0].currency) == (59, 941, "eur")
    assert (movement.type, movement.reporting_category, movement.source) == ("charge", "charge", charge.id)


async def test_another_currency_is_converted_and_its_fee_is_taken_in_the_settlement_currency(box, api, session_params):
    charge = await paid_charge(box, api, session_params(currency="jpy", unit_amount=3000))

    movement = charge.balance_transaction
    # 3000 yen at 150 to the dollar are 20 dollars; 2.9 % of 2000 cents is 58; and 30.
    assert (charge.amount, charge.currency) == (3000, "jpy")
    assert (movement.amount, movement.currency, movement.fee, movement.net) == (2000, "usd", 88, 1912)
    assert movement.exchange_rate == pytest.approx(2 / 3, rel=1e-7)


@pytest.mark.parametrize(
    ("price", "settled"),
    [
        ({"currency": "kwd", "unit_amount": 3000}, 1000),  # 3.000 KWD at 0.30 to the dollar
        ({"currency": "isk", "unit_amount": 125_000}, 1000),  # 1250 ISK, sent with two digits, at 125
        ({"currency": "pln", "unit_amount": 1801}, 500),  # 18.01 PLN at 3.60: 5.0028
        ({"currency": "pln", "unit_amount": 1810}, 503),  # 18.10 PLN at 3.60: 5.0278
    ],
)
async def test_each_exponent_is_converted_right(box, api, session_params, price, settled):
    charge = await paid_charge(box, api, session_params(**price))

    assert charge.balance_transaction.amount == settled
    assert round(charge.amount * charge.balance_transaction.exchange_rate) == settled


async def test_a_refund_converts_at_the_rate_of_its_own_day(control, box, api, session_params):
    charge = await paid_charge(box, api, session_params(currency="jpy", unit_amount=3000))

    assert await control("rates", rates={"jpy": "120"}) == (200, {"ok": True})
    refund = await api.v1.refunds.create_async({"charge": charge.id, "expand": ["balance_transaction"]})

    # 3000 yen at 120 to the dollar are 25 dollars: 5 more than the charge brought.
    assert (refund.amount, refund.currency) == (3000, "jpy")
    movement = refund.balance_transaction
    assert (movement.amount, movement.currency, movement.fee, movement.net) == (-2500, "usd", 0, -2500)
    assert (await api.v1.balance_transactions.retrieve_async(charge.balance_transaction.id)).amount == 2000


@pytest.mark.parametrize("rates", [{"usd": "2"}, {"zzz": "1"}, {"jpy": "0"}, {"jpy": "a"}, {"jpy": "-1"}])
async def test_a_rate_that_makes_no_sense_is_refused(control, rates):
    status, answer = await control("rates", rates=rates)

    assert (status, answer["error"]["param"]) == (400, "rates")


async def test_money_is_pending_for_two_days_and_then_available(box, api, session_params):
    await paid_charge(box, api, session_params(unit_amount=1000))
    assert balances(await api.v1.balance.retrieve_async()) == {"eur": (0, 0), "gbp": (0, 0), "usd": (0, 941)}

    await later(box, 2)

    assert balances(await api.v1.balance.retrieve_async())["usd"] == (941, 0)


async def test_movements_are_filtered_by_type_source_currency_and_time(box, api, session_params):
    charge = await paid_charge(box, api, session_params(unit_amount=1000))
    await later(box, 1)
    refund = await api.v1.refunds.create_async({"charge": charge.id})
    await paid_charge(box, api, session_params(currency="eur", unit_amount=1000))

    async def sources(**params):
        return [movement.source for movement in (await api.v1.balance_transactions.list_async(params)).data]

    assert await sources(type="refund") == [refund.id]
    assert await sources(source=charge.id) == [charge.id]
    assert await sources(currency="USD") == [refund.id, charge.id]
    assert await sources(currency="usd", created={"lt": refund.created}) == [charge.id]
    with pytest.raises(stripe.InvalidRequestError):
        await sources(type="gift")
    with pytest.raises(stripe.InvalidRequestError, match="No such payout"):
        await sources(payout="po_unknown")


async def test_a_file_orders_currencies_rates_and_misbehaviour_from_the_start_on(
    tmp_path, clock, connect, session_params
):
    (tmp_path / "sandbox.yaml").write_text("settles: [eur, huf]\nrates: {usd: '1'}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"sandbox\.yaml: .*usd"):
        read_behaviour(tmp_path / "sandbox.yaml")
    (tmp_path / "sandbox.yaml").write_text(
        "settles: [eur, huf]\n"
        "rates: {eur: '0.50'}\n"
        "misbehave:\n"
        "  - {fault: status, status: 503, on: 'GET /v1/balance'}\n",
        encoding="utf-8",
    )
    behaviour = read_behaviour(tmp_path / "sandbox.yaml")

    async with running_sandbox(tmp_path, clock=clock, behaviour=behaviour) as box:
        api = connect(box)
        with pytest.raises(stripe.APIError):
            await api.v1.balance.retrieve_async()
        charge = await paid_charge(box, api, session_params(currency="usd", unit_amount=1000))
        assert (charge.balance_transaction.amount, charge.balance_transaction.currency) == (500, "eur")
    async with running_sandbox(tmp_path, clock=clock, behaviour=Behaviour()) as box:
        # 2.9 % of 500 is 14.5, rounded to 15; and 30.
        assert balances(await connect(box).v1.balance.retrieve_async()) == {"eur": (0, 455), "huf": (0, 0)}


async def test_what_undoes_a_charge_counts_when_the_charge_does(box, api, session_params):
    charge = await paid_charge(box, api, session_params(unit_amount=1000))
    await api.v1.refunds.create_async({"charge": charge.id, "amount": 400})
    assert balances(await api.v1.balance.retrieve_async())["usd"] == (0, 541)

    await later(box, 2)
    await api.v1.refunds.create_async({"charge": charge.id, "amount": 100})

    assert balances(await api.v1.balance.retrieve_async())["usd"] == (441, 0)


async def test_the_card_that_bypasses_pending_is_available_at_once(box, api, open_session):
    session = await open_session(unit_amount=1000)

    await box.pay(session.url, "4000000000000077")

    assert balances(await api.v1.balance.retrieve_async())["usd"] == (941, 0)
