"""E1-kinds: the kinds of the offers say what each purchase and grant gave; what was changed everywhere is seen."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from storefront_microtransactions.kinds import CurrencyPack, Item

from storefront.core.audit import Outside, verify_file
from storefront.core.kinds import OfferKind

from .test_planted import failed

KINDS: dict[str, OfferKind] = {"item": Item(), "currency_pack": CurrencyPack()}
_ONE_MORE_SWORD = [
    "UPDATE item_movements SET quantity = 2 WHERE sku = 'sword'",
    "UPDATE items SET quantity = 2 WHERE sku = 'sword'",
]

PLANTS = {
    "more of an item, its movement too": (
        _ONE_MORE_SWORD,
        "purchase pur_sword of 1 sword gave sword: 2; its kind gives sword: 1",
    ),
    "another item, its movement too": (
        [
            "UPDATE item_movements SET sku = 'crown' WHERE sku = 'sword'",
            "UPDATE items SET sku = 'crown' WHERE sku = 'sword'",
        ],
        "purchase pur_sword of 1 sword gave crown: 1; its kind gives sword: 1",
    ),
    "an item gone with its movement": (
        ["DELETE FROM item_movements WHERE sku = 'sword'", "DELETE FROM items WHERE sku = 'sword'"],
        "purchase pur_sword of 1 sword gave nothing; its kind gives sword: 1",
    ),
    "a gift of more, its movement too": (
        [
            "UPDATE item_movements SET quantity = 3 WHERE sku = 'charm'",
            "UPDATE items SET quantity = 3 WHERE sku = 'charm'",
        ],
        "grant grant_charm of 1 charm gave charm: 3; its kind gives charm: 1",
    ),
    "a right that nobody sold": (
        [
            "INSERT INTO entitlements SELECT customer_id, 'moon', source_id, 'entl_x', source_type, sku, value, "
            "granted_at, NULL, NULL, NULL, NULL FROM entitlements WHERE key = 'arena'"
        ],
        "purchase pur_sword of sword has the rights arena: true, moon: true; its offer gives arena: true: moon",
    ),
    "a right that nobody gave": (
        [
            "INSERT INTO entitlements SELECT customer_id, 'moon', source_id, 'entl_x', source_type, sku, value, "
            "granted_at, NULL, NULL, NULL, NULL FROM entitlements WHERE key = 'vault'"
        ],
        "grant grant_charm of charm has the rights moon: true, vault: true; its offer gives vault: true: moon",
    ),
}


async def test_a_book_in_order_is_what_its_kinds_give(books: Path) -> None:
    report = await verify_file(books, deep=True, outside=Outside(kinds=KINDS))

    assert failed(report) == set(), report.explain()
    assert "E1-kinds" in {check.name for check in report.checks}


@pytest.mark.parametrize("name", PLANTS)
async def test_goods_and_all_that_tells_of_them_changed_together(
    name: str, books: Path, plant: Callable[..., None]
) -> None:
    statements, message = PLANTS[name]
    plant(statements)

    report = await verify_file(books, deep=True, outside=Outside(kinds=KINDS))

    assert failed(report) == {"E1-kinds"}
    assert [violation.message for violation in report.violations] == [message]


async def test_who_has_no_kinds_says_that_they_were_not_asked(books: Path, plant: Callable[..., None]) -> None:
    plant(_ONE_MORE_SWORD)

    report = await verify_file(books, deep=True)
    without_items = await verify_file(books, deep=True, outside=Outside(kinds={"currency_pack": CurrencyPack()}))

    assert report.is_clean
    assert "E1-kinds" in {one.name for one in report.not_yet}
    assert without_items.is_clean, "a kind whose plugin is gone cannot say"


async def test_the_version_that_priced_a_purchase_decides(books: Path, plant: Callable[..., None]) -> None:
    with sqlite3.connect(books) as connection:
        connection.execute(
            "INSERT INTO catalog_versions SELECT 'cat_2', replace(document, '\"arena\": true', '\"arena\": 7'), "
            "stored_at + 1 FROM catalog_versions"
        )
    connection.close()

    now_sold_otherwise = await verify_file(books, deep=True, outside=Outside(kinds=KINDS))
    plant(["UPDATE purchases SET catalog_version = 'cat_2' WHERE id = 'pur_sword'"])
    priced_by_it = await verify_file(books, deep=True, outside=Outside(kinds=KINDS))

    assert now_sold_otherwise.is_clean
    assert failed(priced_by_it) == {"E1-rights", "E1-kinds"}
