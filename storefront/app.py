"""``create_app``: the only place where the parts of a shop are joined to one application and given a life.

Opening goes database → clock → engine → catalog → followers → jobs; closing goes the other way, after the
requests that were under way have been answered.
"""

import gc
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace

from aiohttp import web
from prometheus_client import CollectorRegistry

from storefront.configured_gateways import SANDBOX, SandboxSecrets, needs_own_sandbox
from storefront.console import console_routes
from storefront.console.building import build_console
from storefront.console.desk import Desk
from storefront.console.drawing import STATIC as CONSOLE_STATIC
from storefront.console.refusing import Refusals
from storefront.core.api_keys import SCOPES
from storefront.core.clock import Clock
from storefront.core.commit.outcome import DatabaseAway
from storefront.core.config import Config
from storefront.core.database import read_setting
from storefront.core.errors import StorefrontError
from storefront.core.exporting.running import Exports
from storefront.core.outgoing.guard import Guard
from storefront.core.retention import schedule_retention
from storefront.core.shared_keys import settle_keys
from storefront.core.sweeping import schedule_following
from storefront.core.taking_over import end_leases_of_the_dead
from storefront.core.timetravel import SETTING as CLOCK_SETTING
from storefront.databases import keys_folder
from storefront.design import STATIC as DESIGN_STATIC
from storefront.design.accent import fit_accent
from storefront.joining import Parts, join
from storefront.pages.browser import ACCENT_URL
from storefront.pages.frame import Link
from storefront.pages.rendering import FORM_TARGETS
from storefront.pages.rendering import STATIC as PAGES_STATIC
from storefront.panels import ConsolePage, ConsolePanel
from storefront.plugins import PluginHost
from storefront.routing import RouteError, Routes
from storefront.sandbox import create_sandbox
from storefront.web import (
    analytics,
    auto_top_ups,
    catalog,
    entitlements,
    events,
    experiments,
    exports,
    giving,
    grants,
    holds,
    invitation_page,
    keys,
    me,
    merging,
    operating,
    paying,
    payment_methods,
    payments,
    privacy,
    promo_codes,
    promo_page,
    purchases,
    receipts,
    reviews,
    sessions,
    shop,
    stream,
    timetravel,
    usage,
    using_page,
    wallets,
    webhook_endpoints,
    webhooks,
)
from storefront.web.auth import CredentialAuthenticator
from storefront.web.browsing import MENU, RENDERER
from storefront.web.business_metrics import BusinessMetrics, GaugeReader
from storefront.web.docs import docs_routes
from storefront.web.edge import Edge, EdgeSettings, mount
from storefront.web.health import Check, health_routes
from storefront.web.limits import RateLimiter
from storefront.web.metrics import CommitMetrics, HttpMetrics, ProcessMetrics, WebhookMetrics, WorkMetrics
from storefront.web.pages import Renderer
from storefront.web.services import (
    KEYS,
    LIMITER,
    SERVICES,
    SIGNER,
    TOKENS,
    WEBHOOK_DELIVERIES,
    WEBHOOK_ENDPOINTS,
)
from storefront.web.upkeep_metrics import UpkeepMetrics

PARTS = web.AppKey("PARTS", Parts)
EDGE = web.AppKey("EDGE", Edge)
STATIC_SECONDS = 31_536_000


def create_app(
    host: PluginHost,
    *,
    own_url: str,
    clock: Clock | None = None,
    worker: int | None = None,
    guard: Guard | None = None,
    read: Callable[[], Config] | None = None,
) -> web.Application:
    """Build a fresh shop: its application opens the database when it starts and closes it when it ends.

    ``own_url`` is the address that the listener will really have (``http://127.0.0.1:8080``); links are
    made from ``web.public_url`` where the configuration has one. ``worker`` is the number of this process among
    several on this machine, for the metrics. ``guard`` says where outgoing webhooks may go, instead of the
    configuration. ``read`` reads the configuration anew; with it creators' files are followed while the shop is open.

    Raises:
        PluginFailed, RouteError: the shop may not open like this.
    """
    config = host.config
    public_url = config.web.public_url or own_url
    parts = join(host, public_url=public_url, own_url=own_url, clock=clock, guard=guard, read=read)
    app = web.Application(client_max_size=config.web.body_limit_bytes)
    app[PARTS], app[SERVICES], app[TOKENS], app[KEYS] = parts, parts.services, parts.tokens, parts.keys
    app[SIGNER] = parts.signer
    app[LIMITER] = RateLimiter(parts.services.config.web.rate_limits)
    app[WEBHOOK_ENDPOINTS], app[WEBHOOK_DELIVERIES] = parts.webhooks.endpoints, parts.webhooks.deliveries
    app[RENDERER], app[FORM_TARGETS] = Renderer(), _form_targets(config)
    app[EDGE] = _mount(app, parts, worker, read)
    _add_static(app, config)
    if needs_own_sandbox(config):
        app.add_subapp("/sandbox/", _sandbox(parts, public_url=public_url, own_url=own_url))
    app.cleanup_ctx.append(_lifetime)
    app.on_shutdown.append(_drain)
    return app


