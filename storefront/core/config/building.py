"""From a document to a checked, typed ``Config``: the place where all mistakes come together.

``load_config`` does both steps at once, for callers that know every plugin's schema beforehand.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path as FilePath

from storefront.core.config.checking import Checked, check, in_reading_order, to_mistakes, with_examples
from storefront.core.config.loading import Document, read_document
from storefront.core.config.messages import Complaint
from storefront.core.config.mistakes import ConfigError, Mistake, Path
from storefront.core.config.model import Config
from storefront.core.config.schema import PluginSchema, checking_schema
from storefront.core.config.secret import Secret
from storefront.core.config.semantics import Facts, semantic_complaints
from storefront.core.config.typed import make_config


def load_config(
    path: FilePath,
    *,
    environ: Mapping[str, str],
    plugins: Mapping[str, PluginSchema],
    kinds: Mapping[str, Mapping[str, object]] | None = None,
    installed: Collection[str] | None = None,
) -> Config:
    """Read and check a configuration in one go.

    Raises:
        ConfigError: with every mistake.
    """
    return build(read_document(path, environ), plugins=plugins, kinds=kinds, installed=installed)


def build(
    document: Document,
    *,
    plugins: Mapping[str, PluginSchema],
    kinds: Mapping[str, Mapping[str, object]] | None = None,
    gateways: Mapping[str, Mapping[str, object]] | None = None,
    installed: Collection[str] | None = None,
    skipped: Collection[str] = (),
) -> Config:
    """Check a document and type it.

    ``plugins`` may hold more than the enabled ones: those not named in the YAML only help to explain a missing plugin.
    ``kinds`` and ``gateways`` are offered besides those of the enabled plugins. ``installed`` are all installed names
    (those of ``plugins`` if not given). ``skipped`` names enabled plugins that could not be loaded and whose section
    says ``on_error: skip``: their section is not looked at, and offers whose kind nobody brings are left out.

    Raises:
        ConfigError: with every mistake, those of reading included.
    """
    names = sorted(set(plugins) | set(skipped) if installed is None else set(installed) | set(skipped))
    world = _World(document, plugins, kinds or {}, gateways or {}, names)
    first = world.look(frozenset(skipped))
    faulty = {name: found for name in document.skippable_plugins if (found := first.places.get(name))}
    final = world.look(frozenset(skipped) | set(faulty)) if faulty else first
    mistakes = in_reading_order(document, [*final.of_reading, *final.mistakes])
    if mistakes:
        raise ConfigError(mistakes)
    left_out = {name: tuple(faulty.get(name, ())) for name in document.enabled_plugins if name in final.without}
    claims = {key for name, plugin in plugins.items() if name in document.enabled_plugins for key in plugin.claims}
    return make_config(document, final.value, final.orphans, left_out, claims)


@dataclass(frozen=True, slots=True)
class _Look:
    """What one check of the document found, some plugins left out."""

    mistakes: list[Mistake]
    of_reading: list[Mistake]
    places: Mapping[str, list[Mistake]]
    value: dict[str, object]
    orphans: tuple[str, ...]
    without: frozenset[str]


@dataclass(frozen=True, slots=True)
class _World:
    """The document and everything that may speak of it."""

    document: Document
    plugins: Mapping[str, PluginSchema]
    kinds: Mapping[str, Mapping[str, object]]
    gateways: Mapping[str, Mapping[str, object]]
    installed: Sequence[str]

    def look(self, without: frozenset[str]) -> _Look:
        enabled = [name for name in self.document.enabled_plugins if name not in without]
        speaking = {name: self.plugins[name] for name in enabled if name in self.plugins}
        kinds = {kind: schema for plugin in speaking.values() for kind, schema in plugin.kinds.items()} | dict(
            self.kinds
        )
        document, orphans = self._without(without, kinds)
        schema = checking_schema(speaking, self.kinds, gateways=self.gateways)
        checked = check(document, schema)
        facts = Facts(
            value=checked.value,
            kinds=list(kinds),
            kind_owners={kind: name for name, plugin in self.plugins.items() for kind in plugin.kinds},
            installed=self.installed,
            enabled=enabled,
        )

        def complain(value: Mapping[str, object]) -> list[Complaint]:
            of_plugins = [one for name, plugin in speaking.items() for one in _told_by(name, plugin, value)]
            return [*semantic_complaints(replace(facts, value=value)), *of_plugins]

        told = complain(checked.value)
        examples = checked.examples(told, complain)
        complaints = self._merged(told, checked)
        by_plugin: dict[str, list[Mistake]] = {}
        for name in enabled:
            mine = [one for one in complaints if one.path[:2] == ("plugins", name)]
            by_plugin[name] = to_mistakes(document, examples, mine)
        return _Look(
            mistakes=to_mistakes(document, examples, complaints),
            of_reading=with_examples(document, examples),
            places=by_plugin,
            value=_with_secrets(checked),
            orphans=orphans,
            without=without,
        )

    def _merged(self, semantic: list[Complaint], checked: Checked) -> list[Complaint]:
        """Schema and semantics together; of a plugin's or kind's name the one that knows more speaks."""
        knowing = {one.path for one in semantic if one.path[0] in ("plugins", "offers") and len(one.path) < 4}
        return [*(one for one in checked.complaints if one.path not in knowing), *semantic]

    def _without(self, without: frozenset[str], kinds: Mapping[str, object]) -> tuple[Document, tuple[str, ...]]:
        """The document without the sections of these plugins, without what they add to offers, and without offers
        whose kind then nobody brings."""
        if not without:
            return self.document, ()
        value = dict(self.document.value)
        plugins, offers = value.get("plugins"), value.get("offers")
        orphans: tuple[str, ...] = ()
        if isinstance(plugins, dict):
            value["plugins"] = {name: section for name, section in plugins.items() if name not in without}
        if isinstance(offers, dict):
            orphans = tuple(sku for sku, offer in offers.items() if _kind(offer) not in kinds)
            dropped = {key for name in without if name in self.plugins for key in self.plugins[name].offer_keys}
            value["offers"] = {sku: _lacking(offer, dropped) for sku, offer in offers.items() if sku not in orphans}
        return self.document.having(value), orphans


def _told_by(name: str, plugin: PluginSchema, value: Mapping[str, object]) -> list[Complaint]:
    """What a plugin's own checks say; that one raised is said too, and ``on_error`` decides about it."""
    try:
        return [complaint for say in plugin.checks for complaint in say(value)]
    except Exception as error:  # a stranger's code may raise anything, and the other mistakes are told all the same
        message = f"cannot check this configuration: {type(error).__name__}: {error}"
        return [Complaint(("plugins", name), message, at_key=True)]


def _lacking(offer: object, keys: Collection[str]) -> object:
    return {key: value for key, value in offer.items() if key not in keys} if isinstance(offer, dict) else offer


def _kind(offer: object) -> object:
    return offer.get("kind") if isinstance(offer, dict) else None


def _with_secrets(checked: Checked) -> dict[str, object]:
    value = _masked(checked.value, (), checked.secrets)
    assert isinstance(value, dict)
    return value


def _masked(value: object, path: Path, secrets: frozenset[Path]) -> object:
    if isinstance(value, dict):
        return {key: _masked(inner, (*path, key), secrets) for key, inner in value.items()}
    if isinstance(value, list):
        return [_masked(inner, (*path, index), secrets) for index, inner in enumerate(value)]
    return Secret(value) if path in secrets and isinstance(value, str) else value
