"""Forty changes of tier computed by hand. A period here is 30 days; ``day`` is when the change comes."""

import pytest
from storefront_subscriptions.intervals import Period
from storefront_subscriptions.proration import OutsidePeriod, PaidSpan, change, opening, shrink

DAY = 86_400_000
MONTH = Period(0, 0, 30 * DAY)
YEAR = Period(0, 0, 365 * DAY)
WHOLE = Period(1, 0, 30 * DAY)


def lines(found):
    return [line.amount for line in found.lines]


ONCE = [  # paid for the month, day of the change, new price, lines
    (1000, 15, 2000, [-500, 1000]),  # half of each is left
    (1000, 10, 2000, [-667, 1333]),  # 2/3: 666.67 and 1333.33
    (1000, 20, 2000, [-333, 667]),  # 1/3: 333.33 and 666.67
    (1000, 0, 2000, [-1000, 2000]),  # at once: all of both
    (1000, 29, 3000, [-33, 100]),  # 1/30: 33.33 and 100
    (2000, 15, 1000, [-1000, 500]),  # down: 500 stays as credit
    (2000, 10, 500, [-1333, 333]),  # 2/3: 1333.33 and 333.33
    (1000, 15, 1000, [-500, 500]),  # lateral at one price
    (0, 15, 1000, [500]),  # free -> paid: nothing to credit
    (0, 20, 499, [166]),  # free -> paid, a third: 166.33
    (1000, 15, 0, [-500]),  # paid -> free: nothing to charge
    (999, 20, 0, [-333]),  # paid -> free, a third: 333 exactly
    (0, 15, 0, []),  # free -> free: no lines
    (999, 15, 0, [-500]),  # 499.5, half to even: 500
    (1001, 15, 0, [-500]),  # 500.5, half to even: 500
    (0, 15, 999, [500]),  # the same for a charge: 499.5 is 500
    (0, 15, 1001, [500]),  # the same for a charge: 500.5 is 500
    (1, 15, 3, [2]),  # 0.5 is 0 and left out; 1.5 is 2
    (1, 14, 2, [-1, 1]),  # 16/30 = 0.53 is 1; 1.07 is 1
    (500, 12, 1200, [-300, 720]),  # yen (no decimals), 18/30
    (980, 23, 1980, [-229, 462]),  # yen, 7/30: 228.67 and 462
    (4500, 7, 12750, [-3450, 9775]),  # dinar (fils, 3 decimals), 23/30
    (1995, 11, 4995, [-1264, 3164]),  # dinar, 19/30: 1263.5 is 1264; 3163.5 is 3164
    (750, 10, 2000, [-500, 1333]),  # 25 % off 1000 was paid: its 750 count
    (1000, 10, 1500, [-667, 1000]),  # 25 % off the new 2000
    (0, 10, 2000, [1333]),  # 100 % off: a free month credits nothing
]


@pytest.mark.parametrize(("paid", "day", "price", "expected"), ONCE)
def test_one_change(paid, day, price, expected):
    assert lines(change(opening(MONTH, paid), MONTH, day * DAY, price=price, mode="charge_now")) == expected


REFUNDED = [  # refunded of 1000, day, new price, lines
    (1000, 15, 2000, [1000]),  # all refunded: nothing to credit
    (1000, 0, 0, []),  # all refunded -> free
    (400, 15, 2000, [-300, 1000]),  # 600 were really paid: half
    (999, 10, 500, [-1, 333]),  # 1 was really paid: 0.67 is 1
]


@pytest.mark.parametrize(("refunded", "day", "price", "expected"), REFUNDED)
def test_a_refunded_period_credits_only_what_stayed_paid(refunded, day, price, expected):
    spans = (PaidSpan(0, 1000, 1000, refunded=refunded),)
    assert lines(change(spans, MONTH, day * DAY, price=price, mode="charge_now")) == expected


