"""The control API of money that moves on its own: rates, payouts that fail, the daily schedule."""

from __future__ import annotations

import msgspec
from aiohttp import web

from storefront.sandbox import daily_payouts, exchange, payouts
from storefront.sandbox.control import guarded, read
from storefront.sandbox.errors import invalid
from storefront.sandbox.sandbox import Sandbox
from storefront.sandbox.store import Body
from storefront.sandbox.world import World


class SetRates(msgspec.Struct, forbid_unknown_fields=True):
    """How many units of a currency one US dollar buys from now on, as decimal texts."""

    rates: dict[str, str]


class FailPayout(msgspec.Struct, forbid_unknown_fields=True):
    """A payout that the bank sends back now, whether it was called paid or not."""

    payout: str
    code: str = "could_not_process"
    message: str = "The bank could not process this payout."


class SetSchedule(msgspec.Struct, forbid_unknown_fields=True):
    """Whether what is available is paid out by itself at each midnight (UTC)."""

    automatic: bool


class MoneyControl:
    """Handlers of ``/control/rates``, ``/control/payouts/…``."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def routes(self) -> list[web.RouteDef]:
        """Every route, each behind the secret key."""
        return [
            web.post("/control/rates", guarded(self._sandbox, self._set_rates)),
            web.post("/control/payouts/fail", guarded(self._sandbox, self._fail)),
            web.post("/control/payouts/schedule", guarded(self._sandbox, self._switch)),
        ]

    async def _set_rates(self, request: web.Request) -> web.Response:
        wanted = await read(request, SetRates)
        try:
            await self._sandbox.act(lambda world: exchange.set_rates(world, wanted.rates))
        except ValueError as error:
            raise invalid(str(error), param="rates") from error
        return web.json_response({"ok": True})

    async def _fail(self, request: web.Request) -> web.Response:
        wanted = await read(request, FailPayout)

        def work(world: World) -> Body:
            with world.acting_for(world.records.owner_of(wanted.payout)):
                payout = world.get("payout", wanted.payout, param="payout")
                return payouts.fail(world, payout, wanted.code, wanted.message)

        return web.json_response(await self._sandbox.act(work))

    async def _switch(self, request: web.Request) -> web.Response:
        wanted = await read(request, SetSchedule)
        await self._sandbox.act(lambda world: daily_payouts.switch(world, is_on=wanted.automatic))
        return web.json_response({"ok": True})
