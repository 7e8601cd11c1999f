"""Operators at the console, as a browser without script: what tests of its pages do again and again."""

import html
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pyotp
import pytest

from storefront.core.operators.people import add_operator
from storefront.core.operators.roles import OperatorRole
from storefront.core.operators.signing_in import make_link
from storefront.testing import Shop

PASSWORD = "a lantern over low water"


class Seen:
    """A page as it was answered: ``text`` is what stands on it, without markup."""

    def __init__(self, status: int, url: str, markup: str) -> None:
        self.status = status
        self.url = url
        self.markup = markup
        body = re.sub(r"<svg.*?</svg>|<head>.*?</head>", " ", markup, flags=re.DOTALL)
        self.text = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())

    def forms(self) -> dict[str, dict[str, str]]:
        """Return ``action -> its hidden fields`` of all forms on the page."""
        return dict(self._forms())

    def acts(self, action: str) -> list[dict[str, str]]:
        """Return the hidden fields of each form of one action."""
        return [fields for one, fields in self._forms() if one == action]

    def _forms(self) -> list[tuple[str, dict[str, str]]]:
        found = []
        for action, body in re.findall(r'<form[^>]* action="([^"]+)"[^>]*>(.*?)</form>', self.markup, re.DOTALL):
            fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', body)
            found.append((html.unescape(action), {name: html.unescape(value) for name, value in fields}))
        return found

    def links(self) -> list[str]:
        return [html.unescape(one) for one in re.findall(r'href="([^"]+)"', self.markup)]


class Console:
    """The console as one signed-in operator sees it."""

    def __init__(self, shop: Shop, http: aiohttp.ClientSession, login: str) -> None:
        self.shop = shop
        self.login = login
        self.secret = ""
        self._http = http

    async def get(self, path: str) -> Seen:
        async with self._http.get(path) as answer:
            return Seen(answer.status, str(answer.url.relative()), await answer.text())

    async def post(self, path: str, fields: dict[str, str]) -> Seen:
        """Post a form as it is, and follow where it leads."""
        async with self._http.post(path, data=fields) as answer:
            return Seen(answer.status, str(answer.url.relative()), await answer.text())

    def code(self) -> str:
        """Return a one-time code that was not used before: the app's next one, half a minute later."""
        self.shop.wall.move(30)
        return pyotp.TOTP(self.secret).at(self.shop.wall() // 1000)

    async def proved(self, asked: Seen, action: str) -> Seen:
        """Prove who it is where a form asks for that, and so send it."""
        return await self.post(action, {**asked.forms()[action], "proof": self.code()})

    async def sure(self, page: str, action: str, **fields: str) -> Seen:
        """Send a form that takes something away, see that it asks first, and confirm it."""
        return await self.confirm(await self.send(page, action, **fields), action)

    async def confirm(self, asked: Seen, action: str) -> Seen:
        """Say yes on the page that asks first."""
        assert (asked.status, "Nothing has happened yet." in asked.text) == (200, True), asked.text
        return await self.post(action, asked.forms()[action])

    async def send(self, page: str, action: str, **fields: str) -> Seen:
        """Fill in a form of a page and send it, with all that it carries."""
        seen = await self.get(page)
        assert action in seen.forms(), f"{page} has no form {action}; it has {sorted(seen.forms())}"
        return await self.post(action, {**seen.forms()[action], **fields})


SignIn = Callable[..., Awaitable[Console]]


@pytest.fixture
async def signed_in() -> AsyncIterator[SignIn]:
    """Sign an operator of a role in to a shop: ``await signed_in(shop, "support")``."""
    async with AsyncExitStack() as stack:

        async def sign_in(shop: Shop, role: str) -> Console:
            services, login = shop.parts.services, f"{role}@example.com"
            await add_operator(services, login, OperatorRole(role), actor="operator:shell")
            _, code, _ = await make_link(services, login, actor="operator:shell")
            jar = aiohttp.CookieJar(unsafe=True)
            http = await stack.enter_async_context(aiohttp.ClientSession(base_url=shop.url, cookie_jar=jar))
            console = Console(shop, http, login)
            seen = await console.post("/console/sign-in/link", {"code": code})
            if OperatorRole(role).handles_money:
                assert seen.url == "/console/you"
                await _set_up(console)
            assert (await console.get("/console")).status == 200
            return console

        yield sign_in


async def _set_up(console: Console) -> None:
    """Set the password and the one-time codes, as whoever handles money must."""
    you: dict[str, Any] = {"password": PASSWORD, "again": PASSWORD}
    assert (await console.send("/console/you", "/console/you/password", **you)).status == 200
    page = await console.get("/console/you")
    console.secret = page.forms()["/console/you/codes"]["secret"]
    sent = {"secret": console.secret, "code": console.code()}
    assert (await console.send("/console/you", "/console/you/codes", **sent)).status == 200
