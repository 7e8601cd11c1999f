"""Late steps and references: what a plan leaves open until its values are loaded."""

import asyncio
import json

import pytest

from storefront.core.accounts import sink
from storefront.core.commit.apply import Review
from storefront.core.commit.outcome import WalletFull
from storefront.core.commit.plan import Change, Count, GrantItem, Insert, Key, Late, LotsOf, Remove, Spend
from storefront.core.commit.state import NotNamed
from storefront.core.errors import Refused
from storefront.core.money import MAX_AMOUNT

ADA = "cus_ada"
TRIES = Key("counters", ("tries",), ADA)


class TooFast(Refused):
    code = "too_fast"


@pytest.fixture
def ask(books, plan_for):
    """Makes a plan that counts once and then asks the late step ``judge``."""

    def make(judge, name="judge", **facts):
        if name not in ask.registered:
            books.engine.register_late_step(name, judge)
            ask.registered.add(name)
        plan = plan_for(ADA)
        plan.count("tries", anchor=ADA)
        plan.add(Late(name, (TRIES, Key("counters", ("seen",), ADA)), facts))
        return plan

    ask = make
    ask.registered = set()
    return make


async def test_a_late_step_sees_loaded_values_and_adds_steps(books, ask):
    def judge(view, facts):
        return [Count("seen", ADA, view.row(TRIES)["value"] * facts["times"])]

    await books.commit(ask(judge, times=10))
    await books.commit(ask(judge, times=10))

    assert books.query("SELECT key, value FROM counters ORDER BY key") == [("seen", 30), ("tries", 2)]


async def test_a_late_refusal_undoes_its_plan(books, ask):
    def judge(view, facts):
        return TooFast("slow down")

    before = books.dump()
    with pytest.raises(TooFast):
        await books.commit(ask(judge))
    assert books.dump() == before


async def test_a_late_review_takes_the_other_branch(books, ask):
    def judge(view, facts):
        return Review()

    plan = ask(judge)
    plan.on_review.count("held", anchor=ADA)
    outcome = await books.commit(plan)
    assert outcome.is_review
    assert books.query("SELECT key FROM counters") == [("held",)]


async def test_an_exception_in_a_late_step_refuses_that_plan_alone(books, ask, credit):
    def judge(view, facts):
        return 1 // facts["by"] and ()

    plans = [credit(ADA, 1), ask(judge, by=0), credit(ADA, 2), ask(judge, by=1)]
    results = await asyncio.gather(*(books.commit(plan) for plan in plans), return_exceptions=True)

    assert [type(result).__name__ for result in results] == ["Outcome", "ZeroDivisionError", "Outcome", "Outcome"]
    assert books.gems(ADA) == 3
    assert books.query("SELECT value FROM counters") == [(1,)]


async def test_a_late_step_that_reads_more_than_it_named_fails_alone(books, ask, credit):
    def judge(view, facts):
        return view.row(Key("counters", ("secret",), ADA)) or ()

    results = await asyncio.gather(books.commit(ask(judge)), books.commit(credit(ADA, 1)), return_exceptions=True)
    assert [type(result).__name__ for result in results] == ["NotNamed", "Outcome"]


async def test_a_late_step_that_nobody_registered_fails(books, plan_for):
    plan = plan_for(ADA)
    plan.add(Late("nobody", (), {}))
    (result,) = await asyncio.gather(books.commit(plan), return_exceptions=True)
    assert type(result).__name__ == "NotNamed"


async def test_goods_remember_the_lots_that_paid_for_them(books, credit, plan_for):
    await books.commit(credit(ADA, 100))
    (lot,) = books.query("SELECT id FROM lots")[0]
    plan = plan_for(ADA)
    plan.entry("test.spend", about="thing", anchor=ADA)
    plan.add(Spend("entry", ADA, "gems", 30, sink("gems")))
    plan.add(GrantItem(ADA, "sword", 1, "thing", at_most=1, bought_with=LotsOf("spend")))
    row = {"id": "alm_1", "kind": "test", "about": "thing", "facts": LotsOf("spend"), "raised_at": 1}
    plan.add(Insert("alarms", ("alm_1",), None, row))

    await books.commit(plan)

    moved, told = books.query("SELECT bought_with FROM item_movements")[0], books.query("SELECT facts FROM alarms")[0]
    assert json.loads(moved[0]) == json.loads(told[0]) == [[lot, 30]]
    assert books.query("SELECT remaining FROM lots") == [(70,)]


@pytest.mark.parametrize("raised", [asyncio.CancelledError, GeneratorExit, SystemExit])
async def test_whatever_a_late_step_raises_the_writer_lives(books, ask, credit, raised):
    def judge(view, facts):
        raise raised

    results = await asyncio.gather(books.commit(ask(judge)), books.commit(credit(ADA, 1)), return_exceptions=True)

    assert [type(result).__name__ for result in results] == ["LateStepFailed", "Outcome"]
    await books.commit(credit(ADA, 2))
    assert books.gems(ADA) == 3


@pytest.mark.parametrize(
    "step",
    [
        Insert("entries", ("ent_x",), None, {"id": "ent_x"}),
        Change("accounts", (f"customer:{ADA}:gems",), ADA, {}, {"balance": 5}),
        Remove("lots", ("lot_x",), ADA),
    ],
)
async def test_no_plan_writes_the_books_as_rows(books, plan_for, credit, step):
    await books.commit(credit(ADA, 1))
    plan = plan_for(ADA)
    plan.add(step)
    with pytest.raises(NotNamed, match="belongs to the books"):
        await books.commit(plan)
    assert books.gems(ADA) == 1


async def test_a_wallet_that_is_full_refuses(books, credit):
    await books.commit(credit(ADA, MAX_AMOUNT))
    with pytest.raises(WalletFull) as full:
        await books.commit(credit(ADA, 1))
    assert full.value.facts == {"asset": "gems", "most": MAX_AMOUNT, "balance": MAX_AMOUNT}
    assert books.gems(ADA) == MAX_AMOUNT
