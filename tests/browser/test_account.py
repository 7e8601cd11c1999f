"""A member looks after their plan: by the keyboard, and by a phone without script. What is shown is what is charged."""

import re

import pytest
import pytest_asyncio
from playwright.async_api import expect

from storefront.testing import running_shop
from tests.subscriptions.subscribing import ASKS_ALWAYS, see, subscribe

from .membership import GOOD, PLANS, a_month_passes, asked_to_confirm, charged, come_in, past_due, save_method, turned
from .test_story import tab_to

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def plans(browser, tmp_path):
    async with running_shop(tmp_path, PLANS) as shop:
        yield shop


def cents(words: str) -> int:
    """Return a sum in dollars as people read it, in cents."""
    sign = -1 if "−" in words else 1
    return sign * int(re.sub(r"\D", "", words))


async def shown(here) -> tuple[list[int], int]:
    """Return the preview's lines and its total, in cents, as they stand on the page."""
    figures = [cents(text) for text in await here.page.locator("#preview dd").all_inner_texts()]
    return figures[:-1], figures[-1]


async def plan(here, title: str, badge: str) -> None:
    """Expect this plan, in this state."""
    card = here.page.locator(".plan").filter(has=here.page.get_by_role("heading", name=title, exact=True))
    await expect(card.locator(".badge")).to_have_text(re.compile(badge))


async def told(here, words: str) -> None:
    await expect(here.page.locator("[data-news]")).to_contain_text(words)


async def look_at(here, label: str) -> None:
    await here.page.get_by_role("radio", name=re.compile(label)).check()
    await here.page.get_by_role("button", name="See what changes").click()
    await expect(here.page.locator("#preview")).to_be_in_viewport()


async def test_a_member_begins_changes_cancels_and_takes_back_by_the_keyboard_alone(visit, plans):
    here = await visit(shop=plans)
    await here.open("/account")
    await tab_to(here, "Skip to your plan")
    await tab_to(here, "Play as")
    await here.page.keyboard.type("ada")
    await here.page.keyboard.press("Enter")
    await expect(here.page.get_by_text("Signed in as ada")).to_be_visible()
    await tab_to(here, r"Begin Ember for \$3.99 a month")
    await here.page.keyboard.press("Enter")
    await expect(here.page.get_by_role("heading", name="Payment", exact=True)).to_be_visible()
    await tab_to(here, r"Pay \$3.99")
    await here.page.keyboard.press("Enter")
    await told(here, "You are on Ember now. $3.99 paid.")
    await plan(here, "Ember", "Active")

    await tab_to(here, "Ember")  # the radios have one stop; arrows choose
    await here.page.keyboard.press("ArrowDown")
    await here.page.keyboard.press("ArrowDown")
    await tab_to(here, "See what changes")
    await here.page.keyboard.press("Enter")
    await expect(here.page.locator("#preview")).to_be_visible()
    lines, total = await shown(here)
    await tab_to(here, rf"Switch and pay \${total // 100}\.{total % 100:02d}")
    await here.page.keyboard.press("Enter")
    await told(here, "You are on Beacon now.")
    assert sum(lines) == total
    assert await charged(plans) == [399, total]

    await tab_to(here, "Cancel plan")
    await here.page.keyboard.press("Enter")
    await tab_to(here, "End on ")
    await here.page.keyboard.press("Enter")
    await told(here, "Your plan ends with what is paid. Until then you can take that back.")
    await plan(here, "Beacon", "Ends ")
    await tab_to(here, "Keep Beacon")
    await here.page.keyboard.press("Enter")
    await told(here, "Your plan goes on as before.")
    await plan(here, "Beacon", "Active")
    assert await charged(plans) == [399, total]


@pytest.mark.parametrize("javascript", [True, False])
async def test_a_member_begins_changes_cancels_and_takes_back_on_a_phone(visit, plans, javascript):
    here = await visit(width=390, javascript=javascript, shop=plans, has_touch=True, is_mobile=True)
    await come_in(here)
    await here.page.get_by_role("button", name="Begin Ember for $3.99 a month").tap()
    await here.page.get_by_role("button", name="Pay $3.99").tap()
    await told(here, "You are on Ember now. $3.99 paid.")
    await plans.advance("10d")
    await here.open("/account")

    await here.page.get_by_role("link", name="Change plan").tap()
    await look_at(here, "Beacon")
    lines, total = await shown(here)
    await here.shot(f"account-preview-390-{javascript}")
    await here.page.get_by_role("button", name="Switch and pay").tap()
    await told(here, f"You are on Beacon now. ${total // 100}.{total % 100:02d} paid.")
    assert (len(lines), sum(lines)) == (2, total)
    assert await charged(plans) == [399, total]

    await here.page.get_by_text("Cancel plan").tap()
    await here.page.get_by_role("button", name="End on ").tap()
    await plan(here, "Beacon", "Ends ")
    await here.page.get_by_role("button", name="Keep Beacon").tap()
    await plan(here, "Beacon", "Active")
    await here.page.get_by_role("link", name=re.compile(r"^Receipt\s*: Beacon")).first.tap()
    await expect(here.page.locator(".lines__total")).to_contain_text(f"${total // 100}.{total % 100:02d}")


