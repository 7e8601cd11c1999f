"""What the package is: every export declared, errors as in Python, nothing from outside, the README's examples."""

import json
import re

import pytest
import storefront_sdk
from storefront_sdk.errors import error_from

from storefront.testing import running_shop
from storefront.web.errors import ERRORS

from .runtimes import HERE, SDK, node_runs

pytestmark = pytest.mark.asyncio(loop_scope="session")
EXAMPLE = HERE.parents[2] / "config.example.yaml"
DECLARED = re.compile(r"^export (?:declare )?(?:abstract )?(?:class|function|const) (\w+)", re.MULTILINE)
BLOCK = re.compile(r"^export (?:class|interface) (\w+)[^{]*\{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
MEMBER = re.compile(r"^  (?:readonly )?(\w+)[?(:]", re.MULTILINE)
# What there is of an object that nobody declares by a class: the names of its methods and accessors.
MEMBERS = """
    const members = (one) => [...Object.getOwnPropertyNames(Object.getPrototypeOf(one)), ...Object.keys(one)]
      .filter((member) => member !== "constructor").sort();
    const shop = open("http://127.0.0.1:9", { token: "t" });
    const parts = ["sessions", "grants", "holds", "events", "usage", "webhooks", "subscriptions", "tips"];
    const named = Object.fromEntries(parts
      .map((name) => [name[0].toUpperCase() + name.slice(1), members(shop[name])]));
    return { StorefrontClient: members(shop), UsageBuffer: members(shop.usage.buffered()), ...named,
      MemoryStorage: members(new sdk.MemoryStorage()), BrowserStorage: members(new sdk.BrowserStorage({})),
      StorefrontError: members(new sdk.StorefrontError("")).filter((name) => name !== "name") };
"""


def declarations() -> str:
    return "\n".join((SDK / name).read_text() for name in ("storefront.d.ts", "lib/errors.d.ts"))


async def test_every_export_is_declared_and_the_other_way_round(node):
    exported = await node.run("return Object.keys(sdk)")
    assert sorted(exported) == sorted(DECLARED.findall(declarations()))


async def test_every_method_is_declared_and_the_other_way_round(node):
    declared = {
        name: sorted(set(MEMBER.findall(body)) - {"constructor"}) for name, body in BLOCK.findall(declarations())
    }
    there = await node.run(MEMBERS)
    assert {name: declared[name] for name in there} == {name: sorted(members) for name, members in there.items()}


async def test_errors_are_those_of_the_python_client(node):
    """The same class for each documented code, under the same ancestors."""
    codes = [(doc.status, doc.code) for doc in ERRORS]
    told = await node.run(
        """
        const { errorFrom } = await import(module);
        const ancestors = (kind) => kind === sdk.StorefrontError ? [kind.name]
          : [kind.name, ...ancestors(Object.getPrototypeOf(kind))];
        return codes.map(([status, code]) => {
          const error = errorFrom(status, { code, detail: "So.", spare: 1, request_id: "req_1" });
          return [ancestors(error.constructor), error.code, error.status, error.facts, error.request_id, error.message];
        })""",
        module=str(SDK / "lib/refusals.js"),
        codes=codes,
    )
    for (status, code), answer in zip(codes, told, strict=True):
        ours = error_from(status, {"code": code, "detail": "So.", "request_id": "req_1"})
        lineage = [kind.__name__ for kind in type(ours).__mro__ if issubclass(kind, storefront_sdk.StorefrontError)]
        assert answer == [lineage, code, status, {"spare": 1}, "req_1", str(ours)]
        assert len(lineage) > 1, code
    errors = [name for name in storefront_sdk.__all__ if _is_error(getattr(storefront_sdk, name))]
    assert set(errors) <= set(await node.run("return Object.keys(sdk)"))


def _is_error(thing: object) -> bool:
    return isinstance(thing, type) and issubclass(thing, Exception)


async def test_every_code_with_a_class_of_its_own_has_it_in_both_clients(node):
    by_code = await node.run(
        "const { BY_CODE, BY_STATUS } = await import(module);"
        "const names = (map) => Object.fromEntries(Object.entries(map).map(([key, kind]) => [key, kind.name]));"
        "return [names(BY_CODE), names(BY_STATUS)]",
        module=str(SDK / "lib/refusals.js"),
    )
    python = storefront_sdk.errors
    assert by_code[0] == {code: kind.__name__ for code, kind in python._BY_CODE.items()}
    assert by_code[1] == {str(status): kind.__name__ for status, kind in python._BY_STATUS.items()}


async def test_the_package_depends_on_nothing_and_ships_all_of_itself():
    package = json.loads((SDK / "package.json").read_text())
    assert not {name for name in package if "ependencies" in name or name == "scripts"}
    assert (package["type"], package["engines"], package["version"]) == ("module", {"node": ">=20"}, "0.1.0")
    scripts = [SDK / "storefront.js", *(SDK / "lib").glob("*.js")]
    imported = {name for one in scripts for name in re.findall(r'(?:from|import\()\s*"([^"]+)"', one.read_text())}
    assert all(name.startswith("./") for name in imported)
    shipped = {path.name for path in SDK.iterdir()} - {"package.json"}
    assert shipped == set(package["files"])


async def test_the_examples_of_the_readme_work_as_printed_the_first_in_ten_lines(tmp_path):
    blocks = re.findall(r"^ *```js\n(.*?)^ *```", (SDK / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks[0].splitlines()) <= 10
    modules = tmp_path / "node_modules"
    modules.mkdir()
    (modules / "storefront-sdk").symlink_to(SDK)
    async with running_shop(tmp_path, EXAMPLE) as shop:
        code = "".join(blocks).replace("http://127.0.0.1:8080", shop.url)
        (tmp_path / "first.mjs").write_text(code + "leave();\nawait shop.close();\n")
        said = await node_runs(tmp_path / "first.mjs")
    assert re.fullmatch(r"pending http://\S+\nfalse\nshort by 120\n", said), said
