"""One JSON Schema 2020-12 for the whole configuration: core, gateways, enabled plugins, offer kinds.

``checking_schema`` is what values are checked against after ``${…}`` has been put in; ``full_schema`` is the same for
editors, where any number, choice or patterned text may still be written as ``${…}``.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from storefront.core.config.messages import Complaint
from storefront.core.config.schema_core import core_sections, plugin_keys, plugin_name
from storefront.core.config.schema_experiments import experiments
from storefront.core.config.schema_gateways import gateway_schemas
from storefront.core.config.schema_offers import assets, common_offer_keys, sku
from storefront.core.config.schema_parts import Schema, mapping, table
from storefront.core.config.validation import WholeSchema

_TAKEN_OVER = ("properties", "required", "type", "additionalProperties", "$defs", "$schema", "$id", "title", "examples")
ConfigCheck = Callable[[Mapping[str, object]], Iterable[Complaint]]
"""What a plugin has to say of a whole document that no schema can: pure, and careful, for it may be malformed."""
_REFERENCE: Schema = {"type": "string", "pattern": r"\$\{", "doNotSuggest": True}


@dataclass(frozen=True, slots=True, eq=False)
class PluginSchema:
    """What a plugin says about the configuration; one is equal to itself alone.

    ``config`` is the schema of its section. ``kinds``: offer kind -> schema of the keys that an offer of that kind has
    besides the common ones (its ``required`` may name common keys, as ``prices``). ``gateways``: gateway -> schema of
    its section. ``claims``: top-level key -> schema, for keys that the plugin reads (``creators``). ``offer_keys``:
    key -> schema, for keys that the plugin adds to offers of every kind. ``checks`` say what no schema can.
    """

    config: Mapping[str, object] = field(default_factory=lambda: {"type": "object", "additionalProperties": False})
    kinds: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    gateways: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    claims: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    offer_keys: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    checks: Sequence[ConfigCheck] = ()


def full_schema(
    plugins: Mapping[str, PluginSchema | Mapping[str, object]],
    kinds: Mapping[str, Mapping[str, object]] | None = None,
    *,
    gateways: Mapping[str, Mapping[str, object]] | None = None,
) -> Schema:
    """The schema to publish for editors; ``plugins`` may hold plugin schemas or bare schemas of their sections."""
    schemas = {name: _as_plugin(schema) for name, schema in plugins.items()}
    schema = _with_references(checking_schema(schemas, kinds or {}, gateways=gateways or {}))
    assert isinstance(schema, dict)
    return schema


def checking_schema(
    plugins: Mapping[str, PluginSchema],
    kinds: Mapping[str, Mapping[str, object]],
    *,
    gateways: Mapping[str, Mapping[str, object]],
) -> WholeSchema:
    """The schema that a document without ``${…}`` must meet; nobody changes it. Of plugins alone it is made once."""
    if kinds or gateways:
        return _whole_schema(plugins, kinds, gateways)
    return _schema_of_plugins(tuple(plugins.items()))


@lru_cache(8)
def _schema_of_plugins(plugins: tuple[tuple[str, PluginSchema], ...]) -> WholeSchema:
    return _whole_schema(dict(plugins), {}, {})


def _whole_schema(
    plugins: Mapping[str, PluginSchema],
    kinds: Mapping[str, Mapping[str, object]],
    gateways: Mapping[str, Mapping[str, object]],
) -> WholeSchema:
    parts = _Parts()
    offer_kinds = {name: kind for plugin in plugins.values() for name, kind in plugin.kinds.items()} | dict(kinds)
    sections = core_sections() | {
        "assets": assets(),
        "offers": _offers(parts, offer_kinds, _added_offer_keys(parts, plugins)),
        "gateways": _gateways(parts, plugins, gateways),
        "plugins": _plugins(parts, plugins),
        "creators": _unclaimed_creators(),
        "experiments": experiments(),
    }
    for name, plugin in plugins.items():
        for key, claim in plugin.claims.items():
            # The core's own sections are typed by the core; only what it merely keeps can be claimed.
            if key == "creators" or key not in sections:
                sections[key] = parts.add(f"plugin-{name}-{key}", claim)
    whole = mapping(
        "A shop's configuration.", sections, required=["shop"], examples=[{"shop": {"name": "Lanternfall"}}]
    )
    return WholeSchema({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Storefront configuration",
        **whole,
        "patternProperties": {"^x-": {"description": "Yours: a place for YAML anchors; nothing reads it."}},
        "$defs": parts.schemas,
    })  # fmt: skip


def _unclaimed_creators() -> Schema:
    """Creators whose plugin is not there: nothing reads them, and a shop goes on without it."""
    shown = {"luna": {"name": "Luna"}}
    return table("Creators, by the id that stands in their address, for a plugin that knows them.",
                 {"description": "A creator.", "type": "object", "examples": [shown["luna"]]},
                 examples=[shown])  # fmt: skip


class _Parts:
    """Schemas from elsewhere, each under a name of its own, with their inner references led there."""

    def __init__(self) -> None:
        self.schemas: Schema = {}

    def add(self, name: str, schema: Mapping[str, object]) -> Schema:
        self.schemas[name] = self.moved(name, schema)
        return {"$ref": f"#/$defs/{name}"}

    def moved(self, name: str, schema: Mapping[str, object]) -> Schema:
        moved = _moved(schema, f"#/$defs/{name}")
        assert isinstance(moved, dict)
        moved.pop("$schema", None)
        moved.pop("$id", None)
        return moved


def _moved(schema: object, base: str) -> object:
    if isinstance(schema, Mapping):
        return {
            key: _moved_reference(value, base) if key == "$ref" else _moved(value, base)
            for key, value in schema.items()
        }
    if isinstance(schema, list | tuple):
        return [_moved(item, base) for item in schema]
    return schema


def _moved_reference(reference: object, base: str) -> object:
    if isinstance(reference, str) and reference.startswith("#"):
        return base + reference[1:]
    return _moved(reference, base)


def _added_offer_keys(parts: _Parts, plugins: Mapping[str, PluginSchema]) -> Schema:
    """Key -> schema of what plugins add to offers of every kind."""
    return {
        key: parts.add(f"plugin-{name}-offer-{key}", schema)
        for name, plugin in plugins.items()
        for key, schema in plugin.offer_keys.items()
    }


def _offers(parts: _Parts, kinds: Mapping[str, Mapping[str, object]], added: Schema) -> Schema:
    common = added | common_offer_keys()
    parts.schemas["offer"] = {"type": "object", "properties": common}
    branches: list[object] = []
    for name, kind in kinds.items():
        parts.schemas[f"offer-{name}"] = _offer_of_kind(common, parts.moved(f"kind-{name}", kind))
        if "$defs" in kind:
            parts.schemas[f"kind-{name}"] = {"$defs": parts.moved(f"kind-{name}", kind)["$defs"]}
        condition = {"properties": {"kind": {"const": name}}, "required": ["kind"]}
        branches.append({"if": condition, "then": {"$ref": f"#/$defs/offer-{name}"}})
    known = {"properties": {"kind": {"enum": list(kinds)}}, "required": ["kind"]}
    branches.append({"if": {"not": known}, "then": {"$ref": "#/$defs/offer"}})
    examples = [example for kind in kinds.values() for example in _examples(kind)[:1]]
    offer: Schema = {
        "description": "An offer.",
        "type": "object",
        "properties": {
            "kind": {"description": "What sort of offer it is; plugins bring the kinds.", "enum": list(kinds)}
        },
        "required": ["kind"],
        "allOf": branches,
    }
    if examples:
        offer["examples"] = examples
    shown = examples[0] if examples else {"kind": "item", "title": "Sword of Dawn", "prices": {"gems": 120}}
    return table("What is on sale, by SKU.", offer, keys=sku(), examples=[{"my-offer": shown}])


def _examples(kind: Mapping[str, object]) -> list[object]:
    examples = kind.get("examples")
    return list(examples) if isinstance(examples, list) else []


def _offer_of_kind(common: Schema, kind: Schema) -> Schema:
    """The common keys and the kind's own as one closed mapping, with whatever else the kind demands."""
    own = kind.get("properties", {})
    needed = kind.get("required", [])
    assert isinstance(own, dict)
    assert isinstance(needed, list)
    offer: Schema = {"type": "object", "properties": own | common}
    offer["required"] = ["kind", "title", *(key for key in needed if key not in ("kind", "title"))]
    offer["additionalProperties"] = False
    if "examples" in kind:
        offer["examples"] = kind["examples"]
    rest = {key: value for key, value in kind.items() if key not in _TAKEN_OVER and key != "description"}
    return offer | ({"allOf": [rest]} if rest else {})


