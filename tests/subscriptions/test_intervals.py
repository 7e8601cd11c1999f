"""Billing periods: 5,000 cases of anchors, leap days, zones and clocks, and the dates that people know by heart."""

import random
from calendar import monthrange
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from storefront_subscriptions.intervals import BadInterval, BeyondCalendar, Interval, period, period_at

DAY = 86_400_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ZONES = ("UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca")
INTERVALS = ("day", "45 days", "week", "2 weeks", "month", "3 months", "6 months", "year", "2 years", "5 months")


def ms(text: str, zone: str = "UTC") -> int:
    return (datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)) - EPOCH) // timedelta(milliseconds=1)


def starts(anchor: str, interval: str, count: int) -> list[str]:
    found = (period(ms(anchor), Interval.parse(interval), n).start for n in range(count))
    return [(EPOCH + timedelta(milliseconds=start)).strftime("%Y-%m-%d") for start in found]


def cases():
    """5,000 anchors: days 28 to 31 of 48 months at odd times, as six zones' clocks show them, by ten intervals."""
    chance = random.Random(11)
    for number in range(5_000):
        year, month = divmod(number // 4 % 48, 12)
        day = min(28 + number % 4, monthrange(2027 + year, month + 1)[1])
        time = f"{chance.randrange(24):02}:{chance.randrange(60):02}:59.{chance.randrange(1000):03}"
        zone = chance.choice(ZONES)
        yield ms(f"{2027 + year}-{month + 1:02}-{day:02}T{time}", zone), Interval.parse(chance.choice(INTERVALS)), zone


def test_periods_tile_the_time_line_over_5000_anchors():
    for anchor, interval, _ in cases():
        tiles = [period(anchor, interval, n) for n in range(-3, 27)]
        assert (tiles[3].n, tiles[3].start) == (0, anchor)
        assert all(before.end == after.start for before, after in pairwise(tiles)), (anchor, interval)
        assert all(tile.total > 0 and tile.start % DAY == anchor % DAY for tile in tiles)


def test_each_instant_lies_in_the_period_that_is_found_for_it_over_5000_anchors():
    for anchor, interval, _ in cases():
        for n in (0, 1, 13, 47):
            tile = period(anchor, interval, n)
            for instant in (tile.start, tile.start + tile.total // 2, tile.end - 1):
                assert period_at(anchor, interval, instant) == tile
            assert period_at(anchor, interval, tile.end).n == n + 1


def test_a_monthly_anchor_keeps_its_day_wherever_the_month_has_it_over_5000_anchors():
    for anchor, _, _ in cases():
        first = EPOCH + timedelta(milliseconds=anchor)
        for n in range(1, 49):
            start = EPOCH + timedelta(milliseconds=period(anchor, Interval("month"), n).start)
            assert (start.year * 12 + start.month) - (first.year * 12 + first.month) == n
            assert start.day == first.day or (start.day < first.day and (start + timedelta(days=1)).day == 1)


def test_zones_only_show_periods_and_never_move_them():
    for anchor, interval, zone in cases():
        tile = period(anchor, interval, 7)
        shown = [(EPOCH + timedelta(milliseconds=at)).astimezone(ZoneInfo(zone)) for at in (tile.start, tile.end)]
        assert [(at - EPOCH) // timedelta(milliseconds=1) for at in shown] == [tile.start, tile.end]


def test_a_server_down_for_40_days_finds_every_period_once_and_in_order():
    for anchor, interval, _ in cases():
        stopped = period_at(anchor, interval, anchor + 100 * DAY)
        now = period_at(anchor, interval, anchor + 140 * DAY)
        missed = [period(anchor, interval, n) for n in range(stopped.n + 1, now.n + 1)]
        assert [tile.start for tile in missed] == [tile.end for tile in (stopped, *missed)][:-1]
        assert (stopped, *missed)[-1] == now


def test_a_clock_that_jumps_back_two_days_finds_an_older_period_or_the_same_but_no_other_line():
    for anchor, interval, _ in cases():
        after, before = (period_at(anchor, interval, anchor + 100 * DAY - back) for back in (0, 2 * DAY))
        assert before.n <= after.n
        assert period(anchor, interval, after.n) == after
        assert period_at(anchor, interval, anchor - 2 * DAY).n < 0


@pytest.mark.parametrize(
    ("anchor", "interval", "expected"),
    [
        ("2027-01-31", "month", ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31"]),
        ("2028-01-31", "month", ["2028-01-31", "2028-02-29", "2028-03-31", "2028-04-30", "2028-05-31"]),
        ("2027-01-30", "month", ["2027-01-30", "2027-02-28", "2027-03-30"]),
        ("2028-01-29", "month", ["2028-01-29", "2028-02-29", "2028-03-29"]),
        ("2027-11-30", "3 months", ["2027-11-30", "2028-02-29", "2028-05-30", "2028-08-30"]),
        ("2028-02-29", "year", ["2028-02-29", "2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]),
        ("2096-02-29", "4 years", ["2096-02-29", "2100-02-28", "2104-02-29"]),
        ("2028-02-22", "week", ["2028-02-22", "2028-02-29", "2028-03-07"]),
        ("2027-12-31", "45 days", ["2027-12-31", "2028-02-14", "2028-03-30"]),
        ("2037-12-19", "month", ["2037-12-19", "2038-01-19", "2038-02-19"]),
    ],
)
def test_known_dates(anchor, interval, expected):
    assert starts(anchor, interval, len(expected)) == expected


def test_the_day_that_apia_skipped_is_a_day_of_periods_like_any_other():
    daily = Interval("day")
    tile = period_at(ms("2011-12-28T12:00", "UTC"), daily, ms("2011-12-30T11:59:59.999"))
    assert (tile.n, tile.start, tile.total) == (1, ms("2011-12-29T12:00"), 86_400_000)


def test_an_anchors_milliseconds_are_kept():
    assert period(ms("2027-01-31T23:59:59.999"), Interval("month"), 1).start == ms("2027-02-28T23:59:59.999")


def test_the_calendar_ends_with_the_year_9999():
    assert period(ms("9999-11-30"), Interval("month"), 0).end == ms("9999-12-30")
    with pytest.raises(BeyondCalendar):
        period(ms("9999-12-01"), Interval("month"), 0)
    for interval in ("day", "week", "month", "year"):
        for n in (10**12, -(10**12)):
            with pytest.raises(BeyondCalendar):
                period(0, Interval.parse(interval), n)
    with pytest.raises(BeyondCalendar):
        period_at(0, Interval("month"), 10**18)


@pytest.mark.parametrize("text", ["day", "week", "month", "year", "3 months", "2 weeks", "999 days", "10 years"])
def test_an_interval_is_written_as_it_is_read(text):
    assert str(Interval.parse(text)) == text


@pytest.mark.parametrize(
    "text", ["", "1m", "months", "1 month", "0 days", "3 month", "03 days", "1000 days", "-2 days", "Month", "month\n"]
)
def test_another_form_is_refused_with_the_form_that_is_meant(text):
    with pytest.raises(BadInterval, match="2 weeks, 3 months"):
        Interval.parse(text)


@pytest.mark.parametrize(("unit", "count"), [("hour", 1), ("day", 0), ("day", 1000)])
def test_an_interval_out_of_range_cannot_be_made(unit, count):
    with pytest.raises(BadInterval):
        Interval(unit, count)
