"""Operators sign in through an OpenID provider: who it proves, for this browser, now, with two factors if they need."""

import re
from html import unescape

import aiohttp
import pytest
from joserfc.jwk import ECKey
from yarl import URL

from storefront.core.errors import Invalid
from storefront.core.operators.people import add_operator, end_operator
from storefront.core.operators.roles import OperatorRole
from storefront.testing import running_shop
from storefront.testing.tiny_shop import TINY_SHOP
from tests.operators.identity_provider import CLIENT, SECRET, identity_provider

BACK = "/console/sign-in/provider/back"


@pytest.fixture
async def provider():
    async with identity_provider() as running:
        yield running


@pytest.fixture
async def shop(tmp_path, provider):
    console = f"""
console:
  oidc: {{name: Acme, issuer: "{provider.url}", client_id: {CLIENT}, client_secret: "${{OIDC_SECRET}}"}}
"""
    async with running_shop(tmp_path, TINY_SHOP + console, environ={"OIDC_SECRET": SECRET}) as running:
        await add_operator(running.parts.services, "ana@example.com", OperatorRole.OWNER, actor="operator:shell")
        await add_operator(running.parts.services, "sam@example.com", OperatorRole.SUPPORT, actor="operator:shell")
        yield running


@pytest.fixture
async def browser(shop):
    async with aiohttp.ClientSession(shop.url, cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


async def sent_away(browser, next_page="/console/purchases"):
    """Press the button, and return where the browser is sent."""
    form, own = {"next": next_page}, {"Origin": str(browser._base_url.origin())}
    async with browser.post("/console/sign-in/provider", data=form, headers=own) as answer:
        page = await answer.text()
        assert answer.status == 200, page
    return unescape(re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', page)[1])


async def come_back(browser, address):
    """Come back from the provider; return the status, and the page."""
    async with browser.get(URL(address).relative()) as answer:
        return answer.status, await answer.text()


async def is_in(browser):
    async with browser.get("/console", allow_redirects=False) as answer:
        return answer.status == 200


async def test_whom_the_provider_proves_is_signed_in(shop, browser, provider):
    async with browser.get("/console/sign-in") as answer:
        assert "Sign in with Acme" in await answer.text()
    status, page = await come_back(browser, provider.send_back(await sent_away(browser)))
    assert status == 200
    assert "url=/console/purchases" in page
    assert await is_in(browser)
    (session,) = shop.query("SELECT method FROM console_sessions")
    assert session["method"] == "oidc"
    assert [row["action"] for row in shop.query("SELECT action FROM audit_actions ORDER BY id")][
        -1
    ] == "operator.signed_in"


UNPROVED = (
    {"iss": "https://somebody.else"},
    {"aud": "another client"},
    {"aud": [CLIENT, "another"], "azp": "another"},
    {"exp": 1},
    {"iat": 4_000_000_000},
    {"nonce": "of another browser"},
    {"email_verified": False},
    {"email": None},
    {"email": "nobody@example.com"},
    {"amr": ["pwd"]},
    {"amr": ["pwd", "user"]},
    {"amr": None},
    {"amr": [["otp"]]},
    {"auth_time": 1_600_000_000},
    {"auth_time": "now"},
)


async def test_a_token_that_does_not_prove_it_lets_nobody_in(browser, provider):
    for number, claims in enumerate(UNPROVED):
        provider.claims = claims
        status, page = await come_back(browser, provider.send_back(await sent_away(browser), code=f"code-{number}"))
        assert status == 422, claims
        assert 'role="alert"' in page, claims
        assert not await is_in(browser), claims


async def test_an_account_that_is_called_as_an_operators_id_is_nobody(shop, browser, provider):
    (owner,) = shop.query("SELECT id FROM operators WHERE login = 'ana@example.com'")
    provider.who = owner["id"]
    assert (await come_back(browser, provider.send_back(await sent_away(browser))))[0] == 422
    assert not await is_in(browser)
    with pytest.raises(Invalid, match="must not begin with opr_"):
        await add_operator(shop.parts.services, owner["id"].upper(), OperatorRole.OWNER, actor="operator:shell")


async def test_one_factor_is_enough_for_whoever_moves_no_money(browser, provider):
    provider.who, provider.claims = "sam@example.com", {"amr": ["pwd"]}
    assert (await come_back(browser, provider.send_back(await sent_away(browser))))[0] == 200
    async with browser.get("/console/purchases", allow_redirects=False) as answer:
        assert answer.status == 200


async def test_a_token_of_another_key_lets_nobody_in_and_a_new_key_is_fetched(browser, provider):
    provider.key = ECKey.generate_key("P-256", parameters={"kid": "first"})
    assert (await come_back(browser, provider.send_back(await sent_away(browser))))[0] == 422
    provider.key = provider.published = ECKey.generate_key("P-256", parameters={"kid": "second"})
    assert (await come_back(browser, provider.send_back(await sent_away(browser))))[0] == 200


async def test_what_began_in_another_browser_or_too_long_ago_lets_nobody_in(shop, browser, provider):
    theirs = provider.send_back(await sent_away(browser))
    async with aiohttp.ClientSession(shop.url, cookie_jar=aiohttp.CookieJar(unsafe=True)) as victim:
        assert (await come_back(victim, theirs))[0] == 422
        own = provider.send_back(await sent_away(victim), code="code-2")
        assert (await come_back(victim, own.update_query(state=theirs.query["state"])))[0] == 422
        assert not await is_in(victim)
    again = provider.send_back(await sent_away(browser), code="code-3")
    shop.wall.move(660)
    assert (await come_back(browser, again))[0] == 422


async def test_a_code_is_good_once_and_an_operator_that_ended_stays_out(shop, browser, provider):
    back = provider.send_back(await sent_away(browser))
    assert (await come_back(browser, back))[0] == 200
    assert (await come_back(browser, back))[0] == 422
    await end_operator(shop.parts.services, "sam@example.com", actor="operator:shell")
    provider.who = "sam@example.com"
    assert (await come_back(browser, provider.send_back(await sent_away(browser), code="code-2")))[0] == 422


async def test_a_provider_that_is_away_or_leads_elsewhere_is_said_to_be(browser, provider):
    provider.answers = {"issuer": "https://somebody.else"}
    own = {"Origin": str(browser._base_url.origin())}
    async with browser.post("/console/sign-in/provider", data={}, headers=own) as answer:
        assert answer.status == 422
        assert "not that of the configured issuer" in await answer.text()
    provider.answers = {"token_endpoint": "http://127.0.0.2:1/token"}
    status, page = await come_back(browser, provider.send_back(await sent_away(browser)))
    assert status == 422
    assert "cannot be reached" in page
