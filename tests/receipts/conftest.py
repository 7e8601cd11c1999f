"""A shop whose prices hold German VAT, and what tests do with its receipts."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storefront.testing import Shop, running_shop
from storefront.testing.tiny_shop import TINY_SHOP

TAXED_SHOP = (
    TINY_SHOP
    + """
tax:
  default_country: DE
  seller: {name: Lowtide Games GmbH, tax_id: DE123456789, country: DE, address: [Hafenstrasse 1, 20457 Hamburg]}
  rates:
    - {country: DE, class: digital, percent: "19"}
    - {country: AT, class: digital, percent: "20"}
"""
)


@pytest.fixture
async def taxed(data_folder: Path, database_url: str | None) -> AsyncIterator[Shop]:
    """The tiny shop with tax in its prices."""
    async with running_shop(data_folder, TAXED_SHOP, database=database_url) as running:
        yield running
