"""The small words that the JSON Schemas of the configuration are written in.

Beyond JSON Schema 2020-12, four annotations are checked here and may be used by any plugin's schema:
``"secret": true`` (comes from ``${…}``, ends as ``Secret``), ``"x-keys"`` (a mapping's keys are assets or currencies),
``"x-ref"`` (a text names an asset, an offer or an entitlement), ``"x-form"`` (a form that no pattern can say).
``"x-unit": "minor"`` marks an integer that counts minor units. ``"x-names"`` says of which kinds the names are that a
text or a mapping's keys give where another check knows them: examples then show the shop's own.
"""

from collections.abc import Mapping, Sequence

Schema = dict[str, object]

LARGEST_AMOUNT = 9_007_199_254_740_991
SKU_PATTERN = "^[a-z0-9][a-z0-9._-]{0,63}$"
NAME_PATTERN = "^[a-z][a-z0-9_-]{0,31}$"
SAYS_SKU = "must be 1 to 64 lower-case letters, digits, `-`, `_` or `.`, starting with a letter or digit"
SAYS_NAME = "must be 1 to 32 lower-case letters, digits, `-` or `_`, starting with a letter"


def mapping(
    description: str, properties: Mapping[str, object], *, required: Sequence[str] = (), **more: object
) -> Schema:
    """A mapping with these keys and no others."""
    schema: Schema = {"description": description, "type": "object", "properties": dict(properties)}
    if required:
        schema["required"] = list(required)
    return schema | {"additionalProperties": False} | more


def table(description: str, values: object, *, keys: object = None, **more: object) -> Schema:
    """A mapping whose keys the operator chooses."""
    schema: Schema = {"description": description, "type": "object", "additionalProperties": values}
    if keys is not None:
        schema["propertyNames"] = keys
    return schema | more


def listing(description: str, items: object, **more: object) -> Schema:
    """A list of equal things."""
    return {"description": description, "type": "array", "items": items} | more


def text(description: str, **more: object) -> Schema:
    """Text of 1 to 1000 characters, unless said otherwise."""
    return {"description": description, "type": "string", "minLength": 1, "maxLength": 1000} | more


def choice(description: str, values: Sequence[str], **more: object) -> Schema:
    """One of a few words."""
    return {"description": description, "type": "string", "enum": list(values)} | more


def whole(description: str, *, least: int = 1, most: int | None = None, **more: object) -> Schema:
    """An integer."""
    limits: Schema = {"minimum": least} if most is None else {"minimum": least, "maximum": most}
    return {"description": description, "type": "integer"} | limits | more


def switch(description: str, *, default: bool) -> Schema:
    """True or false."""
    return {"description": description, "type": "boolean", "default": default, "examples": [default]}


def secret(description: str, example: str, **more: object) -> Schema:
    """A key or password: given as ``${…}``, masked everywhere."""
    return {"description": description, "type": "string", "secret": True, "minLength": 1, "examples": [example]} | more


def names(pattern: str, says: str) -> Schema:
    """What a mapping's keys must look like."""
    return {"pattern": pattern, "patternErrorMessage": says}


def amount(description: str, *, least: int = 1, **more: object) -> Schema:
    """Money: an integer in minor units."""
    return whole(description, least=least, most=LARGEST_AMOUNT) | {"x-unit": "minor"} | more


def wording(description: str, example: object) -> Schema:
    """A text for people: one text, or one per language."""
    several = table(
        "One text per language (`en`, `de`, `pt-BR`).",
        text("The text in this language."),
        keys={"x-form": "language"},
        minProperties=1,
    )
    return {"description": description, "anyOf": [text("One text for all languages."), several], "examples": [example]}
