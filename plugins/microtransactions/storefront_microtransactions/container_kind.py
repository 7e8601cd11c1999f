"""The kind of offer that containers are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select

from storefront.core.commit.outcome import Answer
from storefront.core.config.model import Offer
from storefront.core.containers import OpenRequest
from storefront.core.kinds import Became, Fulfilment, JsonSchema, Line, Reversal, Use
from storefront.core.reading import PointReader, Query
from storefront.core.services import Services
from storefront_microtransactions.config import CONTAINER
from storefront_microtransactions.containers import KIND, Container, became_of
from storefront_microtransactions.opening import open_one, show_opening
from storefront_microtransactions.tables import openings

_OPENING = Query(select(openings).where(openings.c.id == bindparam("id")))
_OPENED = Query(
    select(openings)
    .where(
        openings.c.customer_id == bindparam("customer_id"),
        openings.c.sku == bindparam("sku"),
        openings.c.opened_at >= bindparam("since"),
    )
    .order_by(openings.c.number.desc())
)


@dataclass(frozen=True, slots=True)
class ContainerKind:
    """A container: bought, it lies in the inventory until it is opened, by its owner if ``customers_may_open``."""

    customers_may_open: bool = True
    name: str = KIND

    @property
    def schema(self) -> JsonSchema:
        return CONTAINER

    def describe(self, offer: Offer) -> Mapping[str, Any]:
        return {
            "contents": [{"sku": offer.sku, "quantity": 1}],
            "odds": Container.of(offer).odds(),
            "art": offer.part.get("art"),
        }

    def use_of(self, offer: Offer) -> Use | None:
        return Use.OPEN if self.customers_may_open else None

    async def open(self, services: Services, wanted: OpenRequest) -> tuple[Answer, bool]:
        return await open_one(services, wanted)

    async def opening(self, services: Services, opening_id: str, *, owner: str) -> dict[str, Any]:
        return await show_opening(services, opening_id, owner=owner)

    def check(self, line: Line) -> None:
        """Any number of containers may be bought."""

    def fulfil(self, line: Line, goods: Fulfilment) -> None:
        goods.give_item(line.offer.sku, line.quantity)

    def reverse(self, line: Line, goods: Reversal) -> None:
        goods.take_item(line.offer.sku, line.quantity)

    async def became(
        self, reader: PointReader, customer_id: str, sku: str, most: int, *, since: int, besides: frozenset[str]
    ) -> Sequence[Became]:
        rows = await reader.all(_OPENED, customer_id=customer_id, sku=sku, since=since)
        return [became_of(row) for row in rows if row["id"] not in besides][:most]

    async def find_became(self, reader: PointReader, name: str) -> Became | None:
        row = await reader.first(_OPENING, id=name)
        return None if row is None else became_of(row)
