"""The README names every key, attribute, table, check, metric and route of the plugin."""

from pathlib import Path

from storefront_fraud.attributes import Kind, attributes_of
from storefront_fraud.auditing import CHECKS
from storefront_fraud.config import Settings
from storefront_fraud.config_schema import RULES, SCHEMA
from storefront_fraud.expressions import FUNCTIONS
from storefront_fraud.routes import make_routes
from storefront_fraud.tables import TABLES

from storefront.testing import running_shop

from .screened import decisions, shop_with

README = (Path(__file__).parents[2] / "plugins/fraud/README.md").read_text()


def test_every_attribute_has_its_row():
    rows = [f"| `{one.name}` | {one.kind} | {one.stage} | {one.says} |" for one in attributes_of("USD").values()]
    assert [row for row in rows if row not in README] == []
    assert sum(README.count(f"` | {kind} | ") for kind in Kind) == len(rows)


def test_the_example_of_every_attribute_is_a_condition():
    attributes = attributes_of("USD")
    lists = {"banned_devices": [], "mules": [], "trusted_customers": [], "banned_addresses": []}
    rules = [{"id": f"r{at}", "do": "block", "when": one.example} for at, one in enumerate(attributes.values())]
    compiled = Settings.of({"rules": rules, "lists": lists}).compiled()
    assert {rule.when for rule, _ in compiled.rules.values()} == {one.example for one in attributes.values()}


def test_every_key_function_table_check_and_route_is_named():
    keys = [*SCHEMA["properties"], *RULES["items"]["properties"]]
    assert [key for key in keys if f"| `{key}:` |" not in README] == []
    assert [name for name in FUNCTIONS - {"in_list"} if f"`{name}`" not in README] == []
    assert [table.name for table in TABLES if f"| `{table.name}` |" not in README] == []
    assert [check.name for check in CHECKS if f"| `{check.name}` |" not in README] == []
    routes = make_routes(None, Settings.of({}), Settings.of({}).compiled())  # type: ignore[arg-type]
    assert [route.path for route in routes if f"{route.method} {route.path}`" not in README] == []


async def test_the_example_of_what_is_missing_does_what_it_says(tmp_path):
    (rule,) = [line.strip().removeprefix("- ") for line in README.splitlines() if "on_missing: match}" in line]
    async with running_shop(tmp_path, shop_with(rule)) as shop:
        await shop.bought("gems-500", metadata={"device": "phone"})
        assert (await shop.buy("potion", metadata={"device": "phone"})).status == 201
        assert (await shop.buy("potion")).status == 202
        (match,) = decisions(shop)[-1]["matches"]
        assert (match["rule"], match["because"], match["missing"]) == ("device", "missing", ["device.id"])
