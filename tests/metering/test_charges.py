"""What usage costs: tables worked out by hand, and properties against a naive reckoning with fractions."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storefront.core.commit.usage_steps import half_even
from storefront.core.config.model_usage import (
    MICRO,
    PICO,
    Charge,
    ChargeMode,
    ChargeModel,
    Tier,
    read_decimal,
    show_decimal,
)
from storefront.core.metered import affordable

TIERS = (Tier(10 * MICRO, read_decimal("1")), Tier(20 * MICRO, read_decimal("0.5"), read_decimal("3")),
         Tier(None, read_decimal("0.25")))  # fmt: skip


def charge(model, **more):
    return Charge("f", "m", ChargeMode.POSTPAID, "USD", ChargeModel(model), **more)


@pytest.mark.parametrize(
    ("made", "quantity", "cost"),
    [
        (charge("per_unit", price=read_decimal("0.05")), "0", "0"),
        (charge("per_unit", price=read_decimal("0.05")), "1", "0.05"),
        (charge("per_unit", price=read_decimal("0.05")), "100000", "5000"),
        (charge("per_unit", price=read_decimal("0.000001")), "0.000001", "0.000000000001"),
        (charge("per_unit", price=read_decimal("2"), included=10 * MICRO), "10", "0"),
        (charge("per_unit", price=read_decimal("2"), included=10 * MICRO), "10.5", "1"),
        (charge("graduated", tiers=TIERS), "10", "10"),
        (charge("graduated", tiers=TIERS), "11", "13.5"),
        (charge("graduated", tiers=TIERS), "20", "18"),
        (charge("graduated", tiers=TIERS), "20.000001", "18.00000025"),
        (charge("graduated", tiers=TIERS), "24", "19"),
        (charge("volume", tiers=TIERS), "0", "0"),
        (charge("volume", tiers=TIERS), "10", "10"),
        (charge("volume", tiers=TIERS), "10.000001", "8.0000005"),
        (charge("volume", tiers=TIERS), "20", "13"),
        (charge("volume", tiers=TIERS), "40", "10"),
        (charge("package", price=read_decimal("9.99"), package=100 * MICRO), "0", "0"),
        (charge("package", price=read_decimal("9.99"), package=100 * MICRO), "1", "9.99"),
        (charge("package", price=read_decimal("9.99"), package=100 * MICRO), "100", "9.99"),
        (charge("package", price=read_decimal("9.99"), package=100 * MICRO), "100.000001", "19.98"),
    ],
)
def test_a_quantity_costs_what_was_worked_out_by_hand(made, quantity, cost):
    assert show_decimal(made.cost(read_decimal(quantity)), 12) == cost


decimals = st.integers(0, 10**9)
tiers = st.lists(st.tuples(st.integers(1, 10**12), decimals, decimals), max_size=5)


@given(tiers, decimals, decimals, st.integers(0, 10**14), st.integers(0, 10**13))
def test_tiers_cost_what_a_naive_reckoning_says(steps, price, flat, quantity, included):
    ends, below = [], 0
    for width, one, fee in steps:
        below += width
        ends.append(Tier(below, one, fee))
    listed = (*ends, Tier(None, price, flat))
    billable = Fraction(max(0, quantity - included), MICRO)

    graduated, start = Fraction(0), Fraction(0)
    for tier in listed:
        end = billable if tier.up_to is None else min(billable, Fraction(tier.up_to, MICRO))
        if billable > start:
            graduated += (end - start) * Fraction(tier.price, MICRO) + Fraction(tier.flat, MICRO)
            start = end
    reached = next(tier for tier in listed if tier.up_to is None or billable <= Fraction(tier.up_to, MICRO))
    volume = billable * Fraction(reached.price, MICRO) + Fraction(reached.flat, MICRO) if billable else Fraction(0)

    made = charge("graduated", tiers=listed, included=included)
    assert Fraction(made.cost(quantity), PICO) == graduated
    assert Fraction(charge("volume", tiers=listed, included=included).cost(quantity), PICO) == volume


@given(decimals, st.integers(1, 10**9), st.integers(0, 10**14))
def test_packages_are_bought_whole(price, package, quantity):
    made = charge("package", price=price, package=package * MICRO)
    bought = made.cost(quantity) // (price * MICRO) if price else 0

    assert price == 0 or (bought - 1) * package * MICRO < quantity <= bought * package * MICRO


@given(st.integers(1, 10**9), st.integers(0, 10**13), st.integers(0, 10**24))
def test_what_is_left_can_be_paid_and_one_more_cannot(price, quantity, funds):
    made = charge("per_unit", price=price)
    left = affordable(made, quantity, funds)

    assert made.cost(quantity + left * MICRO) - made.cost(quantity) <= funds
    assert left == 2**53 - 1 or made.cost(quantity + (left + 1) * MICRO) - made.cost(quantity) > funds


@given(st.integers(-(10**30), 10**30))
def test_lines_round_halves_to_the_even_unit(cost):
    assert half_even(cost) == round(Fraction(cost, PICO))
