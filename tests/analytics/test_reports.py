"""Reports in several currencies, and in the operator's shell: the same use case, the same numbers."""

import asyncio
import json
from contextlib import asynccontextmanager

from storefront.control.desk import Desk
from storefront.control.server import control_socket
from storefront.core.analytics.lines import csv_of
from storefront.core.analytics.reports import NAMES
from storefront.testing import OPERATOR_KEY, running_shop
from tests.analytics.mall import LUNA, MALL, lines, report, values, wall_at
from tests.cli.conftest import storefront
from tests.subscriptions.subscribing import subscribe

RATED = MALL + 'analytics: {currency: EUR, rates: {USD: "0.92"}}\n'
JANUARY = {"from": "2031-01-01", "to": "2031-01-31"}


@asynccontextmanager
async def mall(folder, config):
    """The mall on 30 January 2031, where one lot of gems and one membership was sold in either currency."""
    (folder / "luna.yaml").write_text(LUNA)
    async with running_shop(folder, config, wall=wall_at("2031-01-30T12:00:00Z")) as shop:
        await shop.bought("gems-500", currency="USD")
        await shop.bought("gems-500", currency="EUR", customer="bob")
        await subscribe(shop, "premium", currency="USD")
        await subscribe(shop, "premium", currency="EUR", customer="bob")
        await shop.bought("chest", currency="USD")
        yield shop


async def test_currencies_are_added_by_stated_rates_alone_and_the_answer_names_them(tmp_path):
    async with mall(tmp_path, RATED) as shop:
        page = await report(shop, "overview", **JANUARY)
        assert (page["currency"], page["tiles"][0]["value"], page["tiles"][0]["also"]) == ("EUR", 899, {"USD": 999})
        assert page["totals"]["mrr"] == {
            "currency": "EUR",
            "amount": 899 + 919,  # 9.99 USD are 9.1908 EUR
            "parts": {"EUR": 899, "USD": 919},
            "rates": {"USD": "0.92"},
        }
        members = await report(shop, "memberships", **JANUARY)
        assert lines(members, "mrr_total") == [("", "EUR", "", "USD=0.92", 1818, None)]
        assert sorted(values(members, "mrr", date="2031-01-31")) == [899, 999]
        money = await report(shop, "revenue", **JANUARY)
        # 4.79 less 0.76 of tax; 8.99 less 1.44; 4.99 less 0.80, 9.99 less 1.60, 14.99 less 2.39 in dollars.
        nets = {asset: value for _, asset, kind, _, value, _ in lines(money, "net", date="") if not kind}
        assert (nets["EUR"], nets["USD"]) == (403 + 755, 419 + 839 + 1260)
        assert values(money, "net_total") == [1158 + 2317]  # 25.18 USD are 23.1656 EUR


async def test_the_shell_tells_what_http_tells_and_nothing_is_added_up(tmp_path):
    async with mall(tmp_path, MALL) as shop:
        desk = Desk(shop.parts, url=shop.url, read=lambda: shop.parts.host)
        shown = {name: await report(shop, name, **JANUARY) for name in NAMES}
        asked = {"since": "2031-01-01", "until": "2031-01-31", "currency": None}
        assert {name: await desk.ask("report", {"name": name, **asked}) for name in NAMES} == shown
        assert [one for told in shown.values() for one in told["figures"] if one["figure"].endswith("_total")] == []
        async with control_socket(desk):
            await _in_the_shell(tmp_path, shown)
        again = await shop.bearing(OPERATOR_KEY).get("/v1/analytics/payments?from=2031-01-01&to=2031-01-31")
        assert again.json == shown["payments"]


async def _in_the_shell(folder, shown):
    flags = ("--from", "2031-01-01", "--to", "2031-01-31")
    assert json.loads(await _shell(folder, "report", "overview", *flags, "--json")) == shown["overview"]
    told = await _shell(folder, "report", "revenue", *flags, "--csv")
    assert told.splitlines() == csv_of(shown["revenue"]["figures"]).splitlines()
    in_words = await _shell(folder, "report", "memberships", *flags)
    assert ("mrr" in in_words, "9.99" in in_words, "8.99" in in_words) == (True, True, True)
    assert "entries and events are counted anew" in await _shell(folder, "report", "rebuild")


async def _shell(folder, *arguments: str) -> str:
    done = await asyncio.to_thread(storefront, *arguments, "--config", folder / "shop.yaml", DATA=str(folder / "data"))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


async def test_a_period_at_the_end_of_the_calendar_is_refused(shop):
    asked = await shop.bearing(OPERATOR_KEY).get("/v1/analytics/revenue?from=9999-12-01&to=9999-12-31")
    assert (asked.status, asked.json["errors"][0]["message"]) == (422, "must be before 9999")


def test_no_cell_is_taken_for_a_formula():
    row = {"figure": "spent", "date": "", "asset": "gems", "kind": "=cmd()", "key": "@sum", "unit": "money"}
    written = csv_of([{**row, "value": -5, "count": None}])
    assert written.splitlines()[1] == "spent,,gems,'=cmd(),'@sum,money,-5,"
