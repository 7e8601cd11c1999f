"""Two generated years of a shop with all plugins: every figure against an independent computation, to the cent.

``make test-heavy`` plays ten thousand people, which takes ten minutes and more; ``STOREFRONT_PLAYERS`` plays so many,
and ``STOREFRONT_SEED`` the same ones again.
"""

import os
from fractions import Fraction
from random import randrange

import pytest

from storefront.core.analytics.overview import read_overview
from storefront.testing import running_shop
from tests.analytics.console_figures import compare_pages
from tests.analytics.given_oracle import credited
from tests.analytics.mall import lines, report, values, wall_at
from tests.analytics.oracle import DAY_MS, FIRST, Oracle, cohorts_of, iso
from tests.analytics.whole_mall import KOFI_TOKEN, LUNA_TOURS, WHOLE_MALL
from tests.analytics.years import Years

WANTED = os.environ.get("STOREFRONT_PLAYERS")
PLAYERS = [int(WANTED)] if WANTED else [14, pytest.param(10_000, marks=pytest.mark.heavy)]
SEED = int(os.environ.get("STOREFRONT_SEED", randrange(1_000_000)))
BEGINS = "2031-01-01"


@pytest.fixture(scope="module")
def seed() -> int:
    print(f"STOREFRONT_SEED={SEED}")
    return SEED


@pytest.mark.parametrize("players", PLAYERS)
async def test_every_figure_of_two_years_is_what_rows_come_to(tmp_path, seed, players):
    print(f"STOREFRONT_PLAYERS={players}")
    (tmp_path / "luna.yaml").write_text(LUNA_TOURS)
    async with running_shop(
        tmp_path, WHOLE_MALL, environ={"KOFI_TOKEN": KOFI_TOKEN}, wall=wall_at(f"{BEGINS}T12:00:00Z")
    ) as shop:
        years = Years(shop, players=players, leap=10, seed=seed)
        await years.play()
        await years.pass_days(3)
        await compare(shop)


async def compare(shop):
    """Compare all figures of a shop that was played with what its rows come to."""
    oracle, last = Oracle(shop), shop.parts.services.clock.now() // DAY_MS
    span = {"from": BEGINS, "to": iso(last)}
    await _money(shop, oracle, span)
    await _payments(shop, oracle, span)
    await _members(shop, oracle, last, span)
    await _wallets(shop, oracle, span)
    await _pages(shop, oracle, last)
    await compare_pages(shop, oracle)


async def _money(shop, oracle, span):
    told = await report(shop, "revenue", **span)
    figures = ("gross", "tax", "refunds", "refunded_tax", "share", "fees")
    found = {
        (name, date, asset, source): value
        for name in figures
        for date, asset, source, _, value, _ in lines(told, name)
        if date and value and asset != "gems"
    }
    real = {place: amount for place, amount in oracle.money().items() if place[2] != "gems"}
    assert found == real
    of_gems = sum(amount for place, amount in oracle.money().items() if place[::2] == ("share", "gems"))
    creators = await report(shop, "fanfunding", currency="gems", **span)
    assert sum(values(creators, "share")) == of_gems
    for currency in ("USD", "EUR"):
        totals = {source: value for _, _, source, _, value, _ in lines(told, "net", date="", asset=currency)}
        assert totals[""] == oracle.net(currency, span["from"], span["to"])
        assert values(told, "settled", asset=currency) == [oracle.settled(currency)]


async def _payments(shop, oracle, span):
    for currency in ("USD", "EUR"):
        told = await report(shop, "payments", currency=currency, **span)
        begun, paid = oracle.checkouts(currency)
        if not paid:
            continue
        assert (sum(one[5] for one in lines(told, "checkouts")), lines(told, "checkouts_paid")[0][5]) == (begun, paid)
        assert Fraction(values(told, "conversion")[0]) == round(Fraction(paid, begun), 4)
        assert values(told, "time_to_clear") == [round(Fraction(oracle.time_to_clear(currency)))]


async def _members(shop, oracle, last, span):
    days = range(FIRST - 1, last + 1)
    by_day = oracle.customers_by_day(days)
    told = await report(shop, "memberships", **span)
    for currency in ("USD", "EUR"):
        owed = {day: [one[currency] for one in by_day[day].values() if currency in one] for day in days}
        shown = {date: (value, count) for date, _, _, _, value, count in lines(told, "mrr", asset=currency) if date}
        due = {iso(day): (sum(owed[day]), len(owed[day])) for day in days[1:]}
        assert shown == (due if any(owed.values()) else {})
        late = lines(told, "subscriptions_dunning", asset=currency)
        assert {one[2]: one[4:] for one in late if one[2] != "failed"} == oracle.dunning(currency)
    joined, kept = cohorts_of(by_day, last)
    cohorts = await report(shop, "cohorts", **span)
    assert {one[0]: one[5] for one in lines(cohorts, "joined") if one[5]} == joined
    assert {(one[0], int(one[3])): one[5] for one in lines(cohorts, "kept") if one[0] in joined} == kept


async def _wallets(shop, oracle, span):
    told = await report(shop, "wallets", currency="gems", **span)
    assert values(told, "held", date="") == [oracle.held()]
    assert sum(values(told, "issued")) == credited(oracle)
    used = sum(one[4] for one in lines(told, "spent") if one[2] == "usage.drained")
    assert used == oracle.used()
    assert sum(one[4] for one in lines(told, "spent")) == oracle.spent() + used


async def _pages(shop, oracle, last):
    """Compare the first page of some days with the same, from rows."""
    for until, days in ((last, 30), (last - 100, 90), (last - 400, 7)):
        page = await read_overview(shop.parts.services, until=iso(until), days=days, currency="USD")
        by_day = oracle.customers_by_day(range(until - 2 * days - 1, until + 1))
        mrr, churn, per_member, lifetime = page.tiles
        owed = {day: [one["USD"] for one in by_day[day].values() if "USD" in one] for day in by_day}
        assert (mrr.value, mrr.before) == (sum(owed[until]), sum(owed[until - days]))
        assert list(mrr.series) == [sum(owed[day]) for day in range(until - days + 1, until + 1)]
        assert per_member.value == (Fraction(sum(owed[until]), len(owed[until])) if owed[until] else None)
        left, began_with = oracle.left("USD", until - days + 1, until), len(owed[until - days])
        assert churn.value == (Fraction(left, began_with) if began_with else None)
        assert bool(lifetime.value) == bool(owed[until] and churn.value)
        if lifetime.value:
            assert lifetime.value == per_member.value / (churn.value / days * Fraction("30.4375"))
        first, before = iso(until - days + 1), (iso(until - 2 * days + 1), iso(until - days))
        assert page.revenue.total == oracle.net("USD", first, iso(until))
        assert page.revenue.before == oracle.net("USD", *before)
