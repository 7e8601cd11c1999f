"""Sixteen clients that buy, pay, use up and read without pause, and tell the journal all they intend and hear."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from .journal import Journal, Line, What
from .processes import Reply, World

CLIENTS = 16
CUSTOMERS = 12
"""Fewer than clients: some customers are at two places at the same time."""
NOTHING_WRITTEN = frozenset({"database_unavailable", "overloaded", "unavailable"})
IN_FLIGHT = "idempotency_key_in_flight"
SHARE_LEFT = 0.3
"""Of what was not answered, how much is left as it is until the end, where it shows what became of it."""
PAUSE_SECONDS = 0.05
HANG_SECONDS = 100.0
READS = ("/v1/customers/{}", "/v1/entitlements/blessing?customer={}", "/v1/purchases?customer={}")


@dataclass(frozen=True, slots=True)
class Kind:
    """A sort of intention: how often it comes, what is posted for a customer, what it does when it is acked.

    ``effect`` is what changes in the customer's wallet and inventory (``{"gems": -10, "charm": 1}``); with ``is_paid``
    only once the purchase is paid on the hosted page.
    """

    name: str
    weight: int
    request: Callable[[str], tuple[str, Mapping[str, Any]]]
    effect: Mapping[str, int] = field(default_factory=dict)
    is_paid: bool = False


def _purchase_of(sku: str) -> Callable[[str], tuple[str, Mapping[str, Any]]]:
    return lambda customer: ("/v1/purchases", {"customer": customer, "sku": sku})


# Another sort of intention is another line here; the judge goes by its effect.
KINDS = {
    kind.name: kind
    for kind in (
        Kind("treasury", 0, _purchase_of("treasury"), {"gems": 1_000_000}, is_paid=True),
        Kind("pack", 3, _purchase_of("gems-500"), {"gems": 500}, is_paid=True),
        Kind("charm", 8, _purchase_of("charm"), {"gems": -10, "charm": 1}),
        Kind("too dear", 1, _purchase_of("palace")),
        Kind(
            "use up",
            5,
            lambda customer: ("/v1/microtransactions/inventory/charm/consume", {"customer": customer}),
            {"charm": -1},
        ),
    )
}


@dataclass(slots=True)
class Intention:
    """One thing that a client wants, under one key, and what is known about it; ``paid`` is about the hosted page."""

    kind: Kind
    customer: str
    key: str
    outcome: What = "intends"
    answer: Reply | None = None
    was_unknown: bool = False
    paid: What | None = None

    async def send(self, world: World) -> Reply:
        path, body = self.kind.request(self.customer)
        return await world.post(path, body, key=self.key)


class Load:
    """The clients; ``is_up`` tells them to go on, ``is_over`` to come to an end."""

    def __init__(self, world: World, journal: Journal, chance: random.Random) -> None:
        self.world = world
        self.is_up = asyncio.Event()
        self.is_up.set()
        self.is_over = False
        self.intentions: list[Intention] = []
        self.counts: Counter[What] = Counter()
        self.reads = 0
        self.acked_at: list[float] = []
        self._acked = asyncio.Event()
        self._journal = journal
        self._chance = chance

    async def run(self) -> None:
        async with asyncio.TaskGroup() as clients:
            for number in range(CLIENTS):
                clients.create_task(self._be_client(f"ada-{number % CUSTOMERS}", number))

    async def first_success_after(self, moment: float) -> float:
        """Wait for an answer that came after a ``time.monotonic()``, and return how many seconds that took."""
        async with asyncio.timeout(HANG_SECONDS):
            while not self.acked_at or self.acked_at[-1] <= moment:
                self._acked.clear()
                await self._acked.wait()
        return next(at for at in self.acked_at if at > moment) - moment

    async def _be_client(self, customer: str, number: int) -> None:
        chance = random.Random(self._chance.random())
        await self._carry_out(Intention(KINDS["treasury"], customer, f"{number}-treasury"), chance, share_left=0)
        choices = [kind for kind in KINDS.values() for _ in range(kind.weight)]
        turn = 0
        while not self.is_over:
            turn += 1
            if chance.random() < 0.25:
                await self._read(chance.choice(READS).format(customer))
                continue
            await self._carry_out(Intention(chance.choice(choices), customer, f"{number}-{turn}"), chance)

    async def _carry_out(self, wanted: Intention, chance: random.Random, *, share_left: float = SHARE_LEFT) -> None:
        """Send one intention until it is answered, or until it is left for the end."""
        self.intentions.append(wanted)
        await self._tell(wanted, "intends")
        while wanted.outcome not in ("acked", "refused"):
            await self.is_up.wait()
            await self._send(wanted)
            if wanted.outcome in ("unknown", "unwritten"):
                if self.is_over or chance.random() < share_left:
                    return
                await asyncio.sleep(PAUSE_SECONDS)
        if wanted.kind.is_paid and wanted.outcome == "acked":
            await self._pay(wanted)

    async def _send(self, wanted: Intention) -> None:
        try:
            reply = await wanted.send(self.world)
        except aiohttp.ClientConnectorError:  # nobody is there, so nothing was sent
            await asyncio.sleep(PAUSE_SECONDS)
            return
        except (aiohttp.ClientError, TimeoutError):
            await self._hear(wanted, "unknown")
            return
        await self._hear(wanted, outcome_of(reply, was_unknown=wanted.was_unknown), reply)

    async def _hear(self, wanted: Intention, outcome: What, reply: Reply | None = None) -> None:
        wanted.outcome, wanted.answer = outcome, reply
        wanted.was_unknown |= outcome == "unknown"
        if outcome == "acked":
            self.acked_at.append(time.monotonic())
            self._acked.set()
        await self._tell(wanted, outcome, reply)

    async def _pay(self, wanted: Intention) -> None:
        """Pay on the hosted page and come back to the shop; who got no answer there looks at the shop."""
        assert wanted.answer is not None
        purchase = wanted.answer.json
        wanted.paid = "intends"
        await self._journal.write(Line("intends", f"pay {wanted.key}", "pay", wanted.customer))
        await self.is_up.wait()
        try:
            status = await self.world.pay(purchase)
            wanted.paid = "acked" if status == 303 else "unknown"
        except (aiohttp.ClientError, TimeoutError):
            wanted.paid = "unknown"
        await self._journal.write(Line(wanted.paid, f"pay {wanted.key}", "pay", wanted.customer))
        await self._ask_again(f"/v1/purchases/{purchase['id']}/finalize")

    async def _ask_again(self, path: str) -> None:
        await self.is_up.wait()
        try:
            check_answer(await self.world.post(path))
        except (aiohttp.ClientError, TimeoutError):
            return  # the webhook or the sweep completes it

    async def _read(self, path: str) -> None:
        await self.is_up.wait()
        try:
            check_answer(await self.world.read(path))
            self.reads += 1
        except (aiohttp.ClientError, TimeoutError):
            await asyncio.sleep(PAUSE_SECONDS)

    async def _tell(self, wanted: Intention, what: What, reply: Reply | None = None) -> None:
        self.counts[what] += 1
        about = (what, wanted.key, wanted.kind.name, wanted.customer)
        await self._journal.write(Line(*about) if reply is None else Line(*about, reply.status, reply.body))


def check_answer(reply: Reply) -> None:
    """Take nothing but success, a refusal, or a request to come back."""
    assert reply.status < 500 or (reply.status == 503 and "Retry-After" in reply.headers), reply


def outcome_of(reply: Reply, *, was_unknown: bool) -> What:
    """Say what an answer means for its intention; nothing was written only if no earlier try is in doubt."""
    check_answer(reply)
    if reply.status < 300:
        return "acked"
    code = reply.json["code"]
    if reply.status == 503:
        return "unwritten" if code in NOTHING_WRITTEN and not was_unknown else "unknown"
    if code == IN_FLIGHT:
        return "unknown"
    # A purchase that was intended, and whose payment page nobody could open until it was too late, costs nothing.
    assert code in ("insufficient_funds", "not_enough_items", "checkout_too_late"), reply
    return "refused"
