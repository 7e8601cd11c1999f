"""The account page's forms by plain HTTP: whose they are, what they may do, and that nothing is charged unseen."""

import re

import aiohttp
import pytest

from storefront.testing import running_shop
from tests.shop.topping_up import save_method

from .changing import CHANGING, pass_days
from .pausing import PAUSING, paused
from .subscribing import ASKS_ALWAYS, begin, events, into_the_next_period, see, subscribe

CSRF = re.compile(r'name="csrf" value="([0-9a-f]+)"')
FOREIGN = "sub_01m7y0000000000000000000000"


class Account:
    """The account page in one browser without script."""

    def __init__(self, shop, http):
        self.shop = shop
        self.http = http
        self.html = ""

    async def open(self, **query):
        async with self.http.get("/account", params=query) as response:
            assert response.status == 200
            self.html = (await response.text()).replace("\u00a0", " ")
        return self.html

    async def play_as(self, customer):
        await self.open()
        assert (await self.post("/shop/play-as", customer=customer, back="/account")) == (303, "/account")
        return await self.open()

    async def post(self, path, *, csrf=None, **form):
        fields = {"csrf": csrf or CSRF.findall(self.html)[0], **form}
        async with self.http.post(path, data=fields, allow_redirects=False) as response:
            return response.status, response.headers.get("Location", "")

    async def press(self, path):
        """Send the first form that leads to ``path``, as it stands on the page."""
        form = next(one for one in re.findall(r"<form.*?</form>", self.html, re.S) if f'action="{path}"' in one)
        fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
        return await self.post(path, **fields)


def browser(shop):
    jar = aiohttp.CookieJar(unsafe=True)
    return aiohttp.ClientSession(base_url=shop.url, cookie_jar=jar, headers={"Origin": shop.url})


@pytest.fixture
async def ada(club):
    """Ada's browser on the account page."""
    async with browser(club) as http:
        page = Account(club, http)
        await page.play_as("ada")
        yield page


async def charged(shop):
    return [amount for _, amount in await shop.sandbox.charged()]


