"""The large ledgers that benchmarks are run on are ledgers: their books are in order on either database."""

import pytest

from benchmarks.bulk import Size
from benchmarks.filling import fill
from benchmarks.plans import open_shop
from storefront.core.audit import verify_database


@pytest.mark.parametrize(("sales", "least"), [(0, 0), (10, 100)], ids=["wallets", "cards"])
async def test_a_bulk_ledger_is_in_order(tmp_path, database_url, sales, least):
    data = tmp_path / "bulk"
    data.mkdir()

    await fill(data, Size(6_000), postgres=database_url, sales=sales)

    async with open_shop(data, postgres=database_url) as parts:
        report = await verify_database(parts.database, deep=True)
    assert report.is_clean, report.explain()
    assert report.counts["purchases"] > 1_000
    assert report.counts["gateway_movements"] == report.counts["payments"] >= least
