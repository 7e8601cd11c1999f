"""L10-gateway and L7-gateways: what a gateway took back, and moved, against what was booked for it."""

import sqlite3

import pytest

from storefront.core.audit import verify_file
from storefront.core.gateway_books import follow_books
from storefront.core.ids import new_id
from storefront.testing import running_shop

PLANTS = {
    "a refund of which nothing left clearing": (
        "UPDATE transfers SET destination = 'platform:disputes:USD' WHERE destination = 'gateway:sandbox:clearing:USD' "
        "AND entry_id IN (SELECT id FROM entries WHERE kind = 'refund')",
        "499 USD should have left clearing for it, but 0 did",
    ),
    "a refund that took more than it says": (
        "UPDATE transfers SET amount = amount + 1 WHERE destination = 'gateway:sandbox:clearing:USD' "
        "AND entry_id IN (SELECT id FROM entries WHERE kind = 'refund')",
        "499 USD should have left clearing for it, but 500 did",
    ),
    "a refund that failed and kept its money": (
        "UPDATE reversals SET state = 'failed'",
        "is failed, its legs are ['refunded']",
    ),
    "a movement of another amount": (
        "UPDATE gateway_movements SET amount = amount + 5 WHERE kind = 'payment'",
        "sandbox moved 460 USD by txn_",
    ),
    "a movement that is gone": (
        "DELETE FROM gateway_movements WHERE kind = 'refund'",
        "which is no movement of its",
    ),
    "a refund whose entry reverses nothing": (
        "UPDATE entries SET reverses = NULL WHERE kind = 'refund'",
        "names no entry that reverses its purchase's",
    ),
}


@pytest.fixture
async def refunded(tmp_path):
    """The books of a shop that refunded one purchase through its gateway, copied so that they can be spoiled."""
    async with running_shop(tmp_path) as shop:
        pack = await shop.bought("gems-500")
        path = f"/v1/purchases/{pack['id']}/refunds"
        assert (await shop.as_server().post(path, {"reason": "asked for"}, key=new_id("key"))).status == 201
        await shop.quiet()
        await follow_books(shop.parts.services, "sandbox")
    copy = tmp_path / "copy.sqlite"
    source, target = sqlite3.connect(shop.database.path), sqlite3.connect(copy)
    source.backup(target)
    source.close()
    target.close()
    return copy


@pytest.mark.parametrize("name", PLANTS)
async def test_what_a_gateway_took_back_is_booked_as_it_was(refunded, name):
    statement, message = PLANTS[name]
    connection = sqlite3.connect(refunded, isolation_level=None)
    for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {trigger}")
    assert connection.execute(statement).rowcount == 1
    connection.close()

    report = await verify_file(refunded, deep=True)

    said = [one.message for one in report.violations if one.check in ("L10-gateway", "L7-gateways")]
    assert any(message in one for one in said), report.violations
