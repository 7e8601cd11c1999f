"""Renewals and time: anchors at month ends, a server that was down for 40 days, a clock that jumps back."""

from calendar import monthrange
from datetime import UTC, datetime, timedelta

from .subscribing import begin, invoices, may, see

DAY = 86_400


def now_of(club) -> datetime:
    return datetime.fromtimestamp(club.parts.services.clock.now() / 1000, UTC)


async def go_to(club, moment: datetime) -> None:
    """Let the machine's clock move on and do what is due."""
    club.wall.move(round((moment - now_of(club)).total_seconds()))
    club.parts.jobs.wake()
    await club.quiet()


def month_days(anchor: datetime, count: int) -> list[str]:
    """Return the day of the anchor's month in this many months, or the last that each has, reckoned anew."""
    found = []
    for number in range(count):
        year, month = anchor.year + (anchor.month - 1 + number) // 12, (anchor.month - 1 + number) % 12 + 1
        found.append(f"{year}-{month:02d}-{min(anchor.day, monthrange(year, month)[1]):02d}")
    return found


async def test_anchors_at_the_end_of_january_renew_on_their_day_or_the_last_of_the_month(club):
    year = now_of(club).year + 1
    anchors = {}
    for day in (28, 29, 30, 31):
        await go_to(club, datetime(year, 1, day, 12, tzinfo=UTC))
        answer = await begin(club, "free", customer=f"born-{day}")
        anchors[f"born-{day}"] = (answer.json["details"]["subscription"], now_of(club))
    await go_to(club, datetime(year + 1, 3, 15, tzinfo=UTC))
    for customer, (subscription, anchor) in anchors.items():
        found = await invoices(club, subscription, customer=customer)
        starts = [one["period_start"][:10] for one in reversed(found)]
        assert starts == month_days(anchor, 14)


async def test_a_server_that_was_down_for_40_days_asks_for_each_missed_period_once_in_order(club):
    answer = await begin(club, "free")
    subscription = answer.json["details"]["subscription"]
    await club.stop()
    club.wall.move(70 * DAY)
    await club.start()
    await club.quiet()
    found = await invoices(club, subscription)
    assert [one["period"] for one in found] == [2, 1, 0]
    ends = [one["period_end"] for one in found]
    assert [one["period_start"] for one in found[:-1]] == ends[1:]
    renewals = club.query("SELECT COUNT(*) AS n FROM events WHERE type = 'subscription.renewed'")
    assert renewals[0]["n"] == 2
    assert await may(club, "talk")


async def test_a_clock_that_jumps_back_two_days_asks_for_nothing_twice(club):
    subscription = (await begin(club, "free")).json["details"]["subscription"]
    await go_to(club, now_of(club) + timedelta(days=32))
    assert len(await invoices(club, subscription)) == 2
    await go_to(club, now_of(club) - timedelta(days=2))
    await go_to(club, now_of(club) + timedelta(days=3))
    assert len(await invoices(club, subscription)) == 2
    assert (await see(club, subscription))["billing_state"] == "active"
