"""A game server's side of deliveries: lease commands, run each once by its id, acknowledge."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from storefront_sdk.errors import LeaseLost, RateLimited, StorefrontError, Unavailable
from storefront_sdk.models import Document
from storefront_sdk.transport import Transport, understood

_PATH = "/v1/microtransactions/deliveries"
_SPARE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """A command to run once: remember ``id`` with what it does. ``attempt`` counts how often it was handed out.

    ``opening`` is what it came out of, if it was drawn from a container.
    """

    id: str
    server: str
    player: str
    command: str
    stage: str
    sku: str
    purchase: str | None
    attempt: int
    is_online_only: bool
    raw: Document
    opening: str | None = None

    @classmethod
    def of(cls, document: Document) -> "Delivery":
        return cls(
            id=document["id"],
            server=document["server"],
            player=document["player"],
            command=document["command"],
            stage=document["stage"],
            sku=document["sku"],
            purchase=document["purchase"],
            attempt=document["attempt"],
            is_online_only=document["online_only"],
            raw=document,
            opening=document.get("opening"),
        )


@dataclass(frozen=True, slots=True)
class Lease:
    """Commands that are yours until ``expires_at``, ``seconds_left`` from when it was answered; there may be none."""

    id: str
    expires_at: str | None
    seconds_left: int
    deliveries: tuple[Delivery, ...]

    @classmethod
    def of(cls, document: Document) -> "Lease":
        return cls(
            document["lease"],
            document["expires_at"],
            document["seconds_left"],
            tuple(Delivery.of(one) for one in document["data"]),
        )


class Deliveries:
    """``shop.deliveries`` of a client with a server key of the scope ``microtransactions:deliver``."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def lease(
        self,
        server: str,
        *,
        limit: int = 20,
        lease_seconds: int = 60,
        online: Iterable[str] = (),
        wait_seconds: int = 0,
        lease: str | None = None,
    ) -> Lease:
        """Lease commands: nobody else gets them until they are acknowledged, failed, or the lease is over.

        ``online`` are the players that are online, by the game's ids; ``wait_seconds`` waits for a command to come, up
        to 30. With ``lease``, an id of your own, what you hold under it already comes first: keep it in a file, and a
        server that died goes on at once. Without it one is made here, so that a lost answer is asked for again.
        """
        body: dict[str, Any] = {
            "server": server,
            "limit": limit,
            "lease_seconds": lease_seconds,
            "lease": lease or secrets.token_urlsafe(24),
        }
        if players := sorted(set(online)):
            body["online"] = players
        if wait_seconds:
            body["wait_seconds"] = wait_seconds
        reply = await self._transport.write(f"{_PATH}/lease", body, takes_key=False, more_seconds=float(wait_seconds))
        return understood(Lease.of, reply.document)

    async def ack(self, lease: Lease | str, deliveries: Iterable[Delivery | str]) -> None:
        """Say that commands took effect: all or none. Safe to repeat.

        Raises:
            LeaseLost: your lease was over and somebody else has one of them (facts: lost).
        """
        await self._transport.write(f"{_PATH}/ack", _named(lease, deliveries), takes_key=False)

    async def fail(
        self,
        lease: Lease | str,
        deliveries: Iterable[Delivery | str],
        *,
        reason: str,
        retry_after_seconds: int | None = None,
    ) -> None:
        """Give commands back that took no effect; they come again later and later, and are given up in the end.

        Raises:
            LeaseLost: as of ``ack``.
        """
        body = {**_named(lease, deliveries), "reason": reason[:500] or "no reason given"}
        if retry_after_seconds is not None:
            body["retry_after"] = retry_after_seconds
        await self._transport.write(f"{_PATH}/fail", body, takes_key=False)

    async def extend(self, lease: Lease | str, deliveries: Iterable[Delivery | str], *, lease_seconds: int) -> None:
        """Keep commands for so many seconds from now; raises ``LeaseLost``."""
        body = {**_named(lease, deliveries), "lease_seconds": lease_seconds}
        await self._transport.write(f"{_PATH}/extend", body, takes_key=False)

    async def follow(
        self,
        server: str,
        run: Callable[[Delivery], Awaitable[None]],
        *,
        lease: str,
        online: Callable[[], Iterable[str]] = tuple,
        limit: int = 20,
        lease_seconds: int = 60,
        away: Callable[[StorefrontError], object] | None = None,
    ) -> None:
        """Run a server's commands, one after the other, for ever.

        ``run`` is called once or more for each command, and must take effect once by ``delivery.id``: remember the id
        in the same write as the effect, and return at once where it is known. What it raises gives the command back.
        ``lease`` is this server's own id, kept over restarts, and no other server's. No command is begun in the last
        five seconds of its lease. While the shop is away it is asked again and again; ``away`` is told each time.

        Raises:
            Unauthorized, Forbidden: the key is not one of this shop's, or lacks the scope.
        """
        while True:
            try:
                asked_at = asyncio.get_running_loop().time()
                leased = await self.lease(
                    server, lease=lease, online=online(), limit=limit, lease_seconds=lease_seconds, wait_seconds=30
                )
                # Counted from before it was asked for: however long the answer took, the lease lasts until then.
                await self._run_leased(leased, run, lease_seconds, until=asked_at + leased.seconds_left)
            except (Unavailable, RateLimited) as error:
                # Also where an acknowledgement was lost: the command comes again, and its id is known.
                if away is not None:
                    away(error)
                await asyncio.sleep(error.retry_after_seconds or 1.0)

    async def _run_leased(
        self, leased: Lease, run: Callable[[Delivery], Awaitable[None]], lease_seconds: int, *, until: float
    ) -> None:
        """Run what was leased, which ends at ``until`` of the loop's clock."""
        loop = asyncio.get_running_loop()
        if leased.deliveries and until - loop.time() < lease_seconds / 2:
            until = await self._extended(leased, lease_seconds, loop.time())
        for delivery in leased.deliveries:
            if loop.time() > until - min(_SPARE_SECONDS, lease_seconds / 2):
                break
            await self._run_one(leased, delivery, run)

    async def _extended(self, leased: Lease, lease_seconds: int, now: float) -> float:
        """Extend what is held and return when it ends at the earliest; 0 if somebody else has some of it."""
        try:
            await self.extend(leased, leased.deliveries, lease_seconds=lease_seconds)
        except LeaseLost:
            return 0.0
        return now + lease_seconds

    async def _run_one(self, leased: Lease, delivery: Delivery, run: Callable[[Delivery], Awaitable[None]]) -> None:
        try:
            await run(delivery)
        except Exception as error:
            with suppress(LeaseLost):
                await self.fail(leased, [delivery], reason=f"{type(error).__name__}: {error}")
            return
        with suppress(LeaseLost):  # it took effect here; whoever has it now knows its id, or runs elsewhere
            await self.ack(leased, [delivery])


def _named(lease: Lease | str, deliveries: Iterable[Delivery | str]) -> dict[str, Any]:
    ids: Sequence[str] = [one if isinstance(one, str) else one.id for one in deliveries]
    return {"lease": lease if isinstance(lease, str) else lease.id, "ids": list(dict.fromkeys(ids))}
