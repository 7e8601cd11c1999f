"""Final invoices that are paid twice, asked too early or forgotten are seen, where they are planted in a shop's books.

Ada pays 250 for what she used last. Bob's card is stolen: 250 are owed by him again.
"""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from storefront_subscriptions.auditing_changes import CHECKS as CARRIED
from storefront_subscriptions.auditing_dunning import CHECKS as DUNNING
from storefront_subscriptions.auditing_finals import CHECKS as FINALS

from storefront.core.audit import Outside, verify_file
from storefront.testing import running_shop
from tests.subscriptions.changing import pass_days
from tests.subscriptions.test_final_invoices import FINAL, SHORT, STOLEN, left, turn

OUTSIDE = Outside(checks=(*FINALS, *CARRIED, *DUNNING))
DAY_MS = 86_400_000
_SET = "UPDATE subscriptions_finals SET {} WHERE state = '{}'"
_PAYS = "(SELECT purchase_id FROM subscriptions_finals WHERE state = 'paid')"

PLANTS = {
    "paid, and nothing paid it": (f"UPDATE purchases SET bill = NULL WHERE id = {_PAYS}", "S2-finals", "paid 0 times"),
    "paid by what was given up": (_SET.format("state = 'written_off'", "paid"), "S2-finals", "was paid 1 times"),
    "asks for something else than was paid": (
        _SET.format("""total = 251, lines = '[["API calls",251]]'""", "paid"), "S2-finals", "not what was paid",
    ),
    "its lines come to something else": (_SET.format("lines = '[]'", "owed"), "S2-finals", "its lines 0"),
    "asked of what had not ended": (_SET.format("created_at = 1", "paid"), "S7-finals", "which had not ended"),
    "charged after it was closed": (_SET.format("closed_at = 1", "owed"), "S7-finals", "was begun after final"),
    "charged a day too early": (
        f"UPDATE purchases SET created_at = created_at - {DAY_MS} WHERE id = {_PAYS}",
        "S7-attempts", "it was to be tried again at",
    ),
    "takes over what is owed nowhere": (
        "DELETE FROM subscriptions_carries WHERE cause = 'taken' AND about = "
        "(SELECT id FROM subscriptions_finals WHERE state = 'paid')", "S5-carried", "should have moved -250 (taken)",
    ),
    "asked in vain and owed by nobody": (
        "DELETE FROM subscriptions_carries WHERE cause = 'given_back' AND about = "
        "(SELECT id FROM subscriptions_finals WHERE state = 'owed')",
        "S5-carried", "should have moved 250 (given_back)",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finals")
    asyncio.run(_write(folder))
    return folder / "data" / "storefront.sqlite"


async def _write(folder: Path) -> None:
    async with running_shop(folder, FINAL) as shop:
        await left(shop, card=SHORT)
        await pass_days(shop, 0.1)
        await turn(shop, "4242424242424242")
        await pass_days(shop, 2.1)
        await left(shop, card=STOLEN, customer="bob")
        await pass_days(shop, 0.1)


async def _violations(book: Path) -> list[tuple[str, str]]:
    report = await verify_file(book, deep=True, outside=OUTSIDE)
    names = {check.name for check in OUTSIDE.checks}
    return [(one.check, one.message) for one in report.violations if one.check in names]


@pytest.mark.parametrize("plant", PLANTS)
async def test_what_is_planted_is_seen(finished: Path, tmp_path: Path, plant: str) -> None:
    statement, check, said = PLANTS[plant]
    book = Path(shutil.copy(finished, tmp_path / "book.sqlite"))
    with closing(sqlite3.connect(book)) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        assert connection.execute(statement).rowcount == 1
        connection.commit()

    found = await _violations(book)

    assert any(name == check and said in message for name, message in found), found


async def test_nothing_is_seen_where_nothing_is_planted(finished: Path) -> None:
    assert await _violations(finished) == []
    with closing(sqlite3.connect(finished)) as connection:
        found = connection.execute("SELECT state, total FROM subscriptions_finals ORDER BY id").fetchall()
    assert found == [("paid", 250), ("owed", 250)]