SEVERAL = [  # paid, changes (day, price), lines of each
    (1000, [(15, 2000), (15, 1000), (15, 2000)], [[-500, 1000], [-1000, 500], [-500, 1000]]),  # same day up, down, up
    (999, [(15, 1001), (15, 999)], [[-500, 500], [-500, 500]]),  # halves there and back: net 0
    (1000, [(10, 2000), (20, 1000)], [[-667, 1333], [-666, 333]]),  # 1333.33 were used in all: 1333 stay, so 666
    (1000, [(15, 0), (15, 1000)], [[-500], [500]]),  # to free and back at once: net 0
    (1000, [(15, 0), (20, 3000), (25, 0)], [[-500], [1000], [-500]]),  # free days cost nothing
    (0, [(10, 900), (20, 0)], [[600], [-300]]),  # ten days of 900 cost 300
]


@pytest.mark.parametrize(("paid", "changes", "expected"), SEVERAL)
def test_several_changes_in_one_period(paid, changes, expected):
    spans, found = opening(MONTH, paid), []
    for day, price in changes:
        made = change(spans, MONTH, day * DAY, price=price, mode="charge_now")
        spans = made.spans
        found.append(lines(made))
    assert found == expected


NEW_PERIOD = [  # period, paid, day, new price, lines
    (YEAR, 36500, 73, 1000, [-29200, 1000]),  # annual -> monthly: 4/5 of the year come back
    (YEAR, 10000, 100, 1200, [-7260, 1200]),  # annual -> monthly, 265/365: 7260.27
    (MONTH, 1000, 15, 9900, [-500, 9900]),  # monthly -> annual
    (MONTH, 0, 15, 9900, [9900]),  # free -> annual
]


@pytest.mark.parametrize(("period", "paid", "day", "price", "expected"), NEW_PERIOD)
def test_a_full_new_period_is_charged_whole(period, paid, day, price, expected):
    new = Period(0, day * DAY, (day + 30) * DAY)
    made = change(opening(period, paid), period, day * DAY, price=price, mode="full_new_period", new_period=new)
    assert lines(made) == expected
    assert made.spans == (PaidSpan(day * DAY, price, price),)


def test_the_table_has_forty_cases():
    assert len(ONCE) + len(REFUNDED) + len(SEVERAL) + len(NEW_PERIOD) == 40


def test_a_change_without_money_has_no_lines_and_later_credits_only_what_was_paid():
    made = change(opening(MONTH, 1000), MONTH, 10 * DAY, price=3000, mode="none")
    assert made.lines == ()
    assert lines(change(made.spans, MONTH, 15 * DAY, price=0, mode="charge_now")) == [-500]


def test_a_credit_for_a_charge_that_is_still_owed_waits_for_the_same_invoice():
    up = change(opening(MONTH, 1000), MONTH, 15 * DAY, price=2000, mode="next_invoice")
    down = change(up.spans, MONTH, 15 * DAY, price=1000, mode="charge_now")
    assert [(line.amount, line.due) for line in up.lines] == [(-500, "next_invoice"), (1000, "next_invoice")]
    assert [(line.amount, line.due) for line in down.lines] == [(-1000, "next_invoice"), (500, "now")]


def test_a_change_at_the_end_of_the_period_belongs_to_the_next():
    with pytest.raises(OutsidePeriod):
        change(opening(MONTH, 1000), MONTH, MONTH.end, price=2000, mode="charge_now")
    last = change(opening(MONTH, 1000), MONTH, MONTH.end - 1, price=2000, mode="charge_now")
    assert lines(last) == []


def test_a_clock_that_was_set_back_credits_from_the_last_change_on():
    up = change(opening(MONTH, 1000), MONTH, 15 * DAY, price=2000, mode="charge_now")
    assert lines(change(up.spans, MONTH, 13 * DAY, price=1000, mode="charge_now")) == [-1000, 500]


@pytest.mark.parametrize(
    ("granted", "remaining", "total", "stays"),
    [(100, 15, 30, 50), (100, 10, 30, 33), (101, 15, 30, 50), (1, 29, 30, 0), (7, 30, 30, 7), (7, 0, 30, 0)],
)
def test_granted_credits_shrink_and_lose_the_fraction(granted, remaining, total, stays):
    assert shrink(granted, remaining * DAY, total * DAY) == stays