async def test_a_form_of_another_site_or_of_another_page_does_nothing(ada):
    subscription = await subscribe(ada.shop)
    await ada.open()
    await ada.shop.quiet()
    before = ada.shop.rows()
    for path in ("cancel", "resume", "keep"):
        answer = await ada.post(f"/account/{path}", csrf="0" * 64, subscription=subscription)
        assert answer == (303, "/account?note=forbidden")
    assert await ada.post("/account/payment-method", csrf="0" * 64) == (303, "/account?note=forbidden")
    elsewhere = {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
    form = {"csrf": CSRF.findall(ada.html)[0], "subscription": subscription}
    async with ada.http.post("/account/cancel", data=form, headers=elsewhere, allow_redirects=False) as response:
        assert response.status == 403
    assert ada.shop.rows() == before
    assert (await see(ada.shop, subscription))["will_renew"]


async def test_a_plan_of_somebody_else_answers_like_one_that_is_not_there(ada):
    theirs = await subscribe(ada.shop, customer="bob")
    await ada.shop.quiet()
    before = ada.shop.rows()
    for path in ("cancel", "resume", "keep"):
        answers = {await ada.post(f"/account/{path}", subscription=one) for one in (theirs, FOREIGN)}
        assert answers == {(303, "/account?note=not_found")}
    assert ada.shop.rows() == before
    page = await ada.open(subscription=theirs, plan="premium|month|USD")
    assert 'id="preview"' not in page
    assert 'class="card plan"' not in page


async def test_who_is_not_signed_in_sees_nothing_and_does_nothing(club):
    subscription = await subscribe(club)
    async with browser(club) as http:
        stranger = Account(club, http)
        page = await stranger.open(purchase="pur_01m7y0000000000000000000000", note="canceled")
        assert "Invoices" not in page
        assert "Play as" in page
        answer = await stranger.post("/account/cancel", subscription=subscription)
    assert answer == (303, "/account?note=unauthorized")
    assert (await see(club, subscription))["will_renew"]


async def test_what_is_pressed_twice_is_charged_once(ada):
    await subscribe(ada.shop)
    await ada.open(**_wanted("premium|month|USD", await _only(ada.shop)))
    first, second = await ada.press("/account/change"), await ada.press("/account/change")
    assert first == second
    assert first[1].startswith("/account?purchase=pur_")
    assert len(await charged(ada.shop)) == 2
    assert "You are on Premium now." in await ada.open(purchase=first[1].partition("=")[2])


async def test_a_preview_that_is_out_of_date_charges_nothing(ada):
    subscription = await subscribe(ada.shop)
    await ada.open(**_wanted("premium|month|USD", subscription))
    await ada.shop.as_customer().post(f"/v1/subscriptions/{subscription}/cancel", {})
    assert await ada.press("/account/change") == (303, "/account?note=change_outdated")
    assert await charged(ada.shop) == [499]
    assert "Something has changed since we showed you that." in await ada.open(note="change_outdated")


async def test_a_preview_is_good_for_ten_minutes(ada):
    await subscribe(ada.shop)
    await ada.open(**_wanted("premium|month|USD", await _only(ada.shop)))
    await ada.shop.advance("11m")
    assert await ada.press("/account/change") == (303, "/account?note=bad_token")
    assert await charged(ada.shop) == [499]


async def test_looking_writes_nothing(ada):
    subscription = await subscribe(ada.shop)
    await ada.shop.quiet()
    before = ada.shop.rows()
    for plan in ("premium|month|USD", "premium|year|USD", "basic|month|gems", "free|month|USD", "nothing|month|USD"):
        await ada.open(**_wanted(plan, subscription))
    assert ada.shop.rows() == before


async def test_who_left_the_payment_has_no_plan_and_may_begin_again(ada):
    answer = await begin(ada.shop, "basic", return_url=f"{ada.shop.url}/account/return")
    purchase = answer.json["id"]
    async with ada.http.get(
        "/account/return", params={"purchase": purchase, "canceled": "1"}, allow_redirects=False
    ) as response:
        assert response.headers["Location"] == "/account?note=left"
    await ada.shop.quiet()
    assert "You have no plan yet." in await ada.open()
    status, address = await ada.press("/account/subscribe")
    assert (status, "/sandbox/pay/" in address) == (303, True)


async def test_a_saved_card_begins_a_plan_at_once(ada):
    await save_method(ada.shop)
    assert "Paid with Visa •••• 4242." in await ada.open()
    _, address = await ada.press("/account/subscribe")
    assert address.startswith("/account?purchase=pur_")
    assert await charged(ada.shop) == [499]
    assert events(ada.shop) == ["created", "started"]


async def test_the_shops_page_sells_no_plan_but_leads_to_them(ada):
    async with ada.http.get("/shop") as response:
        page = await response.text()
    assert 'data-card="sword"' in page
    assert 'data-card="basic"' not in page
    assert '<a href="/account">Membership</a>' in page


async def test_invoices_are_listed_twelve_at_a_time(ada):
    for _ in range(14):
        await ada.shop.bought("gems-500")
    page = await ada.open()
    assert page.count("Receipt<span") == 12
    (older,) = re.findall(r'href="/account\?before=(\w+)#invoices"', page)
    assert (await ada.open(before=older)).count("Receipt<span") == 2


TAX = """
tax:
  by: table
  prices: {prices}
  default_country: DE
  seller: {{name: Lowtide, tax_id: DE123456789, country: DE, address: [Hafenstrasse 1]}}
  rates: [{{country: DE, class: digital, percent: "19"}}]
"""


@pytest.mark.parametrize(
    ("prices", "price", "lines", "total"),
    [("exclusive", "$11.90 a month", ["$20.00", "−$10.00", "$1.90"], 1190),
     ("inclusive", "$10.00 a month", ["$20.00", "−$10.00"], 1000)],
)  # fmt: skip
async def test_the_page_shows_the_tax_as_it_is_charged(tmp_path, prices, price, lines, total):
    async with running_shop(tmp_path, CHANGING + TAX.format(prices=prices)) as club, browser(club) as http:
        subscription = await subscribe(club, "bronze")
        page = Account(club, http)
        await page.play_as("ada")
        assert re.search(re.escape(price.replace("a month", "every 30 days")), page.html)
        shown = await page.open(**_wanted("silver|30 days|USD", subscription))
        figures = re.findall(r"<dd>(.*?)</dd>", shown)
        assert figures == [*lines, f"${total / 100:.2f}"]
        assert ("Includes $1.60 VAT 19%." in shown) is (prices == "inclusive")
        await page.press("/account/change")
        assert (await charged(club))[-1] == total


async def test_seats_are_chosen_as_many_as_the_tier_has(tmp_path):
    async with running_shop(tmp_path, CHANGING) as club, browser(club) as http:
        subscription = await subscribe(club, "bronze")
        page = Account(club, http)
        await page.play_as("ada")
        assert 'max="10"' in page.html
        refused = await page.open(**_wanted("plus|30 days|USD", subscription), seats="3")
        assert "Choose other seats, or another plan." in refused
        assert 'action="/account/change"' not in refused
        shown = await page.open(**_wanted("bronze|30 days|USD", subscription), seats="3")
        assert "Switch and pay $20.00" in shown
        await page.press("/account/change")
        assert await charged(club) == [1000, 2000]
        assert "$30.00 every 30 days for 3 seats." in await page.open()


async def test_a_payment_that_waits_for_its_bank_can_be_gone_on_with_from_the_page(ada):
    await subscribe(ada.shop)
    method = ada.shop.query("SELECT reference FROM payment_methods")[0]["reference"]
    await ada.shop.sandbox.turn_card(method, ASKS_ALWAYS.replace(" ", ""))
    await ada.open(**_wanted("premium|month|USD", await _only(ada.shop)))
    status, address = await ada.press("/account/change")
    (purchase,) = ada.shop.query("SELECT id FROM purchases WHERE status = 'pending'")
    page = await ada.open(purchase=purchase["id"])
    assert (status, f'href="{address}">Go on to the payment</a>' in page) == (303, True)
    assert f'content="3; url=/account/return?purchase={purchase["id"]}"' in page


async def test_while_nobody_knows_whether_a_renewal_was_paid_the_page_says_that_it_is_being_made(ada):
    subscription = await subscribe(ada.shop)
    await ada.shop.sandbox.misbehave("status", "POST /v1/payment_intents", status=500, times=99)
    await into_the_next_period(ada.shop, subscription)
    page = await ada.open()
    assert "The payment that is due is being made." in page
    assert "Basic ends with the period that is being paid." in page
    assert "See what changes" not in page
    await ada.shop.sandbox.misbehave("status", "POST /v1/payment_intents", clear=True)
    await ada.shop.advance("1d")
    assert "Next payment" in await ada.open()


async def test_out_of_a_pause_the_button_says_what_is_charged_and_who_may_not_pause_is_offered_nothing(tmp_path):
    async with running_shop(tmp_path, PAUSING) as club, browser(club) as http:
        subscription = await subscribe(club, "bronze")
        await pass_days(club, 12)
        await paused(club, subscription)
        page = Account(club, http)
        (label,) = re.findall(r"<bdi>(Resume .*?)</bdi>", await page.play_as("ada"))
        assert label == "Resume Bronze and pay $4.00"
        assert await page.press("/account/resume") == (303, "/account?note=unpaused")
        assert await charged(club) == [1000, 400]
        await page.open()
        status = await page.post("/account/pause", subscription=subscription, days="91")
        assert status == (303, "/account?note=pause_too_long")
        await subscribe(club, "taster", customer="bob")
        await pass_days(club, 15)
        trial = await page.play_as("bob")
        assert "Save a card, then resume it for $5.00" in trial
        assert await page.press("/account/resume") == (303, "/account?note=no_payment_method")


def _wanted(plan, subscription):
    return {"subscription": subscription, "plan": plan}


async def _only(shop):
    (found,) = (await shop.as_customer().get("/v1/subscriptions")).json["data"]
    return found["id"]
