"""The plugin: config in, hooks out."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import Table

from storefront.core.audit import Check
from storefront.core.commit.apply import LateStep
from storefront.core.commit.merging import Moves
from storefront.core.config import ConfigCheck
from storefront.core.events import Cursor, Event
from storefront.core.exporting.lists import Export
from storefront.core.hooks import Gauge, JobHandlers, Operations
from storefront.core.kinds import JsonSchema, OfferKind
from storefront.core.privacy.register import Held
from storefront.core.services import Services
from storefront.hookspecs import hookimpl
from storefront.routing import Routes
from storefront_microtransactions.auditing import CHECKS
from storefront_microtransactions.checks import check_offers
from storefront_microtransactions.config import BUNDLE, CONTAINER, CURRENCY_PACK, ITEM, SCHEMA
from storefront_microtransactions.container_kind import ContainerKind
from storefront_microtransactions.deliveries.auditing import CHECKS as DELIVERY_CHECKS
from storefront_microtransactions.deliveries.config import DELIVERY, DeliveryConfig, find_mistakes
from storefront_microtransactions.deliveries.desk import operations_of
from storefront_microtransactions.deliveries.expiring import JOB, expire
from storefront_microtransactions.deliveries.following import Beginning
from storefront_microtransactions.deliveries.leasing import close_leased, lease_free
from storefront_microtransactions.deliveries.making import make_commands
from storefront_microtransactions.deliveries.operating import read_gauges
from storefront_microtransactions.deliveries.routes import make_routes as make_delivery_routes
from storefront_microtransactions.deliveries.tables import TABLES as DELIVERY_TABLES
from storefront_microtransactions.exporting import EXPORTS
from storefront_microtransactions.giving import open_container
from storefront_microtransactions.kinds import Bundle, CurrencyPack, Item
from storefront_microtransactions.merging import MOVES
from storefront_microtransactions.privacy import REGISTER
from storefront_microtransactions.routes import make_routes
from storefront_microtransactions.tables import TABLES


class MicrotransactionsPlugin:
    """Sells currency packs, items, bundles and containers."""

    api_version: ClassVar[int] = 1
    config_schema: ClassVar[JsonSchema] = SCHEMA
    offer_kind_schemas: ClassVar[Mapping[str, JsonSchema]] = {
        "currency_pack": CURRENCY_PACK,
        "item": ITEM,
        "bundle": BUNDLE,
        "container": CONTAINER,
    }
    offer_keys: ClassVar[Mapping[str, JsonSchema]] = {"delivery": DELIVERY}
    config_checks: ClassVar[Sequence[ConfigCheck]] = (check_offers, find_mistakes)
    audit_checks: ClassVar[Sequence[Check]] = (*CHECKS, *DELIVERY_CHECKS)
    exports: ClassVar[Sequence[Export]] = EXPORTS
    merging: ClassVar[Sequence[Moves]] = MOVES
    personal_data: ClassVar[Sequence[Held]] = REGISTER
    migrations: ClassVar[Path] = Path(__file__).parent / "migrations"
    tables: ClassVar[Sequence[Table]] = (*TABLES, *DELIVERY_TABLES)

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._customers_may_consume = bool(config.get("customers_may_consume", True))
        self._customers_may_open = bool(config.get("customers_may_open", True))
        self._deliveries = DeliveryConfig.from_mapping(config.get("deliveries", {}))
        self._beginning = Beginning()

    @hookimpl
    def register_offer_kinds(self) -> Sequence[OfferKind]:
        items = Item(customers_may_consume=self._customers_may_consume)
        return [CurrencyPack(), items, Bundle(), ContainerKind(customers_may_open=self._customers_may_open)]

    @hookimpl
    def register_routes(self, services: Services) -> Sequence[Routes]:
        return [
            make_routes(
                services,
                customers_may_consume=self._customers_may_consume,
                customers_may_open=self._customers_may_open,
            ),
            make_delivery_routes(services, self._deliveries),
        ]

    @hookimpl
    def register_jobs(self, services: Services) -> JobHandlers:
        return {JOB: partial(expire, services)}

    @hookimpl
    def register_late_steps(self) -> Mapping[str, LateStep]:
        return {"open_container": open_container, "lease": lease_free, "close": close_leased}

    @hookimpl
    def register_operations(self, services: Services) -> Operations:
        return operations_of(services)

    @hookimpl
    def register_gauges(self, services: Services) -> Sequence[Callable[[], Awaitable[Sequence[Gauge]]]]:
        return [partial(read_gauges, services)]

    async def events_matter_after(self, services: Services) -> Cursor | None:
        """Say from where on to follow events: from the first catalog that had deliveries, else not at all."""
        return await self._beginning.find(services)

    @hookimpl
    async def on_event(self, services: Services, event: Event) -> None:
        """Write the commands that an event means for game servers."""
        await make_commands(services, self._deliveries, event)
