"""Properties of ``apply_plan``, in memory: whatever plans come, no money appears, vanishes or is owed."""

import copy
import itertools
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from storefront.core.accounts import clearing, issuance, revenue, sink, unapplied
from storefront.core.commit.apply import apply_plan
from storefront.core.commit.outcome import Moment, Stale
from storefront.core.commit.plan import (
    Change,
    Deposit,
    GrantItem,
    Group,
    LotTerms,
    Plan,
    Spend,
    TakeItem,
    Transfer,
)
from storefront.core.commit.state import State
from storefront.core.errors import Refused

CUSTOMERS = ("cus_ada", "cus_bob")
CLEARING = clearing("sandbox", "USD")
customers = st.sampled_from(CUSTOMERS)
assets = st.sampled_from(["gems", "coins"])
amounts = st.integers(1, 40)
terms = st.builds(
    LotTerms,
    source=st.sampled_from(["purchased", "granted"]),
    payment=st.sampled_from([None, "pay_1", "pay_2"]),
    priority=st.integers(1, 3),
    expires_at=st.sampled_from([None, 900, 1_000, 2_000]),
)
deposits = st.builds(
    lambda customer, asset, amount, terms: Deposit("entry", customer, asset, amount, issuance(asset), terms),
    customers, assets, amounts, terms,
)  # fmt: skip
spends = st.builds(
    lambda customer, asset, amount: Spend("entry", customer, asset, amount, sink(asset)), customers, assets, amounts
)
receipts = st.builds(
    lambda customer, amount: Transfer("entry", CLEARING, unapplied(customer, "USD"), amount, customer),
    customers, amounts,
)  # fmt: skip
revenues = st.builds(
    lambda customer, amount: Transfer("entry", unapplied(customer, "USD"), revenue("USD"), amount, customer),
    customers, amounts,
)  # fmt: skip
gifts = st.builds(lambda customer, n: GrantItem(customer, "potion", n, "test", at_most=9), customers, st.integers(1, 4))
uses = st.builds(lambda customer, n: TakeItem(customer, "potion", n, "test"), customers, st.integers(1, 4))
turns = st.builds(
    lambda expected: Change("counters", ("turn",), CUSTOMERS[0], {"value": expected}, {"value": 1 - expected}),
    st.integers(0, 1),
)
steps = st.one_of(deposits, spends, receipts, revenues, gifts, uses, turns)


def plan_of(wanted: list, limit: int) -> Plan:
    plan = Plan(actor="test", anchors=set(CUSTOMERS))
    plan.entry("test", about="test", anchor=CUSTOMERS[0])
    plan.add(*wanted)
    plan.count("plans", anchor=CUSTOMERS[0], at_most=limit)
    return plan


def loaded(plans: list[Plan]) -> State:
    """An empty database, with everything loaded that the plans name."""
    state = State(anchors=dict.fromkeys(CUSTOMERS, (0, 0)))
    for read in (read for plan in plans for read in plan.reads()):
        if isinstance(read, Group):
            state.groups.setdefault((read.table, read.id), [])
        else:
            state.rows.setdefault((read.table, read.id), None)
    state.rows[("counters", ("turn",))] = {"key": "turn", "anchor": CUSTOMERS[0], "value": 0}
    return state


def moved(state: State) -> Counter[str]:
    """Sum up every account from the transfers alone."""
    totals: Counter[str] = Counter()
    for table, row in state.appended:
        if table == "transfers":
            totals[row["destination"]] += row["amount"]
            totals[row["source"]] -= row["amount"]
    return totals


def rows(state: State, table: str) -> list:
    return [row for (name, _), row in state.rows.items() if name == table and row is not None]


def check_books(state: State) -> None:
    totals = moved(state)
    for asset in ("gems", "coins", "USD"):
        assert sum(amount for account, amount in totals.items() if account.endswith(f":{asset}")) == 0
    for account in rows(state, "accounts"):
        assert account["balance"] >= 0
        assert account["balance"] == totals[account["id"]]
        if account["role"] == "wallet":
            lots = [lot for lot in rows(state, "lots") if lot["account"] == account["id"]]
            assert sum(lot["remaining"] for lot in lots) == account["balance"]
    drawn = Counter()
    for table, row in state.appended:
        if table == "draws":
            drawn[row["lot_id"]] += row["amount"]
    for lot in rows(state, "lots"):
        assert 0 <= lot["remaining"] == lot["amount"] - drawn[lot["id"]]
    for item in rows(state, "items"):
        entered = sum(
            row["quantity"]
            for table, row in state.appended
            if table == "item_movements" and row["customer_id"] == item["customer_id"]
        )
        assert 0 <= item["quantity"] == entered <= 9


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.lists(steps, max_size=6), st.integers(0, 8)), max_size=12))
def test_any_plans_conserve_money_and_a_refused_one_leaves_the_state_as_it_was(wanted):
    plans = [plan_of(steps, limit) for steps, limit in wanted]
    state = loaded(plans)
    numbers = itertools.count()
    moment = Moment(now=1_000, wall=1_000, commit_no=1, new_id=lambda prefix: f"{prefix}_{next(numbers):06}")
    for plan in plans:
        before = copy.deepcopy(state)
        try:
            apply_plan(state, plan, moment, {})
        except (Refused, Stale):
            assert state == before
        check_books(state)


@settings(max_examples=80, deadline=None)
@given(st.lists(deposits, min_size=1, max_size=8), st.integers(1, 200))
def test_a_spend_takes_exactly_its_amount_or_nothing_and_never_what_has_lapsed(given_lots, amount):
    plans = [plan_of([deposit], 99) for deposit in given_lots]
    plan = plan_of([Spend("entry", "cus_ada", "gems", amount, sink("gems"))], 99)
    state = loaded([*plans, plan])
    numbers = itertools.count()
    moment = Moment(now=1_000, wall=1_000, commit_no=1, new_id=lambda prefix: f"{prefix}_{next(numbers):06}")
    for deposit in plans:
        apply_plan(state, deposit, moment, {})
    ours = [d for d in given_lots if (d.customer_id, d.asset) == ("cus_ada", "gems")]
    spendable = sum(d.amount for d in ours if d.terms.expires_at is None or d.terms.expires_at > 1_000)

    try:
        apply_plan(state, plan, moment, {})
        is_spent = True
    except Refused:
        is_spent = False

    assert is_spent == (amount <= spendable)
    assert moved(state)["platform:sink:gems"] == (amount if is_spent else 0)
    check_books(state)
