"""Migrations of a shop in use: down to before there were changes and up again; never where rows would be lost."""

import pytest

from storefront.core.migrating import MigrationFailed
from storefront.databases import make_database
from storefront.testing import running_shop

from .changing import CHANGING, change, pass_days
from .gifting import GIVING, gift
from .subscribing import invoices, see, subscribe
from .test_credits import GRANTING, granted
from .test_credits import subscribe as granting

TABLES = ("subscriptions", "subscriptions_invoices", "subscriptions_current")


@pytest.fixture
async def club(data_folder, database_url):
    async with running_shop(data_folder, CHANGING, database=database_url) as shop:
        yield shop


def books(club):
    return {table: sorted(map(repr, club.query(f"SELECT * FROM {table}"))) for table in TABLES}


async def test_a_shop_with_subscriptions_goes_down_and_up_again_and_renews(club):
    subscription = await subscribe(club, "bronze", seats=2)
    await subscribe(club, "taster", customer="bob")
    await subscribe(club, "silver", interval="year", customer="cleo")
    await pass_days(club, 31)
    before = books(club)
    await club.stop()
    database = make_database(club.parts.host)
    await database.migrate_to("subscriptions", "0001")
    assert "anchor_period" not in club.query("SELECT * FROM subscriptions_invoices")[0]
    await database.migrate_to("subscriptions", "0008")
    assert books(club) == before
    await club.start()
    await change(club, subscription, "bronze", seats=3)
    await pass_days(club, 30)
    assert [one["total"]["amount"] for one in await invoices(club, subscription)] == [3000, 2000, 2000]
    assert (await see(club, subscription))["billing_state"] == "active"


async def test_where_a_tier_was_changed_it_does_not_go_down(club):
    subscription = await subscribe(club, "bronze")
    await change(club, subscription, "silver")
    before = books(club)
    await club.stop()
    with pytest.raises(MigrationFailed, match="subscriptions_changes has rows"):
        await make_database(club.parts.host).migrate_to("subscriptions", "0001")
    await club.start()
    assert books(club) == before


async def test_where_credits_were_granted_it_does_not_go_down(data_folder, database_url):
    async with running_shop(data_folder, GRANTING, database=database_url) as club:
        await granting(club, "taste")
        await club.stop()
        with pytest.raises(MigrationFailed, match="subscriptions_credits has rows"):
            await make_database(club.parts.host).migrate_to("subscriptions", "0002")
        await club.start()
        assert granted(club) == [("granted", 5)]


async def test_where_somebody_has_paused_it_does_not_go_down(club):
    subscription = await subscribe(club, "bronze")
    answer = await club.as_server().post(f"/v1/subscriptions/{subscription}/pause", {"at": "now"})
    assert answer.status == 200, answer
    before = books(club)
    await club.stop()
    with pytest.raises(MigrationFailed, match="subscriptions_pauses has rows"):
        await make_database(club.parts.host).migrate_to("subscriptions", "0003")
    await club.start()
    assert books(club) == before


async def test_where_periods_were_given_it_does_not_go_down(data_folder, database_url):
    async with running_shop(data_folder, GIVING, database=database_url) as club:
        await gift(club, "bronze", 2)
        await club.stop()
        with pytest.raises(MigrationFailed, match="subscriptions_gifts has rows"):
            await make_database(club.parts.host).migrate_to("subscriptions", "0004")
        await club.start()
        assert [row["remaining"] for row in club.query("SELECT remaining FROM subscriptions_gifts")] == [1]
