"""Figures of subscriptions: each by hand, from rows in sight; then what an operator's shell is told of a shop."""

import pytest
from storefront_subscriptions.figures import Asked, funnel, waiting
from storefront_subscriptions.intervals import Interval
from storefront_subscriptions.monthly import monthly
from storefront_subscriptions.reading_figures import months_between

from storefront.control.desk import Desk
from storefront.core.clock import parse_iso

from .subscribing import GOOD, invoices, subscribe


def asked(customer="ada", period=1, total=500, state="paid", attempts=1, asset="USD"):
    return Asked(customer, asset, period, total, state, attempts)


@pytest.mark.parametrize(
    ("price", "interval", "a_month"),
    [
        (1200, "year", 100),
        (4999, "year", 417),
        (1230, "2 years", 51),
        (499, "month", 499),
        (900, "3 months", 300),
        (1250, "4 months", 312),
        (1270, "4 months", 318),
        (100, "day", 3042),
        (300, "week", 1300),
        (7, "week", 30),
        (0, "year", 0),
    ],
)
def test_a_price_is_so_much_a_month(price, interval, a_month):
    assert monthly(price, Interval.parse(interval)) == a_month


def test_what_waits_has_failed_and_is_still_asked_and_is_no_trials_end():
    found = waiting(
        [
            asked(total=500, attempts=1),
            asked(total=900, attempts=5, state="uncollectible"),
            asked(total=100, attempts=1, state="open"),
            asked(total=200, attempts=0, state="open"),
            asked(total=300, attempts=2, period=0, state="open"),
            asked(total=400, attempts=2, asset="gems", state="open"),
        ],
        "USD",
    )
    assert found == [100]


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
