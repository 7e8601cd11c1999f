"""The plugin host: find, check version and configuration, build, register; leave out what is broken.

Installed is not enabled: only plugins that the YAML names are loaded, ours by the same road as a
stranger's. One that cannot be loaded fails the start, or is left out, as its ``on_error`` says; one that
judges purchases is never left out silently (``unscreened: allow``).
"""

import sys
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, cast

import pluggy
import structlog
from sqlalchemy import Table

from storefront import hookspecs
from storefront.core.analytics.metrics import Figures
from storefront.core.audit import Check
from storefront.core.audit.merges import merges_check
from storefront.core.catalog_changes import CatalogEffects
from storefront.core.commit.merging import Moves
from storefront.core.config import (
    Config,
    ConfigError,
    Document,
    Offer,
    OnError,
    PluginSchema,
    build,
    graft,
    read_document,
)
from storefront.core.errors import StorefrontError
from storefront.core.exporting.core_lists import core_lists
from storefront.core.exporting.lists import Export
from storefront.core.hooks import JUDGES, Hooks, PluginHealth
from storefront.core.migrating import History
from storefront.core.privacy.core_register import core_register
from storefront.core.privacy.register import Held

GROUP = "storefront.plugins"

log = structlog.get_logger("storefront.plugins")


class PluginFailed(StorefrontError):
    """A plugin that the configuration wants cannot be loaded, and the shop may not start without it."""

    code = "plugin_failed"
    title = "A plugin could not be loaded"


@dataclass(slots=True)
class PluginHost:
    """The plugins of one shop: their objects, their health, and why some were left out.

    ``when_left_out`` is ``name -> what takes back`` that which the plugin had registered before it failed.
    """

    config: Config
    hooks: Hooks
    classes: Mapping[str, type[Any]]
    left_out: dict[str, str] = field(default_factory=dict)
    when_left_out: dict[str, list[Callable[[], object]]] = field(default_factory=dict)

    def histories(self) -> list[History]:
        """Return the migrations that enabled plugins bring."""
        return [
            History(name, Path(folder))
            for name, plugin in self.classes.items()
            if name not in self.left_out and (folder := getattr(plugin, "migrations", None)) is not None
        ]

    def tables(self) -> list[Table]:
        """Return the tables that enabled plugins may write through plans."""
        return [
            table
            for name, plugin in self.classes.items()
            if name not in self.left_out
            for table in getattr(plugin, "tables", ())
        ]

    def audit_checks(self) -> list[Check]:
        """Return what enabled plugins add to ``audit verify --deep``: checks of their own tables."""
        checks = [
            check
            for name, plugin in self.classes.items()
            if name not in self.left_out
            for check in getattr(plugin, "audit_checks", ())
        ]
        return [*checks, merges_check(self.moves())]

    def exports(self) -> dict[str, Export]:
        """Return ``name -> list``: what can be taken out of this shop, the core's lists and those of enabled plugins.

        Raises:
            PluginFailed: a plugin's list has the name of another.
        """
        found = {one.name: one for one in core_lists()}
        for name, plugin in self.classes.items():
            for one in () if name in self.left_out else getattr(plugin, "exports", ()):
                if found.setdefault(one.name, one) is not one:
                    raise _failure(name, f"another list is called {one.name}")
        return found

    def personal_data(self) -> list[Held]:
        """Return the register of personal columns of this shop: the core's, and that of each enabled plugin."""
        return [
            *core_register(),
            *(
                held
                for name, plugin in self.classes.items()
                if name not in self.left_out
                for held in getattr(plugin, "personal_data", ())
            ),
        ]

    def figures(self) -> dict[str, Figures]:
        """Return ``plugin -> what it brings to analytics`` of enabled plugins.

        Raises:
            PluginFailed: a figure is not called after its plugin.
        """
        found = {}
        for name, plugin in self.classes.items():
            told: Figures | None = None if name in self.left_out else getattr(plugin, "figures", None)
            if told is None:
                continue
            for figure in told.figures:
                if not figure.name.startswith(f"{name}_"):
                    raise _failure(name, f"the figure {figure.name} must be called {name}_…")
            found[name] = told
        return found

    def moves(self) -> list[Moves]:
        """Return what of enabled plugins' tables moves when two customers are merged."""
        return [
            moves
            for name, plugin in self.classes.items()
            if name not in self.left_out
            for moves in getattr(plugin, "merging", ())
        ]

    def catalog_effects(self) -> list[CatalogEffects]:
        """Return what enabled plugins say of the effects of a catalog: ``storefront check --against-live``."""
        return [
            effects
            for name, plugin in self.classes.items()
            if name not in self.left_out
            for effects in getattr(plugin, "catalog_effects", ())
        ]

    def collect(self, hook: str, take: Callable[[str, Any], None], **arguments: Any) -> None:
        """Call a ``register_*`` hook of each plugin by itself; one that crashes is left out or fails the start."""
        for name, caller in self.hooks.callers(hook).items():
            if name in self.left_out:
                continue
            try:
                for answer in caller(**arguments):
                    take(name, answer)
            except Exception as error:
                self.leave_out(name, f"{hook} failed: {error}", error)

    def leave_out(self, name: str, why: str, error: Exception | None = None) -> None:
        """Do without a plugin, if the configuration allows; raises ``PluginFailed`` if it does not."""
        section = self.config.plugins.get(name)
        allowed = section is not None and section.on_error is OnError.SKIP
        may_judge = _judges(self.classes.get(name))
        if not allowed or (may_judge and section is not None and not section.unscreened):
            raise _failure(name, why, may_judge=may_judge and allowed) from error
        log.error("plugin_left_out", plugin=name, reason=why, exc_info=error)
        self.left_out[name] = why
        self.hooks.remove(name)
        for undo in self.when_left_out.pop(name, ()):
            undo()

    def describe(self) -> list[dict[str, Any]]:
        """Return facts for ``storefront plugins`` and the metrics."""
        names = dict.fromkeys([*self.config.plugins, *self.left_out])
        return [self._describe(name) for name in names]

    def notes(self) -> list[tuple[str, str, str]]:
        """Return ``(plugin, what, words)``: what plugins say of their sections (``storefront check``)."""
        return [
            (name, what, words)
            for name, plugin in self.classes.items()
            if name not in self.left_out and (describe := getattr(plugin, "config_notes", None)) is not None
            for what, words in describe(self.config.plugins[name].options)
        ]

    def _describe(self, name: str) -> dict[str, Any]:
        health = self.hooks.health.get(name)
        quarantined = None if health is None else health.quarantined
        state = "left out" if name in self.left_out else "quarantined" if quarantined else "active"
        plugin = self.classes.get(name)
        hooks = sorted(hook for hook in _hook_names() if plugin is not None and hasattr(plugin, hook))
        reason = self.left_out.get(name) or quarantined
        last_error = None if health is None else health.last_error
        return {"name": name, "state": state, "reason": reason, "last_error": last_error, "hooks": hooks}


