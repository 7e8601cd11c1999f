"""Brings the newest seal to each witness, in the background, beside the sealer and never in its way.

How far each witness has come, and how many anchors it got, is a row of the settings: a restart goes on where the
last process stopped, and `audit verify` sees when a file of anchors was cut or lost.
A witness that cannot be reached is tried again, later and later, and after a while an alarm says so.
"""

import asyncio
from collections.abc import Sequence

import msgspec
import structlog
from sqlalchemy import bindparam, select

from storefront.core.clock import Clock
from storefront.core.commit.engine import CommitEngine
from storefront.core.commit.plan import SHOP_ANCHOR, Insert, Plan
from storefront.core.ids import new_id
from storefront.core.privileged import record_action
from storefront.core.reading import Query, Reader
from storefront.core.sealing.anchors import Anchor
from storefront.core.sealing.seals import find_newest_seal
from storefront.core.sealing.witnesses import BEGAN, DATABASE_ID, Sent, Witness
from storefront.core.tables import settings

EVERY_SECONDS = 300
POLL_SECONDS = 1.0
FAILURES_BEFORE_ALARM = 5
FIRST_PAUSE_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 600.0

_SETTING = Query(select(settings.c.value).where(settings.c.key == bindparam("key")))

log = structlog.get_logger("storefront.anchors")


class AnchorSender:
    """Follows the seals for every witness; each has a task of its own, so that a slow one holds up nobody."""

    def __init__(
        self,
        reader: Reader,
        engine: CommitEngine,
        clock: Clock,
        *,
        witnesses: Sequence[Witness],
        shop: str,
        every_seconds: float = EVERY_SECONDS,
        first_pause_seconds: float = FIRST_PAUSE_SECONDS,
    ) -> None:
        self._reader = reader
        self._engine = engine
        self._clock = clock
        self._witnesses = witnesses
        self._shop = shop
        self._every_seconds = every_seconds
        self._first_pause_seconds = first_pause_seconds
        self._stopping = asyncio.Event()

    def ask_to_stop(self) -> None:
        """Let what is on its way arrive; what does not is sent after the next start."""
        self._stopping.set()

    async def run(self) -> None:
        """Follow the seals for all witnesses until it is asked to stop."""
        await asyncio.gather(*(self._follow(witness) for witness in self._witnesses))

    async def send(self, witness: Witness) -> bool:
        """Bring the newest seal to a witness; return False where it has it already, or there is none.

        Raises:
            AnchorNotKept: it could not be brought there.
            Unavailable: it may be there, but that could not be written down.
        """
        newest = await find_newest_seal(self._reader)
        sent = await self._sent(witness)
        if newest is None or (sent is not None and sent.seal >= newest.seal.number):
            return False
        database = await self._database_id()
        await witness.keep(Anchor.of(newest, database=database, shop=self._shop))
        now_sent = Sent(newest.seal.number, 1 if sent is None else sent.count + 1)
        row = {"key": witness.key, "value": now_sent.to_json()}
        plan = Plan(actor="anchors", anchors={SHOP_ANCHOR})
        plan.add(Insert("settings", (witness.key,), SHOP_ANCHOR, row, replace=True))
        if sent is None:
            # The setting can be taken away with the file; this record cannot.
            now, wall = self._clock.now(), self._clock.wall()
            facts = {"witness": witness.name, "database": database}
            record_action(plan, BEGAN, actor="anchors", about=witness.key, facts=facts, now=now, wall=wall)
        await self._engine.commit(plan)
        log.info("anchor_kept", witness=witness.name, seal=newest.seal.number)
        return True

    async def _follow(self, witness: Witness) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                pause = self._every_seconds if await self.send(witness) else POLL_SECONDS
                failures = 0
            except Exception as error:  # a follower outlives whatever happens to it, and says so
                failures += 1
                pause = min(self._first_pause_seconds * 2 ** (failures - 1), LONGEST_PAUSE_SECONDS)
                log.warning("anchor_not_kept", witness=witness.name, failures=failures, reason=str(error))
                if failures == FAILURES_BEFORE_ALARM:
                    await self._raise_alarm(witness, str(error))
            await self._wait(pause)

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return

    async def _sent(self, witness: Witness) -> Sent | None:
        row = await self._reader.first(_SETTING, key=witness.key)
        return None if row is None else Sent.of(row["value"])

    async def _database_id(self) -> str:
        """Return the database's name for ever; it is given when it is first needed."""
        plan = Plan(actor="anchors", anchors={SHOP_ANCHOR})
        row = {"key": DATABASE_ID, "value": new_id("dbs")}
        known = await self._reader.first(_SETTING, key=DATABASE_ID)
        if known is None:
            plan.add(Insert("settings", (DATABASE_ID,), SHOP_ANCHOR, row, once=True))
            await self._engine.commit(plan)
            known = await self._reader.first(_SETTING, key=DATABASE_ID)
            assert known is not None, "it was written, or another process was first"
        return str(known["value"])

    async def _raise_alarm(self, witness: Witness, reason: str) -> None:
        alarm_id = new_id("alm")
        facts = msgspec.json.encode({"witness": witness.name, "reason": reason}).decode()
        row = {"id": alarm_id, "kind": "anchors_not_kept", "about": witness.key, "facts": facts,
               "raised_at": self._clock.now()}  # fmt: skip
        plan = Plan(actor="anchors")
        plan.add(Insert("alarms", (alarm_id,), None, row))
        log.error("anchors_not_kept", witness=witness.name, reason=reason)
        try:
            await self._engine.commit(plan)
        except Exception as error:  # the next failures are logged all the same
            log.warning("alarm_not_raised", witness=witness.name, reason=str(error))
