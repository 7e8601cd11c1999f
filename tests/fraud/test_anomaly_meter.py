"""The meter tampering score: usage that is unlike itself is seen, what explains itself is not."""

from math import cos, pi
from random import Random

import pytest
from storefront_fraud.anomaly import MeterProfile, Reading, Week

HOUR = 3_600_000
WEEK = 168
MONDAY = 1_767_571_200_000


class Meter:
    """One customer whose usage has a course of the day and noise; ``share`` is what of it is reported."""

    def __init__(self, seed: int = 1) -> None:
        self.random = Random(seed)
        self.profile = MeterProfile()
        self.shared = Week()
        self.hour = 0

    def run(self, weeks: float, *, share: float = 1.0, used: float = 1.0, is_beside: bool = True) -> list[float]:
        scores = []
        for _ in range(int(weeks * WEEK)):
            true = 200 * used * (2 + cos(self.hour * pi / 12)) * self.random.lognormvariate(0, 0.2)
            beside = true * self.random.lognormvariate(0, 0.2) if is_beside else None
            reading = Reading(MONDAY + self.hour * HOUR, int(share * true), beside)
            scores.append(self.profile.judge(reading, self.shared).value or 0.0)
            self.hour += 1
        return scores


@pytest.mark.parametrize("is_beside", [True, False])
def test_half_of_the_usage_missing_is_seen_within_two_days_and_stays_seen(is_beside: bool) -> None:
    meter = Meter()
    quiet = meter.run(10, is_beside=is_beside)

    loud = meter.run(4, share=0.5, is_beside=is_beside)

    assert max(quiet) < 0.9
    assert max(loud[:48]) == 1.0
    assert min(loud[48:]) == 1.0


def test_it_says_how_much_is_missing_and_against_what() -> None:
    meter = Meter()
    meter.run(10)
    meter.run(3, share=0.4)

    score = meter.profile.judge(Reading(MONDAY + meter.hour * HOUR, 80, 600.0), meter.shared)

    assert [one.feature for one in score.reasons] == ["under_reported"]
    assert score.reasons[0].says.endswith("% less than expected by what was counted beside it")
    percent = int(score.reasons[0].says.split()[2])
    assert 40 <= percent <= 75


def test_a_quiet_week_explains_itself_by_what_is_counted_beside_it_and_not_without() -> None:
    beside, alone = Meter(), Meter()
    beside.run(10)
    alone.run(10, is_beside=False)

    assert max(beside.run(1, used=0.1)) < 0.9
    assert max(alone.run(1, used=0.1, is_beside=False)) == 1.0


def test_more_than_usual_is_seen_too() -> None:
    meter = Meter()
    meter.run(10)
    assert max(meter.run(1, share=2.0)) == 1.0
    score = meter.profile.judge(Reading(MONDAY + meter.hour * HOUR, 1200, 600.0), meter.shared)
    assert [one.feature for one in score.reasons] == ["over_reported"]


def test_usage_that_grows_slowly_stays_like_itself() -> None:
    meter = Meter()
    meter.run(8, is_beside=False)

    scores = [one for week in range(30) for one in meter.run(1, used=1.015**week, is_beside=False)]

    assert max(scores) < 0.9


def test_nothing_is_said_for_two_weeks_and_one_wild_hour_means_little() -> None:
    meter = Meter()
    assert meter.profile.judge(Reading(MONDAY, 100, 100.0), meter.shared).value is None
    meter.hour = 1
    meter.run(10)

    wild = meter.profile.judge(Reading(MONDAY + meter.hour * HOUR, 10**9, 100.0), meter.shared)

    assert wild.value is not None
    assert wild.value < 0.6
    assert max(meter.run(1)) < 0.9


def test_a_stored_profile_goes_on_as_it_was_and_is_small() -> None:
    meter = Meter()
    meter.run(12)
    row = meter.profile.row()
    stored = MeterProfile.of_row(row)

    assert stored.row() == row
    assert len(row) < 1500
    reading = Reading(MONDAY + meter.hour * HOUR, 300, 300.0)
    kept = meter.profile.judge(reading, meter.shared).value
    assert stored.judge(reading, meter.shared).value == pytest.approx(kept, abs=0.01)
