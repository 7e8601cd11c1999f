"""Holds and lapsing in the pure apply and over a real file: properties, drain order, batches."""

import asyncio
import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storefront.core.accounts import issuance, sink
from storefront.core.commit.apply import apply_plan
from storefront.core.commit.outcome import HoldNotOpen, InsufficientFunds, Moment
from storefront.core.commit.plan import (
    CaptureHold,
    Deposit,
    Group,
    LapseWallet,
    LotTerms,
    PlaceHold,
    Plan,
    ReleaseHold,
    Spend,
)
from storefront.core.commit.state import State
from storefront.core.errors import NotFound, Refused

ADA, BOB = "cus_ada", "cus_bob"
WALLET = f"customer:{ADA}:gems"
NOW = 1_800_000_000_000

amounts = st.integers(1, 40)
instants = st.integers(1, 8)
deposits = st.builds(
    lambda amount, expires_at, source: (
        "deposit",
        Deposit("entry", ADA, "gems", amount, issuance("gems"), LotTerms(source=source, expires_at=expires_at)),
    ),
    amounts,
    st.one_of(st.none(), instants),
    st.sampled_from(["purchased", "granted"]),
)
spends = st.builds(lambda amount: ("spend", Spend("entry", ADA, "gems", amount, sink("gems"))), amounts)
places = st.tuples(st.just("place"), amounts, instants)
ends = st.tuples(st.sampled_from(["capture", "capture all", "release"]), st.integers(0, 5), amounts)
lapses = st.just(("lapse", LapseWallet(ADA, "gems")))
moves = st.tuples(st.just("wait"), st.integers(0, 2))
actions = st.lists(st.one_of(deposits, spends, places, ends, lapses, moves), max_size=25)


class Wallet:
    """One wallet in memory, and a clock; every plan is applied to what the one before left."""

    def __init__(self) -> None:
        self.state = State(anchors={ADA: (0, 0)})
        self.now = 0
        self.numbers = itertools.count()
        self.holds: list[str] = []

    def do(self, action) -> None:
        match action:
            case ("wait", by):
                self.now += by
            case ("place", amount, until):
                self.holds.append(f"hold_{len(self.holds)}")
                self.apply(PlaceHold(self.holds[-1], ADA, "gems", amount, max(until, self.now + 1), "test"))
            case ("capture" | "capture all" | "release" as verb, number, amount):
                hold = f"hold_{number}"
                wanted = amount if verb == "capture" else None
                capture = CaptureHold("entry", hold, ADA, "gems", sink("gems"), wanted)
                self.apply(ReleaseHold(hold, ADA, "gems") if verb == "release" else capture)
            case (_, step):
                self.apply(step)

    def apply(self, step) -> None:
        plan = Plan(actor="test", anchors={ADA})
        plan.entry("test", about="test", anchor=ADA)
        plan.add(step)
        for read in plan.reads():
            if isinstance(read, Group):
                self.state.groups.setdefault((read.table, read.id), [])
            else:
                self.state.rows.setdefault((read.table, read.id), None)
        new_id = lambda prefix: f"{prefix}_{next(self.numbers):06}"  # noqa: E731
        try:
            apply_plan(self.state, plan, Moment(self.now, self.now, 1, new_id), {})
        except (Refused, NotFound):
            return

    def rows(self, table: str) -> list:
        return [row for (name, _), row in self.state.rows.items() if name == table and row is not None]

    def check(self) -> None:
        lots, holds = self.rows("lots"), self.rows("holds")
        pinned = dict.fromkeys((lot["id"] for lot in lots), 0)
        for hold in holds:
            pins = json.loads(hold["pins"])
            assert sum(amount for _, amount in pins) == hold["amount"]
            assert (hold["state"] == "captured") == (hold["captured"] > 0) == (hold["entry_id"] is not None)
            assert hold["captured"] <= hold["amount"]
            for lot_id, amount in pins if hold["state"] == "open" else ():
                pinned[lot_id] += amount
        moved = dict.fromkeys(("platform:sink:gems", "platform:breakage:gems", "platform:issuance:gems", WALLET), 0)
        for table, row in self.state.appended:
            if table == "transfers":
                moved[row["destination"]] += row["amount"]
                moved[row["source"]] -= row["amount"]
        balance = sum(account["balance"] for account in self.rows("accounts") if account["role"] == "wallet")
        assert all(lot["held"] == pinned[lot["id"]] <= lot["remaining"] for lot in lots)
        assert sum(lot["remaining"] for lot in lots) == balance == moved[WALLET]
        for lot in lots:
            if lot["expires_at"] is not None and lot["expires_at"] > self.now and lot["remaining"]:
                due = [job["due_at"] for job in self.rows("jobs") if job["kind"] == "lot.lapse"]
                assert lot["expires_at"] in due, "whatever expires has a job"
        for hold in holds:
            has_job = any(job["id"].endswith(hold["id"]) for job in self.rows("jobs"))
            assert has_job or hold["state"] != "open"


