"""Estimates against published numbers and numbers worked out by hand."""

import pytest

from storefront.core.operating.estimating import (
    Sample,
    chi_square_above,
    mean_difference,
    needed_per_variant,
    rate,
    rate_difference,
    shares_mismatch,
    student_quantile,
)


def test_a_rate_has_wilsons_interval():
    """81 of 263: 0.2553 to 0.3662 (Newcombe, Statistics in Medicine 17, 857-872, table I)."""
    found = rate(81, 263)
    assert (round(found.estimate, 4), round(found.low, 4), round(found.high, 4)) == (0.308, 0.2553, 0.3662)
    assert (round(rate(0, 20).low, 9), round(rate(0, 20).high, 4)) == (0.0, 0.1611)
    assert rate(0, 0) is None


@pytest.mark.parametrize(
    ("ours", "base", "low", "high"),
    [((56, 70), (48, 80), 0.0524, 0.3339), ((9, 10), (3, 10), 0.1705, 0.8090), ((10, 10), (0, 10), 0.6075, 1.0)],
)
def test_a_difference_of_rates_has_newcombes_interval(ours, base, low, high):
    """Newcombe, Statistics in Medicine 17, 873-890, table II, method 10: contrasts a, b and h."""
    found = rate_difference(*ours, *base)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


def test_a_difference_of_means_has_welchs_interval():
    """By hand: 2, 4, 6 against 1, 2, 3, 4: variances 4 and 5/3, error² 4/3 + 5/12 = 1.75, df 3.2347."""
    found = mean_difference(Sample(3, 12, 56), Sample(4, 10, 30))
    assert found.estimate == 1.5
    # The quantile of 3.2347 degrees of freedom lies between 3.182 (3) and 2.776 (4); times the error, 1.32288.
    assert 1.5 + 2.776 * 1.32288 < found.high < 1.5 + 3.182 * 1.32288
    assert found.low == pytest.approx(3.0 - found.high)
    # 15 values each: t(24.99) = 2.0596 and the error is 0.88241 (means 20.82 and 22.987).
    ours, base = Sample(15, 312.3, 6612.23), Sample(15, 344.8, 7979.18)
    known = mean_difference(ours, base)
    assert [round(value, 3) for value in (known.low, known.estimate, known.high)] == [-3.984, -2.167, -0.349]
    assert mean_difference(Sample(1, 5, 25), Sample(4, 10, 30)) is None
    assert mean_difference(Sample(3, 0, 0), Sample(4, 0, 0)) is None


def test_tables_of_student_and_chi_square_are_met():
    assert [round(student_quantile(0.975, n), 3) for n in (1, 2, 10, 30, 100)] == [12.706, 4.303, 2.228, 2.042, 1.984]
    assert round(chi_square_above(3.841, 1), 4) == 0.05
    assert round(chi_square_above(18.307, 10), 4) == 0.05
    assert chi_square_above(10.828, 1) == pytest.approx(0.001, abs=1e-6)
    assert chi_square_above(100, 1) == pytest.approx(1.5239706e-23, rel=1e-6)
    assert chi_square_above(0, 3) == 1.0


def test_shares_that_are_not_what_the_weights_say_are_unlikely():
    assert shares_mismatch([60, 40], [50, 50]) == pytest.approx(0.0455, abs=1e-4)
    assert shares_mismatch([500, 500], [50, 50]) == 1.0
    assert shares_mismatch([9000, 10000], [50, 50]) < 1e-12
    assert shares_mismatch([10, 0], [100, 0]) is None


def test_how_many_customers_are_needed_goes_by_lehrs_rule():
    """16 × 0.05 × 0.95 / 0.01² = 7600."""
    assert needed_per_variant(0.05, 0.2) == 7600
    assert needed_per_variant(0.0, 0.2) is None
