"""Buying on the shop page without script where the page to pay on lies at an origin that forms must not lead to."""

import re

import pytest

from storefront.sandbox.testing import SECRET_KEY, running_sandbox
from storefront.testing import TINY_SHOP, running_shop
from tests.shop.test_paying import Page, browser

ASKS_ALWAYS = "4000 0027 6000 3184"


@pytest.fixture
async def page(data_folder, tmp_path):
    """Ada's browser at a shop whose gateway has its pages at another address than its API."""
    (tmp_path / "box").mkdir()
    async with running_sandbox(tmp_path / "box") as box:
        box.sandbox.public_url = box.url.replace("127.0.0.1", "localhost")
        there = f"gateways: {{sandbox: {{url: '{box.url}', secret_key: '${{file:{tmp_path}/key}}'}}}}"
        (tmp_path / "key").write_text(SECRET_KEY)
        config = TINY_SHOP.replace("gateways: {sandbox: {}}", there)
        async with running_shop(data_folder, config) as shop, browser(shop) as http:
            found = Page(shop, http)
            await found.open()
            assert (await found.post("/shop/play-as", customer="ada"))[0] == 303
            await found.open()
            yield found


async def led_on(page, location):
    """Open the page that the form's answer leads to, and return where its link "Go on" leads."""
    async with page.http.get(location) as response:
        (address,) = re.findall(r'href="([^"]*)"[^>]*>Go on<', await response.text())
    return address


async def pay(page, address, **form):
    async with page.http.post(address, data=form, allow_redirects=False) as response:
        assert response.status == 303
    purchase_id = page.shop.query("SELECT id FROM purchases ORDER BY created_at DESC, id DESC LIMIT 1")[0]["id"]
    async with page.http.get(f"/shop/return?purchase={purchase_id}") as response:
        return await response.text()


async def test_a_bank_that_asks_elsewhere_is_led_to_by_a_link_and_not_by_the_form(page):
    await page.post("/shop/pay-with", choice="save")
    await page.open()
    status, location = await page.press("gems-500")
    assert (status, location.startswith("/shop?purchase=")) == (303, True)
    checkout = await led_on(page, location)
    await pay(page, checkout, card_number=ASKS_ALWAYS, action="pay", challenge="pass")
    (card,) = page.shop.query("SELECT id FROM payment_methods")
    await page.post("/shop/pay-with", choice=card["id"])
    await page.open()

    status, location = await page.press("gems-500")

    assert (status, location.startswith("/shop?purchase=")) == (303, True)
    bank = await led_on(page, location)
    assert bank.startswith("http://localhost:")
    shown = await pay(page, bank, challenge="pass")
    assert "Go on<" not in shown
    assert page.shop.balance("customer:ada:gems") == 1000
