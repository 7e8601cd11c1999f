"""L10-gateway and L7-gateways: what a gateway took back, and moved, against what was booked for it."""

import sqlite3

import pytest

from storefront.core.audit import verify_file
from storefront.core.gateway_books import follow_books
from storefront.core.ids import new_id
from storefront.testing import TINY_SHOP, running_shop

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


def copied(shop, folder):
    copy = folder / "copy.sqlite"
    source, target = sqlite3.connect(shop.database.path), sqlite3.connect(copy)
    source.backup(target)
    source.close()
    target.close()
    return copy


@pytest.fixture
async def refunded(tmp_path):
    """The books of a shop that refunded one purchase through its gateway, copied so that they can be spoiled."""
    async with running_shop(tmp_path) as shop:
        pack = await shop.bought("gems-500")
        path = f"/v1/purchases/{pack['id']}/refunds"
        assert (await shop.as_server().post(path, {"reason": "asked for"}, key=new_id("key"))).status == 201
        await shop.quiet()
        await follow_books(shop.parts.services, "sandbox")
    return copied(shop, tmp_path)


def spoil(books, *statements):
    connection = sqlite3.connect(books, isolation_level=None)
    for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {trigger}")
    for statement in statements:
        assert connection.execute(statement).rowcount == 1
    connection.close()


@pytest.mark.parametrize("name", PLANTS)
async def test_what_a_gateway_took_back_is_booked_as_it_was(refunded, name):
    statement, message = PLANTS[name]
    spoil(refunded, statement)

    report = await verify_file(refunded, deep=True)

    said = [one.message for one in report.violations if one.check in ("L10-gateway", "L7-gateways")]
    assert any(message in one for one in said), report.violations


BACK = "UPDATE reversals SET taken_back = replace(taken_back, {}, {}) WHERE cause = 'dispute'"
LEFT = {
    "a unit that nobody asked back": (
        "pass",
        [BACK.format("""'"quantity":2'""", """'"quantity":1'""")],
        "is lost, but 1 of 2 units were asked back",
    ),
    "a right of a line that is back": (
        "box",
        [
            BACK.format("""'"quantity":1,"items"'""", """'"quantity":0,"items"'"""),
            "UPDATE entitlements SET ended_at = NULL",
        ],
        "(chapters) is active, but its purchase",
    ),
}
BOX = """
  box: {kind: bundle, title: Box, prices: {USD: 1000}, contents: [
         {sku: chest, worth: {USD: 600}}, {sku: pass, worth: {USD: 400}}]}
"""


@pytest.mark.parametrize("name", LEFT)
async def test_of_what_a_bank_took_the_money_of_nothing_is_left(tmp_path, name):
    sku, statements, message = LEFT[name]
    async with running_shop(
        tmp_path, TINY_SHOP.replace("limits: [{per: customer, count: 1}]", "max_count: 9") + BOX
    ) as shop:
        bought = await shop.bought(sku, quantity=2 if sku == "pass" else 1)
        await shop.sandbox.dispute(bought)
        await shop.sandbox.dispute(bought, "lost")
        await shop.quiet()
        assert (await shop.seen(bought))["dispute"] == "lost"
    books = copied(shop, tmp_path)
    assert (await verify_file(books, deep=True)).is_clean
    spoil(books, *statements)

    report = await verify_file(books, deep=True)

    said = [one.message for one in report.violations if one.check in ("E1", "E1-reversals")]
    assert any(message in one for one in said), report.violations
