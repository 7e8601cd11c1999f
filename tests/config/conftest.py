"""A shop with microtransactions, as its plugin describes itself to the configuration, and ways to load text."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from storefront.core.config import Config, ConfigError, PluginSchema, load_config

AMOUNTS: dict[str, object] = {
    "type": "object",
    "additionalProperties": {"type": "integer", "minimum": 1, "maximum": 9_007_199_254_740_991, "examples": [500]},
    "minProperties": 1,
    "x-keys": "virtual-asset",
    "examples": [{"gems": 500}],
}

CURRENCY_PACK: dict[str, object] = {
    "type": "object",
    "properties": {
        "contents": {"description": "What it puts into the wallet: virtual asset -> amount.", **AMOUNTS},
        "bonus": {"description": "What comes on top, shown as such.", **AMOUNTS, "examples": [{"gems": 100}]},
    },
    "required": ["prices", "contents"],
    "examples": [
        {"kind": "currency_pack", "title": "500 gems", "contents": {"gems": 500}, "prices": {"USD": 499, "EUR": 499}}
    ],
}

ART = (
    "sword",
    "potion",
    "boots",
    "cloak",
    "crown",
    "key",
    "lantern",
    "chest",
    "flag",
    "shield",
    "book",
    "flame",
    "gem",
)

ITEM: dict[str, object] = {
    "type": "object",
    "properties": {
        "type": {
            "description": "`durable` is owned once, `consumable` in any number and used up.",
            "type": "string",
            "enum": ["durable", "consumable"],
            "examples": ["durable"],
        },
        "max_count": {
            "description": "How many of a consumable can be owned at a time.",
            "type": "integer",
            "minimum": 1,
            "maximum": 1_000_000_000,
            "examples": [99],
        },
        "art": {
            "description": "What is drawn for it where it has no picture.",
            "type": "string",
            "enum": list(ART),
            "examples": ["sword"],
        },
    },
    "required": ["prices", "type"],
    "if": {"properties": {"type": {"const": "durable"}}, "required": ["type"]},
    "then": {"properties": {"max_count": {"const": 1}}},
    "examples": [
        {"kind": "item", "type": "durable", "title": "Sword of Dawn", "art": "sword", "prices": {"gems": 120}}
    ],
}

PLUGINS = {
    "microtransactions": PluginSchema(
        config={
            "type": "object",
            "properties": {
                "history_days": {
                    "description": "How long used items are listed.",
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 3650,
                    "default": 365,
                    "examples": [365],
                }
            },
            "additionalProperties": False,
            "examples": [{}],
        },
        kinds={"currency_pack": CURRENCY_PACK, "item": ITEM},
    )
}

Load = Callable[..., Config]


@pytest.fixture(scope="session")
def plugins() -> Mapping[str, PluginSchema]:
    return PLUGINS


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load YAML text as ``shop.yaml``; other files by their name."""

    def load_text(text: str, /, *, environ: Mapping[str, str] | None = None, **files: str) -> Config:
        for name, content in {"shop": text, **files}.items():
            file = tmp_path / f"{name.replace('__', '/')}.yaml"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, "utf-8")
        return load_config(tmp_path / "shop.yaml", environ=environ or {}, plugins=PLUGINS)

    return load_text


@pytest.fixture
def mistakes(load: Load, tmp_path: Path) -> Callable[..., list[str]]:
    """The first lines of the mistakes in YAML text, without the folder."""

    def find(text: str, /, *, environ: Mapping[str, str] | None = None, **files: str) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            load(text, environ=environ, **files)
        return [str(mistake).splitlines()[0].removeprefix(f"{tmp_path}/") for mistake in caught.value.mistakes]

    return find
