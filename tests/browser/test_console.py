"""The console in a real browser: by keys alone, without script, at every width and theme, with what others wrote."""

import re
from urllib.parse import quote

import pyotp
import pytest
import pytest_asyncio
from playwright.async_api import expect

from storefront.core.idempotency import idempotency_key
from storefront.core.ids import new_id
from storefront.core.operating.notes import add_note
from storefront.testing import OPERATOR_KEY, running_shop
from storefront.testing.tiny_shop import TINY_SHOP
from tests.console.visiting import EXAMPLE, PASSWORD, SHELL, add, link_for, signed_in
from tests.fanfunding.hostile import HOSTILE

pytestmark = pytest.mark.asyncio(loop_scope="session")

WATCHED = TINY_SHOP.replace(
    "plugins: {microtransactions: {}}",
    """plugins:
  microtransactions: {}
  fraud: {rates: {EUR: "1.10", gems: "1"}, rules: [{id: large, do: review, when: "amount_usd > 1600"}]}""",
).replace(
    "offers:",
    """offers:
  charm: {kind: item, type: consumable, title: '<img src=x onerror=alert(1)>{{7*7}}', prices: {USD: 100}}""",
)
BROUGHT_IN = (
    "iframe, object, embed, base, style, video, audio, marquee, math, main script, main [onerror], main [onload]"
)
SENT = re.compile(r"^(Refunded\.|The refund is on its way)")
MARKUP = [text for text in HOSTILE if "<" in text or "{" in text or '"' in text][:40]


@pytest_asyncio.fixture(loop_scope="session")
async def counter(browser, tmp_path):
    async with running_shop(tmp_path, WATCHED) as shop:
        yield shop


async def to(here, target):
    """Tab on until a thing has the focus, as somebody without a mouse does, and see that it shows."""
    await expect(target).to_be_visible()
    for _ in range(200):
        await here.page.keyboard.press("Tab")
        if await target.evaluate("one => one === document.activeElement"):
            await expect(target).to_be_in_viewport()
            return
    raise AssertionError(f"no key leads to {target}")


async def press(here, target):
    await to(here, target)
    await here.page.keyboard.press("Enter")


async def write(here, target, text):
    await to(here, target)
    await here.page.keyboard.type(text)


async def come_in(here, shop, role="owner"):
    """Sign in by HTTP, and give the browser the session."""
    operator = await signed_in(shop, role, f"{new_id('opr')[-6:]}@example.com")
    await here.context.add_cookies([{"name": "storefront_console", "value": operator.token, "url": shop.url}])
    return operator


def actions(shop, skipped="operator."):
    rows = shop.query("SELECT action FROM audit_actions WHERE actor LIKE 'operator:opr_%' ORDER BY id")
    return [row["action"] for row in rows if not row["action"].startswith(skipped)]


