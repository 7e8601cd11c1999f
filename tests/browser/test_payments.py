"""What can happen on the way to a payment, as a buyer sees it: declined, asked, left, late, waiting."""

import re

import pytest
from playwright.async_api import expect

from storefront.sandbox.testing import ENDPOINT_SECRET, running_sandbox
from storefront.testing import TINY_SHOP, running_shop

pytestmark = pytest.mark.asyncio(loop_scope="session")

DECLINED = "The bank declined this card. Nothing was charged. Try another card."
NOT_CONFIRMED = "Your bank could not confirm that it was you. Nothing was charged. Try again or use another card."
NOT_PAID = "The payment was not made. Nothing was charged."
both_ways = pytest.mark.parametrize("javascript", [True, False])


async def test_a_declined_card_is_explained_and_another_one_pays(visit, lanternfall):
    here = await visit(width=390, javascript=False)
    await here.play_as("declined")
    await here.to_checkout()

    await here.page.get_by_label("Card number").fill("4000 0000 0000 0002")
    await here.page.get_by_role("button", name="Pay $4.99").click()

    summary = here.page.locator(".summary")
    await expect(summary.get_by_role("link")).to_have_text([DECLINED])
    await expect(summary).to_be_focused()
    await expect(here.page).to_have_title("Error: Pay $4.99 to Lanternfall (test)")
    number = here.page.get_by_label("Card number")
    await expect(number).to_have_value("4000 0000 0000 0002")
    await expect(number).to_have_attribute("aria-invalid", "true")
    await expect(number).to_have_accessible_description(f"Error: {DECLINED}")
    await expect(here.page.get_by_label("Security code")).to_have_value("")
    await here.shot("declined")
    assert lanternfall.balance("customer:declined:gems") == 0

    await number.fill("4242 4242 4242 4242")
    await here.page.get_by_label("Security code").fill("123")
    await here.pay()
    await here.notice("500 gems added. You have 500 gems.")


async def test_several_faults_are_listed_and_lead_to_their_fields(visit):
    here = await visit(width=390)
    await here.play_as("careless")
    await here.to_checkout()
    await here.page.get_by_label("Card number").fill("4242 4242 4242 4241")
    await here.page.get_by_label("Expiry").fill("03 / 24")
    await here.page.get_by_role("button", name="Pay $4.99").click()

    links = here.page.locator(".summary a")
    await expect(links).to_have_text(
        ["Check the card number. One of its digits is wrong.", "Enter an expiry date that has not passed"]
    )
    await links.nth(1).click()
    await expect(here.page.get_by_label("Expiry")).to_be_focused()
    await here.shot("several-faults")


async def test_3d_secure_failed_charges_nothing_and_passed_pays(visit):
    here = await visit(javascript=True)
    await here.play_as("asked")
    await here.to_checkout()

    await here.page.get_by_role("button", name="Asks for 3-D Secure").click()
    await expect(here.page.get_by_role("heading", name="Is this you?")).to_be_visible()
    await here.shot("asked")
    await here.page.get_by_role("button", name="No, this is not me").click()
    await expect(here.page.locator(".summary a")).to_have_text([NOT_CONFIRMED])
    await expect(here.page.get_by_label("Card number")).to_have_value("4000 0025 0000 3155")

    await here.page.get_by_label("Security code").fill("123")
    await here.page.get_by_role("button", name="Pay $4.99").click()
    await expect(here.page.get_by_role("heading", name="Is this you?")).to_be_visible()
    await here.pay()
    await here.notice("500 gems added. You have 500 gems.")


async def test_leaving_the_checkout_charges_nothing_and_a_new_try_pays(visit):
    here = await visit(javascript=True)
    await here.play_as("left")
    await here.to_checkout()
    await here.page.get_by_role("button", name="Cancel and go back to Lanternfall").click()
    await here.notice(NOT_PAID)
    await here.balance(0)

    await here.to_checkout()
    checkout = here.page.url
    await here.pay()
    await here.balance(500)

    await here.page.goto(checkout)  # back again: nothing to pay twice
    await expect(here.page.get_by_role("heading", name="Paid")).to_be_visible()
    await here.page.get_by_role("link", name="Go to Lanternfall").click()
    await here.notice("500 gems added. You have 500 gems.")
    await here.balance(500)


async def test_a_checkout_that_ran_out_leads_back_to_the_shop(visit, tiny):
    here = await visit(shop=tiny, width=390)
    await here.play_as("late")
    await here.to_checkout()
    await tiny.advance("40m")

    await here.page.reload()
    await expect(here.page.get_by_role("heading", name="This page has run out")).to_be_visible()
    await here.shot("ran-out")
    await here.page.get_by_role("link", name="Go back to Tiny shop").click()
    await here.notice(NOT_PAID)
    assert await tiny.sandbox.charged() == []


async def test_the_shop_waits_for_a_bank_that_is_slow_and_then_shows_the_gems(visit, tiny):
    here = await visit(shop=tiny, javascript=False)
    await here.play_as("patient")
    await here.to_checkout()
    await tiny.sandbox.webhooks("drop")
    await tiny.sandbox.misbehave("status", on="GET /v1/checkout/sessions/*", status=503, times=3)

    await here.pay()

    await here.notice("Waiting for your bank. Keep this page open.")
    await here.shot("waiting")
    await expect(here.page.locator('meta[http-equiv="refresh"]')).to_have_attribute(
        "content", re.compile(r"^3; url=/shop/return\?purchase=pur_")
    )
    await here.page.wait_for_event("framenavigated")  # the page asks again by itself
    await here.notice("500 gems added. You have 500 gems.")


@both_ways
async def test_a_gateway_that_is_away_is_said_and_the_next_press_goes_through(visit, tiny, javascript):
    here = await visit(shop=tiny, javascript=javascript)
    await here.play_as("unlucky")
    await tiny.sandbox.misbehave("status", on="POST /v1/checkout/sessions", status=503, times=3)

    await here.press_tag("gems-500")
    await here.notice(
        "The payment page does not open right now. Nothing was charged. Try again in a moment.", on="gems-500"
    )

    await here.to_checkout("gems-500")
    await here.pay()
    await here.balance(500)
    assert [amount for _, amount in await tiny.sandbox.charged()] == [499]


async def test_coming_back_after_the_session_ended_loses_nothing(visit, tiny):
    here = await visit(shop=tiny, javascript=False)
    await here.play_as("slow")
    await here.to_checkout()
    tiny.wall.move(16 * 60)

    await here.pay()

    await here.notice("Your session has ended, but your payment is being handled. Choose your player again to see it.")
    await tiny.quiet()
    await here.play_as("slow")
    await here.balance(500)


async def test_the_payment_page_may_stand_on_another_origin(visit, browser, tmp_path):
    apart = "{url: '${BANK}', secret_key: '${SECRET_KEY}', webhook_secret: '${WEBHOOK_SECRET}'}"
    async with running_sandbox(tmp_path) as bank:
        secrets = {"BANK": bank.url, "SECRET_KEY": bank.secret_key, "WEBHOOK_SECRET": ENDPOINT_SECRET}
        config = TINY_SHOP.replace("sandbox: {}", f"sandbox: {apart}")
        async with running_shop(tmp_path, config, environ=secrets) as shop:
            here = await visit(shop=shop, javascript=False)
            await here.play_as("traveller")
            await here.to_checkout()
            assert here.page.url.startswith(f"{bank.url}/pay/")
            await here.pay()
            await here.notice("500 gems added. You have 500 gems.")
            await here.context.close()
