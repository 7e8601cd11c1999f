"""HTTP: the queue for game servers, and deliveries for operators."""

import asyncio
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from storefront.core.commit.engine import CommitNotice
from storefront.core.idempotency import answered_before, idempotency_key
from storefront.core.principals import Role
from storefront.core.services import Services
from storefront.routing import Call, ErrorDoc, Routes, respond, respond_once
from storefront_microtransactions.deliveries.config import DeliveryConfig
from storefront_microtransactions.deliveries.leasing import LeaseRequest, acknowledge, extend, fail, lease
from storefront_microtransactions.deliveries.operating import cancel, list_deliveries, resend, show_delivery
from storefront_microtransactions.deliveries.rows import TABLE
from storefront_microtransactions.deliveries.shapes import (
    ACKNOWLEDGED,
    DELIVERIES,
    DELIVERIES_QUERY,
    DELIVERY,
    EXTEND,
    EXTENDED,
    FAIL,
    FAILED,
    LEASE,
    LEASED_COMMANDS,
    OF_LEASE,
)

PATH = "/v1/microtransactions/deliveries"
OPERATION = f"POST {PATH}/{{id}}/resend"
DELIVER = "microtransactions:deliver"
_READS, _WRITES = "operations:read", "operations:write"
POLL_SECONDS = 1.0
ERRORS = (
    ErrorDoc(
        "lease_lost", 409, "Somebody else has this command by now",
        "`lost` names them. The lease was over before they were acknowledged: lease for longer, or extend in time.",
    ),
    ErrorDoc(
        "delivery_not_leased", 409, "This command was not leased by you",
        "`unknown` names them. Acknowledge what your own lease answered, under its `lease`.",
    ),
    ErrorDoc(
        "delivery_not_resendable", 409, "This command cannot be sent again",
        "It waits already, a server has it, or it could not be written safely: the detail says which.",
    ),
    ErrorDoc(
        "delivery_not_cancelable", 409, "This command cannot be canceled any more",
        "A server has it, or it is done; what it did can be undone by a command of your own.",
    ),
)  # fmt: skip


class Arrivals:
    """Wakes those who wait for commands: of this process and of others. Closes with the shop."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._next = asyncio.Event()
        services.engine.follow(self._on_commit)

    def _on_commit(self, notice: CommitNotice) -> None:
        if TABLE in notice.tables:
            self._next.set()
            self._next = asyncio.Event()

    async def wait(self, seconds: float) -> None:
        """Wait for commands to be written, at most so long; what falls due or is let go tells nobody."""
        try:
            async with asyncio.timeout(min(seconds, POLL_SECONDS)):
                await self._next.wait()
        except TimeoutError:
            return


def make_routes(services: Services, config: DeliveryConfig) -> Routes:
    """Declare the routes over the shop's services."""
    routes = Routes("microtransactions", errors=ERRORS)
    _add_queue(routes, services, config)
    _add_desk(routes, services)
    return routes


