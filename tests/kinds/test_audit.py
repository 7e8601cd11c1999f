"""What the audit sees of openings that were tampered with: each planted violation by its own check."""

import shutil
import sqlite3
from contextlib import closing

import pytest
from storefront_microtransactions.auditing import CHECKS, DRAWS, ODDS

from storefront.core.audit import Outside, verify_file

from .conftest import open_one

PLANTS = {
    "another seed": (DRAWS, "UPDATE microtransactions_openings SET seed = '00000000' || substr(seed, 9)"),
    "another draw": (DRAWS, "UPDATE microtransactions_openings SET drawn = '[[2,0]]' WHERE number = 1"),
    "a seed that was exchanged": (
        DRAWS,
        "UPDATE microtransactions_seeds SET commitment = 'x' WHERE sku = 'fickle'",
    ),
    "an opening that is gone": (DRAWS, "DELETE FROM microtransactions_openings WHERE number = 2"),
    "more than it says": (DRAWS, "UPDATE item_movements SET quantity = 7 WHERE about LIKE 'open_%'"),
    "a loaded table": (
        ODDS,
        "UPDATE microtransactions_openings SET drawn = replace(drawn, '[0,null]', '[1,null]')",
    ),
}


@pytest.fixture
async def books(shop, tmp_path):
    """Ten openings of ten draws each, and two that give items, in a file that nobody serves any more."""
    await shop.bought("gems-500")
    await shop.buy("fickle", quantity=10)
    await shop.buy("sure-chest", quantity=2)
    for number in range(10):
        await open_one(shop, "fickle", key=f"f{number}")
    for number in range(2):
        await open_one(shop, "sure-chest", key=f"s{number}")
    await shop.stop()
    path = tmp_path / "copy.sqlite"
    shutil.copy(tmp_path / "data" / "storefront.sqlite", path)
    yield path
    await shop.start()


@pytest.mark.parametrize("name", PLANTS)
async def test_a_planted_violation_is_seen_by_its_check(books, name):
    outside = Outside(checks=CHECKS)
    assert (await verify_file(books, deep=True, outside=outside)).is_clean
    check, statement = PLANTS[name]
    with closing(sqlite3.connect(books)) as connection, connection:
        for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute(statement)

    report = await verify_file(books, deep=True, outside=outside)
    assert check in {violation.check for violation in report.violations}


async def test_openings_cannot_be_changed_or_removed(books):
    with closing(sqlite3.connect(books)) as connection:
        for statement in ("UPDATE microtransactions_openings SET number = 9", "DELETE FROM microtransactions_openings"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(statement)