async def test_a_member_pauses_takes_that_back_and_resumes_on_a_phone_without_script(visit, plans):
    await subscribe(plans, "ember")
    here = await visit(width=390, javascript=False, shop=plans, has_touch=True, is_mobile=True)
    await come_in(here)
    await here.page.get_by_text("Pause plan").tap()
    await expect(here.page.get_by_text("Then it is off, and nothing is charged until it goes on.")).to_be_visible()
    await here.shot("account-pause-390")
    await here.page.get_by_label("For", exact=True).select_option("14 days")
    await here.page.get_by_role("button", name="Pause on ").tap()
    await told(here, "Your plan pauses once what is paid is over.")
    await plan(here, "Ember", "Pauses ")
    await expect(here.page.get_by_text("It goes on by itself on ")).to_be_visible()
    await here.shot("account-pauses-390")
    await here.page.get_by_role("button", name="Don't pause Ember").tap()
    await plan(here, "Ember", "Active")

    await here.page.get_by_text("Pause plan").tap()
    await here.page.get_by_role("button", name="Pause on ").tap()
    await a_month_passes(plans)
    await here.open("/account")
    await plan(here, "Ember", "Paused")
    await expect(here.page.get_by_text("You have no access, and nothing is charged.")).to_be_visible()
    assert await charged(plans) == [399]
    await here.shot("account-paused-390")
    await here.page.get_by_role("button", name="Resume Ember and pay $3.99").tap()
    await told(here, "Your plan is on again.")
    await plan(here, "Ember", "Active")
    assert await charged(plans) == [399, 399]


async def test_a_lower_tier_begins_with_the_next_period_at_the_sum_that_was_shown(visit, plans):
    await subscribe(plans, "beacon")
    here = await visit(width=390, shop=plans)
    await come_in(here)

    await look_at(here, r"Ember.*\$3\.99")
    assert await shown(here) == ([399], 399)
    await expect(here.page.locator("#preview")).to_contain_text("You pay nothing today. Ember begins on ")
    await here.page.get_by_role("button", name="Switch on ").click()
    await told(here, "Agreed. Your plan changes with its next period.")
    await expect(here.page.get_by_text("Until then you keep Beacon.")).to_be_visible()
    assert await charged(plans) == [1499]

    await a_month_passes(plans)
    await here.open("/account")
    await plan(here, "Ember", "Active")
    assert await charged(plans) == [1499, 399]


async def test_a_change_that_is_agreed_to_is_taken_back(visit, plans):
    await subscribe(plans, "beacon")
    here = await visit(shop=plans)
    await come_in(here)
    await look_at(here, r"Ember.*\$3\.99")
    await here.page.get_by_role("button", name="Switch on ").click()
    await here.page.get_by_role("button", name="Stay on Beacon").click()

    await told(here, "Your plan stays as it is.")
    await a_month_passes(plans)
    assert await charged(plans) == [1499, 1499]


async def test_other_terms_that_the_shop_lets_one_choose_are_looked_at_before_they_are_agreed_to(visit, plans):
    await subscribe(plans, "ember")
    here = await visit(shop=plans)
    await come_in(here)
    await look_at(here, "Beacon")

    await here.page.get_by_role("link", name=re.compile("^Switch on .* instead$")).click()
    assert await shown(here) == ([1499], 1499)
    await here.page.get_by_role("button", name="Switch on ").click()
    await told(here, "Agreed.")
    assert await charged(plans) == [399]


async def test_a_declined_switch_charges_nothing_and_leaves_the_plan(visit, plans):
    await subscribe(plans, "ember")
    await turned(plans, "4000 0000 0000 9979")
    here = await visit(shop=plans)
    await come_in(here)
    await look_at(here, "Beacon")
    await here.page.get_by_role("button", name="Switch and pay").click()

    await told(here, "The bank declined your card. Nothing was charged, and your plan stays as it was.")
    await plan(here, "Ember", "Active")
    assert await charged(plans) == [399]


