"""The audit recomputes usage from its hours: whatever is planted behind the program's back is seen."""

import sqlite3
from contextlib import closing

import pytest

from storefront.core.audit import verify_file

from .metered_shop import cloud_event

PLANTS = {
    "an hour that counted more": ("UPDATE usage_windows SET quantity = '91000000' WHERE meter LIKE 'calls:%'",
                                  "its hours say 91000000 in 90"),
    "an hour that is gone": ("DELETE FROM usage_windows WHERE meter LIKE 'calls:%'", "its hours say 0 in 0"),
    "a period that is gone": ("DELETE FROM usage_periods WHERE meter LIKE 'calls:%'", "belong to no period"),
    "usage that was metered and forgotten": ("UPDATE usage_accounts SET metered = '4000000000000'",
                                             "metered 4000000000000, its periods cost 4500000000000"),
    "usage billed without an entry": ("UPDATE usage_accounts SET billed = '3000000000000'",
                                      "billed 3000000000000, its entries moved 4 units"),
    "usage written off twice": ("UPDATE usage_accounts SET unbilled = '1000000000000'", "wrote off 1000000000000"),
    "an account that is gone": ("DELETE FROM usage_accounts", "cost 4500000000000, but has no account"),
    "a hold that nobody stands behind": ("UPDATE usage_accounts SET hold_id = NULL", "no usage account names it"),
    "pending usage that nothing backs": ("UPDATE usage_accounts SET metered = '7500000000000'",
                                         "has 3500000000000 × 10^-12 credits pending, and 1 set aside for it"),
    "a line that says less": ("UPDATE usage_lines SET amount = 98", "say 98 for a cost of 99000000000000"),
    "a line that is gone": ("DELETE FROM usage_lines", "0 lines of postpaid:packs:USD"),
    "a drain that nobody does": ("UPDATE usage_accounts SET drain_at = 7", "waits for a job that does not exist"),
    "a period that nobody closes": ("UPDATE usage_periods SET lines = 0, lined = '0', close_at = 0 "
                                    "WHERE charge LIKE 'postpaid%'", "is never written down"),
}  # fmt: skip


@pytest.fixture
async def books(metered, fund, report, pass_time):
    """A shop with drained usage and a closed period, stopped."""
    await fund("ada", 100, "credits")
    await report(*(cloud_event(number) for number in range(90)), cloud_event("p", "packs"))
    await pass_time(2 * 86_400)
    assert metered.query("SELECT amount FROM usage_lines") == [{"amount": 99}]
    return metered.parts.services.config.data_dir / "storefront.sqlite"


@pytest.mark.parametrize("name", PLANTS)
async def test_what_is_planted_in_the_books_of_usage_is_seen(books, tmp_path, name):
    statement, message = PLANTS[name]
    planted = tmp_path / "planted.sqlite"
    with closing(sqlite3.connect(books)) as source, closing(sqlite3.connect(planted)) as copy:
        source.backup(copy)
        for (trigger,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            if trigger.startswith("usage_lines"):
                copy.execute(f"DROP TRIGGER {trigger}")
        assert copy.execute(statement).rowcount > 0
        copy.commit()

    report = await verify_file(planted, deep=True)

    found = [violation.message for violation in report.violations if violation.check == "U-usage"]
    assert any(message in one for one in found), found