def _mount(app: web.Application, parts: Parts, worker: int | None, read: Callable[[], Config] | None) -> Edge:
    config = parts.host.config
    registry = CollectorRegistry()
    ProcessMetrics(registry, parts.services.clock, worker=worker)
    WebhookMetrics(registry, parts.webhooks.dispatcher, parts.services.clock, worker=worker)
    WorkMetrics(registry, parts.endurance, worker=worker)
    CommitMetrics(registry, parts.services.engine, worker=worker)
    UpkeepMetrics(registry, config.data_dir, worker=worker)
    modules = (
        *(sessions, catalog, me, purchases, entitlements, events, keys, webhooks),
        *(grants, holds, merging, wallets, payment_methods, payments, receipts, shop, stream),
        *(
            webhook_endpoints,
            operating,
            reviews,
            paying,
            giving,
            promo_codes,
            promo_page,
            invitation_page,
            auto_top_ups,
        ),
        *(usage, experiments, using_page, analytics, privacy),
    )
    routes: list[Routes] = [module.routes for module in modules]
    if parts.emulator is not None:
        routes.append(timetravel.make_routes(parts.services, (parts.jobs, parts.webhooks.dispatcher), parts.emulator))
    panels: list[ConsolePage | ConsolePanel] = []
    parts.host.collect(
        "register_routes",
        lambda name, found: _take_routes(name, found, routes, panels),
        services=parts.services,
    )
    lists = Exports(parts.services, parts.host.exports())
    routes.append(exports.make_routes(lists))
    gauges: list[GaugeReader] = []
    parts.host.collect("register_gauges", lambda _, found: gauges.extend(found), services=parts.services)
    business = BusinessMetrics(registry, parts.services, worker=worker, of_plugins=gauges)
    routes.append(health_routes(_checks(parts), registry, prepare=business.refresh))
    routes.append(docs_routes(routes, shop_name=config.shop.name))
    desk = _console(parts, routes, read, lists, panels)
    routes.append(console_routes(desk, lists))
    app[MENU] = tuple(Link(one.menu, one.path) for registry in routes for one in registry if one.menu)
    return mount(
        app,
        routes,
        authenticator=CredentialAuthenticator(
            parts.tokens,
            parts.find_key,
            hasher=parts.hasher,
            clock=parts.services.clock,
            demo_keys=parts.has_demo_keys and not parts.services.is_live,
            who_now=parts.services.customers.now,
        ),
        limiter=app[LIMITER],
        metrics=HttpMetrics(registry, worker=worker),
        settings=EdgeSettings(
            public_url=parts.services.public_url,
            allowed_origins=frozenset(config.web.return_origins),
            trusted_proxies=config.web.trusted_proxies,
            body_limit_bytes=config.web.body_limit_bytes,
        ),
        error_page=Refusals(desk),
    )


def _console(
    parts: Parts,
    routes: Sequence[Routes],
    read: Callable[[], Config] | None,
    lists: Exports,
    added: Sequence[ConsolePage | ConsolePanel],
) -> Desk:
    """Build the operator console over all routes that there are: their scopes are what roles are made of."""
    host = parts.host
    asked = {route.scope for registry in routes for route in registry if route.scope is not None}
    return build_console(
        parts.services,
        database=parts.database,
        hasher=parts.hasher,
        keys=parts.keys,
        endpoints=parts.webhooks.endpoints,
        deliveries=parts.webhooks.deliveries,
        scopes=SCOPES | asked,
        read=read,
        plugins=host.describe,
        effects=host.catalog_effects(),
        checks=host.audit_checks(),
        exports=lists,
        added=added,
    )


def _take_routes(
    plugin: str,
    found: Sequence[Routes | ConsolePage | ConsolePanel],
    routes: list[Routes],
    panels: list[ConsolePage | ConsolePanel],
) -> None:
    """Take what a plugin declares, and hold it to its own corner: JSON routes live at ``/v1/<plugin>`` and under it,
    pages of the console under ``/console/``, other pages where they like."""
    for one in found:
        if isinstance(one, Routes):
            for route in one:
                if not route.page and not f"{route.path}/".startswith(f"/v1/{plugin}/"):
                    raise RouteError(f"{route.place}: {route.path} must live under /v1/{plugin}/")
            routes.append(one)
            continue
        if isinstance(one, ConsolePage) and not one.path.startswith("/console/"):
            raise RouteError(f"{plugin}: the console page {one.path} must live under /console/")
        panels.append(replace(one, plugin=plugin))


