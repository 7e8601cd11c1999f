"""What docs/reviews.md prints works as printed."""

from storefront.testing import running_shop
from tests.plugins.conftest import strangers  # noqa: F401 a fixture

from .test_readme import ROOT, blocks

GUIDE = (ROOT / "docs" / "reviews.md").read_text()
HEAD = """
from storefront.core.assessing import Assessment, Verdict
from storefront.hookspecs import hookimpl
"""
SCHEMA = '\n\nPlugin = Careful\nPlugin.config_schema = {"type": "object", "properties": {"home": {"type": "string"}}}\n'


async def test_the_plugin_and_the_section_work_as_printed(tmp_path, strangers):  # noqa: F811
    (code,), (section,) = blocks(GUIDE, "python"), blocks(GUIDE, "yaml")
    strangers.write("careful", head=f"{HEAD}\n{code}{SCHEMA}")
    async with running_shop(tmp_path, strangers.shop("careful: {home: DE}") + section) as shop:
        opened = await shop.buy("gems-500")
        assert await shop.pay(opened) == 303
        await shop.until(lambda: shop.query("SELECT state FROM reviews") == [{"state": "open"}])
        assert shop.query("SELECT reasons, expires_at - opened_at AS ms FROM reviews") == [
            {"reasons": '["a card from US"]', "ms": 48 * 3_600_000}
        ]

        asked = await shop.buy("gems-500")
        assert await shop.pay(asked, "4000 0027 6000 3184", challenge="pass") == 303
        assert (await shop.settled(asked))["status"] == "completed"
