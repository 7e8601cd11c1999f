"""Customers: our own id for each of the game's players. Books carry ours, the wire carries the game's."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, select

from storefront.core.clock import MINUTE_MS, SECOND_MS, Clock
from storefront.core.commit.engine import CommitEngine
from storefront.core.commit.outcome import Taken
from storefront.core.commit.plan import Claim, Insert, Plan
from storefront.core.errors import FieldError, Invalid, NotFound
from storefront.core.ids import new_id
from storefront.core.reading import Query, Reader
from storefront.core.sessions import MAX_TTL_SECONDS
from storefront.core.tables import customers

_BY_EXTERNAL_ID = Query(select(customers).where(customers.c.external_id == bindparam("external_id")))
_BY_ID = Query(select(customers).where(customers.c.id == bindparam("id")))
_MERGED_SINCE = Query(
    select(customers).where(customers.c.merged_into.is_not(None), customers.c.merged_at > bindparam("since"))
)
_CLAIM = "customer:"
_MOST_REMEMBERED = 50_000
LONGEST_EXTERNAL_ID = 200


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A customer who was never here, under the id that they get if anything is written about them."""

    id: str
    external_id: str


def introduce(plan: Plan, newcomer: Newcomer, now: int, *, country: str | None = None) -> None:
    """Make a newcomer with what the plan writes; raises ``Taken`` in the commit if somebody else was first."""
    row = {
        "id": newcomer.id,
        "external_id": newcomer.external_id,
        "country": country,
        "created_at": now,
        "merged_into": None,
        "merged_at": None,
    }
    plan.anchors.add(newcomer.id)
    plan.add(Claim(f"{_CLAIM}{newcomer.external_id}", newcomer.id))
    plan.add(Insert("customers", (newcomer.id,), newcomer.id, row))
    plan.emit("customer.created", anchor=newcomer.id, subject=newcomer.id, payload={"id": newcomer.id})


def is_introduced(taken: Taken) -> bool:
    """Tell whether a commit was refused because a newcomer of its plan has just been made by another."""
    return taken.key.startswith(_CLAIM)


class Customers:
    """Finds and makes customers; both directions are remembered until one of them is merged into another.

    The game's id of a merged customer finds who they are now, and our id of them has the name of who they are now.
    """

    def __init__(self, reader: Reader, engine: CommitEngine, clock: Clock) -> None:
        self._reader = reader
        self._engine = engine
        self._clock = clock
        self._ids: dict[str, str] = {}
        self._external_ids: dict[str, str] = {}
        self._met: OrderedDict[str, Newcomer] = OrderedDict()
        self._merged: dict[str, str] = {}
        self._looked_at = 0
        self._changes = 0

    def known(self, external_id: str) -> str | None:
        """Return our id for the game's id if it is remembered; None says nothing."""
        return self._ids.get(external_id)

    async def find(self, external_id: str) -> str | None:
        """Return our id for the game's id, or None if this customer was never here."""
        known = self._ids.get(external_id)
        if known is None:
            before = self._changes
            row = await self._reader.first(_BY_EXTERNAL_ID, external_id=external_id)
            if row is None:
                return None
            known = row["merged_into"] or row["id"]
            if before == self._changes:
                self._remember(external_id, known, is_name=row["merged_into"] is None)
        return known

    async def need(self, external_id: str) -> str:
        """Return our id for the game's id; raises ``NotFound``."""
        found = await self.find(external_id)
        if found is None:
            raise NotFound("There is no such customer.")
        return found

    async def external_id(self, customer_id: str) -> str:
        """Return the game's id for one of ours; raises ``NotFound``."""
        known = self._external_ids.get(customer_id)
        if known is None:
            before = self._changes
            row = await self._reader.first(_BY_ID, id=customer_id)
            if row is None:
                raise NotFound("There is no such customer.")
            if row["merged_into"] is not None:
                return await self.external_id(row["merged_into"])
            known = row["external_id"]
            if before == self._changes:
                self._remember(known, customer_id)
        return known

    def now(self, customer_id: str) -> str:
        """Return who a customer of a session is now: themselves, unless they were merged while it lasts."""
        while customer_id in self._merged:
            customer_id = self._merged[customer_id]
        return customer_id

    async def look(self) -> Sequence[str]:
        """Learn who was merged since the last look, here or in another process; return their ids.

        Sessions last a quarter of an hour, so the first look goes back as far; later ones overlap, because commits
        of several machines do not come in the order of their clocks.
        """
        since = self._looked_at or self._clock.wall() - 2 * MAX_TTL_SECONDS * SECOND_MS
        wall = self._clock.wall()
        rows = await self._reader.all(_MERGED_SINCE, since=since)
        self._looked_at = wall - MINUTE_MS
        news = [row for row in rows if self._merged.get(row["id"]) != row["merged_into"]]
        for row in news:
            self._merged[row["id"]] = row["merged_into"]
        if news:
            self.forget()
        return [row["id"] for row in news]

    def forget(self) -> None:
        """Remember nobody: somebody has become another customer."""
        self._changes += 1
        self._ids.clear()
        self._external_ids.clear()

    async def country(self, customer_id: str) -> str | None:
        """Return where a customer is, as their first session said; None if nobody did. It never changes."""
        row = await self._reader.first(_BY_ID, id=customer_id)
        country: str | None = None if row is None else row["country"]
        return country

    async def meet(self, external_id: str, *, pointer: str = "/customer") -> str | Newcomer:
        """Return our id for the game's id, or a newcomer, whom ``introduce`` makes; nothing is written.

        Whoever is met again before they are made is the same newcomer, so that what is counted by id goes on.
        """
        found = await self.find(external_id)
        if found is not None:
            return found
        if not external_id.strip() or len(external_id) > LONGEST_EXTERNAL_ID or not external_id.isprintable():
            raise Invalid(
                "A customer's id is 1 to 200 printable characters.",
                errors=[FieldError(pointer, "must be 1 to 200 printable characters")],
            )
        newcomer = self._met.setdefault(external_id, Newcomer(new_id("cus"), external_id))
        self._met.move_to_end(external_id)
        if len(self._met) > _MOST_REMEMBERED:
            self._met.popitem(last=False)
        self._external_ids[newcomer.id] = external_id
        return newcomer

    async def ensure(
        self, external_id: str, *, actor: str, country: str | None = None, pointer: str = "/customer"
    ) -> str:
        """Return our id for the game's id, making the customer on first sight. Safe to race."""
        met = await self.meet(external_id, pointer=pointer)
        return met if isinstance(met, str) else await self.make(met, actor=actor, country=country)

    async def make(self, newcomer: Newcomer, *, actor: str, country: str | None = None) -> str:
        """Make a newcomer, whatever is written about them later; return their id. Safe to race."""
        plan = Plan(actor=actor, anchors={newcomer.id})
        introduce(plan, newcomer, self._clock.now(), country=country)
        try:
            await self._engine.commit(plan)
        except Taken as taken:
            return await self.find(newcomer.external_id) or taken.holder
        return self._remember(newcomer.external_id, newcomer.id)

    def _remember(self, external_id: str, customer_id: str, *, is_name: bool = True) -> str:
        """``is_name`` is False of the former id of one who was merged: it finds them, and names them no more."""
        if len(self._ids) >= _MOST_REMEMBERED:
            self._ids.clear()
            self._external_ids.clear()
        self._met.pop(external_id, None)
        self._ids[external_id] = customer_id
        if is_name:
            self._external_ids[customer_id] = external_id
        return customer_id