async def _lifetime(app: web.Application) -> AsyncIterator[None]:
    parts = app[PARTS]
    services, database = parts.services, parts.database
    await database.open(mode=services.config.mode)
    try:
        services.clock.offset_ms = (
            int(await read_setting(services.reader, CLOCK_SETTING) or 0) if not services.is_live else 0
        )
        services.engine.start()
        if database.is_shared:
            await settle_keys(services, parts.shared_keys, keys_folder(services.config))
        await parts.keys.refresh()
        await services.learn_merges()
        await services.catalogs.activate(services.config, services.engine, services.clock, actor="start")
        await schedule_retention(services)
        await schedule_following(services)
        if not database.is_shared:
            await end_leases_of_the_dead(services)
        followers = [f for f in (parts.announcer, parts.keeping_up, parts.leading, parts.jobs) if f is not None]
        for follower in followers:
            follower.start()
        yield
        for follower in reversed(followers):
            await follower.stop()
    finally:
        await services.engine.stop()
        for gateway in services.gateways.values():
            await gateway.close()
        await database.close()


def settle_memory() -> None:
    """Tell the garbage collector that what was made so far stays: it would look through all of it again and
    again, for tens of milliseconds, in the middle of purchases. Called once, when the shop answers."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


async def _drain(app: web.Application) -> None:
    app[EDGE].drain()
    app[SERVICES].watchers.close()


def _sandbox(parts: Parts, *, public_url: str, own_url: str) -> web.Application:
    config = parts.host.config
    secret = SandboxSecrets.load_or_create(config.data_dir, config.gateways[SANDBOX])
    return create_sandbox(
        path=config.data_dir / "sandbox.sqlite",
        public_url=f"{public_url}/sandbox",
        secret_key=secret.secret_key,
        endpoint=(f"{own_url}/webhooks/{SANDBOX}", secret.webhook_secret),
        connect_endpoint=(f"{own_url}/webhooks/{SANDBOX}", secret.connect_webhook_secret),
        clock=parts.services.clock.now,
        shop_name=config.shop.name,
    )


def _add_static(app: web.Application, config: Config) -> None:
    """Serve the pages' files; their addresses carry a hash of their content, so they are kept for good.

    They are an application of their own, so that their caching costs no other request anything.
    """
    static = web.Application()
    static.router.add_static("/design", DESIGN_STATIC)
    static.router.add_static("/pages", PAGES_STATIC)
    static.router.add_static("/console", CONSOLE_STATIC)
    static.router.add_static("/sdk", PAGES_STATIC / "sdk")  # a link to `sdk/js`, which pages load, games' too
    if config.shop.accent is not None:
        css = fit_accent(config.shop.accent).css()

        async def accent(request: web.Request) -> web.Response:
            return web.Response(text=css, content_type="text/css")

        static.router.add_get("/accent.css", accent)
        app[ACCENT_URL] = "/static/accent.css"

    async def cache(request: web.Request, response: web.StreamResponse) -> None:
        if response.status == 200:
            lasting = f"public, max-age={STATIC_SECONDS}, immutable" if "v" in request.query else "no-cache"
            response.headers["Cache-Control"] = lasting
        response.headers["X-Content-Type-Options"] = "nosniff"

    static.on_response_prepare.append(cache)
    app.add_subapp("/static/", static)


def _form_targets(config: Config) -> tuple[str, ...]:
    """Return where our forms may be redirected to: the gateways' payment pages and allowed return origins."""
    targets: list[str] = [*config.web.return_origins]
    if "stripe" in config.gateways:
        targets.append(config.gateways["stripe"].text("api_base") or "https://checkout.stripe.com")
    sandbox = config.gateways.get(SANDBOX)
    if sandbox is not None and (url := sandbox.text("url")) is not None:
        targets.append(url)
    return tuple(targets)


def _checks(parts: Parts) -> Mapping[str, Check]:
    """Return what ``/readyz`` asks; the emulator is not waited for."""

    async def database() -> str | None:
        if not parts.services.engine.is_alive:
            return "the commit engine is not running"
        try:
            await read_setting(parts.services.reader, "mode")
        except DatabaseAway:
            return "the database does not answer"
        return None

    async def migrations() -> str | None:
        try:
            found = await parts.database.revisions()
        except StorefrontError:
            return "the database does not answer"
        behind = [one.history for one in found if one.current != one.wanted]
        return f"not migrated: {', '.join(behind)}" if behind else None

    async def catalog_ready() -> str | None:
        return None if parts.services.catalogs.active.offers is not None else "no catalog is active"

    return {"database": database, "migrations": migrations, "catalog": catalog_ready}
