"""Periods from an anchor: month ends, leap days, years, and that they tile whatever the anchor."""

import random
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from storefront_subscriptions.intervals import Interval, NoSuchPeriod, period, period_at

SEED = random.SystemRandom().randrange(10**9)
ZONES = (
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Africa/Casablanca",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
)


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def days(anchor: str, interval: str, count: int) -> list[str]:
    """Return the first days of the first periods."""
    starts = [period(ms(anchor), Interval.parse(interval), n).start for n in range(count)]
    return [datetime.fromtimestamp(start / 1000, UTC).strftime("%y-%m-%d") for start in starts]


@pytest.mark.parametrize(
    ("anchor", "interval", "expected"),
    [
        ("2027-01-31", "month", ["27-01-31", "27-02-28", "27-03-31", "27-04-30", "27-05-31"]),
        ("2028-01-31", "month", ["28-01-31", "28-02-29", "28-03-31"]),
        ("2027-01-30", "month", ["27-01-30", "27-02-28", "27-03-30"]),
        ("2028-02-29", "year", ["28-02-29", "29-02-28", "30-02-28", "31-02-28", "32-02-29"]),
        ("2027-10-31", "3 months", ["27-10-31", "28-01-31", "28-04-30", "28-07-31"]),
        ("2028-02-28", "day", ["28-02-28", "28-02-29", "28-03-01"]),
        ("2027-12-27", "2 weeks", ["27-12-27", "28-01-10", "28-01-24"]),
        ("2038-01-18", "day", ["38-01-18", "38-01-19", "38-01-20"]),
    ],
)
def test_a_period_begins_on_the_anchors_day_or_the_last_that_there_is(anchor, interval, expected):
    assert days(anchor, interval, len(expected)) == expected


def test_periods_of_5000_anchors_tile_keep_their_time_of_day_and_are_found_again():
    chance = random.Random(SEED)
    for case in range(5_000):
        zone = ZoneInfo(chance.choice(ZONES))
        local = datetime(chance.randrange(2024, 2040), chance.randrange(1, 13), chance.randrange(28, 29), tzinfo=zone)
        local = local.replace(hour=chance.randrange(24), minute=chance.randrange(60))
        anchor = int(local.timestamp()) * 1000 + chance.randrange(1000)
        anchor += chance.randrange(4) * 86_400_000  # the 28th to the 31st
        interval = Interval(chance.choice(("day", "week", "month", "year")), chance.randrange(1, 13))
        n = chance.randrange(48)
        here, after = period(anchor, interval, n), period(anchor, interval, n + 1)
        told = f"seed {SEED}, case {case}: {anchor} {interval} {n}"
        assert here.end == after.start, told
        assert here.start < here.end, told
        assert here.start % 86_400_000 == anchor % 86_400_000, told
        # Shown in any zone, the end of one period is the beginning of the next, also where a day or hour is missing.
        shown = [datetime.fromtimestamp(instant / 1000, zone).isoformat() for instant in (here.end, after.start)]
        assert shown[0] == shown[1], told
        instant = chance.randrange(here.start, here.end)
        assert period_at(anchor, interval, instant) == here, told
        assert period_at(anchor, interval, here.end) == after, told


def test_the_end_of_time_is_an_error_of_its_own():
    with pytest.raises(NoSuchPeriod):
        period(ms("2027-01-01"), Interval("year", 1), 7_973)
    with pytest.raises(NoSuchPeriod):
        period(ms("2027-01-01"), Interval("day", 999), 99_999)


@pytest.mark.parametrize(
    "text", ["", "months", "0 months", "1.5 months", "-1 days", "3 month", "month month", "fortnight"]
)
def test_what_is_no_interval_is_told_what_would_be_one(text):
    with pytest.raises(ValueError, match="3 months"):
        Interval.parse(text)
