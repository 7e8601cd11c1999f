"""The operations themselves, over the parts of one shop, and the desk of a shop that nobody serves."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import structlog

from storefront.configured_gateways import SANDBOX
from storefront.control.address import books_at
from storefront.control.console_desk import ConsoleDesk
from storefront.control.operations import Answer, Operation, with_catalog
from storefront.control.operator_desk import OperatorDesk
from storefront.control.promo_desk import PromoDesk
from storefront.control.webhook_desk import WebhookDesk
from storefront.core.analytics.rebuilding import begin_rebuild, go_on
from storefront.core.analytics.reports import counted_in, read_report
from storefront.core.api_keys import SCOPES, KeyKind, unknown_scope
from storefront.core.clock import DAY_MS, iso
from storefront.core.config import Config
from storefront.core.database import describe_revisions
from storefront.core.errors import FieldError, Invalid, NotFound, StorefrontError
from storefront.core.importing import OpeningBalance, import_balances
from storefront.core.manual_payments import confirm_refunds, list_payments, receive_payment, void_payment
from storefront.core.shared_keys import adopt_keys, settle_keys
from storefront.databases import keys_folder
from storefront.joining import Parts, join
from storefront.plugins import PluginHost, installed_plugins

ACTOR = "operator:shell"
KINDS = {"server": KeyKind.SERVER, "publishable": KeyKind.PUBLISHABLE, "operator": KeyKind.OPERATOR}

ROLLED_UP = frozenset({"report", "subscriptions.figures"})
"""Operations that read the roll-ups: an operator's shell is told what has happened until now."""
_LIVE = frozenset({"files", "assets", "entitlements", "offers", "skipped", "skipped_offers", "tax", "price_lists",
                   "promo_codes", "referrals", "experiments", "creators", "creator_files",
                   "refused_creators"})  # fmt: skip
"""Parts of a configuration that the catalog takes over, or that are no section."""

log = structlog.get_logger("storefront.control")


class NeedsRestart(StorefrontError):
    """The new configuration is right, but a running server cannot take it over."""

    code = "needs_restart"
    title = "The server must be started again for this"


def _of_plugins(parts: Parts) -> dict[str, Operation]:
    """Return what plugins let an operator ask, ``<plugin>.<name>`` -> operation."""
    found: dict[str, Operation] = {}

    def take(plugin: str, operations: Mapping[str, Operation]) -> None:
        found.update({f"{plugin}.{name}": operation for name, operation in operations.items()})

    parts.host.collect("register_operations", take, services=parts.services)
    return found


