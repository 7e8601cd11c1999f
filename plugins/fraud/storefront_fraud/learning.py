"""Learning from what was attempted and what came of it: in the order of the attempts, each once, by one job.

Decisions say what is still to be learned. A batch of them, what they changed of customers' profiles and what is
remembered of all together are one commit, so that neither a crash nor a second job at once learns anything twice.
"""

import asyncio
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import structlog
from sqlalchemy import Select, or_, select

from storefront.core.clock import SECOND_MS
from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Change, Insert, Plan, Steps
from storefront.core.events import Event
from storefront.core.jobs import Again
from storefront.core.purchasing import Status
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront.core.tables import purchases
from storefront_fraud.anomaly import Behaviour, Detector, Profile, Score
from storefront_fraud.scoring import SHOP, Scorer, packed
from storefront_fraud.tables import DECISIONS, PROFILES, SHARED, decisions, profiles

LEARN = "fraud.learn"
ANCHOR = "fraud:scores"
ACTOR = "plugin:fraud"
AT_ONCE = 200
MOST_BATCHES = 25
LEARN_EVERY_MS = 10 * SECOND_MS
"""So much after an attempt, at most, what it teaches is known."""
LEARNED, NEW, NOTED = 0, 1, 2
_OPEN = frozenset({Status.PENDING, Status.IN_REVIEW, Status.PAID})

log = structlog.get_logger("storefront.fraud")


class Lessons:
    """Orders the job that learns, at most once in ten seconds."""

    def __init__(self) -> None:
        self._ordered = -1

    async def order(self, services: Services, event: Event) -> None:
        """Order it for what this event tells of, if it is of a purchase."""
        now = services.clock.now()
        if not event.type.startswith("purchase.") or now // LEARN_EVERY_MS == self._ordered:
            return
        plan = Plan(actor=ACTOR, anchors={ANCHOR})
        order_lesson(plan, ANCHOR, now)
        await services.engine.commit(plan)
        self._ordered = now // LEARN_EVERY_MS


def order_lesson(steps: Steps, anchor: str, now: int) -> None:
    """Add the order to a commit: under another key every ten seconds, so that none is lost on one that just ends."""
    spell = now // LEARN_EVERY_MS
    steps.schedule(LEARN, anchor=anchor, unique_key=f"{LEARN}:{anchor}:{spell}", due_at=(spell + 1) * LEARN_EVERY_MS,
                   now=now, payload={})  # fmt: skip


async def learn(services: Services, scorer: Scorer, payload: Mapping[str, Any]) -> Again | None:
    """Learn all there is, a batch at a time. Safe at any time, also twice at once: one of two begins anew."""
    for _ in range(MOST_BATCHES):
        found = await _to_learn(services)
        if not found:
            return None
        try:
            await _learn(services, scorer, found)
        except Stale:
            log.info("lesson_taken_by_another")
            scorer.forget()
        except BaseException:
            scorer.forget()
            raise
    return Again(services.clock.now())


async def _to_learn(services: Services) -> Sequence[Row]:
    """Return the next batch: attempts that nobody has noted, the oldest first, then those that have ended since."""
    fresh = _joined().where(decisions.c.to_learn == NEW)
    found = await services.reader.scan(fresh.order_by(decisions.c.created_at, decisions.c.purchase_id).limit(AT_ONCE))
    if found:
        return found
    has_ended = or_(purchases.c.status.is_(None), purchases.c.status.not_in([str(one) for one in _OPEN]))
    ended = _joined().where(decisions.c.to_learn == NOTED, has_ended)
    return await services.reader.scan(ended.order_by(decisions.c.created_at, decisions.c.purchase_id).limit(AT_ONCE))


def _joined() -> Select[Any]:
    """Select decisions that were scored, with what has become of their purchase; of one that was refused, nothing."""
    return select(decisions, purchases.c.status).join(
        purchases, purchases.c.id == decisions.c.purchase_id, isouter=True
    )


async def _learn(services: Services, scorer: Scorer, found: Sequence[Row]) -> None:
    """Learn one batch, and write it down; raises ``Stale`` if another job was quicker."""
    detector = await scorer.detector() or await _begin(services, scorer)
    version = scorer.version
    known = await _profiles(services, {row["customer_id"] for row in found})
    plan, now = Plan(actor=ACTOR, anchors={ANCHOR}), services.clock.now()
    for row in found:
        profile = known.setdefault(row["customer_id"], Profile())
        after = _take_in(detector, profile, row)
        plan.add(Change(DECISIONS, (row["purchase_id"], row["stage"]), ANCHOR, {"to_learn": row["to_learn"]},
                        {"to_learn": after}))  # fmt: skip
    for customer_id, profile in known.items():
        told = {"customer_id": customer_id, "profile": profile.row(), "updated_at": now}
        plan.add(Insert(PROFILES, (customer_id,), ANCHOR, told, replace=True))
    world = await asyncio.to_thread(packed, detector)
    changes = {"version": version + 1, "world": world, "updated_at": now}
    plan.add(Change(SHARED, (SHOP,), ANCHOR, {"version": version}, changes))
    await services.engine.commit(plan)
    scorer.keep(detector, version + 1)


async def _begin(services: Services, scorer: Scorer) -> Detector:
    """Write down that nothing is learned yet, with a salt for good; return what stands there then."""
    empty = Detector(secrets.token_bytes(32))
    row = {
        "id": SHOP,
        "salt": empty.salt.hex(),
        "version": 0,
        "world": packed(empty),
        "updated_at": services.clock.now(),
    }
    plan = Plan(actor=ACTOR, anchors={ANCHOR})
    plan.add(Insert(SHARED, (SHOP,), ANCHOR, row, once=True))
    await services.engine.commit(plan)
    scorer.forget()
    found = await scorer.detector()
    assert found is not None, "it was written"
    return found


async def _profiles(services: Services, customers: Iterable[str]) -> dict[str, Profile]:
    rows = await services.reader.scan(select(profiles).where(profiles.c.customer_id.in_(sorted(customers))))
    return {row["customer_id"]: Profile.of_row(row["profile"]) for row in rows}


def _take_in(detector: Detector, profile: Profile, row: Row) -> int:
    """Note an attempt and learn it if it was completed; return what is still to be learned of it."""
    behaviour = msgspec.json.decode(row["behaviour"], type=Behaviour)
    score = _score(row) or detector.score(behaviour, profile)
    if row["to_learn"] == NEW:
        detector.note(behaviour, profile)
    if row["status"] == Status.COMPLETED:
        detector.learn(behaviour, profile, score)
        return LEARNED
    return NOTED if row["status"] in _OPEN else LEARNED


def _score(row: Row) -> Score | None:
    return None if row["anomaly"] is None else msgspec.json.decode(row["anomaly"], type=Score)
