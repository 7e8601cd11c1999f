"""A shop's books move from a file to PostgreSQL, every row, and the file is not served again."""

import json
import sqlite3
from contextlib import closing

import pytest

from storefront.testing import TINY_SHOP, running_shop
from storefront.testing.looking import look_into

from .conftest import process, storefront


@pytest.fixture
async def old_shop(tmp_path):
    """A file with purchases of every sort in it, served by nobody."""
    (tmp_path / "shop.yaml").write_text(TINY_SHOP)
    async with running_shop(tmp_path) as shop:
        await shop.bought("gems-500")
        await shop.bought("sword")
        await shop.bought("potion", quantity=3)
        await shop.bought("gems-500", customer="bob")
        await shop.buy("chest")
    return tmp_path


def arguments(folder, url, *more):
    return ["move", "--config", str(folder / "shop.yaml"), "--data", str(folder / "data"), "--to", url, *more]


async def test_everything_arrives_and_the_shop_goes_on_there(old_shop, postgres_database):
    moved = storefront(*arguments(old_shop, postgres_database, "--json"), DATA=str(old_shop / "data"))

    assert moved.returncode == 0, moved.stderr
    facts = json.loads(moved.stdout)
    assert facts["clean"] is True
    assert facts["rows"]["purchases"] == 5
    assert "password" not in facts["target"].replace("***", "")
    async with running_shop(old_shop, database=postgres_database) as shop:
        assert shop.balance("customer:ada:gems") == 500 - 120 - 3 * 15
        assert (await shop.buy("sword")).json["code"] == "already_owned"
        await shop.bought("potion")
        assert shop.balance("customer:ada:gems") == 500 - 120 - 4 * 15
        numbers = [row["commit_no"] for row in shop.query("SELECT commit_no FROM events ORDER BY commit_no")]
        feed = (await shop.as_server().get("/v1/events")).json["data"]
        assert len(feed) == len(numbers)
        assert feed[-1]["type"] == "purchase.completed"


async def test_the_file_is_not_served_again(old_shop, postgres_database):
    assert storefront(*arguments(old_shop, postgres_database), DATA=str(old_shop / "data")).returncode == 0

    again = storefront(*arguments(old_shop, postgres_database), DATA=str(old_shop / "data"))
    served = process("serve", "--config", str(old_shop / "shop.yaml"), "--port", "0", DATA=str(old_shop / "data"))

    assert (again.returncode, served.returncode) == (1, 1)
    assert "were moved to postgresql://" in again.stderr
    assert "were moved to postgresql://" in served.stderr


async def test_a_database_that_is_not_empty_is_left_alone(old_shop, tmp_path, postgres_database):
    (tmp_path / "other").mkdir()
    async with running_shop(tmp_path / "other", database=postgres_database) as shop:
        await shop.bought("gems-500", customer="eve")
        look = look_into(shop.parts.database)

    refused = storefront(*arguments(old_shop, postgres_database), DATA=str(old_shop / "data"))

    assert refused.returncode == 1
    assert "move to a new database" in refused.stderr
    assert [row["external_id"] for row in look("SELECT external_id FROM customers", ())] == ["eve"]
    async with running_shop(old_shop) as shop:
        await shop.bought("potion")


async def test_rows_of_a_plugin_that_is_off_are_not_left_behind(old_shop, postgres_database):
    with closing(sqlite3.connect(old_shop / "data" / "storefront.sqlite")) as connection:
        connection.execute("CREATE TABLE raffle_tickets (id TEXT PRIMARY KEY)")

    refused = storefront(*arguments(old_shop, postgres_database), DATA=str(old_shop / "data"))

    assert refused.returncode == 1
    assert "raffle_tickets" in refused.stderr


async def test_who_has_not_heard_of_the_move_is_told(old_shop, postgres_database):
    assert storefront(*arguments(old_shop, postgres_database), DATA=str(old_shop / "data")).returncode == 0

    at = ["--config", old_shop / "shop.yaml", "--data", old_shop / "data"]
    for command in (["audit", "verify"], ["backup"], ["export", "journal", "--month", "2026-11"]):
        told = storefront(*command, *at)
        assert told.returncode == 1, command
        assert "were moved to postgresql://" in told.stderr
