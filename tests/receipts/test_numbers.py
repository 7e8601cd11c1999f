"""Numbers without a gap and without a double: many sales at once, two numberers at once, and a start from nothing."""

import asyncio

import pytest

from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Plan, Remove
from storefront.core.receipts.numberer import ANCHOR, CURSOR
from storefront.testing import Shop


async def sell(shop: Shop, number: int) -> None:
    """Sell one pack; every fourth buyer begins another purchase that is never paid."""
    purchase = await shop.buy("gems-500", customer=f"buyer-{number}")
    if number % 4 == 0:
        left = await shop.buy("gems-1200", customer=f"buyer-{number}")
        await shop.as_customer(f"buyer-{number}").post(f"/v1/purchases/{left.json['id']}/cancel")
    assert await shop.pay(purchase) == 303
    assert (await shop.settled(purchase))["status"] == "completed"


def numbers(shop: Shop) -> list[int]:
    return [row["number"] for row in shop.query("SELECT number FROM receipts ORDER BY number")]


@pytest.mark.parametrize("sales", [32, pytest.param(64, marks=pytest.mark.heavy)])
async def test_sales_at_once_are_numbered_from_1_on_in_commit_order(taxed: Shop, sales: int) -> None:
    await asyncio.gather(*(sell(taxed, number) for number in range(sales)))

    await taxed.until(lambda: len(numbers(taxed)) == sales)

    assert numbers(taxed) == list(range(1, sales + 1))
    rows = taxed.query(
        "SELECT r.number, r.commit_no, e.commit_no AS settled FROM receipts r "
        "JOIN events e ON e.subject = r.about AND e.type = 'purchase.completed' ORDER BY r.number"
    )
    assert [row["commit_no"] for row in rows] == [row["settled"] for row in rows]
    assert [row["settled"] for row in rows] == sorted(row["settled"] for row in rows)


async def test_two_numberers_at_once_give_each_number_once(taxed: Shop) -> None:
    """As when a process that has lost the lead does not know it yet."""
    numberer, outcomes = taxed.parts.numberer, []
    for number in range(6):
        await taxed.bought("gems-500", customer=f"buyer-{number}")
        outcomes += await asyncio.gather(*(numberer.number_all() for _ in range(4)), return_exceptions=True)
    await taxed.until(lambda: len(numbers(taxed)) == 6)

    assert all(isinstance(outcome, tuple | Stale) for outcome in outcomes), outcomes
    assert any(isinstance(outcome, Stale) for outcome in outcomes), "void: they never met"
    assert numbers(taxed) == [1, 2, 3, 4, 5, 6]


async def test_a_cursor_that_is_lost_costs_no_number_and_gives_none_again(taxed: Shop) -> None:
    for number in range(3):
        await taxed.bought("gems-500", customer=f"buyer-{number}")
    await taxed.until(lambda: len(numbers(taxed)) == 3)
    forgetting = Plan(actor="test", anchors={ANCHOR})
    forgetting.add(Remove("settings", (CURSOR,), ANCHOR))
    await taxed.parts.services.engine.commit(forgetting)

    await taxed.parts.numberer.number_all()
    await taxed.bought("gems-500")
    await taxed.until(lambda: len(numbers(taxed)) == 4)

    assert numbers(taxed) == [1, 2, 3, 4]
