"""The console of one shop: the core's pages in the order of the menu, with what plugins add."""

from collections.abc import Callable, Sequence

from storefront.console import exporting
from storefront.console.desk import Desk
from storefront.console.pages import (
    books,
    catalog,
    customers,
    operators,
    overview,
    purchases,
    revenue,
    review,
    settings,
    trail,
    wallets,
    webhooks,
)
from storefront.console.pages import keys as key_pages
from storefront.console.pages import plugins as plugin_pages
from storefront.console.signing import BACK
from storefront.core.api_keys import KeyHasher
from storefront.core.audit.check import Check
from storefront.core.catalog_changes import CatalogEffects
from storefront.core.config import Config
from storefront.core.database import Database
from storefront.core.exporting.running import Exports
from storefront.core.keys import Keys
from storefront.core.operators.codes import OneTimeCodes
from storefront.core.operators.provider import Provider
from storefront.core.outgoing_webhooks.deliveries import WebhookDeliveries
from storefront.core.outgoing_webhooks.endpoints import WebhookEndpoints
from storefront.core.services import Services
from storefront.panels import ConsolePage, ConsolePanel


def build_console(
    services: Services,
    *,
    database: Database,
    hasher: KeyHasher,
    keys: Keys,
    endpoints: WebhookEndpoints,
    deliveries: WebhookDeliveries,
    scopes: frozenset[str],
    read: Callable[[], Config] | None,
    plugins: plugin_pages.Describe,
    effects: Sequence[CatalogEffects],
    checks: Sequence[Check],
    exports: Exports,
    added: Sequence[ConsolePage | ConsolePanel],
) -> Desk:
    """Return the console's desk. ``scopes`` are all scopes of the shop, ``added`` what plugins bring.

    ``read`` reads the YAML anew, ``plugins`` describes the plugins as they are now, ``effects`` and ``checks`` are
    theirs.
    """
    of_core = [
        *overview.pages(endpoints),
        *revenue.pages(),
        *purchases.pages(),
        *customers.pages(),
        *(page for page in added if isinstance(page, ConsolePage)),
        *wallets.pages(),
        *review.pages(),
        *books.pages(services, database, tuple(checks)),
        *webhooks.pages(endpoints, deliveries),
        *exporting.pages(exports),
        *_set_up(keys, read, plugins, effects),
    ]
    panels = [panel for panel in added if isinstance(panel, ConsolePanel)]
    codes, provider = OneTimeCodes(hasher), _provider(services, hasher)
    return Desk(services, codes, provider=provider, pages=of_core, panels=panels, scopes=scopes, alarm=books.off)


def _set_up(
    keys: Keys,
    read: Callable[[], Config] | None,
    plugins: plugin_pages.Describe,
    effects: Sequence[CatalogEffects],
) -> list[ConsolePage]:
    """Return the pages of what is set up, in the order of the menu."""
    return [
        *catalog.pages(read, effects),
        *plugin_pages.pages(plugins),
        *settings.pages(keys, plugins),
        *key_pages.pages(keys),
        *operators.pages(),
        *trail.pages(),
    ]


def _provider(services: Services, hasher: KeyHasher) -> Provider | None:
    settings, back = services.config.console.oidc, f"{services.public_url.rstrip('/')}{BACK}"
    if settings is None:
        return None
    allow = services.config.webhooks.allow
    return Provider(settings, hasher=hasher, clock=services.clock, allow=allow, back=back)
