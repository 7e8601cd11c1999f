"""Figures of subscriptions: each by hand, from rows in sight; then what an operator's shell is told of a shop."""

from fractions import Fraction

import pytest
from storefront_subscriptions.figures import Asked, Stretch, churn, funnel, monthly, mrr, recovered
from storefront_subscriptions.intervals import Interval
from storefront_subscriptions.reading_figures import months_between

from storefront.control.desk import Desk
from storefront.core.clock import parse_iso

from .subscribing import GOOD, invoices, subscribe

MONTH, YEAR = Interval("month"), Interval("year")


def stretch(customer, start, end, price=500, interval=MONTH, asset="USD"):
    return Stretch(customer, asset, start, end, price, interval)


def asked(customer="ada", period=1, total=500, state="paid", attempts=1, asset="USD"):
    return Asked(customer, asset, period, total, state, attempts)


@pytest.mark.parametrize(
    ("price", "interval", "a_month"),
    [
        (1200, "year", Fraction(100)),
        (499, "month", Fraction(499)),
        (900, "3 months", Fraction(300)),
        (4800, "day", Fraction(146_097)),
        (7, "week", Fraction(146_097, 4_800)),
    ],
)
def test_a_price_is_so_much_a_month(price, interval, a_month):
    assert monthly(price, Interval.parse(interval)) == a_month


def test_mrr_is_what_was_paid_for_at_that_instant_and_of_that_asset():
    stretches = [stretch("ada", 0, 10), stretch("bob", 5, 20, 4999, YEAR), stretch("cleo", 0, 20, asset="gems"),
                 stretch("dan", 0, 20, 0)]  # fmt: skip
    assert [mrr(stretches, "USD", at) for at in (0, 5, 9, 10, 20)] == [500, 917, 917, 417, 0]
    assert mrr(stretches, "gems", 0) == 500


def test_churn_counts_who_is_gone_and_what_is_less_and_nobody_who_came():
    stretches = [stretch("ada", 0, 10), stretch("bob", 0, 10, 1000), stretch("bob", 10, 20, 400),
                 stretch("cleo", 0, 20, 500), stretch("dan", 5, 20, 9000)]  # fmt: skip
    found = churn(stretches, "USD", 0, 10)
    assert (found.started_with, found.lost, found.of_customers) == (3, 1, Fraction(1, 3))
    assert (found.revenue, found.lost_revenue, found.of_revenue) == (2000, 1100, Fraction(11, 20))
    assert churn(stretches, "USD", 30, 40).of_customers is None


def test_who_pays_more_makes_up_for_nobody_who_pays_less():
    stretches = [stretch("ada", 0, 10, 1000), stretch("ada", 10, 20, 400), stretch("bob", 0, 10, 100),
                 stretch("bob", 10, 20, 900)]  # fmt: skip
    assert churn(stretches, "USD", 0, 10).of_revenue == Fraction(600, 1100)


def test_recovered_is_what_a_later_attempt_brought_and_no_trials_end():
    found = recovered(
        [
            asked(total=500, attempts=1),
            asked(total=700, attempts=2),
            asked(total=900, attempts=5, state="uncollectible"),
            asked(total=100, attempts=1, state="open"),
            asked(total=100, attempts=0, state="open"),
            asked(total=300, attempts=2, period=0),
            asked(total=300, attempts=2, asset="gems"),
        ],
        "USD",
    )
    assert (found.recovered, found.recovered_count, found.given_up, found.given_up_count) == (700, 1, 900, 1)
    assert (found.waiting, found.waiting_count, found.rate) == (100, 1, Fraction(7, 16))
    assert recovered([asked()], "USD").rate is None


def test_the_funnel_counts_customers_once():
    invoices = [asked("ada", -1, 0), asked("ada", 0), asked("ada", 1), asked("bob", 0), asked("bob", 1, state="open"),
                asked("cleo", 0, 0)]  # fmt: skip
    states = {"ada": ["canceled", "active"], "bob": ["canceled", "incomplete_expired"], "cleo": ["active"],
              "dan": ["incomplete_expired"]}  # fmt: skip
    assert funnel(["ada", "bob", "cleo", "dan", "eve"], states, invoices) == {
        "visited": 5, "tried": 4, "trial": 1, "free": 1, "paid": 2, "renewed": 1, "canceled": 1,
    }  # fmt: skip


def test_months_are_the_calendars_cut_to_what_is_asked():
    since, until = parse_iso("2030-11-20T08:00:00Z"), parse_iso("2031-01-10T00:00:00Z")
    december, january = parse_iso("2030-12-01T00:00:00Z"), parse_iso("2031-01-01T00:00:00Z")
    assert months_between(since, until) == [(since, december), (december, january), (january, until)]


async def test_an_operator_is_told_what_the_books_say(club):
    await subscribe(club, "premium", customer="bob")
    ada = await subscribe(club)
    cards = club.query("SELECT reference FROM payment_methods m JOIN customers c ON c.id = m.customer_id "
                       "WHERE c.external_id = 'ada'")  # fmt: skip
    await club.sandbox.turn_card(cards[0]["reference"], "4000000000009995")
    club.wall.move(31 * 86_400)
    club.parts.jobs.wake()
    await club.quiet()
    await club.sandbox.turn_card(cards[0]["reference"], GOOD.replace(" ", ""))
    club.wall.move(2 * 86_400)
    club.parts.jobs.wake()
    await club.quiet()
    back = {"reason": "asked", "amount": 99}
    paid = (await invoices(club, ada))[0]["purchase"]
    assert (await club.as_server().post(f"/v1/purchases/{paid}/refunds", back, key="back")).status in (201, 202)
    await club.quiet()

    told = await Desk(club.parts, url=None, read=lambda: club.parts.host).ask("subscriptions.figures", {})

    usd = told["assets"]["USD"]
    assert told["funnel"] == {"visited": 2, "tried": 2, "trial": 0, "free": 0, "paid": 2, "renewed": 2, "canceled": 0}
    assert usd["months"][-1]["mrr"] == 1498
    assert sum(one["taken"] for one in usd["months"]) == 2 * (499 + 999)
    assert sum(one["given_back"] for one in usd["months"]) == 99
    assert usd["dunning"]["recovered"] == {"amount": 499, "invoices": 1}
    assert usd["dunning"]["rate"] == "1.0000"
