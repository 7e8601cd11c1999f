"""Paying on the shop page: another card, one that is saved for next time, one that was saved. Without script."""

import re

import aiohttp
import pytest

CSRF = re.compile(r'name="csrf" value="([0-9a-f]+)"')


class Page:
    """The shop page in one browser without script."""

    def __init__(self, shop, http):
        self.shop = shop
        self.http = http
        self.html = ""

    async def open(self):
        async with self.http.get("/shop") as response:
            self.html = (await response.text()).replace("\u00a0", " ")
        return self.html

    async def post(self, path, **form):
        (csrf, *_) = CSRF.findall(self.html)
        async with self.http.post(path, data={"csrf": csrf, **form}, allow_redirects=False) as response:
            return response.status, response.headers.get("Location", "")

    async def press(self, sku):
        """Press the price tag of an offer: send its form as it stands on the page."""
        forms = [
            form for form in re.findall(r"<form[^>]*data-buy>.*?</form>", self.html, re.S) if f'value="{sku}"' in form
        ]
        fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', forms[0]))
        return await self.post("/shop/buy", **{name: text for name, text in fields.items() if name != "csrf"})


def browser(shop):
    """A browser with a cookie jar of its own; forms come from the shop's own pages."""
    jar = aiohttp.CookieJar(unsafe=True)
    return aiohttp.ClientSession(base_url=shop.url, cookie_jar=jar, headers={"Origin": shop.url})


@pytest.fixture
async def page(shop):
    """Ada's browser on the shop page."""
    async with browser(shop) as http:
        found = Page(shop, http)
        await found.open()
        assert (await found.post("/shop/play-as", customer="ada"))[0] == 303
        await found.open()
        yield found


async def saved(page):
    """Buy with the wish to save the card, pay, and open the page again; return the card's id."""
    assert await page.post("/shop/pay-with", choice="save") == (303, "/shop#paying")
    await page.open()
    status, address = await page.press("gems-500")
    assert (status, "/sandbox/" in address) == (303, True)
    await page.shop.pay({"payment": {"redirect_url": address}})
    purchase = page.shop.query("SELECT id FROM purchases")[0]
    await page.shop.settled(purchase)
    await page.open()
    return page.shop.query("SELECT id FROM payment_methods")[0]["id"]


async def test_a_visitor_chooses_no_card(shop):
    async with shop.http.get("/shop") as response:
        assert "How you pay" not in await response.text()


async def test_a_card_is_saved_and_then_charged_at_once(page):
    shop = page.shop
    assert "A card, saved for next time" in page.html
    card = await saved(page)
    assert "Visa •••• 4242" in page.html
    assert await page.post("/shop/pay-with", choice=card) == (303, "/shop#paying")
    assert "charged to Visa •••• 4242" in await page.open()
    status, address = await page.press("gems-500")

    assert (status, address.startswith("/shop?purchase=")) == (303, True)
    assert shop.balance("customer:ada:gems") == 1000
    assert [row["saves_method"] for row in shop.query("SELECT saves_method FROM payments ORDER BY created_at")] == [
        1,
        0,
    ]


async def test_another_card_saves_nothing(page):
    _, address = await page.press("gems-500")
    await page.shop.pay({"payment": {"redirect_url": address}})
    await page.shop.settled(page.shop.query("SELECT id FROM purchases")[0])
    assert page.shop.query("SELECT id FROM payment_methods") == []


async def test_a_card_is_forgotten_and_the_page_falls_back(page):
    card = await saved(page)
    await page.post("/shop/pay-with", choice=card)
    await page.open()
    assert await page.post("/shop/forget-card", method=card) == (303, "/shop#paying")
    html = await page.open()
    assert "•••• 4242" not in html
    assert "A card, entered each time" in html
    status, address = await page.press("gems-500")
    assert (status, "/sandbox/" in address) == (303, True)


async def test_a_form_of_another_page_chooses_and_forgets_nothing(page):
    card = await saved(page)
    for path, form in [("/shop/pay-with", {"choice": card}), ("/shop/forget-card", {"method": card})]:
        async with page.http.post(path, data={"csrf": "0" * 64, **form}, allow_redirects=False) as response:
            assert response.status == 403
    assert page.shop.query("SELECT forgotten_at FROM payment_methods") == [{"forgotten_at": None}]


async def test_a_card_of_somebody_else_is_never_charged(page):
    card = await saved(page)
    async with browser(page.shop) as http:
        bob = Page(page.shop, http)
        await bob.open()
        await bob.post("/shop/play-as", customer="bob")
        await bob.open()
        await bob.post("/shop/pay-with", choice=card)
        assert card not in await bob.open()
        form = {"sku": "gems-500", "currency": "USD", "idempotency_key": "k1", "payment_method": card}
        assert (await bob.post("/shop/buy", **form))[1].startswith("/shop?note=not_found")
        assert (await bob.post("/shop/forget-card", method=card))[0] == 404
    assert len(await page.shop.sandbox.charged()) == 1