def installed_plugins() -> dict[str, EntryPoint]:
    """Return every installed plugin by name, loaded or not."""
    return dict(_points(tuple(sys.path)))


@lru_cache(4)
def _points(path: tuple[str, ...]) -> Mapping[str, EntryPoint]:
    """Looked up once for each ``sys.path``: it means opening every installed package."""
    return {point.name: point for point in entry_points(group=GROUP)}


def load(path: Path, environ: Mapping[str, str]) -> PluginHost:
    """Read the configuration and build the plugins it names.

    Raises:
        ConfigError: every mistake in the configuration.
        PluginFailed: a plugin is missing or broken and may not be left out.
    """
    return _build_host(read_document(path, environ))


def load_to_serve(path: Path, environ: Mapping[str, str]) -> PluginHost:
    """The same for a server that is to start: what creators write wrongly in their own files does not keep it closed.

    Those creators stay as the catalog has them (``Config.refused_creators``), and the log says what is wrong.
    """
    try:
        return load(path, environ)
    except ConfigError as error:
        wrong = {one for mistake in error.mistakes for one in (mistake.file, mistake.leaves_out) if one is not None}
        try:
            document = read_document(path, environ, leave_out=wrong)
            host = _build_host(document)
        except ConfigError:
            raise error from None
        if not document.left_out:
            raise
        log.error("creators_refused", reason=str(error))
        return host


def read_part(path: Path, environ: Mapping[str, str], at: tuple[str, ...], file: Path) -> Any:
    """Return what ``file`` says in place of what stands at ``at`` in the configuration, checked together with the rest.

    A configuration that has mistakes of its own is no judge of it: the shop says what is wrong then.

    Raises:
        ConfigError: every mistake in ``file``.
    """
    document = graft(read_document(path, environ), at, file)
    try:
        _build_host(document)
    except ConfigError as error:
        mine = [one for one in error.mistakes if one.file == str(file)]
        if mine:
            raise ConfigError(mine) from None
    except PluginFailed as error:
        log.warning("not_checked", file=str(file), reason=str(error))
    found: Any = document.value
    for step in at:
        found = found[step]
    return found


