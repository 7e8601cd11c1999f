"""Debts over a real database: later credits pay them off, to the last unit, and meanwhile they may block spending."""

import asyncio

import pytest

from storefront.core.accounts import issuance, sink
from storefront.core.commit.outcome import DebtOpen
from storefront.core.commit.plan import (
    CaptureHold,
    Deposit,
    LotPart,
    LotTerms,
    MissingOf,
    OpenEntry,
    Owe,
    PlaceHold,
    TakeBack,
)
from storefront.core.commit.state import NotNamed

ADA = "cus_ada"
NOW = 1_800_000_000_000


@pytest.fixture
def owe(books, plan_for):
    """Lets ada owe gems."""

    async def make(amount, **terms):
        plan = plan_for(ADA)
        plan.entry("test.owed", about="rev_1", anchor=ADA)
        plan.add(Owe("entry", ADA, "gems", amount, **terms))
        return await books.commit(plan)

    return make


def debts(books):
    return books.query("SELECT amount, repay_percent, block_spending FROM debts")


async def test_a_credit_pays_the_debt_and_only_the_rest_is_a_lot(books, owe, credit):
    await owe(30)

    outcome = await books.commit(credit(ADA, 100))

    assert debts(books) == [(0, 100, 0)]
    assert outcome.changed[ADA]["wallets"]["gems"]["available"] == 70
    assert books.query("SELECT amount, remaining FROM lots") == [(70, 70)]
    entry = "SELECT t.source, t.destination, t.amount FROM transfers t JOIN entries e ON e.id = t.entry_id"
    assert books.query(entry + " WHERE e.kind = 'test.credit' ORDER BY t.position") == [
        ("platform:issuance:gems", "platform:receivable:gems", 30),
        ("customer:cus_ada:debt:gems", "platform:issuance:gems", 30),
        ("platform:issuance:gems", "customer:cus_ada:gems", 70),
    ]
    told = books.query("SELECT type, payload FROM events WHERE type LIKE 'debt.%' ORDER BY sequence")
    assert [kind for kind, _ in told] == ["debt.owed", "debt.repaid"]
    assert '"amount":30,"owed":0' in told[1][1]
    await books.commit(credit(ADA, 5))
    assert books.gems(ADA) == 75


@pytest.mark.parametrize(
    ("terms", "left"),
    [
        ((100, [10, 10]), (10, 0)),
        ((50, [5, 5]), (24, 4)),
        ((1, [1, 1, 1]), (27, 0)),
        ((33, [10, 100]), (0, 80)),
        ((100, [30]), (0, 0)),
    ],
)
async def test_its_share_of_each_credit_is_rounded_up(books, owe, credit, terms, left):
    percent, credited = terms
    await owe(30, repay_percent=percent)
    for amount in credited:
        await books.commit(credit(ADA, amount))
    assert (debts(books)[0][0], books.gems(ADA)) == left


async def test_credits_of_one_batch_pay_it_once(books, owe, credit, spend):
    await owe(30)
    results = await asyncio.gather(
        *(books.commit(plan) for plan in (credit(ADA, 20), credit(ADA, 20), spend(ADA, 10), credit(ADA, 1))),
        return_exceptions=True,
    )
    assert [type(result).__name__ for result in results] == ["Outcome"] * 4
    assert (debts(books)[0][0], books.gems(ADA)) == (0, 1)


async def test_a_debt_blocks_spending_and_holding_but_not_what_is_held_already(books, owe, credit, spend, plan_for):
    await books.commit(credit(ADA, 50))
    plan = plan_for(ADA)
    plan.add(PlaceHold("hold_1", ADA, "gems", 20, NOW + 9, "test"))
    await books.commit(plan)
    await owe(30, block_spending=True)

    holding = plan_for(ADA)
    holding.add(PlaceHold("hold_2", ADA, "gems", 1, NOW + 9, "test"))
    for plan in (spend(ADA, 1), holding):
        with pytest.raises(DebtOpen) as refused:
            await books.commit(plan)
        assert (refused.value.code, refused.value.facts) == ("debt_open", {"asset": "gems", "owed": 30})
    capturing = plan_for(ADA)
    capturing.entry("hold.captured", about="hold_1", anchor=ADA)
    capturing.add(CaptureHold("entry", "hold_1", ADA, "gems", sink("gems")))
    await books.commit(capturing)

    await books.commit(credit(ADA, 30))
    await books.commit(spend(ADA, 30))
    assert (debts(books)[0][0], books.gems(ADA)) == (0, 0)