async def test_the_whole_counter_by_keys_alone(visit, counter):
    bought = await counter.bought("chest")
    held = await counter.buy("statue", customer="grace")
    assert await counter.pay(held) == 303
    await counter.until(lambda: counter.query("SELECT 1 FROM reviews WHERE state = 'open'"))
    await counter.quiet()
    key = (await counter.bearing(OPERATOR_KEY).post("/v1/keys", {"kind": "server", "name": "old game"})).json
    intent = (await counter.sandbox.books())["sessions"][0]["payment_intent"]
    await add(counter, "owner", "ana@example.com")
    here = await visit(shop=counter)
    page, menu = here.page, here.page.locator("nav.nav")

    def button(name):
        return page.get_by_role("button", name=name)

    def link(name, within=page):
        return within.get_by_role("link", name=re.compile(f"^{name}"))

    await here.open("/console/sign-in")
    await page.goto(f"{counter.url}/console/sign-in#code={await link_for(counter, 'ana@example.com')}")  # in that tab
    await expect(page.get_by_text("This signs you in on this device.")).to_be_visible()
    assert page.url.endswith("/console/sign-in")  # the code has left the address bar
    await press(here, button("Sign in with the link"))

    await expect(page.get_by_text("Your role moves money.")).to_be_visible()
    await write(here, page.locator("#password"), PASSWORD)
    await write(here, page.locator("#again"), PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Your password is set.")).to_be_visible()
    secret = await page.locator("code.secret").inner_text()
    await write(here, page.locator("#code"), pyotp.TOTP(secret).at(counter.wall() // 1000))
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Your codes are set up.")).to_be_visible()
    await press(here, link("To the console"))

    await press(here, link("Purchases", menu))
    await write(here, page.get_by_role("searchbox"), intent)
    await page.keyboard.press("Enter")
    await expect(page.locator("tbody tr")).to_have_count(1)
    await press(here, page.locator("tbody a").first)
    await expect(page.get_by_text(f"Purchase {bought['id']}")).to_be_visible()
    await press(here, page.locator("summary", has_text="Refund…"))
    await write(here, page.get_by_label("Amount in USD"), "2.00")
    await write(here, page.get_by_label("Reason", exact=True), "scratched")
    await press(here, button("See what it would take back"))
    await expect(page.get_by_text("Nothing has happened yet.")).to_be_visible()
    assert actions(counter) == []
    await press(here, button("Refund $2.00"))
    await expect(page.get_by_text(SENT).first).to_be_visible()
    await counter.quiet()

    await press(here, link("Review", menu))
    await press(here, page.locator("summary", has_text="Let it through"))
    await write(here, page.get_by_label("Why").first, "known customer")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("It is let through.")).to_be_visible()
    await counter.quiet()
    assert (await counter.seen(held))["status"] == "completed"

    await press(here, link("Webhooks", menu))
    await press(here, button("Replay").first)
    await expect(page.get_by_text("It is looked at again.")).to_be_visible()

    await press(here, link("Settings", menu))
    await press(here, page.locator("dl.lines div", has_text="API keys").get_by_role("link"))
    counter.wall.move(601)
    await press(here, button("Retire"))
    await write(here, page.get_by_label("Reason"), "It leaked.")
    await press(here, button("Retire the key old game"))
    await expect(page.get_by_role("heading", name="Confirm it is you")).to_be_visible()
    assert (await counter.bearing(key["key"]).get("/v1/purchases")).status == 200
    await write(here, page.get_by_label("Code from your app"), pyotp.TOTP(secret).at(counter.wall() // 1000))
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("It opens nothing any more.")).to_be_visible()
    assert (await counter.bearing(key["key"]).get("/v1/purchases")).status == 401
    assert actions(counter) == ["purchase.refunded", "review.decided", "inbox.replayed", "key.revoked"]


async def test_without_script_one_signs_in_searches_and_refunds(visit, counter):
    bought = await counter.bought("chest")
    await add(counter, "owner", "ana@example.com")
    here = await visit(width=390, javascript=False, shop=counter)
    page = here.page
    await here.open("/console/purchases")
    await page.locator("summary", has_text="I have a sign-in link").click()
    await page.get_by_label("Code (begins with opl_)").fill(await link_for(counter, "ana@example.com"))
    await page.get_by_role("button", name="Sign in with the link").click()
    await page.get_by_label("New password").fill(PASSWORD)
    await page.get_by_label("The same again").fill(PASSWORD)
    await page.get_by_role("button", name="Set the password").click()
    secret = await page.locator("code.secret").inner_text()
    await page.get_by_label("Code from the app").fill(pyotp.TOTP(secret).at(counter.wall() // 1000))
    await page.get_by_role("button", name="Set up the codes").click()
    await here.open("/console/purchases")
    await page.get_by_role("searchbox").fill("ada")
    await page.get_by_role("button", name="Search").click()
    await page.locator("tbody a").first.click()
    await page.locator("summary", has_text="Refund…").click()
    await page.get_by_role("button", name="See what it would take back").click()
    await page.get_by_label("Amount in USD").fill("much")
    await page.get_by_label("Reason", exact=True).fill("changed their mind")
    await page.get_by_role("button", name="See what it would take back").click()
    await expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    await expect(page.get_by_label("Reason", exact=True)).to_have_value("changed their mind")
    assert (await page.title()).startswith("Error: ")
    await page.get_by_label("Amount in USD").fill("")
    await page.get_by_role("button", name="See what it would take back").click()
    await page.get_by_role("button", name="Refund $14.99").click()
    await expect(page.get_by_text(SENT).first).to_be_visible()
    await counter.quiet()
    assert (await counter.seen(bought))["refunded"] == "full"


async def test_what_is_new_comes_by_itself_and_leaves_alone_what_is_typed(visit, counter):
    here = await visit(shop=counter)
    await come_in(here, counter, "support")
    page = here.page
    await page.clock.install()
    await here.open("/console/purchases")
    await expect(page.get_by_text("No purchases yet.")).to_be_visible()
    await page.get_by_role("searchbox").fill("half a wo")
    await counter.bought("gems-500", customer="newcomer")
    await page.clock.run_for(10_000)
    await expect(page.locator("tbody tr")).to_have_count(1)
    await expect(page.get_by_role("searchbox")).to_have_value("half a wo")
    await expect(page.get_by_role("searchbox")).to_be_focused()

    held = await counter.buy("statue", customer="grace")
    assert await counter.pay(held) == 303
    await counter.until(lambda: counter.query("SELECT 1 FROM reviews WHERE state = 'open'"))
    await here.open("/console/review")
    await page.locator("summary", has_text="Refuse it").click()
    await page.get_by_label("Why").last.fill("a stolen ca")
    await page.get_by_role("heading", level=1).click()
    second = await counter.buy("gems-1200", customer="linus", quantity=2)
    assert await counter.pay(second) == 303
    await counter.until(lambda: len(counter.query("SELECT 1 FROM reviews WHERE state = 'open'")) == 2)
    await page.clock.run_for(20_000)
    await expect(page.get_by_label("Why").last).to_have_value("a stolen ca")
    await page.locator("summary", has_text="Refuse it").click()
    await page.get_by_role("heading", level=1).click()
    await page.clock.run_for(10_000)
    await expect(page.locator("summary", has_text="Refuse it")).to_have_count(2)
    await expect(page.locator("nav").get_by_role("link", name=re.compile("^Review"))).to_contain_text("2")


async def test_words_of_others_stay_words(visit, counter):
    assert len(MARKUP) == 40
    services = counter.parts.services
    known = [
        text for text in MARKUP if (await counter.as_server().post("/v1/sessions", {"customer": text})).status == 201
    ]
    assert len(known) > 30  # names of the game's own: all that can be written on one line
    charm = await counter.bought("charm")
    customer = await services.customers.ensure("ada", actor=SHELL, country=None)
    for text in MARKUP:
        await add_note(services, idempotency_key(SHELL, "a note", new_id("key"), {}), customer, text)
    keys = counter.bearing(OPERATOR_KEY)
    for text in MARKUP:
        await keys.post("/v1/keys", {"kind": "server", "name": text})
    for text in MARKUP[:12]:
        await counter.as_server().post(
            "/v1/grants", {"customer": "ada", "asset": "gems", "amount": 1, "reason": text}, key=new_id("key")
        )
    here = await visit(shop=counter)
    await come_in(here, counter)
    page = here.page
    for path, wanted in (
        (f"/console/purchases/{charm['id']}", ["<img src=x onerror=alert(1)>{{7*7}}"]),
        ("/console/customers", known[-8:]),
        (f"/console/customers/{customer}", MARKUP),
        ("/console/settings/keys", MARKUP),
        ("/console/settings/audit-trail", []),
    ):
        await here.open(path)
        assert await page.locator(BROUGHT_IN).count() == 0, path
        shown = " ".join((await page.locator("main").text_content() or "").split())
        assert [text for text in wanted if " ".join(text.split()) not in shown] == [], path
    for text in MARKUP:
        response = await page.goto(f"/console/purchases?q={quote(text, safe='')}")
        assert response.status == 200, text
        await expect(page.get_by_role("searchbox")).to_have_value(text)
        assert await page.locator(BROUGHT_IN).count() == 0, text


async def test_every_page_is_open_to_everybody_at_every_size(visit, browser, tmp_path):
    async with running_shop(tmp_path, EXAMPLE) as shop:
        bought = await shop.bought("gems-500")
        await shop.quiet()
        customer = shop.query("SELECT customer_id FROM purchases")[0]["customer_id"]
        desk, phone = await visit(shop=shop), await visit(shop=shop, width=390, dark=True)
        await looked_at(desk, phone, ["/console/sign-in"])
        owner = await come_in(desk, shop)
        await phone.context.add_cookies(await desk.context.cookies())
        await desk.open("/console")
        menu = [await one.get_attribute("href") for one in await desk.page.locator("nav.nav a").all()]
        assert len(set(menu)) > 10
        more = [f"/console/purchases/{bought['id']}", f"/console/customers/{customer}", "/console/you",
                f"/console/customers/{customer}/privacy",
                "/console/settings/keys", "/console/settings/operators", "/console/settings/audit-trail"]  # fmt: skip
        await looked_at(desk, phone, [*dict.fromkeys(menu), *more])
        shop.wall.move(601)
        for here in (desk, phone):
            await here.open("/console/settings/operators")
            await here.page.locator("summary", has_text="Add an operator…").click()
            await here.page.get_by_label("Login").first.fill("new@example.com")
            await here.page.get_by_role("button", name="Add, and show the link").click()
            await expect(here.page.get_by_role("heading", name="Confirm it is you")).to_be_visible()
            assert await here.barriers() == []
        await phone.page.get_by_label("Code from your app").fill(owner.code())
        await phone.page.get_by_role("button", name="Confirm and go on").click()
        await expect(phone.page.get_by_text("Signs in new@example.com")).to_be_visible()
        await fits(phone)


async def looked_at(desk, phone, paths):
    for path in paths:
        for here in (desk, phone):
            assert (await here.open(path)).status == 200, path
            assert await here.barriers() == [], path
        await fits(phone, path)


async def fits(phone, path=""):
    """Expect no sideways scroll, on a small phone either."""
    for width in (390, 320):
        await phone.page.set_viewport_size({"width": width, "height": 844})
        assert await phone.page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)
    await phone.page.set_viewport_size({"width": 390, "height": 844})
