"""The README of a plugin shows a shop that can be checked, and lists all that the plugin brings."""

import re
from pathlib import Path

import pytest
import yaml
from storefront_microtransactions import MicrotransactionsPlugin

from storefront import hookspecs
from storefront.testing import Shop, running_shop
from tests.cli.conftest import storefront

README = (Path(__file__).parents[2] / "plugins" / "microtransactions" / "README.md").read_text()
BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def join(whole: dict, part: dict) -> dict:
    """Put one piece of YAML into another, section by section."""
    for key, value in part.items():
        is_section = isinstance(value, dict) and isinstance(whole.get(key), dict)
        whole[key] = join(whole[key], value) if is_section else value
    return whole


@pytest.fixture
def joined(tmp_path: Path) -> Path:
    """All pieces of the README in one file; times stay the texts that they are there."""
    shop: dict = {}
    for block in BLOCKS:
        join(shop, yaml.safe_load(re.sub(r"(\d{4}-\d\d-\d\dT[^,}\]]+)", r"'\1'", block)))
    path = tmp_path / "readme.yaml"
    path.write_text(yaml.safe_dump({"data": str(tmp_path / "data"), **shop}, sort_keys=False))
    return path


def test_the_pieces_joined_are_a_shop_without_a_mistake(joined):
    assert len(BLOCKS) >= 7
    told = storefront("check", joined)
    assert (told.returncode, told.stderr) == (0, "")


def test_the_pieces_show_every_key_of_every_kind(joined):
    shop = yaml.safe_load(joined.read_text())
    shown = {(offer["kind"], key) for offer in shop["offers"].values() for key in offer}
    kinds = MicrotransactionsPlugin.offer_kind_schemas
    missing = [
        (kind, key)
        for kind, schema in kinds.items()
        for key in schema["properties"]
        if (kind, key) not in shown and f"`{key}`" not in README
    ]
    assert missing == []
    section = shop["plugins"]["microtransactions"]
    assert set(MicrotransactionsPlugin.config_schema["properties"]) <= set(section)
    stages = MicrotransactionsPlugin.offer_keys["delivery"]["properties"]
    assert [stage for stage in stages if stage not in README and stage != "contents"] == []


def test_every_hook_and_declaration_of_the_plugin_stands_in_its_table():
    named = set(re.findall(r"`(\w+)`", "\n".join(line.split("|")[1] for line in README.splitlines() if "|" in line)))
    declared = {name for name in vars(MicrotransactionsPlugin) if not name.startswith("_")}
    hooks = {name for name in declared if hasattr(getattr(hookspecs, name, None), "storefront_spec")}
    members = {name for name in declared - hooks if not callable(getattr(MicrotransactionsPlugin, name))}
    assert (hooks | members) - {"api_version"} - named == set()


async def test_every_route_table_and_error_of_the_plugin_stands_in_its_readme(tmp_path, joined):
    async with running_shop(tmp_path, joined.read_text()) as shop:
        described = await paths_of(shop)
    assert [path for path in described if not is_named(path)] == []
    assert [table.name for table in MicrotransactionsPlugin.tables if f"`{table.name}`" not in README] == []


async def paths_of(shop: Shop) -> list[str]:
    document = (await shop.as_nobody().get("/openapi.json")).json
    return [path for path in document["paths"] if path.startswith("/v1/microtransactions/")]


def is_named(path: str) -> bool:
    """Tell whether a path stands in the README, whole or as ``…/its end`` behind one that does."""
    ends = [path[place:] for place in range(len(path)) if path[place] == "/"]
    return f"{path}`" in README or any(f"`…{end}`" in README for end in ends)