def _add_queue(routes: Routes, services: Services, config: DeliveryConfig) -> None:
    arrivals = Arrivals(services)

    @routes.post(PATH + "/lease", allow=Role.SERVER, body=LEASE, answers={200: LEASED_COMMANDS}, scope=DELIVER)
    async def lease_commands(call: Call) -> web.StreamResponse:
        """Lease commands for a game server: nobody else gets them until they are acknowledged or the lease is over.

        `wait_seconds` keeps the answer back until there are some. `online` names the players that are online: what is
        `online_only` is given for them alone. With the `lease` of before, while it lasts, the answer is what is left of
        that lease. Run each command once by its `id`, then acknowledge it.
        """
        more = {} if "lease" not in call.body else {"lease_id": call.body["lease"]}
        wanted = LeaseRequest(
            caller=call.principal.caller,
            server=call.body["server"],
            limit=call.body.get("limit", 20),
            lease_seconds=call.body.get("lease_seconds", 60),
            online=tuple(call.body.get("online", ())),
            **more,
        )
        return respond(await _lease_when_there(services, config, arrivals, call, wanted))

    @routes.post(PATH + "/ack", allow=Role.SERVER, body=OF_LEASE, answers={200: ACKNOWLEDGED}, scope=DELIVER,
                 refusals=["lease_lost", "delivery_not_leased"])  # fmt: skip
    async def acknowledge_commands(call: Call) -> web.StreamResponse:
        """Say that commands took effect. Safe to repeat; all or none.

        It counts also after the lease, as long as nobody else got the command.
        """
        return respond(await acknowledge(services, call.principal.caller, call.body["lease"], call.body["ids"]))

    @routes.post(PATH + "/fail", allow=Role.SERVER, body=FAIL, answers={200: FAILED}, scope=DELIVER,
                 refusals=["lease_lost", "delivery_not_leased"])  # fmt: skip
    async def fail_commands(call: Call) -> web.StreamResponse:
        """Give commands back that did not take effect.

        They are tried again later and later (or after `retry_after` seconds), and given up in the end.
        """
        body, caller = call.body, call.principal.caller
        after = body.get("retry_after")
        return respond(
            await fail(
                services, config, caller, body["lease"], body["ids"], reason=body["reason"], retry_after_seconds=after
            )
        )

    @routes.post(PATH + "/extend", allow=Role.SERVER, body=EXTEND, answers={200: EXTENDED}, scope=DELIVER,
                 refusals=["lease_lost", "delivery_not_leased"])  # fmt: skip
    async def extend_lease(call: Call) -> web.StreamResponse:
        """Keep commands for longer, from now on."""
        body = call.body
        return respond(await extend(services, call.principal.caller, body["lease"], body["ids"], body["lease_seconds"]))


async def _lease_when_there(
    services: Services, config: DeliveryConfig, arrivals: Arrivals, call: Call, wanted: LeaseRequest
) -> Mapping[str, Any]:
    """Lease at once or as soon as there is something; whoever has hung up gets nothing."""
    loop = asyncio.get_running_loop()
    until = loop.time() + call.body.get("wait_seconds", 0)
    while True:
        answer = await lease(services, config, wanted)
        left = until - loop.time()
        if answer["data"] or left <= 0 or services.watchers.is_over:
            return answer
        await arrivals.wait(left)
        transport = call.request.transport
        if transport is None or transport.is_closing():
            return answer  # of nothing, to nobody


def _add_desk(routes: Routes, services: Services) -> None:
    @routes.get(PATH, allow=Role.OPERATOR, query=DELIVERIES_QUERY, answers={200: DELIVERIES}, scope=_READS)
    async def list_commands(call: Call) -> web.StreamResponse:
        """List commands for game servers, newest first, with what became of them."""
        return respond(await list_deliveries(services, **call.query))

    @routes.get(PATH + "/{id}", allow=Role.OPERATOR, answers={200: DELIVERY}, scope=_READS)
    async def show_command(call: Call) -> web.StreamResponse:
        """Show a command for a game server."""
        return respond(await show_delivery(services, call.path("id")))

    @routes.post(PATH + "/{id}/resend", allow=Role.OPERATOR, answers={200: DELIVERY}, scope=_WRITES, idempotent=True,
                 refusals=["delivery_not_resendable"])  # fmt: skip
    async def resend_command(call: Call) -> web.StreamResponse:
        """Send a command again, once per key; audited.

        One that is dead or canceled waits again. One that is done gets a new id, as servers remember the old one.
        """
        delivery_id = call.path("id")
        key = idempotency_key(call.principal.caller, OPERATION, call.key, {"id": delivery_id})
        answer, is_replay = await answered_before(services.reader, key, resend(services, delivery_id, key))
        return respond_once(answer, is_replay=is_replay)

    @routes.post(PATH + "/{id}/cancel", allow=Role.OPERATOR, answers={200: DELIVERY}, scope=_WRITES,
                 refusals=["delivery_not_cancelable"])  # fmt: skip
    async def cancel_command(call: Call) -> web.StreamResponse:
        """Take a command out of the queue before any server has it. Safe to repeat; audited."""
        return respond(await cancel(services, call.path("id"), actor=call.principal.caller))
