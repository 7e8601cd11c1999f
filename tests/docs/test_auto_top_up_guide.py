"""What docs/auto-top-up.md prints works as printed."""

from storefront.core.config import build, read_document
from storefront.plugins import installed_plugins, plugin_schema
from storefront.testing import running_shop
from tests.shop.topping_up import save_method

from .test_readme import HEAD, ROOT, blocks, run

GUIDE = (ROOT / "docs" / "auto-top-up.md").read_text()


async def test_the_commands_work_as_printed(tmp_path):
    (section,) = blocks(GUIDE, "yaml")
    config = tmp_path / "shop.yaml"
    config.write_text((ROOT / "config.example.yaml").read_text() + section)
    async with running_shop(tmp_path, config) as shop:
        body = {"customer": "ada", "asset": "gems", "amount": 500, "reason": "start"}
        token = await shop.session()
        assert (await shop.as_server().post("/v1/grants", body, key="start")).status == 201
        card = await save_method(shop)
        script = HEAD + "".join(blocks(GUIDE, "sh"))

        said = await run("bash", "-c", script, SHOP=shop.url, TOKEN=token, CARD=card)

        assert said == "".join(blocks(GUIDE, ""))


def test_the_commented_section_of_the_example_configuration_is_one(tmp_path):
    text = (ROOT / "config.example.yaml").read_text()
    start = text.index("# auto_top_up:")
    lines = text[start:].split("\n\n")[0].splitlines()
    config = tmp_path / "shop.yaml"
    config.write_text(text + "\n".join(line.removeprefix("# ") for line in lines) + "\n")
    points, document = installed_plugins(), read_document(config, {"DATA": str(tmp_path)})
    plugins = {name: plugin_schema(points[name].load()) for name in document.enabled_plugins}

    section = build(document, plugins=plugins).auto_top_up

    assert (section.allowed, section.most_per_day, section.confirm_within_hours) == (True, 5, 23)
    assert dict(section.minimum_below) == {"gems": 50}
