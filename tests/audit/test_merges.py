"""What is planted in customers that were merged is seen by the checks."""

import shutil

from storefront.core.audit import verify_file
from storefront.testing import running_shop
from tests.merging.test_merging import SHOP, merge

from .test_gifts import _plant

_GUEST = "(SELECT id FROM customers WHERE external_id = 'guest')"
_ENTRY = "(SELECT id FROM entries WHERE kind = 'merge')"

# What the plant is called -> (the check that must see it, statements, what one of them says).
PLANTS: dict[str, tuple[str, list[str], str]] = {
    "gems that stayed behind": (
        "M1",
        [f"UPDATE accounts SET balance = 5 WHERE owner = 'customer:' || {_GUEST} AND role = 'wallet'"],
        "but its customer was merged",
    ),
    "a lot that stayed behind": (
        "M1",
        [f"UPDATE lots SET account = 'customer:' || {_GUEST} || ':gems'"],
        "whose customer was merged",
    ),
    "less moved than there was": (
        "M1",
        [f"UPDATE transfers SET amount = amount - 1 WHERE entry_id = {_ENTRY}"],
        "in the lots of the one lay",
    ),
    "a merge that paid somebody else": (
        "M1",
        [f"UPDATE transfers SET destination = 'platform:sink:gems' WHERE entry_id = {_ENTRY}"],
        "merges, but moved",
    ),
    "a right that stayed behind": ("M1", [f"UPDATE entitlements SET customer_id = {_GUEST}"], "who was merged"),
    "an item that stayed behind": ("M1", [f"UPDATE items SET customer_id = {_GUEST} WHERE quantity > 0"], "was merged"),
    "a purchase that stayed behind": ("M1", [f"UPDATE purchases SET customer_id = {_GUEST}"], "who was merged"),
    "books that are open": ("M1", ["UPDATE anchors SET merged_into = NULL"], "but their books are open"),
    "books that are closed": (
        "M1",
        ["UPDATE anchors SET merged_into = 'cus_x' WHERE id = (SELECT id FROM customers WHERE external_id = 'ada')"],
        "who was not merged",
    ),
    "a merge into nobody": ("M1", ["UPDATE customers SET merged_into = 'cus_no' WHERE merged_into IS NOT NULL"],
                            "who does not exist"),
    "a merge that nobody did": (
        "M1", ["DELETE FROM audit_actions WHERE action = 'customer.merged'"], "0 records say by whom"),
    "a merge that was not told": ("M1", ["DELETE FROM events WHERE type = 'customer.merged'"], "events tell of it 0"),
}  # fmt: skip


async def test_what_is_planted_is_seen(tmp_path):
    """A guest, who had gems and a sword, became ada; each plant goes into a copy of that."""
    async with running_shop(tmp_path, SHOP) as shop:
        for name in ("guest", "ada"):
            await shop.session(name)
        await shop.bought("gems-500", customer="guest")
        await shop.bought("sword", customer="guest")
        assert (await merge(shop)).status == 200
    books, unseen = tmp_path / "data" / "storefront.sqlite", {}
    for number, (name, (check, statements, message)) in enumerate(PLANTS.items()):
        path = tmp_path / f"planted-{number}.sqlite"
        shutil.copy(books, path)
        _plant(path, statements)
        report = await verify_file(path, deep=True)
        said = [violation.message for violation in report.violations if violation.check == check]
        if not any(message in one for one in said):
            unseen[name] = [violation.message for violation in report.violations]
    assert unseen == {}
