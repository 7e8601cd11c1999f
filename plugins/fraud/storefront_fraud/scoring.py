"""The anomaly score of a purchase that is about to be judged: what is remembered is read, and nothing is changed.

What comes of the purchase is learned a moment later, by one process for all (``learning.py``); the others read what it
wrote. So of a burst within seconds the score sees little: that is what velocity is for, which is exact.
"""

import asyncio
import base64
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from sqlalchemy import bindparam, select

from storefront.core.clock import DAY_MS
from storefront.core.commit.engine import CommitNotice
from storefront.core.reading import Query
from storefront.core.services import Services
from storefront_fraud.anomaly import GROUPS, Behaviour, Detector, Profile, Score
from storefront_fraud.anomaly.world import World
from storefront_fraud.attributes import Value
from storefront_fraud.subjects import Subject
from storefront_fraud.tables import SHARED, profiles, shared

SHOP = "shop"
_PLACES = 4
_PROFILE = Query(select(profiles.c.profile).where(profiles.c.customer_id == bindparam("customer_id")))
_VERSION = Query(select(shared.c.version).where(shared.c.id == SHOP))
_SHARED = Query(select(shared).where(shared.c.id == SHOP))


@dataclass(frozen=True, slots=True)
class Scored:
    """What was scored, and the score; None of a shop that has learned nothing yet."""

    behaviour: Behaviour
    score: Score | None

    def values(self) -> Mapping[str, Value]:
        """Return the attributes of the group ``anomaly``; none while too little was learned."""
        if self.score is None or self.score.value is None:
            return {}
        groups = {f"anomaly.{name}": self.score.group(name) or 0.0 for name in GROUPS}
        return {name: round(value, _PLACES) for name, value in (("anomaly.score", self.score.value), *groups.items())}

    def to_row(self) -> dict[str, str | int | None]:
        """Return the columns of a decision."""
        score = None if self.score is None else msgspec.json.encode(self.score).decode()
        return {"behaviour": msgspec.json.encode(self.behaviour).decode(), "anomaly": score, "to_learn": 1}


NOT_SCORED: Mapping[str, str | int | None] = {"behaviour": None, "anomaly": None, "to_learn": 0}


class Scorer:
    """Scores the purchases of one shop by what it has learned."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._detector: Detector | None = None
        self._version = -1
        self._is_stale = True

    def on_commit(self, notice: CommitNotice) -> None:
        if SHARED in notice.tables:
            self._is_stale = True

    async def score(self, subject: Subject, values: Mapping[str, Value], *, since: int, now: int) -> Scored:
        """Return how unusual a purchase is; ``values``: its buyer's history and network, ``since``: known from then."""
        behaviour = Behaviour(
            at=now,
            customer_since=since,
            kind=subject.kind,
            sku=subject.sku,
            amount=subject.reference,
            gateway=subject.gateway,
            purchases=_whole(values.get("customer.purchases")),
            refunds=_whole(values.get("customer.refunds")),
            recipient=subject.recipient_id,
            recipient_since=_since(values.get("recipient.age_days"), now),
            network=subject.address,
            device=subject.device,
            country=_text(values.get("ip.country")),
        )
        detector = await self.detector()
        if detector is None:
            return Scored(behaviour, None)
        row = await self._services.reader.first(_PROFILE, customer_id=subject.customer_id)
        return Scored(
            behaviour, detector.score(behaviour, Profile() if row is None else Profile.of_row(row["profile"]))
        )

    async def detector(self) -> Detector | None:
        """Return what was learned so far; None before anything was."""
        if self._is_stale:
            self._is_stale = False  # first: what is written meanwhile is news again
            row = await self._services.reader.first(_VERSION)
            if row is not None and row["version"] != self._version:
                row = await self._services.reader.first(_SHARED)
                assert row is not None, "it is never removed"
                self.keep(await asyncio.to_thread(_unpacked, row["salt"], row["world"]), row["version"])
        return self._detector

    @property
    def version(self) -> int:
        """The version of what was learned, as of the last look."""
        return self._version

    def keep(self, detector: Detector, version: int) -> None:
        """Score by this from now on: it is what stands in the database as that version."""
        self._detector, self._version = detector, version

    def forget(self) -> None:
        """Read anew what was learned: what is in memory was changed, and could not be written."""
        self._detector, self._version, self._is_stale = None, -1, True


def packed(detector: Detector) -> str:
    """Return what a detector knows of all customers, as text for its column."""
    return base64.b85encode(zlib.compress(detector.world.text().encode(), 1)).decode()


def _unpacked(salt: str, world: str) -> Detector:
    text = zlib.decompress(base64.b85decode(world)).decode()
    return Detector(bytes.fromhex(salt), World.of_text(text))


def _whole(value: Value | None) -> int:
    return value if isinstance(value, int) else 0


def _text(value: Value | None) -> str | None:
    return value if isinstance(value, str) else None


def _since(age_days: Value | None, now: int) -> int | None:
    return now - age_days * DAY_MS if isinstance(age_days, int) else None
