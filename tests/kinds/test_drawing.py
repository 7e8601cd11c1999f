"""Draws: fair to the table, by a test that sees a table that is off by one percentage point; the same for strangers."""

import os
import random
from fractions import Fraction
from itertools import count

import pytest
from storefront_microtransactions.chi_square import p_value, survival
from storefront_microtransactions.drawing import Run, Table, draw, pick

OPENINGS = 100_000
WEIGHTS = (60, 25, 10, 4, 1)
OFF_BY_ONE_POINT = (59, 25, 10, 4, 2)


@pytest.fixture(scope="module")
def seed():
    """What the seeds of the openings are made from; the environment may give it."""
    return int(os.environ.get("STOREFRONT_SEED", random.SystemRandom().randrange(2**32)))


@pytest.fixture(scope="module")
def drawn(seed):
    """What 100,000 openings of one table gave, by drop."""
    source = random.Random(seed)
    table = Table(WEIGHTS, tuple(map(str, WEIGHTS)))
    counts = [0] * len(WEIGHTS)
    for _ in range(OPENINGS):
        found, _ = draw(source.randbytes(32), "client", source.randrange(1, 1000), table, Run())
        counts[found[0].drop] += 1
    return counts


def test_100_000_openings_match_the_published_odds(drawn, seed, record_property):
    p = p_value(drawn, WEIGHTS)
    record_property("played", f"{OPENINGS} openings with STOREFRONT_SEED={seed}: p = {p:.4f}")
    assert sum(drawn) == OPENINGS
    assert p > 0.001


def test_a_table_that_is_off_by_one_percentage_point_is_seen(drawn):
    assert p_value(drawn, OFF_BY_ONE_POINT) < 1e-6


def test_numbers_that_would_favour_a_drop_are_thrown_away():
    assert pick(iter([2**32 - 1, 5]), [1, 2]) == 1  # 2^32 mod 3 is 1: the last number is one too many
    assert [pick(iter([x]), [1, 2]) for x in (0, 1, 2, 2**32 - 2)] == [0, 1, 1, 1]
    assert pick(count(2**32 - 2), [1, 1, 2]) == 2


def test_a_drop_that_came_up_often_enough_is_left_out():
    table = Table((999, 1), ("common", "rare"), draws=9, max_repeats=2)
    found, run = draw(b"\1" * 32, "", 1, table, Run("common", 1))
    assert [one.drop for one in found[:4]] == [0, 1, 0, 0]
    assert [one.left_out for one in found[:5]] == [None, 0, None, None, 0]
    assert run.times <= 2


@pytest.mark.parametrize(
    ("statistic", "degrees", "chance"),
    [(3.841458820694124, 1, 0.05), (5.991464547107979, 2, 0.05), (18.307038053275146, 10, 0.05),
     (40.0, 10, 1.694474315e-05), (100.0, 5, 5.285148e-20), (0.5, 4, 0.973500979)],
)  # fmt: skip
def test_the_survival_function_is_the_one_of_the_tables(statistic, degrees, chance):
    assert survival(statistic, degrees) == pytest.approx(chance, rel=1e-5)


def test_cells_of_which_too_few_are_expected_are_put_together():
    assert p_value([10, 0, 0], [1_000_000, 1, 1]) == 1.0
    assert p_value([90, 10, 0], [90, 9, 1]) == pytest.approx(p_value([90, 10], [90, 10]))


def test_chances_are_exact_fractions():
    from storefront_microtransactions.containers import percent

    assert str(Fraction(60, 100)) == "3/5"
    assert [percent(3, 50), percent(1, 3), percent(2, 3), percent(1, 1)] == ["6", "33.333333", "66.666667", "100"]
