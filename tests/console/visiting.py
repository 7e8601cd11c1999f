"""Operators at a running shop's console, by plain HTTP: signed in as a browser would be, without one."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from html import unescape
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pyotp

from storefront.core.ids import new_id
from storefront.core.operators.people import Operator, add_operator
from storefront.core.operators.roles import OperatorRole
from storefront.core.operators.signing_in import make_link
from storefront.testing import Shop, running_shop

EXAMPLE = Path(__file__).parents[2] / "config.example.yaml"
GIVEN = {"id": "pur_01m7y0000000000000000000000", "asset": "gems", "list": "purchases"}
PASSWORD = "correct horse battery 9"
SHELL = "operator:shell"
MANY = "web: {rate_limits: {sign_in: {per: address, rate: 100000, period_seconds: 1, burst: 100000}}}\n"
"""For what is tried more often than one address may: added to a shop's YAML."""
WRONG = "Login, password or code is wrong, or was tried too often"


class Page(NamedTuple):
    """What the console answered; ``to`` is where it sends the browser on, ``says`` the page as a reader sees it."""

    status: int
    html: str
    headers: Mapping[str, str]

    @property
    def to(self) -> str | None:
        return self.headers.get("Location")

    @property
    def says(self) -> str:
        return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", self.html)))


class Visitor:
    """One browser at the console: it keeps cookies, and sends forms from the console's own pages."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.cookies: dict[str, str] = {}
        self.secret = ""
        self.operator: Operator | None = None

    @property
    def token(self) -> str:
        return self.cookies.get("storefront_console", "")

    async def get(self, path: str, **headers: str) -> Page:
        return await self._send("GET", path, None, headers)

    async def post(self, path: str, form: Mapping[str, str] | None = None, **headers: str) -> Page:
        """Send a form as it is, by a browser that is at the console."""
        return await self._send("POST", path, dict(form or {}), {"Origin": self.shop.url, **headers})

    async def act(self, path: str, **form: str) -> Page:
        """Send a form of the console, with its session's secret and a key of its own."""
        return await self.post(path, {"csrf": await self.csrf(), "key": new_id("key"), **form})

    async def csrf(self) -> str:
        page = await self.get("/console/you")
        return re.findall(r'name="csrf" value="([0-9a-f]+)"', page.html)[0]

    async def is_in(self) -> bool:
        return (await self.get("/console/you")).status == 200

    def code(self) -> str:
        """Return a one-time code that was not used before: the app's next one, half a minute later."""
        self.shop.wall.move(30)
        return pyotp.TOTP(self.secret).at(self.shop.wall() // 1000)

    async def by_link(self, code: str) -> Page:
        return await self.post("/console/sign-in/link", {"code": code})

    async def by_password(self, login: str, password: str = PASSWORD, code: str = "") -> Page:
        return await self.post("/console/sign-in/password", {"login": login, "password": password, "code": code})

    async def set_up(self) -> None:
        """Set a password and one-time codes."""
        page = await self.act("/console/you/password", password=PASSWORD, again=PASSWORD)
        assert page.to == "/console/you?says=password", page.says
        self.secret = re.findall(r'name="secret" value="([A-Z2-7]+)"', (await self.get("/console/you")).html)[0]
        page = await self.act("/console/you/codes", secret=self.secret, code=self.code())
        assert page.to == "/console/you?says=codes", page.says

    async def _send(self, method: str, path: str, form: Any, headers: Mapping[str, str]) -> Page:
        cookie = (
            {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
        )
        async with (
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http,
            http.request(
                method, self.shop.url + path, data=form, headers={**cookie, **headers}, allow_redirects=False
            ) as answer,
        ):
            for name, morsel in answer.cookies.items():
                self.cookies[name] = morsel.value
            return Page(answer.status, (await answer.read()).decode(errors="replace"), answer.headers.copy())


async def add(shop: Shop, role: str, login: str = "") -> Operator:
    return await add_operator(shop.parts.services, login or f"{role}@example.com", OperatorRole(role), actor=SHELL)


async def link_for(shop: Shop, login: str) -> str:
    return (await make_link(shop.parts.services, login, actor=SHELL))[1]


async def signed_in(shop: Shop, role: str, login: str = "") -> Visitor:
    """Add an operator and sign them in by a link; whoever handles money also gets a password and one-time codes."""
    operator, visitor = await add(shop, role, login), Visitor(shop)
    page = await visitor.by_link(await link_for(shop, operator.id))
    assert page.status == 303, page.says
    if operator.role.handles_money:
        await visitor.set_up()
    visitor.operator = operator
    return visitor


def begin_window(shop: Shop) -> None:
    """Set the clock to where attempts are counted anew."""
    shop.wall.move(901 - shop.wall() // 1000 % 900)


@asynccontextmanager
async def example_shop(folder: Path) -> AsyncIterator[Shop]:
    """Run the shop of the example, with all plugins, where one address may do more."""
    one = "{per: address, rate: 100000, period_seconds: 1, burst: 100000}"
    limits = f"  rate_limits:\n    {{read: {one}, write: {one}, sign_in: {one}}}\n"
    example = re.sub(r"(?m)^  rate_limits:\n(    .*\n)+", limits, EXAMPLE.read_text())
    example = example.replace("include:\n  - creators/*.yaml\n", "").replace(
        "\nplugins:\n", "\nplugins:\n  fraud: {}\n"
    )
    path = folder / "shop.yaml"
    path.write_text(example)
    async with running_shop(folder, path) as running:
        yield running


async def routes_of(shop: Shop) -> dict[str, str]:
    """Return the console's routes as the router has them: ``GET /console/…`` -> the path with parameters filled in."""
    document = (await shop.as_server().get("/openapi.json")).json
    return {
        f"{method.upper()} {path}": re.sub(r"\{(\w+)\}", lambda found: GIVEN.get(found[1], "x1"), path)
        for path, item in sorted(document["paths"].items())
        if path == "/console" or path.startswith("/console/")
        for method in sorted(item)
    }
