"""The plugin: config in, hooks out."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from storefront.core.kinds import JsonSchema, OfferKind
from storefront.core.services import Services
from storefront.hookspecs import hookimpl
from storefront.routing import Routes
from storefront_microtransactions.config import CURRENCY_PACK, ITEM, SCHEMA
from storefront_microtransactions.kinds import CurrencyPack, Item
from storefront_microtransactions.routes import make_routes


class MicrotransactionsPlugin:
    """Sells currency packs and items."""

    api_version: ClassVar[int] = 1
    config_schema: ClassVar[JsonSchema] = SCHEMA
    offer_kind_schemas: ClassVar[Mapping[str, JsonSchema]] = {"currency_pack": CURRENCY_PACK, "item": ITEM}

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._customers_may_consume = bool(config.get("customers_may_consume", True))

    @hookimpl
    def register_offer_kinds(self) -> Sequence[OfferKind]:
        return [CurrencyPack(), Item()]

    @hookimpl
    def register_routes(self, services: Services) -> Sequence[Routes]:
        return [make_routes(services, customers_may_consume=self._customers_may_consume)]