def _gateways(parts: _Parts, plugins: Mapping[str, PluginSchema], more: Mapping[str, Mapping[str, object]]) -> Schema:
    known: dict[str, Mapping[str, object]] = {**gateway_schemas()}
    for plugin in plugins.values():
        known |= plugin.gateways
    known |= more
    sections = {name: parts.add(f"gateway-{name}", schema) for name, schema in known.items()}
    example = {"stripe": {"secret_key": "${STRIPE_SECRET_KEY}", "webhook_secret": "${STRIPE_WEBHOOK_SECRET}"}}
    return mapping(
        "Who takes the money. Without this section, sandbox mode has the sandbox.", sections, examples=[example]
    )


def _plugins(parts: _Parts, plugins: Mapping[str, PluginSchema]) -> Schema:
    sections = {name: _plugin(parts, name, plugin.config) for name, plugin in plugins.items()}
    return mapping(
        "The plugins to load, by name. Installed is not enabled: only those named here run.",
        sections,
        propertyNames=plugin_name(),
        examples=[{"microtransactions": {}}],
    )


def _plugin(parts: _Parts, name: str, config: Mapping[str, object]) -> Schema:
    moved = parts.moved(f"plugin-{name}", config)
    own = moved.get("properties", {})
    assert isinstance(own, dict)
    moved["type"] = "object"
    moved["properties"] = own | plugin_keys()
    parts.schemas[f"plugin-{name}"] = moved
    return {"$ref": f"#/$defs/plugin-{name}"}


def _as_plugin(schema: PluginSchema | Mapping[str, object]) -> PluginSchema:
    return schema if isinstance(schema, PluginSchema) else PluginSchema(config=schema)


def _with_references(schema: object) -> object:
    """The schema with ``${…}`` allowed wherever an editor would take it for a mistake."""
    if isinstance(schema, list):
        return [_with_references(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if _is_strict_leaf(schema):
        described = {key: schema[key] for key in ("description", "default", "examples") if key in schema}
        return described | {
            "anyOf": [{key: value for key, value in schema.items() if key not in described}, _REFERENCE]
        }
    return {
        key: value
        if key in ("if", "examples", "default", "const", "enum", "propertyNames")
        else _with_references(value)
        for key, value in schema.items()
    }


def _is_strict_leaf(schema: Schema) -> bool:
    kind = schema.get("type")
    if kind in ("integer", "number", "boolean"):
        return True
    return kind == "string" and any(key in schema for key in ("enum", "pattern", "format", "maxLength"))
