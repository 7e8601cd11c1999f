"""The plugin: config in, hooks out."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import Table

from storefront.core.assessing import Assessment, PurchaseAttempt
from storefront.core.commit.apply import LateStep
from storefront.core.commit.plan import Plan
from storefront.core.events import Event
from storefront.core.hooks import JobHandlers
from storefront.core.kinds import JsonSchema, OfferKind
from storefront.core.privacy.register import Held
from storefront.core.quotes import Adjustment, Quote, Stage
from storefront.core.services import Services
from storefront.hookspecs import hookimpl
from storefront.routing import Routes
from storefront_raffle.config import RAFFLE_TICKET, SCHEMA, RaffleConfig
from storefront_raffle.drawing import draw, give_free_ticket
from storefront_raffle.kinds import RaffleTicket
from storefront_raffle.privacy import REGISTER
from storefront_raffle.raffles import DRAW_JOB, KIND, hold_to_pace, number_tickets, watch_pace
from storefront_raffle.routes import make_routes
from storefront_raffle.tables import TABLES


class RafflePlugin:
    """Sells numbered tickets and draws a winner."""

    api_version: ClassVar[int] = 1
    config_schema: ClassVar[JsonSchema] = SCHEMA
    offer_kind_schemas: ClassVar[Mapping[str, JsonSchema]] = {KIND: RAFFLE_TICKET}
    migrations: ClassVar[Path] = Path(__file__).parent / "migrations"
    tables: ClassVar[Sequence[Table]] = TABLES
    personal_data: ClassVar[Sequence[Held]] = REGISTER

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = RaffleConfig.from_mapping(config)

    @hookimpl
    def register_offer_kinds(self) -> Sequence[OfferKind]:
        return [RaffleTicket()]

    @hookimpl
    def register_routes(self, services: Services) -> Sequence[Routes]:
        return [make_routes(services)]

    @hookimpl
    def register_jobs(self, services: Services) -> JobHandlers:
        return {DRAW_JOB: partial(draw, services)}

    @hookimpl
    def register_late_steps(self) -> Mapping[str, LateStep]:
        return {"number_tickets": number_tickets, "hold_to_pace": hold_to_pace}

    @hookimpl
    async def price_purchase(self, quote: Quote) -> Sequence[Adjustment]:
        """Take the bulk discount off."""
        has_discount = 0 < self._config.bulk_from <= quote.quantity
        if quote.offer.kind != KIND or not has_discount:
            return ()
        label = f"{quote.quantity} tickets: {self._config.bulk_percent} % off"
        return [Adjustment(Stage.PERCENT, label, basis_points=-100 * self._config.bulk_percent)]

    @hookimpl
    async def assess_purchase(self, services: Services, attempt: PurchaseAttempt, plan: Plan) -> Assessment | None:
        """Abstain now; the late step decides with the counters as they are when the purchase is committed."""
        if attempt.quote is None or attempt.quote.offer.kind != KIND:
            return None
        watch_pace(
            plan,
            customer_id=attempt.customer_id,
            quantity=attempt.quote.quantity,
            at_most=self._config.tickets_per_hour,
            now=services.clock.now(),
        )
        return None

    @hookimpl
    async def on_event(self, services: Services, event: Event) -> None:
        """Give the free ticket that comes with another offer."""
        if self._config.free_ticket is not None:
            await give_free_ticket(services, self._config.free_ticket, event)