@settings(max_examples=200, deadline=None)
@given(actions)
def test_whatever_happens_lots_hold_what_open_holds_pin_and_nothing_is_lost(wanted):
    wallet = Wallet()
    for action in wanted:
        wallet.do(action)
        wallet.check()


@settings(max_examples=100, deadline=None)
@given(actions)
def test_when_all_time_is_over_only_what_lasts_is_left(wanted):
    wallet = Wallet()
    for action in wanted:
        wallet.do(action)
    wallet.now = 1_000
    wallet.do(("lapse", LapseWallet(ADA, "gems")))
    assert [hold for hold in wallet.rows("holds") if hold["state"] == "open"] == []
    assert [lot for lot in wallet.rows("lots") if lot["expires_at"] is not None and lot["remaining"]] == []
    assert sum(lot["held"] for lot in wallet.rows("lots")) == 0
    wallet.check()


@pytest.fixture
def placed(plan_for):
    """Makes a plan that holds gems."""

    def make(customer_id, amount, hold_id="hold_1", *, until=NOW + 1):
        plan = plan_for(customer_id)
        plan.add(PlaceHold(hold_id, customer_id, "gems", amount, until, "test"))
        return plan

    return make


@pytest.fixture
def captured(plan_for):
    """Makes a plan that captures a hold."""

    def make(customer_id, amount=None, hold_id="hold_1"):
        plan = plan_for(customer_id)
        plan.entry("hold.captured", about=hold_id, anchor=customer_id)
        plan.add(CaptureHold("entry", hold_id, customer_id, "gems", sink("gems"), amount))
        return plan

    return make


async def test_pins_and_captures_follow_the_order_of_a_spend(books, plan_for, placed, captured):
    for name, terms in {
        "late": LotTerms(source="late", expires_at=NOW + 9_000),
        "soon": LotTerms(source="soon", expires_at=NOW + 1_000),
        "kept": LotTerms(source="kept"),
    }.items():
        plan = plan_for(ADA)
        plan.entry("gift", about=name, anchor=ADA)
        plan.add(Deposit("entry", ADA, "gems", 10, issuance("gems"), terms))
        await books.commit(plan)

    await books.commit(placed(ADA, 25, until=NOW + 500))
    assert books.query("SELECT source, held FROM lots ORDER BY source") == [("kept", 5), ("late", 10), ("soon", 10)]

    outcome = await books.commit(captured(ADA, 12))
    left = books.query("SELECT source, remaining, held FROM lots ORDER BY source")
    assert left == [("kept", 10, 0), ("late", 8, 0), ("soon", 0, 0)]
    assert [amount for _, amount in outcome.results["lots:spend"]] == [10, 2]


async def test_a_hold_placed_captured_and_spent_around_in_one_batch(books, credit, spend, placed, captured):
    plans = [credit(ADA, 100), placed(ADA, 60), spend(ADA, 40), spend(ADA, 1), captured(ADA, 50), spend(ADA, 10)]
    results = await asyncio.gather(*(books.commit(plan) for plan in plans), return_exceptions=True)

    assert [type(result).__name__ for result in results] == [
        "Outcome", "Outcome", "Outcome", "InsufficientFunds", "Outcome", "Outcome",
    ]  # fmt: skip
    wallets = [result.changed[ADA]["wallets"]["gems"] for result in results if not isinstance(result, Exception)]
    assert [(wallet["balance"], wallet["available"], wallet["held"]) for wallet in wallets] == [
        (100, 100, 0), (100, 40, 60), (60, 0, 60), (10, 10, 0), (0, 0, 0),
    ]  # fmt: skip


async def test_a_hold_is_nobody_elses(books, credit, placed, captured):
    await books.commit(credit(ADA, 100))
    await books.commit(credit(BOB, 100))
    await books.commit(placed(ADA, 60))
    with pytest.raises(NotFound):
        await books.commit(captured(BOB))
    with pytest.raises(InsufficientFunds):
        await books.commit(placed(ADA, 41, "hold_2"))
    await books.commit(captured(ADA))
    with pytest.raises(HoldNotOpen) as over:
        await books.commit(captured(ADA))
    assert over.value.facts == {"state": "captured", "captured": 60}
