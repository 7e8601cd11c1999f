"""A real browser in front of a real shop: one Chromium and one shop per worker, a fresh profile per visit.

A visit watches its browser: an error in the console (a broken content security policy is one), an exception in a
script, a dialog or a request that failed makes the test fail when it ends. ``STOREFRONT_SHOTS=folder`` keeps pictures.
"""

import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, Response, expect

from storefront.testing import TINY_SHOP, Shop, running_shop

EXAMPLE = Path(__file__).parents[2] / "config.example.yaml"
LOOKS = (Path(__file__).parent / "looks.js").read_text()
TIMEOUT_MS = 10_000
# The browser notes every answer that is not 2xx; whether one was meant is what the tests look at.
ANSWERED = re.compile(r"Failed to load resource: the server responded with a status of (4\d\d|503) ")


class Visit:
    """One browser profile with one page open; more pages of the same profile by ``another_tab``."""

    def __init__(self, shop: Shop, context: BrowserContext, page: Page, problems: list[str]) -> None:
        self.shop = shop
        self.context = context
        self.page = page
        self._problems = problems

    async def open(self, path: str = "/shop") -> Response:
        response = await self.page.goto(path)
        assert response is not None
        return response

    async def play_as(self, name: str) -> None:
        """Come in as a visitor and choose a player."""
        await self.open()
        await self.page.get_by_label("Play as").fill(name)
        await self.page.get_by_role("button", name="Play").click()
        await expect(self.page.locator("#wallet")).to_be_visible()

    def forgive(self, part: str) -> None:
        """Do not mind the problems so far that have this in their words: the test has made them."""
        self._problems[:] = [one for one in self._problems if part not in one]

    async def another_tab(self) -> "Visit":
        page = await self.context.new_page()
        _watch(page, self._problems)
        return Visit(self.shop, self.context, page, self._problems)

    async def press_tag(self, sku: str) -> None:
        """Press the price tag on an offer's card."""
        await self.page.locator(f'[data-card="{sku}"] button.tag').click()

    async def use_last(self, sku: str) -> None:
        """Use up the only one of a thing, which takes a press and an answer."""
        line = self.page.locator(f'[data-owned="{sku}"]')
        await line.locator("summary").first.click()
        await line.get_by_role("button", name="Use it", exact=True).click()

    async def to_checkout(self, sku: str = "gems-500") -> None:
        await self.press_tag(sku)
        await expect(self.page.get_by_role("heading", name="Payment", exact=True)).to_be_visible()

    async def pay(self) -> None:
        """Press the paying button of the checkout and wait for the shop."""
        await self.page.get_by_role("button", name=re.compile(r"^(Yes, pay|Pay) ")).click()
        await self.page.wait_for_url("**/shop*")

    async def play_as_somebody_with_gems(self, name: str) -> None:
        """Come in as a player who has bought 500 gems."""
        await self.shop.bought("gems-500", customer=name)
        await self.play_as(name)
        await self.balance(500)

    async def balance(self, gems: int) -> None:
        """Expect this many gems in the wallet chip."""
        await expect(self.page.locator("#wallet")).to_contain_text(re.compile(rf"You have\s*{gems:,}\s*gems"))

    async def notice(self, words: str, *, on: str | None = None) -> None:
        """Expect this notice and no other: at the top, or on an offer's card."""
        notes = self.page.locator("[data-note]")
        await expect(notes.locator("[data-text]")).to_have_text([words])
        place = "[data-news]" if on is None else f'[data-notes-for="{on}"]'
        await expect(self.page.locator(place)).to_contain_text(words)
        await expect(notes).to_be_in_viewport()

    async def toast(self, words: str) -> None:
        await expect(self.page.locator(".toast [data-text]")).to_have_text(words)

    async def shot(self, name: str) -> None:
        """Keep a picture of the whole page, if a folder for them is given."""
        folder = os.environ.get("STOREFRONT_SHOTS")
        if folder:
            await self.page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)

    async def looks(self) -> dict[str, Any]:
        """Measure the page as it stands; see ``looks.js``."""
        measured: dict[str, Any] = await self.page.evaluate(LOOKS)
        return measured

    async def barriers(self) -> list[str]:
        """Return what axe-core finds serious or critical on the page as it stands, with where."""
        found = (await Axe().run(self.page)).response["violations"]
        return [f"{one['id']}: {node['html']}" for one in found if one["impact"] in ("serious", "critical")
                for node in one["nodes"]]  # fmt: skip


Visits = Callable[..., Awaitable[Visit]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def lanternfall(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    """The shop of the example configuration. Every test plays as somebody of its own."""
    async with running_shop(tmp_path_factory.mktemp("lanternfall"), EXAMPLE) as shop:
        yield shop


@pytest_asyncio.fixture(loop_scope="session")
async def tiny(browser: Browser, tmp_path: Path) -> AsyncIterator[Shop]:
    """A small shop for one test alone, which may break things in it."""
    async with running_shop(tmp_path, TINY_SHOP) as shop:
        yield shop


@pytest_asyncio.fixture(loop_scope="session")
async def visit(browser: Browser, lanternfall: Shop) -> AsyncIterator[Visits]:
    """Opens visits: ``await visit(width=390, dark=True, javascript=False, shop=tiny)``."""
    contexts: list[BrowserContext] = []
    problems: list[str] = []

    async def come(
        *, width: int = 1440, dark: bool = False, javascript: bool = True, shop: Shop | None = None, **more: Any
    ) -> Visit:
        context = await browser.new_context(
            base_url=(shop or lanternfall).url,
            viewport={"width": width, "height": 844 if width < 720 else 900},
            color_scheme="dark" if dark else "light",
            java_script_enabled=javascript,
            locale="en-US",
            **{"reduced_motion": "reduce", **more},
        )
        contexts.append(context)
        context.set_default_timeout(TIMEOUT_MS)
        page = await context.new_page()
        _watch(page, problems)
        return Visit(shop or lanternfall, context, page, problems)

    yield come
    for context in contexts:
        await context.close()
    assert problems == []


def _watch(page: Page, problems: list[str]) -> None:
    page.on(
        "console",
        lambda said: (
            problems.append(said.text) if said.type in ("error", "warning") and not ANSWERED.match(said.text) else None
        ),
    )
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("dialog", lambda dialog: problems.append(f"dialog: {dialog.message}"))
    page.on(
        "requestfailed",
        # A page that is left in the middle of an answer aborts it.
        lambda request: (
            problems.append(f"{request.url}: {request.failure}") if request.failure != "net::ERR_ABORTED" else None
        ),
    )
