"""What is planted in gifts and transfers between customers is seen by their checks."""

import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from storefront.core.audit import verify_file
from storefront.core.ids import new_id
from storefront.testing import running_shop
from storefront.testing.tiny_shop import TINY_SHOP

SHOP = (
    TINY_SHOP.replace("title: Potion,", "title: Potion, transferable: true,")
    + "  lamp: {kind: item, type: consumable, unique: true, transferable: true, title: Lamp, prices: {gems: 1}}\n"
    + """
transfers: {customers: true, assets: {gems: {fee_basis_points: 500}}}
"""
)
_SWORD = "(SELECT id FROM purchases WHERE sku = 'sword')"
_PASSED = "(SELECT entry_id FROM customer_transfers WHERE asset = 'gems')"

# What the plant is called -> (checks that must see it, statements, what one of them says).
PLANTS: dict[str, tuple[set[str], list[str], str]] = {
    "a gift to nobody": ({"E1-gifts"}, [f"UPDATE purchases SET recipient_id = 'cus_no' WHERE id = {_SWORD}"],
                         "is a gift to cus_no, who does not exist"),
    "a gift that stayed with its buyer": (
        {"E1-gifts", "E1-rights", "E1-movements"},
        [f"UPDATE purchases SET recipient_id = NULL WHERE id = {_SWORD}"], "which is no gift that was received"),
    "a gift that nobody was told of": ({"E1-gifts"}, ["DELETE FROM events WHERE type = 'gift.received'"],
                                       "was received, but no event tells of it"),
    "a gift told otherwise": (
        {"E1-gifts"},
        ["UPDATE events SET payload = replace(payload, 'sword', 'sward') WHERE type = 'gift.received'"],
        "is not what it is"),
    "given currency that was bought": (
        {"E1-gifts"}, ["UPDATE credits SET source = 'purchased' WHERE source = 'gift' AND amount = 500",
                       "UPDATE lots SET source = 'purchased' WHERE source = 'gift' AND amount = 500"],
        "as purchased"),
    "a right that names no giver": ({"E1-gifts"}, ["UPDATE entitlements SET given_by = NULL"], "None gave it"),
    "a gift that was not counted": (
        {"E1-gifts"}, ["UPDATE counters SET value = value - 1 WHERE key LIKE 'gifts:%'"], "2 gifts were bought"),
    "an entry that its other side does not find": (
        {"L10-shared"}, [f"DELETE FROM shared_entries WHERE entry_id = {_PASSED}"], "who does not find it"),
    "an entry that a stranger finds": (
        {"L10-shared"}, [f"INSERT INTO shared_entries VALUES ('cus_no', {_PASSED})"], "which moved nothing of theirs"),
    "a fee that was not kept": ({"E1-transfers"}, ["UPDATE customer_transfers SET fee = 0 WHERE asset = 'gems'"],
                                "is of 100 gems, its entry moved 95 + 0, and 5 as a fee"),
    "a transfer of another entry": (
        {"E1-transfers"}, [f"UPDATE entries SET kind = 'present' WHERE id = {_PASSED}"], "which is none of it"),
    "a transfer that one side was not told of": (
        {"E1-transfers"}, ["DELETE FROM events WHERE type = 'transfer.received'"], "not once to each side"),
    "a transfer without its row": ({"E1-transfers"}, ["DELETE FROM customer_transfers WHERE asset = 'gems'"],
                                   "but no transfer says so"),
    "items that were passed on twice": (
        {"E1-transfers"}, ["UPDATE customer_transfers SET quantity = 2 WHERE sku = 'potion'"], "its movements say"),
    "a unit that was passed on under another number": (
        {"E1-transfers"}, ["UPDATE customer_transfers SET instances = replace(instances, ',1]', ',2]') "
                           "WHERE sku = 'lamp'"], "names lamp number 2 as"),
    "a unit that was passed on and not named": (
        {"E1-transfers"}, ["UPDATE customer_transfers SET instances = '[]' WHERE sku = 'lamp'"],
        "which it does not name"),
    "a unit that stayed with its sender": (
        {"E1-instances"}, ["UPDATE item_instances SET customer_id = (SELECT customer_id FROM customer_transfers "
                           "WHERE sku = 'lamp')"], "which moved no lamp"),
    "more units than items were passed on": (
        {"E1-transfers"}, ["UPDATE customer_transfers SET instances = '[[\"a\",1],[\"b\",2]]' WHERE sku = 'lamp'"],
        "it names 2 units"),
    "what was passed on and not counted": (
        {"E1-transfers"}, ["UPDATE counters SET value = 1 WHERE key LIKE 'transferred:gems:%'"], "100 was passed on"),
    "value passed on for another payment": (
        {"E1-transfers", "L9"},
        [f"UPDATE credits SET payment = 'pay_x' WHERE entry_id = {_PASSED}"], "on other terms"),
}  # fmt: skip


async def test_each_fault_in_what_was_given_is_seen_by_its_check(tmp_path):
    async with running_shop(tmp_path, SHOP) as shop:
        for name in ("ada", "bob", "cleo"):
            await shop.session(name)
        await shop.bought("gems-500", recipient="bob")
        await shop.bought("gems-500")
        await shop.bought("sword", recipient="bob")
        await shop.bought("potion")
        await shop.bought("lamp")
        goods = [{"to": "cleo", "sku": sku} for sku in ("potion", "lamp")]
        for body in ({"to": "cleo", "asset": "gems", "amount": 100}, *goods):
            assert (await shop.as_customer().post("/v1/transfers", body, key=new_id("key"))).status == 201
        await shop.quiet()
    finished = tmp_path / "data" / "storefront.sqlite"
    unseen = {}
    for name, (checks, statements, message) in PLANTS.items():
        path = Path(shutil.copy(finished, tmp_path / "planted.sqlite"))
        _plant(path, statements)
        report = await verify_file(path, deep=True)
        said = [violation.message for violation in report.violations]
        failed = {check.name for check in report.checks if not check.has_passed}
        if not checks <= failed or not any(message in one for one in said):
            unseen[name] = (failed, said)
    assert unseen == {}


def _plant(path: Path, statements: Sequence[str]) -> None:
    """Change the file behind the program's back, guards off; they stand again afterwards."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA ignore_check_constraints=ON")
        connection.execute("BEGIN")
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            assert connection.execute(statement).rowcount != 0, f"nothing was planted by: {statement}"
        for _, sql in triggers:
            connection.execute(sql)
        connection.execute("COMMIT")
