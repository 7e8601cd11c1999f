"""Carries out a fault: what a request or its reply goes through on the way to the caller."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from storefront.sandbox.errors import ApiError
from storefront.sandbox.faults import Fault, Manner, Rule
from storefront.sandbox.store import Body
from storefront.sandbox.world import encoded

OlderId = Callable[[Body], Awaitable[str | None]]

_LOOK_EVERY_SECONDS = 0.05
_DRIPS = 20
_AMOUNTS = frozenset(
    ("amount", "amount_captured", "amount_capturable", "amount_received", "amount_refunded", "amount_subtotal",
     "amount_total", "net")
)  # fmt: skip
_UNKNOWN_STATUS = "sandbox_unknown"


class Lost(Exception):
    """The request never arrived: nothing was done and nothing is answered."""


async def suffer_before(request: web.Request, fault: Rule | None) -> None:
    """What happens before the work.

    Raises:
        ApiError: an error instead of the work.
        Lost: silence instead of the work.
    """
    if fault is None or fault.after:
        return
    match fault.fault:
        case Fault.LOSE_REQUEST:
            await _silence(request, fault.seconds)
            raise Lost
        case Fault.DELAY:
            await asyncio.sleep(fault.seconds)
        case Fault.STATUS:
            raise _ordered(fault)
        case Fault.RATE_LIMIT:
            raise ApiError(429, "Request rate limit exceeded.", code="rate_limit")
        case Fault.LOCK_TIMEOUT:
            raise ApiError(
                429,
                "This object cannot be accessed right now because another API request or Stripe process is currently "
                "accessing it. If you see this error intermittently, retry the request.",
                code="lock_timeout",
            )


async def suffer_after(
    request: web.Request, fault: Rule | None, response: web.Response, older_id: OlderId
) -> web.StreamResponse:
    """What happens to the reply of work that was done."""
    if fault is None:
        return response
    match fault.fault:
        case Fault.LOSE_REPLY:
            await _silence(request, fault.seconds)
            return dropped(request, fault.manner)
        case Fault.TRUNCATE if isinstance(response.body, bytes):
            response.body = response.body[: len(response.body) // 2]
        case Fault.DELAY if fault.after:
            await asyncio.sleep(fault.seconds)
        case Fault.STATUS if fault.after:
            response.set_status(fault.status)
            response.body = encoded(_ordered(fault).body())
        case Fault.RATE_LIMIT | Fault.LOCK_TIMEOUT if fault.retry_after is not None:
            response.headers["Retry-After"] = str(fault.retry_after)
        case Fault.DRIP:
            return await _drip(request, response, fault.seconds)
        case Fault.OTHER_AMOUNT | Fault.OTHER_CURRENCY | Fault.UNKNOWN_STATUS | Fault.DUPLICATE_ID:
            await _alter(response, fault.fault, older_id)
    return response


def dropped(request: web.Request, manner: Manner = Manner.CLOSE) -> web.Response:
    """Cut the connection, politely or by a reset: what is returned goes nowhere."""
    transport = request.transport
    if transport is not None:
        sock = transport.get_extra_info("socket")
        if manner is Manner.RESET and sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response()


def _ordered(fault: Rule) -> ApiError:
    return ApiError(fault.status, "The sandbox was told to answer with this status.", type="api_error")


async def _silence(request: web.Request, seconds: float) -> None:
    """Say nothing for a while; a caller that gives up ends it."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    # aiohttp signals nobody when a caller hangs up, so the transport is looked at.
    while loop.time() < until and request.transport is not None and not request.transport.is_closing():  # noqa: ASYNC110
        await asyncio.sleep(min(_LOOK_EVERY_SECONDS, until - loop.time()))


async def _drip(request: web.Request, response: web.Response, seconds: float) -> web.StreamResponse:
    """Send the reply in small pieces, ``seconds`` for all of it."""
    body = response.body if isinstance(response.body, bytes) else b""
    slow = web.StreamResponse(status=response.status, headers=response.headers)
    slow.content_length = len(body)
    await slow.prepare(request)
    size = max(1, -(-len(body) // _DRIPS))
    for start in range(0, len(body), size):
        try:
            await slow.write(body[start : start + size])
        except ConnectionResetError:
            return slow
        await asyncio.sleep(seconds / _DRIPS)
    return slow


async def _alter(response: web.Response, fault: Fault, older_id: OlderId) -> None:
    """Make a good reply say something else; what was done and kept stays as it is."""
    if response.status != 200 or not isinstance(response.body, bytes):
        return
    answer: Body = json.loads(response.body)
    if fault is Fault.DUPLICATE_ID:
        answer["id"] = await older_id(answer) or answer["id"]
    else:
        _falsify(answer, fault)
    response.body = encoded(answer)


def _falsify(value: Any, fault: Fault) -> None:
    """Alter every object of the API within a reply: expanded ones and members of lists too."""
    if isinstance(value, list):
        for member in value:
            _falsify(member, fault)
        return
    if not isinstance(value, dict):
        return
    for name, member in value.items():
        if isinstance(member, (dict, list)):
            _falsify(member, fault)
        elif fault is Fault.OTHER_AMOUNT and name in _AMOUNTS and isinstance(member, int) and member:
            value[name] = member + 1
        elif fault is Fault.OTHER_CURRENCY and name == "currency" and isinstance(member, str):
            value[name] = "usd" if member != "usd" else "eur"
        elif fault is Fault.UNKNOWN_STATUS and name in ("status", "payment_status") and isinstance(member, str):
            value[name] = _UNKNOWN_STATUS
