"""The account page says all that a press charges, and what usage costs, before and after: nothing is paid unseen."""

import re

import pytest

from storefront.testing import running_shop

from .changing import charged, pass_days
from .subscribing import begin, see, subscribe
from .test_account import TAX, Account, browser
from .test_usage import WORKING, use

DETAIL = re.compile(r'<span class="way__detail user-text">([^<]+)</span>')
USED = re.compile(r'<dt><span[^>]*>([^<]+)<(?:span class="way__detail">([^<]*)<)?.*?<dd>([^<]+)</dd>')


@pytest.fixture
async def club(data_folder, database_url):
    async with running_shop(data_folder, WORKING, database=database_url) as shop:
        yield shop


def _begins(page, title):
    """Return the whole names of the buttons that begin a tier, and their faces."""
    return re.findall(rf'aria-label="(\w+ {title}[^"]*)">([^<]+)<', page)


async def test_what_is_owed_of_before_stands_on_the_button_and_is_what_is_charged(club):
    subscription = await subscribe(club, "worker")
    await pass_days(club, 1)
    await use(club, "call", 300)
    async with browser(club) as http:
        page = Account(club, http)
        used = USED.findall((await page.play_as("ada")).partition('class="lines plan__usage"')[2].partition("</dl>")[0])
        assert used == [
            ("API calls: 300", "100 included, then $0.025 each", "$5.00"),
            ("disk: 0", "$0.30 for every 10", "$0.00"),
            ("Next payment so far", "", "$15.00"),
        ]
        old = Account(club, http)
        old.html = re.sub(r'name="total" value="\d+"', 'name="total" value="1000"', page.html)
        answer = await club.as_server().post(f"/v1/subscriptions/{subscription}/cancel", {"at": "now"}, key="now")
        assert (answer.status, answer.json["owed"]["amount"]) == (200, 500), answer
        await page.open()
        assert _begins(page.html, "Worker") == [
            ("Begin Worker: $15.00 now, then $10.00 every 30 days plus usage", "$15.00")
        ]
        assert "Due from before: $5.00" in DETAIL.findall(page.html)
        assert await _pressed(page, "worker|30 days|USD", total="1000") == "/account?note=price_changed"
        assert await charged(club) == [1000]
        address = await _pressed(page, "worker|30 days|USD")
        purchase = address.partition("=")[2]
        assert "You are on Worker now. $15.00 paid." in await page.open(purchase=purchase)
    assert await charged(club) == [1000, 1500]


async def test_what_usage_costs_stands_beside_a_tier_before_it_is_begun_or_changed_to(tmp_path):
    shop = WORKING.replace("days, prices: {gems: 10}", "days, trial: 14d, prices: {gems: 10}")
    async with running_shop(tmp_path, shop + TAX.format(prices="exclusive")) as club, browser(club) as http:
        page = Account(club, http)
        await page.play_as("ada")
        assert _begins(page.html, "Worker") == [("Begin Worker for $11.90 every 30 days plus usage", "$11.90")]
        told = DETAIL.findall(page.html)
        assert "API calls: 100 included, then $0.02975 each." in told
        assert "disk: $0.357 for every 10." in told
        assert "API calls: $0.1071 each up to 10, then $0.0119 each; the last price is that of all." in told
        assert "14 days free, then 10 gems every 30 days plus usage" in told
        assert "ore: 2 gems each up to 5, then 1 gems each and 7 gems." in told
        await page.post("/account/subscribe", plan="miner|30 days|gems", trial="yes", idempotency_key="k")
        used = USED.findall((await page.open()).partition('class="lines plan__usage"')[2].partition("</dl>")[0])
        assert used[0] == ("ore", "2 gems each up to 5, then 1 gems each and 7 gems", "Free")


async def test_a_switch_says_what_is_paid_beside_it_for_usage_and_from_before(club):
    subscription = await subscribe(club, "boss")
    await pass_days(club, 1)
    await use(club, "call", 1000)
    async with browser(club) as http:
        page = Account(club, http)
        await page.play_as("ada")
        later = await page.open(subscription=subscription, plan="worker|30 days|USD")
        figures = re.findall(r"<dd>(.*?)</dd>", later.partition('id="preview"')[2])
        assert figures == ["$10.00", "$10.00", "$20.00"]
        assert "What you use until then is paid with it." in later
        assert "Usage of API calls: 100 included, then $0.025 each." in later
        await page.press("/account/change")
        await pass_days(club, 29)
        assert await charged(club) == [3000, 2000]
        await use(club, "call", 300)
        await page.play_as("ada")
        now = await page.open(subscription=subscription, plan="boss|30 days|USD")
    assert "$5.00 for usage so far is paid then, too." in now
    assert (await see(club, subscription))["sku"] == "worker"


async def test_who_pays_is_said_for_each_asset(tmp_path):
    priced = WORKING.replace("title: Boss, interval: 30 days, prices: {USD: 3000}", "title: Boss, prices: {gems: 7}")
    async with running_shop(tmp_path, priced) as club, browser(club) as http:
        page = Account(club, http)
        await subscribe(club, "bronze")
        html = await page.play_as("ada")
        assert "Prices in money are paid with Visa •••• 4242. Prices in gems are paid from your wallet." in html
        assert html.count("Paid from your wallet.") == 1  # the miners, who pay gems alone
        assert (await begin(club, "worker", payment_method="none")).status == 404


async def _pressed(page, plan, **other):
    """Send the form that begins a plan as it stands on the page, but for what is told."""
    form = next(one for one in re.findall(r"<form.*?</form>", page.html, re.S) if f'value="{plan}"' in one)
    fields = {**dict(re.findall(r'name="(\w+)" value="([^"]*)"', form)), **other}
    status, address = await page.post("/account/subscribe", **fields)
    assert status == 303
    return address
