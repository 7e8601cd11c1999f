"""E3 and E4 of sales, countries, chosen and exact amounts, and limits given back: each can fail, and is seen."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from storefront.core.audit import verify_file
from storefront.core.clock import parse_iso
from storefront.testing import TINY_SHOP, running_shop
from storefront.testing.calling import Wall

MORE = """
  tale: {kind: item, type: consumable, title: A tale,
         prices: [{amount: 599, currency: EUR}, {amount: 399, currency: USD, countries: [DE]}]}
  song: {kind: item, type: consumable, title: A song,
         prices: [{currency: USD, pay_what_you_want: {min: 100, suggested: 500, max: 1000}}]}
  hat: {kind: item, type: consumable, title: A hat, prices: {USD: 999},
        sales: [{percent: 25, from: 2030-01-01T00:00:00Z, until: 2030-01-08T00:00:00Z}]}
  gems-100: {kind: currency_pack, title: 100 gems, contents: {gems: 100}, exact: true, prices: {USD: 109}}
  relic: {kind: item, type: consumable, title: Relic, prices: {gems: 10},
          limits: [{per: global, count: 2, window: month, restore_limit_on_refund: true}]}
"""
BUY = ("tale", "song", "hat", "gems-100")
# What the plant is called -> (check, statement, what the audit says).
PLANTS: dict[str, tuple[str, str, str]] = {
    "a sale's price outside of the sale": (
        "E4",
        "UPDATE purchases SET created_at = created_at + 86400000 * 9 WHERE sku = 'hat'",
        "cost 749 USD, its catalog version and its lines say 999",
    ),
    "an exact amount that costs more": (
        "E4",
        """UPDATE purchases SET details = '{"amount":776}' WHERE sku = 'gems-100'""",
        "cost 847 USD, its catalog version and its lines say 846",
    ),
    "a chosen amount beyond the most": (
        "E4",
        "UPDATE purchases SET total = 1001, lines = replace(lines, ':700,', ':1001,') WHERE sku = 'song'",
        "cost 1001 USD, its catalog version and its lines say 500",
    ),
    "no country's price": (
        "E4",
        "UPDATE purchases SET total = 398, lines = replace(lines, ':399,', ':398,') WHERE sku = 'tale'",
        "cost 398 USD, its catalog version and its lines say 399",
    ),
    "a limit that was not given back": (
        "E3",
        "UPDATE counters SET value = 1 WHERE key LIKE 'limit:relic:*:month:%'",
        "says 1, the purchases it counts say 0",
    ),
    "a limit given back for a refund that was none": (
        "E3",
        "UPDATE reversals SET state = 'failed' WHERE gateway IS NULL",
        "says 0, the purchases it counts say 1",
    ),
}


class InTheSale(Wall):
    def __call__(self) -> int:
        return parse_iso("2030-01-07T23:59:59Z")


@pytest.fixture
async def file(data_folder: Path) -> Path:
    """The books of a shop that sold at every sort of price; its own audit was clean when it closed."""
    async with running_shop(data_folder, TINY_SHOP + MORE, wall=InTheSale()) as shop:
        await shop.session("ada", country="DE")
        for sku in BUY:
            amount = {"song": 700, "gems-100": 777}.get(sku)
            await shop.bought(sku, **({} if amount is None else {"amount": amount}))
        relic = await shop.bought("relic")
        path = f"/v1/purchases/{relic['id']}/refunds"
        assert (await shop.as_server().post(path, {"reason": "asked"}, key="refund")).status == 201
        await shop.quiet()
    return data_folder / "data" / "storefront.sqlite"


@pytest.fixture
def plant(file: Path) -> Callable[[str], None]:
    def plant(statement: str) -> None:
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            assert connection.execute(statement).rowcount == 1

    return plant


@pytest.mark.parametrize("name", PLANTS)
async def test_a_planted_price_or_limit_is_seen(file, plant, name):
    check, statement, says = PLANTS[name]
    plant(statement)

    report = await verify_file(file, deep=True)

    assert [one.message for one in report.violations if one.check == check and says in one.message], report.violations
