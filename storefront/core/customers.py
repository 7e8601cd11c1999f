"""Customers: our own id for each of the game's players. Books carry ours, the wire carries the game's."""

from sqlalchemy import bindparam, select

from storefront.core.clock import Clock
from storefront.core.commit.engine import CommitEngine
from storefront.core.commit.outcome import Taken
from storefront.core.commit.plan import Claim, Insert, Plan
from storefront.core.errors import FieldError, Invalid, NotFound
from storefront.core.ids import new_id
from storefront.core.reading import Query, Reader
from storefront.core.tables import customers

_BY_EXTERNAL_ID = Query(select(customers).where(customers.c.external_id == bindparam("external_id")))
_BY_ID = Query(select(customers).where(customers.c.id == bindparam("id")))
_MOST_REMEMBERED = 50_000
LONGEST_EXTERNAL_ID = 200


class Customers:
    """Finds and makes customers; both directions are remembered, because they never change."""

    def __init__(self, reader: Reader, engine: CommitEngine, clock: Clock) -> None:
        self._reader = reader
        self._engine = engine
        self._clock = clock
        self._ids: dict[str, str] = {}
        self._external_ids: dict[str, str] = {}

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
            self._remember(known, customer_id)
        return known

    async def country(self, customer_id: str) -> str | None:
        """Return where a customer is, as their first session said; None if nobody did. It never changes."""
        row = await self._reader.first(_BY_ID, id=customer_id)
        country: str | None = None if row is None else row["country"]
        return country

    async def ensure(
        self, external_id: str, *, actor: str, country: str | None = None, pointer: str = "/customer"
    ) -> str:
        """Return our id for the game's id, making the customer on first sight. Safe to race."""
        found = await self.find(external_id)
        if found is not None:
            return found
        if not external_id.strip() or len(external_id) > LONGEST_EXTERNAL_ID or not external_id.isprintable():
            raise Invalid(
                "A customer's id is 1 to 200 printable characters.",
                errors=[FieldError(pointer, "must be 1 to 200 printable characters")],
            )
        customer_id = new_id("cus")
        plan = Plan(actor=actor, anchors={customer_id})
        plan.add(Claim(f"customer:{external_id}", customer_id))
        row = {
            "id": customer_id,
            "external_id": external_id,
            "country": country,
            "created_at": self._clock.now(),
        }
        plan.add(Insert("customers", (customer_id,), customer_id, row))
        plan.emit("customer.created", anchor=customer_id, subject=customer_id, payload={"id": customer_id})
        try:
            await self._engine.commit(plan)
        except Taken as taken:
            return self._remember(external_id, taken.holder)
        return self._remember(external_id, customer_id)

    def _remember(self, external_id: str, customer_id: str) -> str:
        if len(self._ids) >= _MOST_REMEMBERED:
            self._ids.clear()
            self._external_ids.clear()
        self._ids[external_id] = customer_id
        self._external_ids[customer_id] = external_id
        return customer_id
