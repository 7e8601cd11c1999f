"""The plugin: config in, hooks out."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import Table

from storefront.core.audit import Check
from storefront.core.commit.apply import LateStep
from storefront.core.config import ConfigCheck
from storefront.core.kinds import JsonSchema, OfferKind
from storefront.core.services import Services
from storefront.hookspecs import hookimpl
from storefront.routing import Routes
from storefront_microtransactions.auditing import CHECKS
from storefront_microtransactions.checks import check_offers
from storefront_microtransactions.config import BUNDLE, CONTAINER, CURRENCY_PACK, ITEM, SCHEMA
from storefront_microtransactions.containers import ContainerKind
from storefront_microtransactions.giving import open_container
from storefront_microtransactions.kinds import Bundle, CurrencyPack, Item
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
    config_checks: ClassVar[Sequence[ConfigCheck]] = (check_offers,)
    audit_checks: ClassVar[Sequence[Check]] = CHECKS
    migrations: ClassVar[Path] = Path(__file__).parent / "migrations"
    tables: ClassVar[Sequence[Table]] = TABLES

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._customers_may_consume = bool(config.get("customers_may_consume", True))
        self._customers_may_open = bool(config.get("customers_may_open", True))

    @hookimpl
    def register_offer_kinds(self) -> Sequence[OfferKind]:
        return [CurrencyPack(), Item(), Bundle(), ContainerKind()]

    @hookimpl
    def register_routes(self, services: Services) -> Sequence[Routes]:
        return [
            make_routes(
                services,
                customers_may_consume=self._customers_may_consume,
                customers_may_open=self._customers_may_open,
            )
        ]

    @hookimpl
    def register_late_steps(self) -> Mapping[str, LateStep]:
        return {"open_container": open_container}
