"""A shop with microtransactions and tiers, as their plugins describe themselves, and ways to load text."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from storefront_fanfunding import FanfundingPlugin
from storefront_fraud import FraudPlugin
from storefront_microtransactions.config import CURRENCY_PACK, ITEM
from storefront_subscriptions.config_schema import SCHEMA, SUBSCRIPTION

from storefront.core.config import Config, ConfigError, PluginSchema, load_config

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
    ),
    "fanfunding": PluginSchema(
        config=FanfundingPlugin.config_schema,
        claims=FanfundingPlugin.claims,
        checks=FanfundingPlugin.config_checks,
    ),
    "fraud": PluginSchema(config=FraudPlugin.config_schema, checks=FraudPlugin.config_checks),
    "subscriptions": PluginSchema(config=SCHEMA, kinds={"subscription": SUBSCRIPTION}),
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
