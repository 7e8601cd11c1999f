"""A few weeks of a shop, through the front door: every figure by hand, from what people did."""

import csv
import io

import pytest

from storefront.core.analytics.overview import read_overview
from storefront.testing import OPERATOR_KEY, SERVER_KEY, running_shop
from tests.analytics.mall import LUNA, MALL, lines, refund, report, values, wall_at
from tests.fanfunding.tipping import tip
from tests.subscriptions.changing import change
from tests.subscriptions.subscribing import subscribe

WINTER = {"from": "2031-01-01", "to": "2031-02-28"}


@pytest.fixture
async def mall(data_folder, database_url):
    """The mall on 30 January 2031, its books and roll-ups audited when the test is over."""
    (data_folder / "luna.yaml").write_text(LUNA)
    wall = wall_at("2031-01-30T12:00:00Z")
    async with running_shop(data_folder, MALL, wall=wall, database=database_url) as shop:
        yield shop


async def winter(shop) -> None:
    """Sell and give back: on 30 January, 2, 10, 20 February; then it is March."""
    pack = await shop.bought("gems-500", currency="USD")
    await shop.bought("sword")
    ada = await subscribe(shop, "basic")
    bob = await subscribe(shop, "premium", customer="bob", interval="year")
    given = await tip(shop, 1000)
    await shop.bought("gems-500", currency="EUR", customer="carl")
    await shop.buy("chest", customer="dan", currency="USD")  # and never pays
    await shop.advance("3d")
    await refund(shop, pack["id"])
    await refund(shop, given["id"], 500)
    await subscribe(shop, "premium", customer="cleo", currency="EUR")
    ended = await shop.as_customer("bob").post(f"/v1/subscriptions/{bob}/cancel", {"at": "now"}, key="end")
    assert ended.status == 200
    await shop.advance("8d")
    await change(shop, ada, "premium", timing="now", money="charge_now")
    await shop.advance("10d")
    await subscribe(shop, "basic", customer="bob")
    await shop.advance("10d")


async def test_what_people_did_is_what_every_figure_says(mall):
    await winter(mall)

    await _revenue_is_of_the_day(mall)
    await _memberships(mall)
    await _wallets_and_payments(mall)
    await _fan_funding(mall)
    await _the_first_page(mall)
    await _csv_says_the_same(mall)


async def _revenue_is_of_the_day(mall):
    told = await report(mall, "revenue", **WINTER)
    of_usd = [one for one in lines(told, "gross", asset="USD") if one[0] == "2031-01-30"]
    assert [(kind, value, count) for _, _, kind, _, value, count in of_usd] == [
        ("fan_funding", 1000, 1), ("memberships", 10489, 2), ("sales", 499, 1)]  # fmt: skip
    assert values(told, "tax", date="2031-01-30", asset="USD") == [1675, 80]
    assert values(told, "refunds", date="2031-01-30") == []
    assert lines(told, "refunds", date="2031-02-02") == [
        ("2031-02-02", "USD", "fan_funding", "", 500, 1), ("2031-02-02", "USD", "sales", "", 499, 1)]  # fmt: skip
    assert values(told, "refunded_tax", date="2031-02-02") == [80]
    assert values(told, "share", kind="fan_funding", date="") == [450]
    # 499 less 80 of tax and 44 of fees, less 419 given back; 1000 less 450 for Luna, 59 of fees and 500 given back.
    assert values(told, "net", date="", asset="USD", kind="sales") == [-44]
    assert values(told, "net", date="", asset="USD", kind="fan_funding") == [-9]
    assert values(told, "net_total") == []


async def _memberships(mall):
    told = await report(mall, "memberships", **WINTER)
    assert [values(told, "mrr", asset="USD", date=f"2031-{day}") for day in ("01-29", "01-30", "02-02", "02-28")] == [
        [0], [499 + 832], [499], [999 + 499]]  # fmt: skip
    assert values(told, "mrr", asset="EUR", date="2031-02-28") == [899]
    assert [one[:3] + one[4:] for one in lines(told, "movement", asset="USD")] == [
        ("2031-01-30", "USD", "new", 1331, 2),
        ("2031-02-02", "USD", "churn", -832, 1),
        ("2031-02-10", "USD", "expansion", 500, 1),
        ("2031-02-20", "USD", "reactivation", 499, 1),
    ]
    assert [(one[0], one[2], one[5]) for one in lines(told, "members")] == [
        ("2031-01-30", "joined", 2), ("2031-02-02", "joined", 1), ("2031-02-02", "left", 1),
        ("2031-02-20", "returned", 1)]  # fmt: skip
    cohorts = await report(mall, "cohorts", **WINTER)
    assert [(one[0], one[5]) for one in lines(cohorts, "joined")] == [("2031-01", 2), ("2031-02", 1)]
    assert lines(cohorts, "kept") == [("2031-01", "", "", "1", "1.0000", 2)]