async def test_a_switch_that_the_bank_asks_about_is_done_once_it_is_confirmed(visit, plans):
    await subscribe(plans, "ember")
    await turned(plans, ASKS_ALWAYS)
    here = await visit(width=390, javascript=False, shop=plans)
    await come_in(here)
    await look_at(here, "Beacon")
    _, total = await shown(here)
    await here.page.get_by_role("button", name="Switch and pay").click()
    await expect(here.page.get_by_role("heading", name="Is this you?")).to_be_visible()
    await here.open("/account")
    await expect(here.page.get_by_text("Your switch to Beacon waits for your payment.")).to_be_visible()
    assert await charged(plans) == [399]

    await here.page.get_by_role("link", name="Go on to the payment").click()
    await here.page.get_by_role("button", name=re.compile("^Yes")).click()
    await told(here, "You are on Beacon now.")
    assert await charged(plans) == [399, total]


async def test_a_renewal_that_the_bank_asks_about_is_paid_once_it_is_confirmed(visit, plans):
    await asked_to_confirm(plans)
    here = await visit(width=390, javascript=False, shop=plans)
    await come_in(here)
    await plan(here, "Ember", "To confirm")
    await here.page.get_by_role("link", name="Confirm $3.99").click()
    await here.page.get_by_role("button", name=re.compile("^Yes")).click()
    await told(here, "You are on Ember now. $3.99 paid.")
    await plan(here, "Ember", "Active")
    assert await charged(plans) == [399, 399]


async def test_another_card_pays_at_once_what_is_due(visit, plans):
    await past_due(plans)
    here = await visit(width=390, shop=plans)
    await come_in(here)
    await plan(here, "Ember", "Payment failed")
    await here.page.get_by_role("link", name="Use another card").click()
    await here.page.get_by_role("button", name="Replace").click()
    await here.page.get_by_label("Card number").fill(GOOD)
    await here.page.get_by_role("button", name=re.compile("^Save")).click()

    await told(here, "Your card is saved. It pays from now on.")
    await plans.quiet()
    await here.open("/account")
    await plan(here, "Ember", "Active")
    assert await charged(plans) == [399, 399]


async def test_the_card_that_was_named_for_a_plan_is_replaced_by_the_new_one(visit, plans):
    first = await save_method(plans)
    subscription = await subscribe(plans, "ember", payment_method=first)
    await turned(plans, "4000 0000 0000 9979")  # it would be declined
    here = await visit(shop=plans)
    await come_in(here)
    await here.page.get_by_role("button", name="Replace").click()
    await here.page.get_by_label("Card number").fill("5555 5555 5555 4444")
    await here.page.get_by_role("button", name=re.compile("^Save")).click()
    await told(here, "Your card is saved.")
    await expect(here.page.locator(".method")).to_have_count(1)
    await expect(here.page.locator(".method")).to_contain_text("Pays Ember.")

    await a_month_passes(plans)
    assert (await see(plans, subscription))["billing_state"] == "active"
    assert await charged(plans) == [399, 399]


async def test_the_link_of_a_session_opens_the_account_and_leaves_no_token_behind(visit, plans):
    await subscribe(plans, "ember", customer="linked")
    session = await plans.as_server().post("/v1/sessions", {"customer": "linked"})
    here = await visit(shop=plans)

    await here.open(session.json["links"]["account"])

    await plan(here, "Ember", "Active")
    assert here.page.url == f"{plans.url}/account"
    await here.page.get_by_role("link", name="Shop", exact=True).click()
    await here.page.get_by_role("link", name="Membership").click()
    await plan(here, "Ember", "Active")


async def test_a_link_in_the_same_tab_is_taken_too_whoever_was_signed_in(visit, plans):
    here = await visit(shop=plans)
    await here.open("/account")
    for customer in ("ada", "bob"):
        session = await plans.as_server().post("/v1/sessions", {"customer": customer})
        link = session.json["links"]["account"]
        await here.page.evaluate("link => { location.href = link; }", link)
        await expect(here.page.get_by_text(f"Signed in as {customer}")).to_be_visible()
        assert here.page.url == f"{plans.url}/account"
        assert session.json["token"] not in await here.page.content()
    await here.page.evaluate("location.hash = 'token=eyJhbGciOiJub25lIn0.e30.'")
    await told(here, "This link no longer works. Open the shop from the game again.")
    assert here.page.url == f"{plans.url}/account"
    await expect(here.page.get_by_text("Signed in as bob")).to_be_visible()