async def test_a_debt_that_grows_keeps_the_stricter_terms_and_a_new_one_has_its_own(books, owe, credit):
    await owe(10, repay_percent=80)
    await owe(5, repay_percent=20, block_spending=True)
    assert debts(books) == [(15, 80, 1)]
    await books.commit(credit(ADA, 100))
    await owe(7, repay_percent=20)
    assert debts(books) == [(7, 20, 0)]


async def test_what_a_partial_take_back_misses_is_owed(books, spend, plan_for):
    plan = plan_for(ADA)
    plan.add(OpenEntry("entry", "ent_pack", "test.pack", "pack", ADA))
    plan.add(Deposit("entry", ADA, "gems", 100, issuance("gems"), LotTerms(payment="pay_1")))
    await books.commit(plan)
    outcome = await books.commit(spend(ADA, 65))
    [[lot, _]] = outcome.results["lots:spend"]

    async def take_back(amount):
        plan = plan_for(ADA)
        plan.entry("test.refund", about="rev_1", anchor=ADA, reverses="ent_pack")
        parts = (LotPart(lot, 100),)
        back = TakeBack("entry", "ent_pack", ADA, "gems", amount, issuance("gems"), parts, 100, is_partial=True)
        plan.add(back, Owe("entry", ADA, "gems", MissingOf("back")))
        return await books.commit(plan)

    first = await take_back(50)
    assert (first.results["taken:back"], first.results["missing:back"]) == (
        {"wallets": {"gems": 35}}, {"wallets": {"gems": 15}},
    )  # fmt: skip
    assert (first.results["owed:gems"], books.gems(ADA)) == (15, 0)
    second = await take_back(50)
    assert (second.results["owed:gems"], debts(books)) == (50, [(65, 100, 0)])


async def test_nothing_owed_writes_nothing_and_an_unknown_label_is_an_error(books, owe):
    outcome = await owe(0)
    assert outcome.results["owed:gems"] == 0
    assert debts(books) == []
    with pytest.raises(NotNamed):
        await owe(MissingOf("nobody"))
    for percent in (0, 101):
        with pytest.raises(NotNamed):
            await owe(1, repay_percent=percent)


async def test_what_the_credit_cost_is_shared_in_proportion(books, owe, plan_for):
    await owe(30)
    plan = plan_for(ADA)
    plan.entry("test.pack", about="pack", anchor=ADA)
    terms = LotTerms(payment="pay_1", cost_amount=499, cost_currency="USD")
    plan.add(Deposit("entry", ADA, "gems", 100, issuance("gems"), terms))
    await books.commit(plan)
    assert books.query("SELECT amount, cost_amount FROM lots") == [(70, 349)]


async def test_what_repaid_a_debt_may_be_owed_again_when_it_is_undone(books, owe, spend, plan_for):
    """A pack pays off a debt, its rest is spent, and then the pack is reversed: all of it is owed."""
    await owe(30)
    plan = plan_for(ADA)
    plan.add(OpenEntry("entry", "ent_pack", "test.pack", "pack", ADA))
    plan.add(Deposit("entry", ADA, "gems", 100, issuance("gems"), LotTerms(payment="pay_1")))
    await books.commit(plan)
    await books.commit(spend(ADA, 70))

    plan = plan_for(ADA)
    plan.entry("test.refund", about="rev_1", anchor=ADA, reverses="ent_pack")
    plan.add(Owe("entry", ADA, "gems", 100))
    await books.commit(plan)

    assert debts(books) == [(100, 100, 0)]
