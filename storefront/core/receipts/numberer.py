"""Gives receipts their numbers: one follower, in commit order, after the commit, without a gap.

A number that was given inside a purchase's commit would be lost with every purchase that is never paid, and every sale
would wait for the one before. So a follower reads the events that are settled, and writes the receipts they call for in
commits of its own. Each of these compares the cursor that it began from and the numbers that it takes with what is
there: whoever comes second, after a crash or beside another process, changes nothing and looks again.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog
from sqlalchemy import bindparam, func, or_, select
from sqlalchemy.exc import DBAPIError

from storefront.core.commit.apply import LateAnswer, LateView
from storefront.core.commit.engine import CommitNotice
from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Insert, Key, Late, Plan
from storefront.core.database import read_setting
from storefront.core.errors import StorefrontError
from storefront.core.events import START, Cursor, Event, read_events
from storefront.core.pacing import Pace
from storefront.core.purchasing import Status, read_payment, read_purchase
from storefront.core.reading import Query, Row
from storefront.core.receipts.documents import (
    CREDIT_NOTE,
    RECEIPT,
    Document,
    credit_note_document,
    is_paid_in_money,
    numbered,
    receipt_document,
    series_of,
)
from storefront.core.receipts.signing import ReceiptSigner
from storefront.core.services import Services
from storefront.core.tables import reversals
from storefront.core.tables_receipts import receipts

ANCHOR = "receipts"
CURSOR = "receipts_cursor"
BATCH = 100
POLL_SECONDS = 1.0
GATHER_SECONDS = 0.25
"""Sales that follow each other closely are numbered in one commit."""
MOST_PASSED_OVER = 1_000
"""So many events that called for nothing are passed over before the cursor is stored all the same."""
GIVEN_BACK = "completed"

_GIVE = "receipts.give"
_COMPLETED = f"purchase.{Status.COMPLETED}"
_STEPS = frozenset(f"purchase.{status}" for status in Status)
_RECEIPT_OF = Query(select(receipts).where(receipts.c.about == bindparam("about")))
_LAST = Query(select(func.max(receipts.c.number).label("number")).where(receipts.c.series == bindparam("series")))
_UNNOTED = Query(
    select(reversals)
    .join(receipts, receipts.c.about == reversals.c.id, isouter=True)
    .where(
        or_(reversals.c.purchase_id == bindparam("subject"), reversals.c.id == bindparam("subject")),
        reversals.c.state == GIVEN_BACK,
        reversals.c.amount > 0,
        receipts.c.about.is_(None),
    )
    .order_by(reversals.c.number)
)

log = structlog.get_logger("storefront.receipts")


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A document that has no number yet, and the commit that called for it."""

    kind: str
    about: str
    purchase: Row
    commit_no: int
    document: Document


