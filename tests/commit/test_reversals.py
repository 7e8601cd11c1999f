"""Reversals, conversions and splits where they are decided: no more than was taken, into the lots it came from."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storefront.core.accounts import clearing, issuance, revenue, sink
from storefront.core.commit.outcome import InsufficientFunds, ReversalOfReversal, ReversalTooLarge
from storefront.core.commit.plan import Deposit, LotPart, LotTerms, PlaceHold, Restore, Spend, TakeBack, Transfer
from storefront.core.converting import ConversionTooSmall, Rate, add_conversion, convert
from storefront.core.money import MAX_AMOUNT, split_named

from .conftest import ADA, NOW, Books


@pytest.fixture
async def spent(books: Books, plan_for):
    """Ada was given lots of 30 (first to go) and 50 gems and spent 60: all of the first and 30 of the second."""
    for amount, priority in ((30, 1), (50, 2)):
        plan = plan_for(ADA)
        plan.entry("test.credit", about="gift", anchor=ADA)
        terms = LotTerms(source="granted", priority=priority, expires_at=NOW + priority)
        plan.add(Deposit("entry", ADA, "gems", amount, issuance("gems"), terms))
        await books.commit(plan)
    plan = plan_for(ADA)
    entry_id = plan.entry("test.spend", about="thing", anchor=ADA)
    plan.add(Spend("entry", ADA, "gems", 60, sink("gems")))
    outcome = await books.commit(plan)
    assert [amount for _, amount in outcome.results["lots:spend"]] == [30, 30]
    return entry_id, tuple(LotPart(lot_id, amount) for lot_id, amount in outcome.results["lots:spend"])


@pytest.fixture
def giving_back(plan_for, spent):
    """Makes a plan that gives back gems of what was spent."""
    entry_id, draws = spent

    def make(amount: int):
        plan = plan_for(ADA)
        plan.entry("test.refund", about="thing", anchor=ADA, reverses=entry_id)
        plan.add(Restore("entry", entry_id, ADA, "gems", amount, sink("gems"), draws))
        return plan

    return make


async def test_value_goes_back_into_the_lots_it_came_from_the_one_drawn_last_first(books, giving_back):
    outcome = await books.commit(giving_back(20))
    assert remaining(books) == [0, 40]
    assert outcome.changed[ADA]["wallets"]["gems"]["balance"] == 40

    outcome = await books.commit(giving_back(25))
    assert remaining(books) == [15, 50]
    assert outcome.changed[ADA]["wallets"]["gems"]["balance"] == 65

    await books.commit(giving_back(15))
    assert remaining(books) == [30, 50]
    assert books.query("SELECT amount FROM lots ORDER BY priority") == [(60,), (80,)]


async def test_more_than_was_taken_is_never_given_back(books, giving_back):
    await books.commit(giving_back(41))
    with pytest.raises(ReversalTooLarge) as refused:
        await books.commit(giving_back(20))
    assert refused.value.facts == {"asset": "gems", "required": 20, "left": 19}
    assert books.gems(ADA) == 61


async def test_reversals_that_race_give_back_each_gem_once(books, giving_back):
    plans = [giving_back(7) for _ in range(32)]

    results = await asyncio.gather(*(books.commit(plan) for plan in plans), return_exceptions=True)

    refused = [result for result in results if isinstance(result, ReversalTooLarge)]
    assert len(refused) == 32 - 8
    assert books.gems(ADA) == 20 + 56


async def test_a_reversal_is_not_reversed(books, plan_for, giving_back, spent):
    plan = giving_back(10)
    await books.commit(plan)
    again = plan_for(ADA)
    again.entry("test.again", about="thing", anchor=ADA, reverses=plan.list[0].entry_id)
    again.add(Spend("entry", ADA, "gems", 10, sink("gems")))

    with pytest.raises(ReversalOfReversal):
        await books.commit(again)
    assert books.gems(ADA) == 30


async def test_an_entry_that_is_not_there_cannot_be_reversed(books, plan_for, spent):
    plan = plan_for(ADA)
    plan.entry("test.refund", about="thing", anchor=ADA, reverses="ent_gone")
    plan.add(Spend("entry", ADA, "gems", 1, sink("gems")))
    with pytest.raises(Exception, match="ent_gone"):
        await books.commit(plan)


async def test_what_one_gem_cost_stays_as_it_was(books, plan_for):
    plan = plan_for(ADA)
    plan.entry("test.credit", about="pack", anchor=ADA)
    terms = LotTerms(payment="pay_1", cost_amount=499, cost_currency="USD")
    plan.add(Deposit("entry", ADA, "gems", 500, issuance("gems"), terms))
    await books.commit(plan)
    plan = plan_for(ADA)
    entry_id = plan.entry("test.spend", about="thing", anchor=ADA)
    plan.add(Spend("entry", ADA, "gems", 120, sink("gems")))
    [[lot_id, _]] = (await books.commit(plan)).results["lots:spend"]

    plan = plan_for(ADA)
    plan.entry("test.refund", about="thing", anchor=ADA, reverses=entry_id)
    plan.add(Restore("entry", entry_id, ADA, "gems", 120, sink("gems"), (LotPart(lot_id, 120),)))
    await books.commit(plan)

    assert books.query("SELECT amount, remaining, cost_amount FROM lots") == [(620, 500, 499 + 119)]
    assert books.query("SELECT amount, cost_amount FROM credits ORDER BY amount") == [(120, 119), (500, 499)]


async def test_only_what_is_unspent_of_the_same_lots_is_taken_back(books, plan_for, spend):
    plan = plan_for(ADA)
    entry_id = plan.entry("test.credit", about="pack", anchor=ADA)
    plan.add(Deposit("entry", ADA, "gems", 50, issuance("gems"), LotTerms(payment="pur_1")))
    await books.commit(plan)
    plan = plan_for(ADA)
    plan.entry("test.credit", about="gift", anchor=ADA)
    plan.add(Deposit("entry", ADA, "gems", 100, issuance("gems"), LotTerms(payment="pur_2", priority=200)))
    await books.commit(plan)
    await books.commit(spend(ADA, 20))
    [(lot_id,)] = books.query("SELECT id FROM lots WHERE payment = 'pur_1'")

    def taking(amount: int):
        plan = plan_for(ADA)
        plan.entry("test.refund", about="pack", anchor=ADA, reverses=entry_id)
        part = LotPart(lot_id, 50)
        plan.add(TakeBack("entry", entry_id, ADA, "gems", amount, issuance("gems"), (part,), at_most=50))
        return plan

    with pytest.raises(InsufficientFunds) as refused:
        await books.commit(taking(31))
    assert refused.value.facts["available"] == 30
    assert books.gems(ADA) == 130
    await books.commit(taking(30))
    assert books.query("SELECT remaining FROM lots ORDER BY payment") == [(0,), (100,)]
    with pytest.raises(ReversalTooLarge):
        await books.commit(taking(21))


async def test_gems_become_coins_at_a_rate_that_is_kept(books, plan_for, credit):
    await books.commit(credit(ADA, 100))
    plan = plan_for(ADA)
    converted = add_conversion(plan, customer_id=ADA, amount=25, rate=Rate("gems", "coins", 7, 10), about="swap_1")
    outcome = await books.commit(plan)

    assert (converted.got.amount_minor, converted.remainder) == (17, 5)
    wallets = outcome.changed[ADA]["wallets"]
    assert (wallets["gems"]["balance"], wallets["coins"]["balance"]) == (75, 17)
    assert books.query("SELECT destination, amount FROM transfers WHERE source LIKE 'customer:%'") == [
        ("platform:exchange:gems", 25)
    ]
    [(facts,)] = books.query("SELECT facts FROM entries WHERE kind = 'conversion'")
    assert facts == (
        '{"rate":{"from":"gems","to":"coins","numerator":7,"denominator":10},"rounding":"down",'
        '"remainder":{"numerator":5,"denominator":10,"party":"platform"}}'
    )


def test_what_converts_to_nothing_is_refused():
    with pytest.raises(ConversionTooSmall) as refused:
        convert(14, Rate("gems", "coins", 1, 15))
    assert refused.value.facts == {"amount": 14, "least": 15}


async def test_a_split_goes_to_its_parties_and_a_share_of_nothing_moves_nothing(books, plan_for):
    plan = plan_for(ADA)
    plan.entry("test.split", about="tip", anchor=ADA)
    parties = {"platform": (revenue("USD"), 5), "tax": (sink("USD"), 95), "nobody": (issuance("USD"), 0)}
    shares = plan.split(101, parties, source=clearing("sandbox", "USD"), anchor=ADA)
    await books.commit(plan)

    assert shares == {"platform": 6, "tax": 95, "nobody": 0}
    assert books.query("SELECT destination, amount FROM transfers ORDER BY position") == [
        ("platform:revenue:USD", 6),
        ("platform:sink:USD", 95),
    ]
    assert {type(step) for step in plan.list[1:]} == {Transfer}


amounts = st.integers(1, MAX_AMOUNT)


@settings(deadline=None)
@given(st.integers(0, MAX_AMOUNT), st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 10**6), max_size=6))
def test_the_parts_of_any_split_are_the_whole(total, others):
    weights = {"platform": 1, **others}
    shares = split_named(total, weights)

    assert sum(shares.values()) == total
    assert all(share >= 0 for share in shares.values())
    whole = sum(weights.values())
    for party, share in shares.items():
        exact, tolerance = total * weights[party], len(weights) * whole if party == "platform" else whole
        assert 0 <= (share * whole - exact if party == "platform" else exact - share * whole) < tolerance


@settings(deadline=None)
@given(st.integers(1, 10**9), st.integers(1, 10**6), st.integers(1, 10**6))
def test_any_conversion_is_exact_with_what_its_rounding_left(amount, numerator, denominator):
    try:
        converted = convert(amount, Rate("gems", "coins", numerator, denominator))
    except ConversionTooSmall:
        assert amount * numerator < denominator
    else:
        assert converted.got.amount_minor * denominator + converted.remainder == amount * numerator
        assert 0 <= converted.remainder < denominator


def test_a_remainder_needs_somebody_who_gets_it():
    with pytest.raises(ValueError, match="none of the parties"):
        split_named(10, {"luna": 1})


def remaining(books: Books) -> list[int]:
    return [amount for (amount,) in books.query("SELECT remaining FROM lots ORDER BY priority")]


@pytest.fixture
def filled(books, plan_for):
    """Gives gems, and returns the entry that gave them and the lot in which they are."""

    async def fill(amount: int, **terms):
        plan = plan_for(ADA)
        entry_id = plan.entry("test.credit", about="pack", anchor=ADA)
        plan.add(Deposit("entry", ADA, "gems", amount, issuance("gems"), LotTerms(**terms)))
        await books.commit(plan)
        [(lot_id,)] = books.query("SELECT lot_id FROM credits WHERE entry_id = ?", entry_id)
        return entry_id, lot_id

    return fill


async def test_value_that_goes_back_into_a_lapsed_lot_lapses_at_once(books, plan_for, filled, spend):
    _, lot_id = await filled(10, expires_at=NOW + 1)
    spending = spend(ADA, 10)
    await books.commit(spending)
    books.now = NOW + 1

    plan, original = plan_for(ADA), spending.list[0].entry_id
    plan.entry("test.refund", about="thing", anchor=ADA, reverses=original)
    plan.add(Restore("entry", original, ADA, "gems", 4, sink("gems"), (LotPart(lot_id, 10),)))
    outcome = await books.commit(plan)

    assert outcome.changed[ADA]["wallets"]["gems"]["balance"] == 0
    lapsed = "SELECT amount FROM transfers WHERE destination = 'platform:breakage:gems'"
    assert (remaining(books), books.query(lapsed)) == ([0], [(4,)])


async def test_what_a_hold_that_is_over_pinned_can_be_taken_back(books, plan_for, filled):
    entry_id, lot_id = await filled(10)
    holding = plan_for(ADA)
    holding.add(PlaceHold("hold_1", ADA, "gems", 8, NOW + 1, "auction"))
    await books.commit(holding)

    def taking():
        plan = plan_for(ADA)
        plan.entry("test.refund", about="pack", anchor=ADA, reverses=entry_id)
        part = LotPart(lot_id, 10)
        plan.add(TakeBack("entry", entry_id, ADA, "gems", 10, issuance("gems"), (part,), at_most=10))
        return plan

    with pytest.raises(InsufficientFunds):
        await books.commit(taking())
    books.now = NOW + 1
    await books.commit(taking())

    assert (remaining(books), books.query("SELECT state FROM holds")) == ([0], [("expired",)])


async def test_the_refusal_says_what_can_be_taken_back_not_what_the_wallet_holds(books, plan_for, filled, spend):
    entry_id, lot_id = await filled(10)
    await filled(3, priority=200)
    await books.commit(spend(ADA, 6))
    plan = plan_for(ADA)
    plan.entry("test.refund", about="pack", anchor=ADA, reverses=entry_id)
    plan.add(TakeBack("entry", entry_id, ADA, "gems", 10, issuance("gems"), (LotPart(lot_id, 10),), at_most=10))
    with pytest.raises(InsufficientFunds) as refused:
        await books.commit(plan)
    assert refused.value.facts == {"asset": "gems", "required": 10, "available": 4, "short_by": 6}


async def test_a_batch_joins_no_lot_that_it_has_emptied(books, credit, spend):
    await books.commit(credit(ADA, 10))
    await asyncio.gather(books.commit(spend(ADA, 10)), books.commit(credit(ADA, 5)))
    assert books.query("SELECT amount, remaining FROM lots ORDER BY id") == [(10, 0), (5, 5)]