async def _wallets_and_payments(mall):
    gems = await report(mall, "wallets", currency="gems", **WINTER)
    assert [(one[2:]) for one in lines(gems, "issued")] == [("purchased", "gems-500", 1000, 2)]
    assert [(one[2:]) for one in lines(gems, "spent")] == [("item", "sword", 120, 1)]
    assert values(gems, "taken_back") == [380]
    held = [values(gems, "held", date=f"2031-{day}") for day in ("01-29", "01-30", "02-02", "02-28")]
    assert held == [[0], [880], [500], [500]]

    paid = await report(mall, "payments", currency="EUR", **WINTER)
    assert [(one[2], one[4], one[5]) for one in lines(paid, "payments")] == [("sandbox", 479 + 899, 2)]
    assert values(paid, "fees") == [44 + 56]
    assert lines(paid, "settled") == [("", "EUR", "sandbox", "", 1378 - 100, 2)]
    assert (values(paid, "cost_per_transaction"), values(paid, "conversion")) == ([50], ["1.0000"])
    in_dollars = await report(mall, "payments", currency="USD", **{"from": "2031-01-30", "to": "2031-01-30"})
    assert lines(in_dollars, "conversion") == [("", "USD", "", "", "0.8000", 5)]


async def _fan_funding(mall):
    told = await report(mall, "fanfunding", **WINTER)
    (creator,) = {one["key"] for one in told["figures"]}
    assert creator.startswith("cre_")
    assert [values(told, name) for name in ("gross", "refunds", "share")] == [[1000], [500], [450]]
    assert [(one[2], one[4], one[5]) for one in lines(told, "fanfunding_given")] == [("tips", 1000, 1)]


async def _the_first_page(mall):
    page = await read_overview(mall.parts.services, since="2031-02-01", until="2031-02-28", asset="gems")
    mrr, churn, per_member, lifetime = page.tiles
    assert (page.currency, page.currencies) == ("USD", ["USD", "EUR"])
    assert (mrr.value, mrr.before, dict(mrr.also), len(mrr.series)) == (1498, 1331, {"EUR": 899}, 28)
    assert (churn.value, churn.before) == (1 / 2, None)  # bob, of ada and bob
    assert (per_member.value, per_member.before) == (749, 665.5)
    assert round(lifetime.value) == 1378  # 7.49 / (50 % in 28 days x 30.4375 / 28)
    assert mrr.link.to == "subscriptions"
    assert dict(mrr.link.filter) == {"currency": "USD", "standing": "paying"}
    second = page.revenue.bars[1]
    assert (second.day.isoformat(), second.refunds, second.by_source["fan_funding"]) == ("2031-02-02", -919, 450)
    assert second.link.filter == {
        "currency": "USD", "from": "2031-02-02T00:00:00.000Z", "to": "2031-02-03T00:00:00.000Z"}  # fmt: skip
    assert page.revenue.total == sum(bar.net for bar in page.revenue.bars)
    assert [(row.month, row.joined, list(row.kept)) for row in page.cohorts.rows] == [
        ("2031-01", 2, [2]), ("2031-02", 1, [])]  # fmt: skip
    assert (page.wallet.held_before, page.wallet.held, page.wallet.out_of) == (880, 500, 380)
    assert page.totals == {}


async def _csv_says_the_same(mall):
    told = await report(mall, "revenue", **WINTER)
    operator = mall.bearing(OPERATOR_KEY)
    path = "/v1/analytics/revenue?from=2031-01-01&to=2031-02-28"
    as_csv = await operator.send("GET", f"{path}&format=csv", headers={})
    assert as_csv.headers["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(as_csv.body.decode())))
    wanted = [(one["figure"], one["date"], str(one["value"])) for one in told["figures"]]
    assert [(row["figure"], row["date"], row["value"]) for row in rows] == wanted
    assert (await operator.send("GET", path, headers={"Accept": "text/csv"})).body == as_csv.body
    assert (await mall.bearing(SERVER_KEY).get(path)).status == 403
    for wrong in ("from=2031-02-30", "from=2031-03-01&to=2031-02-01", "format=pdf", "from=1999-01-01"):
        assert (await operator.get(f"/v1/analytics/revenue?{wrong}")).status == 422
