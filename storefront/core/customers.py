"""Customers: our own id for each of the game's players. Books carry ours, the wire carries the game's."""

from collections import OrderedDict
from dataclasses import dataclass

from sqlalchemy import bindparam, select

from storefront.core.clock import Clock
from storefront.core.commit.engine import CommitEngine, CommitNotice
from storefront.core.commit.outcome import Taken
from storefront.core.commit.plan import Claim, Insert, Plan
from storefront.core.errors import FieldError, Invalid, NotFound
from storefront.core.ids import new_id
from storefront.core.reading import Query, Reader
from storefront.core.tables import customers

_BY_EXTERNAL_ID = Query(
    select(customers).where(customers.c.external_id == bindparam("external_id"), customers.c.erased_at.is_(None))
)
_BY_ID = Query(select(customers).where(customers.c.id == bindparam("id")))
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
    row = {"id": newcomer.id, "external_id": newcomer.external_id, "country": country, "created_at": now,
           "erased_at": None}  # fmt: skip
    plan.anchors.add(newcomer.id)
    plan.add(Claim(f"{_CLAIM}{newcomer.external_id}", newcomer.id))
    plan.add(Insert("customers", (newcomer.id,), newcomer.id, row))
    plan.emit("customer.created", anchor=newcomer.id, subject=newcomer.id, payload={"id": newcomer.id})


def is_introduced(taken: Taken) -> bool:
    """Tell whether a commit was refused because a newcomer of its plan has just been made by another."""
    return taken.key.startswith(_CLAIM)


class Customers:
    """Finds and makes customers; both directions are remembered: they change with an erasure alone."""

    def __init__(self, reader: Reader, engine: CommitEngine, clock: Clock) -> None:
        self._reader = reader
        self._engine = engine
        self._clock = clock
        self._ids: dict[str, str] = {}
        self._external_ids: dict[str, str] = {}
        self._met: OrderedDict[str, Newcomer] = OrderedDict()

    def known(self, external_id: str) -> str | None:
        """Return our id for the game's id if it is remembered; None says nothing."""
        return self._ids.get(external_id)

    async def find(self, external_id: str) -> str | None:
        """Return our id for the game's id, or None if this customer was never here."""
        known = self._ids.get(external_id)
        if known is None:
            row = await self._reader.first(_BY_EXTERNAL_ID, external_id=external_id)
            if row is None:
                return None
            known = self._remember(external_id, row["id"])
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
            row = await self._reader.first(_BY_ID, id=customer_id)
            if row is None:
                raise NotFound("There is no such customer.")
            known = row["external_id"]
            if row["erased_at"] is None:
                self._remember(known, customer_id)
        return known

    def forget(self, customer_id: str) -> None:
        """Forget what somebody was called, who was erased; another customer may be called so from now on."""
        external_id = self._external_ids.pop(customer_id, None)
        if external_id is not None:
            self._ids.pop(external_id, None)

    def on_commit(self, notice: CommitNotice) -> None:
        """Forget the names of customers whose erasure was committed, here or in another process."""
        if "erasures" in notice.tables:
            for anchor in notice.versions:
                self.forget(anchor)

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
            return self._remember(newcomer.external_id, taken.holder)
        return self._remember(newcomer.external_id, newcomer.id)

    def _remember(self, external_id: str, customer_id: str) -> str:
        if len(self._ids) >= _MOST_REMEMBERED:
            self._ids.clear()
            self._external_ids.clear()
        self._met.pop(external_id, None)
        self._ids[external_id] = customer_id
        self._external_ids[customer_id] = external_id
        return customer_id
