"""The control API: business time, faults, webhooks and books, as JSON under the same secret key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, TypeVar

import msgspec
from aiohttp import web

from storefront.sandbox.api import check_secret_key
from storefront.sandbox.errors import ApiError, invalid
from storefront.sandbox.fates import (
    CardTurn,
    DebitEnd,
    Dispute,
    EarlyFraudWarning,
    Fate,
    LatePayment,
    RefundEnd,
    Review,
)
from storefront.sandbox.orders import Misbehave
from storefront.sandbox.sandbox import Sandbox
from storefront.sandbox.webhooks import Receipt

Shape = TypeVar("Shape")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class SetClock(msgspec.Struct, forbid_unknown_fields=True):
    """Business time to move to, in milliseconds since 1970."""

    now_ms: int


class Release(msgspec.Struct, forbid_unknown_fields=True):
    """The order in which held webhooks go out, and how often each."""

    order: Literal["as_created", "reversed", "shuffled"] = "as_created"
    seed: int = 1
    copies: int = 1
    is_count_drawn: bool = False
    omit: list[str] = []


class Deliver(msgspec.Struct, forbid_unknown_fields=True):
    """Events by id: those to send, in this order and as often as they are named, and those of the held to lose."""

    events: list[str] = []
    dropped: list[str] = []


class ChangeAmount(msgspec.Struct, forbid_unknown_fields=True):
    """A session and the sum that it shall charge instead, in minor units."""

    session: str
    amount_total: int


class Control:
    """Handlers of ``/control``."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def routes(self) -> list[web.RouteDef]:
        """Every route, each behind the secret key."""
        return [
            web.get("/control/clock", guarded(self._sandbox, self._clock)),
            web.post("/control/clock", guarded(self._sandbox, self._set_clock)),
            web.post("/control/misbehave", guarded(self._sandbox, self._misbehave)),
            web.post("/control/webhooks/release", guarded(self._sandbox, self._release)),
            web.get("/control/webhooks/held", guarded(self._sandbox, self._held)),
            web.post("/control/webhooks/deliver", guarded(self._sandbox, self._deliver)),
            web.post("/control/amount", guarded(self._sandbox, self._change_amount)),
            web.get("/control/books", guarded(self._sandbox, self._books)),
            web.get("/control/payments/{reference}", guarded(self._sandbox, self._payment)),
            web.post("/control/disputes", guarded(self._sandbox, self._fate(Dispute))),
            web.post("/control/early_fraud_warnings", guarded(self._sandbox, self._fate(EarlyFraudWarning))),
            web.post("/control/reviews", guarded(self._sandbox, self._fate(Review))),
            web.post("/control/refunds", guarded(self._sandbox, self._fate(RefundEnd))),
            web.post("/control/debits", guarded(self._sandbox, self._fate(DebitEnd))),
            web.post("/control/late_payments", guarded(self._sandbox, self._fate(LatePayment))),
            web.post("/control/cards", guarded(self._sandbox, self._fate(CardTurn))),
        ]

    async def _clock(self, request: web.Request) -> web.Response:
        return web.json_response(await self._sandbox.clock_state())

    async def _set_clock(self, request: web.Request) -> web.Response:
        wanted = await read(request, SetClock)
        # A time that has passed is no error: a server that shares its clock with us is there already.
        await self._sandbox.set_clock(wanted.now_ms)
        return web.json_response(await self._sandbox.clock_state())

    async def _misbehave(self, request: web.Request) -> web.Response:
        await (await read(request, Misbehave)).apply(self._sandbox)
        return web.json_response({"ok": True})

    async def _release(self, request: web.Request) -> web.Response:
        wanted = await read(request, Release)
        if not 1 <= wanted.copies <= 100:
            raise invalid("copies must be between 1 and 100", param="copies")
        receipts = await self._sandbox.release_webhooks(
            wanted.order,
            seed=wanted.seed,
            copies=wanted.copies,
            is_count_drawn=wanted.is_count_drawn,
            omit=wanted.omit,
        )
        return _sent(receipts)

    async def _held(self, request: web.Request) -> web.Response:
        return web.json_response({"data": await self._sandbox.held_webhooks()})

    async def _deliver(self, request: web.Request) -> web.Response:
        wanted = await read(request, Deliver)
        return _sent(await self._sandbox.deliver_webhooks(wanted.events, dropped=wanted.dropped))

    async def _change_amount(self, request: web.Request) -> web.Response:
        wanted = await read(request, ChangeAmount)
        if wanted.amount_total < 1:
            raise invalid("amount_total must be at least 1", param="amount_total")
        await self._sandbox.change_amount(wanted.session, wanted.amount_total)
        return web.json_response({"ok": True})

    def _fate(self, shape: type[Fate]) -> Handler:
        async def order(request: web.Request) -> web.Response:
            return web.json_response(await self._sandbox.act((await read(request, shape)).apply))

        return order

    async def _books(self, request: web.Request) -> web.Response:
        return web.json_response(await self._sandbox.books())

    async def _payment(self, request: web.Request) -> web.Response:
        found = await self._sandbox.payment_of(request.match_info["reference"])
        return web.json_response({"payment_intent": found})


def _sent(receipts: Sequence[Receipt]) -> web.Response:
    sent = [{"event": receipt.event_id, "type": receipt.event_type, "answer": receipt.answer} for receipt in receipts]
    return web.json_response({"sent": sent})


def guarded(sandbox: Sandbox, handler: Handler) -> Handler:
    """The handler behind the secret key; refusals are answered in Stripe's shape."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            check_secret_key(request, sandbox.secret_key)
            return await handler(request)
        except ApiError as error:
            return web.json_response(error.body(), status=error.status)

    return answer


async def read(request: web.Request, shape: type[Shape]) -> Shape:
    """The request's JSON as ``shape``; anything else is refused with 400."""
    try:
        return msgspec.json.decode(await request.read() or b"{}", type=shape)
    except msgspec.DecodeError as error:
        raise invalid(str(error)) from error
