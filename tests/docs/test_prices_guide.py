"""What the guide on prices shows is a configuration that loads, and costs what the guide says."""

import re
from pathlib import Path

import pytest
import yaml

from storefront.testing import TINY_SHOP, running_shop

GUIDE = (Path(__file__).parents[2] / "docs" / "prices.md").read_text()
BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def guide_shop() -> str:
    """The tiny shop with all that the guide shows."""
    shop = yaml.safe_load(TINY_SHOP)
    for block in BLOCKS:
        # Times stay the text that they are in the guide.
        for section, entries in yaml.load(re.sub(r"(\d{4}-\d\d-\d\dT[^,}]+)", r"'\1'", block), yaml.SafeLoader).items():
            shop.setdefault(section, {}).update(entries)
    return yaml.safe_dump(shop, sort_keys=False)


async def test_all_that_the_guide_shows_is_on_sale_and_costs_what_it_says(tmp_path, guide_shop):
    async with running_shop(tmp_path, guide_shop) as shop:
        german = shop.bearing(await shop.session("heidi", country="DE"))
        brazilian = shop.bearing(await shop.session("bia", country="BR"))

        assert len(BLOCKS) == 6
        quote = await german.post("/v1/quotes", {"sku": "founders-map"})
        assert quote.json["total"] == {"amount": 399, "currency": "EUR"}
        quote = await brazilian.post("/v1/quotes", {"sku": "chest"})
        assert quote.json["total"] == {"amount": 7790, "currency": "BRL"}
        short = await shop.buy("sword")
        assert short.json["exact_top_up"]["sku"] == "gems-hundred"
        assert short.json["exact_top_up"]["amount"] == 120
        assert short.json["exact_top_up"]["price"] == {"amount": 131, "currency": "USD"}
