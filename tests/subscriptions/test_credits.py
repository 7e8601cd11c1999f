"""Included credits: on their own clock, each slot once; changes and money that goes back take them along."""

import pytest

from storefront.testing import TINY_SHOP, running_shop

from .subscribing import subscribe

DAY = 86_400
GRANTING = (
    TINY_SHOP.replace("plugins: {microtransactions: {}}", "plugins: {microtransactions: {}, subscriptions: {}}")
    + """
  bronze: {kind: subscription, family: club, title: Bronze, interval: 30 days, prices: {USD: 1000},
           credits: {gems: {amount: 300, every: 30 days}}}
  silver: {kind: subscription, family: club, title: Silver, interval: 30 days, prices: {USD: 2000},
           credits: {gems: {amount: 900, every: 30 days}}}
  yearly: {kind: subscription, family: years, title: Yearly, interval: year, prices: {USD: 9000},
           credits: {gems: {amount: 500, every: 10 days, roll_over: {min: 50, max: 200, ceiling: 650}}}}
  taste: {kind: subscription, family: taste, title: Taste, free: true, credits: {gems: {amount: 5, every: day}}}
"""
)


@pytest.fixture
async def club(data_folder, database_url):
    async with running_shop(data_folder, GRANTING, database=database_url) as shop:
        yield shop


async def gems(shop, customer: str = "ada") -> int:
    await shop.quiet()
    wallets = (await shop.as_customer(customer).get("/v1/me")).json["wallets"]
    return wallets["gems"]["available"] if "gems" in wallets else 0


async def drink(shop, count: int, customer: str = "ada") -> None:
    """Spend 15 gems so many times."""
    body = {"sku": "potion", "quantity": count, "pay_with": "wallet"}
    answer = await shop.as_customer(customer).post("/v1/purchases", body, key=f"drink-{customer}-{shop.wall()}-{count}")
    assert answer.status == 201, answer


def granted(shop) -> list[tuple[str, int]]:
    rows = shop.query("SELECT cause, amount FROM subscriptions_credits ORDER BY created_at, slot_start, number")
    return [(row["cause"], row["amount"]) for row in rows]


async def test_a_year_grants_every_ten_days_rolls_a_part_over_and_makes_up_for_forty_days_off(club):
    await subscribe(club, "yearly")
    assert await gems(club) == 500
    await drink(club, 30)
    await club.advance("10d")
    await club.advance("1m")
    assert await gems(club) == 550
    await club.advance("10d")
    assert await gems(club) == 650
    await club.stop()
    club.wall.move(40 * DAY)
    await club.start()
    club.parts.jobs.wake()
    assert await gems(club) == 650
    assert granted(club) == [
        ("granted", 500),
        ("granted", 500),
        ("rolled", 50),
        *[("granted", 500), ("rolled", 150)] * 5,
    ]
