"""Whoever is signed out, or signed in anew, comes back to where they were; and setting up codes does not trap them."""

import re

import pytest

from storefront.testing import running_shop
from storefront.testing.tiny_shop import TINY_SHOP
from tests.console.visiting import MANY, PASSWORD, Visitor, add, link_for, signed_in

LIST = "/console/purchases?status=completed&q=a%20b"


@pytest.fixture
async def shop(data_folder, database_url):
    async with running_shop(data_folder, TINY_SHOP + MANY, database=database_url) as running:
        yield running


def next_of(page):
    return re.findall(r'name="next" value="([^"]*)"', page.html)[0].replace("&amp;", "&")


async def test_a_deep_link_keeps_what_narrows_it_through_the_sign_in(shop):
    await add(shop, "support")
    here = Visitor(shop)
    asked = await here.get((await here.get(LIST)).to)
    assert next_of(asked) == LIST
    assert "Your session ended" not in asked.says
    sent = {"code": await link_for(shop, "support@example.com"), "next": next_of(asked)}
    assert (await here.post("/console/sign-in/link", sent)).to.replace("+", "%20") == LIST


async def test_a_form_sent_after_the_session_ended_says_so_and_leads_back_to_its_page(shop):
    support, purchase = await signed_in(shop, "support"), await shop.bought("gems-500")
    csrf = await support.csrf()
    await support.act("/console/sign-out")
    sent = await support.post(f"/console/purchases/{purchase['id']}/refund", {"csrf": csrf, "key": "k", "reason": "x"})
    assert sent.status == 303
    asked = await support.get(sent.to)
    assert ("Your session ended" in asked.says, next_of(asked)) == (True, f"/console/purchases/{purchase['id']}")
    password = await support.post("/console/you/password", {"csrf": csrf, "password": PASSWORD, "again": PASSWORD})
    assert next_of(await support.get(password.to)) == "/console/you"


async def test_a_form_of_a_session_before_says_what_happened_and_leads_to_the_form(shop):
    support, purchase = await signed_in(shop, "support"), await shop.bought("gems-500")
    csrf, page = await support.csrf(), f"/console/purchases/{purchase['id']}"
    await support.by_link(await link_for(shop, "support@example.com"))
    refused = await support.post(f"{page}/refund", {"csrf": csrf, "key": "k", "reason": "x"})
    assert (refused.status, "You signed in anew" in refused.says, f'href="{page}"' in refused.html) == (403, True, True)


async def test_the_whole_link_may_be_pasted_where_its_code_is_asked_for(shop):
    await add(shop, "support")
    code = await link_for(shop, "support@example.com")
    assert (await Visitor(shop).by_link(f" {shop.url}/console/sign-in#code={code} ")).status == 303


async def test_the_secret_of_new_codes_stays_until_it_is_confirmed(shop):
    owner = await signed_in(shop, "owner")

    async def shown(page=None):
        return re.findall(r'name="secret" value="([A-Z2-7]{32})"', (page or await owner.get("/console/you")).html)[0]

    first = await shown()
    assert first != owner.secret
    wrong = await owner.act("/console/you/codes", secret=first, code="000000")
    changed = await owner.act("/console/you/password", password=PASSWORD + "9", again=PASSWORD + "9")
    assert (wrong.status, changed.status, await shown(wrong), await shown()) == (422, 303, first, first)
    owner.secret = "A" * 32
    assert (await owner.act("/console/you/codes", secret=owner.secret, code=owner.code())).status == 422
    owner.secret = first
    assert (await owner.act("/console/you/codes", secret=first, code=owner.code())).status == 303
    assert await shown() != first
    other = await signed_in(shop, "owner", "other@example.com")
    assert first not in (await other.get("/console/you")).html


@pytest.mark.parametrize(
    "common", ["password1234", "P@ssw0rd2024!!", "qwertyuiop12", "123456789012", "Welcome-to-2026"]
)
async def test_a_common_password_is_refused_with_why(shop, common):
    support = await signed_in(shop, "support")
    refused = await support.act("/console/you/password", password=common, again=common)
    assert (refused.status, "common words" in refused.says) == (422, True), refused.says
    assert (await support.act("/console/you/password", password=PASSWORD, again=PASSWORD)).status == 303


async def test_a_short_password_is_told_what_the_hint_says(shop):
    support = await signed_in(shop, "support")
    refused = await support.act("/console/you/password", password="a heron", again="a heron")
    assert "12 characters or more" in refused.says.partition("New password")[0]