class Desk:
    """Answers an operator's questions about one shop. ``read`` reads the configuration anew, as the start did."""

    def __init__(self, parts: Parts, *, url: str | None, read: Callable[[], PluginHost]) -> None:
        self._parts = parts
        self._url = url
        self._read = read
        self._reloading = asyncio.Lock()
        self.operations: Mapping[str, Operation] = {
            "status": self._status,
            "plugins": self._plugins,
            "reload": self._reload,
            "keys.list": self._list_keys,
            "keys.create": self._create_key,
            "keys.revoke": self._revoke_key,
            "keys.adopt": self._adopt_keys,
            "import.balances": self._import_balances,
            **with_catalog(parts.services, {"report": self._report}),
            "report.rebuild": self._rebuild,
            "payments.list": self._list_payments,
            "payments.receive": self._receive_payment,
            "payments.void": self._void_payment,
            "payments.refund": self._confirm_refunds,
            **WebhookDesk(parts.webhooks, actor=ACTOR).operations,
            **PromoDesk(parts.services, actor=ACTOR).operations,
            **ConsoleDesk(parts.services, actor=ACTOR).operations,
            **OperatorDesk(parts.services, actor=ACTOR).operations,
            **_of_plugins(parts),
        }

    async def ask(self, operation: str, arguments: Mapping[str, Any]) -> Answer:
        """Carry out an operation by its name; raises what the use case raises, and ``NotFound`` for a plugin's that
        is not there."""
        plugin = operation.partition(".")[0]
        if operation not in self.operations and plugin in installed_plugins():
            raise NotFound(f"The plugin {plugin} is not enabled here: name it under plugins: and start again.")
        if operation in ROLLED_UP:
            await self._parts.roller.catch_up()
        return await self.operations[operation](arguments)

    @property
    def data_dir(self) -> Path:
        return self._parts.host.config.data_dir

    @property
    def books(self) -> str:
        """Name the database that the shop is kept in, as those who ask name the one they mean."""
        config = self._parts.host.config
        return books_at(config.database.url.reveal(), config.files[0].parent)

    async def facts(self) -> Answer:
        """Tell where the shop is and what it is made of; ``url`` is where this machine reaches it."""
        parts, config = self._parts, self._parts.host.config
        section = config.gateways.get(SANDBOX)
        return {
            "shop": config.shop.name,
            "mode": str(config.mode),
            "pid": os.getpid(),
            "url": self._url,
            "public_url": parts.services.public_url,
            "sandbox": None if section is None else section.text("url") or f"{parts.services.public_url}/sandbox",
            "data": str(config.data_dir),
            "config": str(config.files[0]),
            "catalog": parts.services.catalogs.active.version,
            "offers": len(parts.services.catalogs.active.offers),
            "gateways": list(parts.services.gateways),
            "plugins": parts.host.describe(),
            "revisions": describe_revisions(await parts.database.revisions()),
        }

    async def _status(self, _: Mapping[str, Any]) -> Answer:
        return await self.facts()

    async def _plugins(self, _: Mapping[str, Any]) -> Answer:
        return {"data": self._parts.host.describe()}

    async def _reload(self, _: Mapping[str, Any]) -> Answer:
        async with self._reloading:
            services = self._parts.services
            # Reading may take a while with many files; the shop goes on selling meanwhile.
            wanted = (await asyncio.to_thread(self._read)).config
            unknown = {offer.kind for offer in wanted.offers.values()} - set(services.kinds)
            unknown -= {wanted.offers[sku].kind for sku in wanted.skipped_offers if sku in wanted.offers}
            if unknown:
                raise NeedsRestart(
                    f"No running plugin brings the kind {', '.join(sorted(unknown))}: start the server again to "
                    "load it. Nothing was changed."
                )
            changed = await services.catalogs.activate(wanted, services.engine, services.clock, actor=ACTOR)
            catalog = services.catalogs.active
            answer = {
                "changed": changed,
                "catalog": catalog.version,
                "offers": len(catalog.offers),
                "needs_restart": changed_sections(self._parts.host.config, wanted),
            }
            log.info("reloaded", **answer)
            return answer

    async def _list_keys(self, _: Mapping[str, Any]) -> Answer:
        return {"data": await self._parts.keys.all()}

    async def _create_key(self, arguments: Mapping[str, Any]) -> Answer:
        kind, name, scopes = KINDS[arguments["kind"]], arguments["name"], list(arguments["scopes"]) or ["*"]
        unknown = unknown_scope(scopes, self._parts.host.config.plugins)
        if unknown is not None:
            wrong = f"There is no scope called {unknown}. There are: {', '.join(sorted(SCOPES))}, and * for all."
            raise Invalid(wrong, errors=[FieldError("/scopes", wrong)])
        now, days = self._parts.services.clock.wall(), arguments["expires_in_days"]
        expires_at = None if days is None else now + days * DAY_MS
        made = await self._parts.keys.create(kind, name=name, scopes=scopes, expires_at=expires_at, actor=ACTOR)
        return {
            "id": made.record.key_id,
            "kind": arguments["kind"],
            "name": name,
            "scopes": sorted(scopes),
            "created_at": iso(now),
            "expires_at": None if expires_at is None else iso(expires_at),
            "key": made.plaintext,
        }

    async def _revoke_key(self, arguments: Mapping[str, Any]) -> Answer:
        await self._parts.keys.revoke(arguments["id"], actor=ACTOR)
        return {"id": arguments["id"], "revoked": True}

    async def _adopt_keys(self, _: Mapping[str, Any]) -> Answer:
        await adopt_keys(self._parts.services, self._parts.shared_keys)
        return {"adopted": True}

    async def _report(self, asked: Mapping[str, Any]) -> Answer:
        services, currency = self._parts.services, asked.get("currency")
        counted = await counted_in(services) if currency else []
        if currency and currency not in counted:
            there = f"There is {', '.join(counted)}." if counted else "Nothing is counted in any currency."
            raise Invalid(
                f"Nothing was ever counted in {currency}. {there}", errors=[FieldError("/currency", "is none")]
            )
        return await read_report(services, **asked)

    async def _rebuild(self, asked: Mapping[str, Any]) -> Answer:
        """Begin a rebuild of the roll-ups, or go on with one (``generation``)."""
        if "generation" not in asked:
            return await begin_rebuild(self._parts.services)
        return await go_on(self._parts.services, self._parts.roller, asked["generation"])

    async def _list_payments(self, arguments: Mapping[str, Any]) -> Answer:
        return {"data": await list_payments(self._parts.services, arguments["state"])}

    async def _receive_payment(self, arguments: Mapping[str, Any]) -> Answer:
        return await receive_payment(self._parts.services, arguments["reference"], actor=ACTOR)

    async def _void_payment(self, arguments: Mapping[str, Any]) -> Answer:
        return await void_payment(self._parts.services, arguments["reference"], actor=ACTOR)

    async def _confirm_refunds(self, arguments: Mapping[str, Any]) -> Answer:
        return await confirm_refunds(self._parts.services, arguments["reference"], actor=ACTOR)

    async def _import_balances(self, arguments: Mapping[str, Any]) -> Answer:
        rows = [OpeningBalance(**row) for row in arguments["rows"]]
        done = await import_balances(
            self._parts.services,
            rows,
            import_id=arguments["import_id"],
            reason=arguments["reason"],
            actor=ACTOR,
        )
        return {"data": [asdict(one) for one in done]}


def changed_sections(running: Config, wanted: Config) -> list[str]:
    """Name the sections of the YAML that differ and that only a restart puts into effect."""
    names = [field.name for field in fields(Config) if field.name not in _LIVE | {"claimed"}]
    differing = {name for name in names if getattr(running, name) != getattr(wanted, name)}
    claimed = (set(running.claimed) | set(wanted.claimed)) - _LIVE
    differing |= {name for name in claimed if running.claimed.get(name) != wanted.claimed.get(name)}
    return sorted("data" if name == "data_dir" else name for name in differing)


@asynccontextmanager
async def opened_desk(
    host: PluginHost, *, read: Callable[[], PluginHost], is_adopting: bool = False
) -> AsyncIterator[Desk]:
    """Open the shop's database in this process, for as long as the block runs; nothing is served.

    Raises:
        DatabaseInUse, MigrationFailed, WrongMode: it cannot be opened.
        OtherKeys: the keys in the data folder are not those of the shop, and we are not here to adopt them.
    """
    parts = join(host, public_url=host.config.web.public_url or "", own_url="")
    services = parts.services
    await parts.database.open(mode=services.config.mode)
    try:
        services.engine.start()
        if parts.database.is_shared and not is_adopting:
            await settle_keys(services, parts.shared_keys, keys_folder(services.config))
        await parts.keys.refresh()
        yield Desk(parts, url=None, read=read)
    finally:
        await services.engine.stop()
        for gateway in services.gateways.values():
            await gateway.close()
        await parts.database.close()
