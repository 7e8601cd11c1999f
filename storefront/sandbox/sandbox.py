"""The emulator itself, without HTTP: its file, its clock, its courier, and what tests may order it to do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from storefront.sandbox import books, webhooks
from storefront.sandbox.accounts import ensure_account
from storefront.sandbox.deeds import next_due, perform_due
from storefront.sandbox.errors import invalid
from storefront.sandbox.faults import Fault, Faults, Manner, Rule
from storefront.sandbox.store import PLATFORM, Body, Records, Store
from storefront.sandbox.webhook_endpoints import install_fixed
from storefront.sandbox.webhooks import Courier, Receipt, wall_ms
from storefront.sandbox.world import Cause, Clock, World

Answer = TypeVar("Answer")

LEAST_SECRET_BYTES = 24
LONGEST_SLEEP_SECONDS = 1.0
WEBHOOK_MODES = ("normal", "hold", "drop", "duplicate", "before_reply", "late", "reorder", "skew")
RELEASE_ORDERS = ("as_created", "reversed", "shuffled")


class Sandbox:
    """One emulated Stripe account on one file; every change goes through ``act``."""

    def __init__(
        self,
        *,
        path: Path,
        public_url: str,
        secret_key: str,
        endpoint: tuple[str, str] | None = None,
        connect_endpoint: tuple[str, str] | None = None,
        clock: Clock | None = None,
        shop_name: str = "Storefront",
        retry_seconds: Sequence[float] = webhooks.RETRY_SECONDS,
    ) -> None:
        if not secret_key.startswith(("sk_test_", "rk_test_")):
            raise ValueError("the sandbox takes test keys only: secret_key must begin with sk_test_ or rk_test_")
        for given in (endpoint, connect_endpoint):
            if given is None or len(given[1].encode()) >= LEAST_SECRET_BYTES:
                continue
            raise ValueError(f"the webhook secret must have at least {LEAST_SECRET_BYTES} bytes")
        self.public_url = public_url.rstrip("/")
        self.secret_key = secret_key
        self.shop_name = shop_name
        self.faults = Faults()
        self.store = Store(path)
        self._endpoint = endpoint
        self._connect_endpoint = connect_endpoint
        self._base_clock = clock or wall_ms
        self._retry_seconds = retry_seconds
        self._ahead_ms = 0
        self._courier: Courier | None = None
        self._watch: asyncio.Task[None] | None = None
        self._moved = asyncio.Event()

    @property
    def courier(self) -> Courier:
        """The courier of a started sandbox."""
        assert self._courier is not None, "the sandbox is started before it is used"
        return self._courier

    @property
    def now_ms(self) -> int:
        """Business time in milliseconds: the base clock plus what ``set_clock`` moved it ahead."""
        return self._base_clock() + self._ahead_ms

    async def start(self) -> None:
        """Open the file and begin delivering what an earlier run left.

        Raises:
            SandboxLocked: another emulator has the file open.
        """
        await self.store.open()
        self._ahead_ms = await self.store.run(lambda records: int(records.setting("ahead_ms", 0)))
        await self.act(self._prepare)
        self._courier = Courier(self.store, retry_seconds=self._retry_seconds)
        await self._courier.start()
        self._watch = asyncio.create_task(self._act_in_time(), name="sandbox-time")

    async def stop(self) -> None:
        """Stop the background work and close the file."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        if self._courier is not None:
            await self._courier.stop()
        await self.store.close()

    async def act(self, work: Callable[[World], Answer], *, cause: Cause | None = None) -> Answer:
        """Run ``work`` in one transaction, after doing what fell due, and see its webhooks on their way."""
        events: list[str] = []
        is_early = False

        def transaction(records: Records) -> Answer:
            nonlocal is_early
            records.owner = PLATFORM
            world = World(records, self.now_ms, wall_ms(), self.public_url)
            perform_due(world)
            world.cause = cause or Cause()  # what fell due was nobody's request
            answer = work(world)
            events.extend(world.emitted)
            is_early = world.is_delivered_early
            return answer

        answer = await self.store.run(transaction)
        if events and self._courier is not None:
            if is_early:
                await self._courier.deliver_now(events)
            self._courier.wake()
        return answer

    def misbehave(
        self,
        fault: Fault | str,
        on: str = "*",
        *,
        times: int = 1,
        status: int = 500,
        seconds: float = 0.0,
        after: bool = False,
        manner: Manner = Manner.CLOSE,
        retry_after: int | None = None,
    ) -> None:
        """Make the next ``times`` matching requests suffer ``fault``; ``on`` is ``POST /v1/refunds`` or ``*``."""
        self.faults.add(Rule(Fault(fault), on, times, status, seconds, after, manner, retry_after))

    async def set_webhooks(
        self, mode: str, times: int | None = None, *, seconds: float = 0.0, types: Sequence[str] | None = None
    ) -> None:
        """How the next ``times`` events (all, without a number) are delivered; kept over a restart.

        ``types`` narrows it to events of these types; ``seconds`` is how late, within how long, how far askew.
        """
        if mode not in WEBHOOK_MODES:
            raise ValueError(f"mode must be one of {', '.join(WEBHOOK_MODES)}")
        wanted = {"mode": mode, "times": times, "seconds": seconds, "types": list(types) if types else None}
        await self.store.run(lambda records: records.set_setting("webhooks", wanted))

    async def release_webhooks(
        self,
        order: str = "as_created",
        *,
        seed: int = 1,
        copies: int = 1,
        is_count_drawn: bool = False,
        omit: Sequence[str] = (),
    ) -> list[Receipt]:
        """Send everything held, one after the other; answers what each attempt came to.

        ``copies`` of each, or a number drawn from one to that; events of the types in ``omit`` are lost for good.
        """
        if order not in RELEASE_ORDERS:
            raise ValueError(f"order must be one of {', '.join(RELEASE_ORDERS)}")
        return await self.courier.release(
            order=order, seed=seed, copies=copies, is_count_drawn=is_count_drawn, omit=frozenset(omit)
        )

    async def held_webhooks(self) -> list[Body]:
        """The events that are held, oldest first."""
        return await self.act(webhooks.held_events)

    async def deliver_webhooks(self, event_ids: Sequence[str], *, dropped: Sequence[str] = ()) -> list[Receipt]:
        """Lose the ``dropped`` ones of what is held, and send the others in exactly this order, as often as named."""
        await self.store.run(lambda records: webhooks.drop_held(records, dropped))
        return await self.courier.deliver(event_ids)

    async def set_clock(self, now_ms: int) -> int:
        """Move business time forward to ``now_ms`` (never back) and do what fell due; answers the time then."""
        ahead_ms = max(self._ahead_ms, now_ms - self._base_clock())
        await self.store.run(lambda records: records.set_setting("ahead_ms", ahead_ms))
        self._ahead_ms = ahead_ms
        await self.act(lambda world: None)
        self._moved.set()
        return self.now_ms

    async def clock_state(self) -> dict[str, Any]:
        """Business time, the next instant at which something falls due, and whether all webhooks are out."""

        def look(world: World) -> dict[str, Any]:
            second = next_due(world)
            due, later = webhooks.waiting(world.records)
            return {
                "now_ms": world.now_ms,
                "next_due_ms": None if second is None else second * 1000,
                "idle": due == 0,
                "webhooks_waiting": due + later,
            }

        return await self.act(look)

    async def change_amount(self, session_id: str, amount_total: int) -> None:
        """Make an open session charge another sum than the one it was created with."""

        def change(world: World) -> None:
            session = world.get("checkout.session", session_id, param="session")
            if session["status"] != "open" or session["payment_intent"]:
                raise invalid("The amount can be changed before the first attempt to pay only.", param="session")
            world.save({**session, "amount_subtotal": amount_total, "amount_total": amount_total})

        await self.act(change)

    async def books(self) -> Body:
        """Who was charged and refunded how often and how much: the judge in tests."""
        return await self.act(books.books)

    async def payment_of(self, reference: str) -> str:
        """The payment intent of what the merchant calls ``reference``; raises Stripe's 404 if there is none."""
        return await self.act(lambda world: books.payment_of(world, reference))

    def _prepare(self, world: World) -> None:
        ensure_account(world)
        install_fixed(world, self._endpoint)
        install_fixed(world, self._connect_endpoint, is_connect=True)

    async def _act_in_time(self) -> None:
        while True:
            self._moved.clear()
            try:
                # Not wait_for: on 3.11 it may swallow a cancellation that meets the event.
                async with asyncio.timeout(LONGEST_SLEEP_SECONDS):
                    await self._moved.wait()
            except TimeoutError:
                second = await self.store.run(lambda records: next_due(World(records, 0, 0, "")))
                if second is not None and second * 1000 <= self.now_ms:
                    await self.act(lambda world: None)