def _build_host(document: Document) -> PluginHost:
    points = installed_plugins()
    found: dict[str, type[Any]] = {}
    classes: dict[str, type[Any]] = {}
    failures: dict[str, tuple[str, Exception | None]] = {}
    for name in document.enabled_plugins:
        try:
            if name in points:
                found[name] = points[name].load()
                classes[name] = _of_this_version(found[name])
            elif name in document.skippable_plugins:
                failures[name] = ("it is not installed", None)
        except Exception as error:
            if name not in document.skippable_plugins:
                raise _failure(name, str(error)) from error
            failures[name] = (str(error), error)
    schemas = {name: plugin_schema(plugin) for name, plugin in classes.items()}
    config = build(document, plugins=schemas, installed=list(points), skipped=list(failures))
    config = _with_hidden_offers(config, classes)
    for name, mistakes in config.skipped.items():
        failures.setdefault(name, ("; ".join(str(mistake).splitlines()[0] for mistake in mistakes), None))
    unscreened = frozenset(document.unscreened_plugins)
    host = PluginHost(config, Hooks(_manager(), unscreened=unscreened), classes)
    for name, (why, cause) in failures.items():
        if _judges(found.get(name)) and name not in unscreened:
            raise _failure(name, why, may_judge=True) from cause
        log.error("plugin_left_out", plugin=name, reason=why, exc_info=cause)
        host.left_out[name] = why
    for name, plugin in classes.items():
        if name not in host.left_out:
            _register(host, name, plugin)
    return host


def _with_hidden_offers(config: Config, classes: Mapping[str, type[Any]]) -> Config:
    """Add what plugins sell beside what the YAML offers, which stands on no shelf; the YAML's own names win."""
    found: dict[str, Offer] = {}
    for name, plugin in classes.items():
        make = getattr(plugin, "hidden_offers", None)
        if make is not None and name not in config.skipped:
            found |= make(config.plugins[name].options)
    return replace(config, offers={**config.offers, **found}) if found else config


def plugin_schema(plugin: type[Any]) -> PluginSchema:
    """Return what a plugin class says about the configuration, the same object each time."""
    return _schema_of(cast(Hashable, plugin))


@lru_cache(64)
def _schema_of(plugin: Hashable) -> PluginSchema:
    empty: Mapping[str, object] = {"type": "object", "additionalProperties": False}
    return PluginSchema(
        config=getattr(plugin, "config_schema", empty),
        kinds=getattr(plugin, "offer_kind_schemas", {}),
        gateways=getattr(plugin, "gateway_schemas", {}),
        claims=getattr(plugin, "claims", {}),
        offer_keys=getattr(plugin, "offer_keys", {}),
        checks=getattr(plugin, "config_checks", ()),
    )


def _register(host: PluginHost, name: str, plugin: type[Any]) -> None:
    host.hooks.health[name] = PluginHealth(name)
    try:
        built = plugin(host.config.plugins[name].options)
        host.hooks.manager.register(built, name=name)
        host.hooks.manager.check_pending()
    except Exception as error:
        host.leave_out(name, f"it raised at start: {error}", error)


def _of_this_version(plugin: type[Any]) -> type[Any]:
    wanted = getattr(plugin, "api_version", None)
    if wanted != hookspecs.API_VERSION:
        raise PluginFailed(
            f"it was written for version {wanted} of the plugin interface, and this is version {hookspecs.API_VERSION}"
        )
    assert isinstance(plugin, type), "an entry point names the plugin's class"
    return plugin


def _manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    return manager


def _failure(name: str, why: str, *, may_judge: bool = False) -> PluginFailed:
    advice = "Mend it, remove it from plugins:, or say on_error: skip in its section to sell without it."
    if may_judge:
        advice = "It judges purchases, so the shop does not open without it. Mend it, or say unscreened: allow."
    return PluginFailed(f"The plugin {name} could not be loaded: {why}. {advice}")


def _judges(plugin: type[Any] | None) -> bool:
    return plugin is not None and any(hasattr(plugin, hook) for hook in JUDGES)


def _hook_names() -> Sequence[str]:
    return [name for name in vars(hookspecs) if hasattr(getattr(hookspecs, name), "storefront_spec")]
