"""What a slot of credits is worth, for any tiers within it: the exact shares of time, never more than the richest."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from storefront_subscriptions.credits import Clock, Included, Piece, RollOver, worth
from storefront_subscriptions.intervals import Interval, period

CLOCK = Clock("gems", "30 days")
SLOT = period(0, Interval.parse(CLOCK.every), 2)
INSIDE = st.integers(SLOT.start + 1, SLOT.end - 1)


def piece(start: int, amount: int, end: int = SLOT.end) -> Piece:
    included = {CLOCK: Included(amount, None)} if amount else {}
    return Piece(start, end, 1, included, "pur", "sbi", is_free=False)


@given(
    st.integers(0, 10**9), st.lists(st.tuples(INSIDE, st.integers(0, 10**9)), max_size=12, unique_by=lambda one: one[0])
)
def test_a_slot_is_worth_its_tiers_shares_of_time_rounded_down_and_no_more_than_the_richest(first, changes):
    told = [(0, first), *sorted(changes)]
    found, _ = worth(SLOT, CLOCK, [piece(*one) for one in told])
    starts = [max(SLOT.start, start) for start, _ in told]
    shares = zip(starts, [*starts[1:], SLOT.end], told, strict=True)
    exact = sum(Fraction(amount * (end - start), SLOT.total) for start, end, (_, amount) in shares)
    assert exact - len(told) < found <= exact <= max(amount for _, amount in told)


@given(st.lists(INSIDE, min_size=1, max_size=12, unique=True))
def test_changes_that_grant_the_same_lose_nothing_to_rounding(instants):
    assert worth(SLOT, CLOCK, [piece(0, 7), *(piece(one, 7) for one in sorted(instants))])[0] == 7


def test_a_slot_whose_beginning_nobody_paid_for_is_worth_nothing():
    assert worth(SLOT, CLOCK, [piece(0, 300, end=SLOT.start)]) == (0, None)


@given(
    st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(1, 10**6), st.integers(1, 10**6)
)
def test_what_rolls_over_keeps_within_its_bounds(left, granted, least, most, ceiling):
    rolled = RollOver(least, most, ceiling).rolled(left, granted)
    assert 0 <= rolled <= min(left, most)
    assert rolled == 0 or (left >= least and rolled + granted <= ceiling)
    assert RollOver().rolled(left, granted) == left