class ReceiptNumberer:
    """Numbers and signs receipts and credit notes; see ``leading.Follower``. Two of them would still leave no gap."""

    def __init__(self, services: Services, signer: ReceiptSigner) -> None:
        self._services = services
        self._signer = signer
        self._wake = asyncio.Event()
        self._is_stopping = False
        services.engine.register_late_step(_GIVE, _give)

    def on_commit(self, notice: CommitNotice) -> None:
        if "events" in notice.tables:
            self._wake.set()

    def ask_to_stop(self) -> None:
        self._is_stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Number what was sold until it is asked to stop; failures are logged and tried again."""
        reached: Cursor | None = None
        while not self._is_stopping:
            self._wake.clear()
            reached = await self._try(reached, Pace())
            try:
                async with asyncio.timeout(POLL_SECONDS):
                    await self._wake.wait()
                if not self._is_stopping:
                    await asyncio.sleep(GATHER_SECONDS)
            except TimeoutError:
                continue
        await self._try(reached)

    async def _try(self, reached: Cursor | None, pace: Pace | None = None) -> Cursor | None:
        """Return how far it came; None to begin from what the books say."""
        try:
            return await self.number_all(reached, pace=pace)
        except Exception as error:  # a follower outlives whatever happens to it, and says so
            is_known = isinstance(error, StorefrontError | Stale | OSError | DBAPIError)
            reason = str(error) or type(error).__name__
            log.warning("receipts_not_numbered", reason=reason, exc_info=None if is_known else error)
            return None

    async def number_all(self, reached: Cursor | None = None, *, pace: Pace | None = None) -> Cursor:
        """Number everything that is settled behind ``reached`` (what the books say, if None), and return the end.

        In one go, unless a ``pace`` is set.

        Raises:
            Stale: another process numbers at the same time.
            Unavailable: the shop is closing, or its database is away.
        """
        stored = await read_setting(self._services.reader, CURSOR)
        known: Cursor = START if stored is None else msgspec.json.decode(stored, type=tuple[int, str, int])
        cursor, passed_over = max(known, reached or START), 0
        while events := await read_events(self._services.reader, cursor, BATCH):
            wanted = await self._wanted(events, pace)
            cursor, passed_over = events[-1].cursor, passed_over + len(events)
            if wanted or passed_over >= MOST_PASSED_OVER:
                stored, passed_over = await self._store(wanted, before=stored, after=cursor), 0
        return cursor

    async def _wanted(self, events: Sequence[Event], pace: Pace | None) -> list[_Wanted]:
        """Return what these events call for, in their order, less what is there already."""
        found: dict[str, _Wanted] = {}
        for event in events:
            if pace is not None:
                await pace.take_breath()
            if event.type == _COMPLETED:
                fresh = await self._receipt(event)
            elif event.type not in _STEPS and event.subject.startswith(("pur_", "rev_")):
                fresh = await self._credit_notes(event, found)
            else:
                continue
            for one in fresh:
                found.setdefault(one.about, one)
        return list(found.values())

    async def _receipt(self, event: Event) -> list[_Wanted]:
        services = self._services
        purchase = await read_purchase(services, event.subject)
        if not is_paid_in_money(purchase) or await services.reader.first(_RECEIPT_OF, about=purchase["id"]):
            return []
        payment = await read_payment(services, purchase["id"])
        catalog = await services.catalogs.version(purchase["catalog_version"])
        config = services.config
        document = receipt_document(purchase, payment, catalog, config.shop, mode=config.mode)
        return [_Wanted(RECEIPT, purchase["id"], purchase, event.cursor[0], document)]

    async def _credit_notes(self, event: Event, fresh: Mapping[str, _Wanted]) -> list[_Wanted]:
        """Return the credit notes of reversals that gave something back on a receipt; looked at anew by any event."""
        services, notes = self._services, []
        for reversal in await services.reader.all(_UNNOTED, subject=event.subject):
            purchase = await read_purchase(services, reversal["purchase_id"])
            receipt = await services.reader.first(_RECEIPT_OF, about=purchase["id"])
            if receipt is None and purchase["id"] not in fresh:
                continue  # money that never got a receipt, or none at all, is given back without a note
            if reversal["amount"] <= msgspec.json.decode(reversal["facts"]).get("over", 0):
                continue  # all of it was beyond what had come in: it takes nothing off the receipt
            config = services.config
            document = credit_note_document(
                reversal,
                purchase,
                await read_payment(services, purchase["id"]),
                await services.catalogs.version(purchase["catalog_version"]),
                config.shop,
                mode=config.mode,
                receipt=receipt or {"series": None, "number": None},
            )
            notes.append(_Wanted(CREDIT_NOTE, reversal["id"], purchase, event.cursor[0], document))
        return notes

    async def _store(self, wanted: Sequence[_Wanted], *, before: str | None, after: Cursor) -> str:
        """Write the documents under the next numbers, and the cursor, in one commit; return the cursor as stored."""
        text = msgspec.json.encode(after).decode()
        rows = await self._rows(wanted)
        reads = [_cursor_key(), _key_key(self._signer.kid)]
        for row in rows:
            reads += [_row_key(row["series"], row["number"]), _row_key(row["series"], row["number"] - 1)]
        jwk = msgspec.json.encode(self._signer.public_key()).decode()
        key = {"kid": self._signer.kid, "jwk": jwk, "first_used_at": self._services.clock.wall()}
        facts = {"before": before, "after": text, "rows": rows, "key": key}
        plan = Plan(actor="receipts", anchors={ANCHOR})
        plan.add(Late(_GIVE, tuple(dict.fromkeys(reads)), facts))
        await self._services.engine.commit(plan)
        return text

    async def _rows(self, wanted: Sequence[_Wanted]) -> list[dict[str, Any]]:
        """Sign each document under its number, in order."""
        services, given = self._services, dict[str, int]()
        rows: list[dict[str, Any]] = []
        for one in wanted:
            series = series_of(one.kind, is_live=services.is_live)
            if series not in given:
                last = await services.reader.first(_LAST, series=series)
                given[series] = (last["number"] if last else None) or 0
            given[series] += 1
            document, number, issued_at = dict(one.document), given[series], services.clock.now()
            if one.kind == CREDIT_NOTE and document["receipt"]["number"] is None:
                document["receipt"] = next(
                    {"series": row["series"], "number": row["number"]}
                    for row in rows
                    if row["about"] == one.purchase["id"]
                )
            rows.append(
                {
                    "series": series,
                    "number": number,
                    "kind": one.kind,
                    "about": one.about,
                    "purchase_id": one.purchase["id"],
                    "customer_id": one.purchase["customer_id"],
                    "commit_no": one.commit_no,
                    "issued_at": issued_at,
                    "kid": self._signer.kid,
                    "jws": self._signer.sign(numbered(document, series=series, number=number, issued_at=issued_at)),
                }
            )
        return rows


def _give(view: LateView, facts: Mapping[str, Any]) -> LateAnswer:
    """Write receipts if the cursor stands where it was read, and their numbers are the next ones."""
    cursor = view.row(_cursor_key())
    if (None if cursor is None else cursor["value"]) != facts["before"]:
        raise Stale("another process has numbered receipts")
    steps: list[Insert] = []
    fresh: set[tuple[str, int]] = set()
    for row in facts["rows"]:
        series, number = row["series"], row["number"]
        follows = number == 1 or (series, number - 1) in fresh or view.row(_row_key(series, number - 1)) is not None
        if view.row(_row_key(series, number)) is not None or not follows:
            raise Stale(f"{series} {number} is not the next number")
        fresh.add((series, number))
        steps.append(Insert("receipts", (series, number), ANCHOR, row))
    if facts["rows"]:
        steps.append(Insert("receipt_keys", (facts["key"]["kid"],), ANCHOR, facts["key"], once=True))
    value = {"key": CURSOR, "value": facts["after"]}
    return [*steps, Insert("settings", (CURSOR,), ANCHOR, value, replace=True)]


def _cursor_key() -> Key:
    return Key("settings", (CURSOR,), ANCHOR)


def _key_key(kid: str) -> Key:
    return Key("receipt_keys", (kid,), ANCHOR)


def _row_key(series: str, number: int) -> Key:
    return Key("receipts", (series, number), ANCHOR)
