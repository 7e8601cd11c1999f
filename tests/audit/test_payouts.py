"""Payouts that paid too much, twice, nobody or their makers are seen, where they are planted, and so are wrong lines.

Of 1350 that Luna earned by two tips of 1000 and 500, 500 are paid by hand, 200 failed and 300 wait for a second person;
the tip of 500 is disputed at last.
"""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from storefront_fanfunding.auditing_payouts import CHECKS

from storefront.core.audit import Outside, verify_file
from storefront.testing import OPERATOR_KEY, running_shop
from tests.fanfunding.test_payouts import FOUR_EYES
from tests.fanfunding.tipping import LUNA, begin_payout, dispute, move_payout, purse, tip

OUTSIDE = Outside(checks=CHECKS)
_PAYOUT = "UPDATE fanfunding_payouts SET {} WHERE amount = {}"
_LINE = "UPDATE fanfunding_lines SET {} WHERE sequence = {}"
_ENTRY = (
    "(SELECT e.id FROM entries e JOIN fanfunding_payouts p ON p.id = e.about WHERE e.kind = '{}' AND p.amount = {})"
)
_RECORD = (
    "UPDATE audit_actions SET {} WHERE action = '{}' AND about = (SELECT id FROM fanfunding_payouts WHERE amount = {})"
)

PLANTS = {
    "more paid than was earned": (_PAYOUT.format("amount = 1400", 500), "P1-payouts", "1400 USD that were paid out"),
    "a line that is left out": (
        "DELETE FROM fanfunding_lines WHERE sequence = 2", "P2-lines", "no statement tells it",
    ),
    "a line that says more": (_LINE.format("amount = amount + 1", 1), "P2-lines", "its line says otherwise"),
    "a balance that is wrong": (_LINE.format("balance = balance + 1", 2), "P2-lines", "it comes to (2, 1350, 0)"),
    "a line about another": (_LINE.format("about = 'tip_other'", 1), "P2-lines", "its line says otherwise"),
    "an entry that moved nothing of theirs": (
        _LINE.format("entry_id = 'ent_other'", 1), "P2-lines", "ent_other, which moved nothing",
    ),
    "an entry told twice": (
        "INSERT INTO fanfunding_lines SELECT creator_id, currency, 99, entry_id, kind, about, amount, owed, balance, "
        "debt, created_at FROM fanfunding_lines WHERE sequence = 1", "P2-lines", "is told by two lines",
    ),
    "more set aside than the payout says": (
        f"UPDATE transfers SET amount = 501 WHERE entry_id = {_ENTRY.format('payout.created', 500)}", "P2-payouts",
        "its entries moved (501, 500, 0)",
    ),
    "paid without an entry": (
        _PAYOUT.format("state = 'paid', paid_at = 1, reference = 'x', approved_by = 'key:y'", 300), "P2-payouts",
        "its entries moved (300, 0, 0)",
    ),
    "failed, and nothing came back": (
        _PAYOUT.format("state = 'failed', failed_at = 1", 300), "P2-payouts", "is failed, and 0 came back",
    ),
    "in progress after it was paid": (_PAYOUT.format("state = 'in_progress'", 500), "P2-payouts", "is in_progress"),
    "an earning in two payouts": (
        _PAYOUT.format("since = 0", 300), "P2-payouts", "begins after line 0, the one before ends with line",
    ),
    "an entry of no payout": (
        f"UPDATE entries SET about = 'pyt_other' WHERE id = {_ENTRY.format('payout.paid', 500)}", "P2-payouts",
        "(payout.paid) is of no payout",
    ),
    "a transfer to nobody": (_PAYOUT.format("pay_with = 'stripe'", 300), "P3-payouts", "nobody knows where to"),
    "one transfer for two": (
        "UPDATE fanfunding_payouts SET pay_with = 'stripe', account = 'acct_1', reference = 'tr_1' WHERE amount < 301",
        "P3-payouts", "the transfer tr_1 of stripe paid two payouts",
    ),
    "another account than before": (
        "UPDATE fanfunding_payouts SET pay_with = 'stripe', four_eyes = 0, reference = id, account = 'acct_' || amount",
        "P3-payouts", "not to acct_500 as before, and one person saw to it",
    ),
    "a new account, approved before its time": (
        "UPDATE fanfunding_payouts SET pay_with = 'stripe', account = 'acct_1', reference = id, "
        "approvable_from = approved_at + 1 WHERE approved_at IS NOT NULL",
        "P3-payouts", "was approved before its time",
    ),
    "money under way that is nobody's": (_PAYOUT.format("state = 'paid'", 300), "P3-payouts", "0 are under way"),
    "approved by its maker": (
        _PAYOUT.format("approved_by = created_by", 500), "P4-payouts", "nobody but key:key_demo_sk has seen it",
    ),
    "approved, and no record": (
        "UPDATE audit_actions SET action = 'gone' WHERE action = 'payout.approved'", "P4-payouts",
        "the record says None",
    ),
    "created by another": (
        _RECORD.format("actor = 'key:other'", "payout.created", 300), "P4-payouts", "the record says key:other",
    ),
    "a record of another amount": (
        _RECORD.format("facts = replace(facts, '300', '30')", "payout.created", 300), "P4-payouts",
        "of 300 was created by key:key_demo_sk",
    ),
    "another account than on record": (_PAYOUT.format("account = 'acct_2'", 300), "P4-payouts", "the record says"),
}  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("payouts")
    asyncio.run(_write(folder))
    return folder / "data" / "storefront.sqlite"


async def _write(folder: Path) -> None:
    (folder / "luna.yaml").write_text(LUNA)
    async with running_shop(folder, FOUR_EYES) as shop:
        await tip(shop, 1000)
        last, other = await tip(shop, 500), shop.bearing(OPERATOR_KEY)
        await shop.advance("25h")
        paid = (await begin_payout(shop, 500)).json
        assert (await move_payout(shop, paid, "approve", by=other)).status == 200
        assert (await move_payout(shop, paid, "paid", reference="SEPA 17")).status == 200
        failed = (await begin_payout(shop, 200)).json
        assert (await move_payout(shop, failed, "failed", reason="not now")).status == 200
        assert (await begin_payout(shop, 300)).status == 201
        await dispute(shop, last)
        assert purse(shop) == {"reserve": 450, "payable": 100, "debt": 0}


async def _violations(book: Path) -> list[tuple[str, str]]:
    report = await verify_file(book, deep=True, outside=OUTSIDE)
    names = {check.name for check in CHECKS}
    return [(one.check, one.message) for one in report.violations if one.check in names]


@pytest.mark.parametrize("plant", PLANTS)
async def test_what_is_planted_is_seen(finished: Path, tmp_path: Path, plant: str) -> None:
    statement, check, said = PLANTS[plant]
    book = Path(shutil.copy(finished, tmp_path / "book.sqlite"))
    with closing(sqlite3.connect(book)) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        assert connection.execute(statement).rowcount >= 1
        connection.commit()

    found = await _violations(book)

    assert any(name == check and said in message for name, message in found), found


async def test_nothing_is_seen_where_nothing_is_planted(finished: Path) -> None:
    assert await _violations(finished) == []
