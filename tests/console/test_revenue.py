"""A bar of net revenue leads to what made it: entries that come to the bar, and the bar's sum on the page."""

import re

import pytest

from storefront.testing import running_shop
from tests.analytics.mall import LUNA, MALL, refund, wall_at
from tests.fanfunding.tipping import tip
from tests.subscriptions.subscribing import subscribe

WEEK = "/console?span=7"


@pytest.fixture
async def mall(data_folder, database_url):
    """The mall on 30 January 2031: a day of sales in two currencies, a tip, a membership, then one of refunds."""
    (data_folder / "luna.yaml").write_text(LUNA)
    async with running_shop(data_folder, MALL, wall=wall_at("2031-01-30T12:00:00Z"), database=database_url) as shop:
        pack = await shop.bought("gems-500", currency="USD")
        await shop.bought("gems-500", currency="EUR", customer="carl")
        await shop.bought("sword")
        given = await tip(shop, 1000)
        await subscribe(shop, "basic")
        await shop.advance("3d")
        await refund(shop, pack["id"])
        await refund(shop, given["id"], 500)
        await shop.quiet()
        await shop.parts.roller.fold_all()
        yield shop


def cents(text):
    sign, digits = ("−" in text), re.sub(r"[^0-9]", "", text)
    return -int(digits) if sign else int(digits)


def brought(seen):
    """Return what each entry on the page brought, in cents."""
    return [cents(one) for one in re.findall(r'data-label="Brought"[^>]*>\s*<bdi>([^<]*)</bdi>', seen.markup)]


def net_on(seen):
    (words,) = re.findall(r'lines__total"><dt>Net</dt><dd>([^<]*)</dd>', seen.markup)
    return cents(words)


def bars_of(seen):
    """Return day -> (what the chart's table says of it, where its bar leads)."""
    links = [one for one in seen.links() if one.startswith("/console/revenue?") and "from=" in one]
    return {re.search(r"from=(\d{4}-\d\d-\d\d)", one)[1]: one for one in links}


async def test_a_bar_leads_to_entries_that_come_to_it_and_to_their_purchases(mall, signed_in):
    console = await signed_in(mall, "read_only")
    bars = bars_of(await console.get(WEEK))
    sold = await console.get(bars["2031-01-30"])
    # 499 less 80 of tax and 44 of fees; 1000 less 900 for Luna and 59 of fees; 499 less 80 and 44: what remains.
    by_hand = (499 - 80 - 44) + (1000 - 900 - 59) + (499 - 80 - 44)
    assert (net_on(sold), sum(brought(sold))) == (by_hand, by_hand)
    purchases = {row["id"] for row in mall.query("SELECT id FROM purchases WHERE currency = 'USD'")}
    assert {one.rpartition("/")[2] for one in sold.links() if "/purchases/pur_" in one} == purchases
    back = await console.get(bars["2031-02-02"])
    assert (net_on(back), sum(brought(back))) == (-(499 - 80) - 500 + 450, -(499 - 80) - 500 + 450)
    assert "500 gems" in back.text


async def test_a_source_and_a_whole_period_come_to_their_sums_too(mall, signed_in):
    console = await signed_in(mall, "finance")
    bar = bars_of(await console.get(WEEK))["2031-01-30"]
    tips = await console.get(f"{bar}&source=fan_funding")
    assert (net_on(tips), sum(brought(tips))) == (1000 - 900 - 59, 1000 - 900 - 59)
    euros = await console.get(f"{bar}&currency=EUR".replace("currency=USD&", ""))
    assert net_on(euros) == sum(brought(euros)) > 0
    week = await console.get("/console/revenue?span=7&currency=USD")
    assert net_on(week) == sum(brought(week))
    assert (await console.get("/console/revenue?from=2031-01-30T10:00:00Z&to=2031-01-31")).status == 422
    assert (await console.get("/console/revenue?after=x")).status == 422


async def test_pages_of_a_bar_hold_each_entry_once(mall, signed_in):
    for number in range(52):
        await mall.bought("gems-500", currency="USD", customer=f"fan{number}")
    await mall.quiet()
    await mall.parts.roller.fold_all()
    console = await signed_in(mall, "finance")
    bar = bars_of(await console.get(WEEK))["2031-02-02"]
    page, found = await console.get(bar), []
    total = net_on(page)
    while True:
        found += brought(page)
        older = [one for one in page.links() if "after=" in one]
        if not older:
            break
        page = await console.get(older[0])
    assert len(found) > 50
    assert (sum(found), net_on(page)) == (total, total)


async def test_what_fans_gave_leads_to_the_purchases_that_brought_it(mall, signed_in):
    console = await signed_in(mall, "read_only")
    (way, *_) = [one for one in (await console.get(WEEK)).links() if "/purchases?" in one and "fan_funding" in one]
    (tipped,) = mall.query("SELECT purchase_id FROM fanfunding_tips")
    listed = [one.partition("?")[0] for one in (await console.get(way)).links() if "/purchases/pur_" in one]
    assert listed == [f"/console/purchases/{tipped['purchase_id']}"]
