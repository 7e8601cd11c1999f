"""Joins the emulator's parts to one aiohttp application, mountable under a prefix or run alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from aiohttp import web

from storefront.sandbox.api import Api
from storefront.sandbox.bank_pages import BankPages
from storefront.sandbox.behaviour import Behaviour
from storefront.sandbox.control import Control
from storefront.sandbox.money_control import MoneyControl
from storefront.sandbox.onboarding import Onboarding
from storefront.sandbox.orders import Misbehave
from storefront.sandbox.pages import Pages
from storefront.sandbox.sandbox import Sandbox
from storefront.sandbox.webhooks import RETRY_SECONDS
from storefront.sandbox.world import Clock

SANDBOX = web.AppKey("SANDBOX", Sandbox)


def create_sandbox(
    *,
    path: Path,
    public_url: str,
    secret_key: str,
    endpoint: tuple[str, str] | None = None,
    connect_endpoint: tuple[str, str] | None = None,
    clock: Clock | None = None,
    shop_name: str = "Storefront",
    retry_seconds: Sequence[float] = RETRY_SECONDS,
    behaviour: Behaviour | None = None,
    misbehave: Sequence[Misbehave] = (),
) -> web.Application:
    """Build the Stripe emulator as an application of its own.

    ``path`` is its SQLite file (made at start, beside it a lock file); ``public_url`` is where browsers reach
    the application, prefix included; ``endpoint`` is an address and a signing secret (24 bytes or more) that
    gets every event of the account itself, ``connect_endpoint`` those of its connected accounts; ``clock`` gives
    business time in milliseconds, the machine's time without one; ``behaviour`` is what a YAML file orders, and
    ``misbehave`` are orders that hold from the start (``read_orders`` reads them from YAML).
    The file is opened when the application starts: ``SandboxLocked`` if another emulator has it.

    Raises:
        ValueError: a live key, or a secret that is too short.
    """
    sandbox = Sandbox(
        path=path,
        public_url=public_url,
        secret_key=secret_key,
        endpoint=endpoint,
        connect_endpoint=connect_endpoint,
        clock=clock,
        shop_name=shop_name,
        retry_seconds=retry_seconds,
    )
    app = web.Application()
    app[SANDBOX] = sandbox

    async def lifetime(_: web.Application) -> AsyncIterator[None]:
        await sandbox.start()
        try:
            if behaviour is not None:
                await behaviour.apply(sandbox)
            for order in misbehave:
                await order.apply(sandbox)
            yield
        finally:
            await sandbox.stop()

    app.cleanup_ctx.append(lifetime)
    app.router.add_route("*", "/v1/{tail:.+}", Api(sandbox).answer)
    app.add_routes(Control(sandbox).routes())
    app.add_routes(MoneyControl(sandbox).routes())
    pages = Pages(sandbox)
    app.add_routes(pages.routes())
    app.add_routes(BankPages(sandbox, pages).routes())
    app.add_routes(Onboarding(sandbox, pages).routes())
    return app
