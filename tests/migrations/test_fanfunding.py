"""Tips that were paid before there were goals count for them once the shop has started with the new tables."""

import sqlite3
from contextlib import closing

import pytest
from storefront_fanfunding import FanfundingPlugin

from storefront.core.migrating import History, MigrationFailed, migrate_history, writing_engine
from storefront.testing import running_shop
from tests.fanfunding.goals import LUNA_COLLECTS, amounts, board
from tests.fanfunding.test_grants import GIVING_SHOP, gives
from tests.fanfunding.tipping import refund, tip

FANFUNDING = History("fanfunding", FanfundingPlugin.migrations)


def go_back(file, revision: str) -> None:
    engine = writing_engine(file)
    try:
        with engine.begin() as connection:
            migrate_history(connection, FANFUNDING, revision)
    finally:
        engine.dispose()


async def test_tips_of_before_are_counted_and_what_tips_gave_is_not_thrown_away(tmp_path):
    (tmp_path / "luna.yaml").write_text(LUNA_COLLECTS)
    book = tmp_path / "data" / "storefront.sqlite"
    async with running_shop(tmp_path, GIVING_SHOP) as shop:
        assert (await refund(shop, await tip(shop, 600), 100)).status == 201
        await shop.quiet()
        await shop.stop()
        go_back(book, "0002")
        with closing(sqlite3.connect(book)) as connection:
            assert connection.execute("SELECT name FROM sqlite_master WHERE name = 'fanfunding_days'").fetchall() == []
        await shop.start()
        assert (await amounts(shop))["mic"] == 500
        assert await board(shop) == [(1, "Mio", 500)]

        (tmp_path / "luna.yaml").write_text(LUNA_COLLECTS.replace("sound: chime", "grants: {potion: 1}"))
        await shop.restart()
        await gives(shop, "mio", 500)
        await shop.quiet()
        await shop.stop()
        with pytest.raises(MigrationFailed, match="it tells what tips gave of the game"):
            go_back(book, "0002")
        await shop.start()
