"""The migrations of kinds: they build the tables that are written, and do not go back over what they would lose."""

import alembic.autogenerate
import pytest
from alembic.migration import MigrationContext
from storefront_microtransactions import MicrotransactionsPlugin

from storefront.core.migrating import CORE, History, MigrationFailed, migrate_history, writing_engine
from storefront.core.sqlite_database import SqliteDatabase

from .conftest import open_one

OURS = History("microtransactions", MicrotransactionsPlugin.migrations)


async def test_the_plugins_migrations_build_the_tables_that_it_writes(tmp_path):
    database = SqliteDatabase(tmp_path / "shop.sqlite", histories=[OURS])
    await database.migrate()
    engine = writing_engine(tmp_path / "shop.sqlite")
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={"include_name": lambda name, kind, _: kind != "table" or name.startswith("microtransactions_")},
        )
        differences = alembic.autogenerate.compare_metadata(context, MicrotransactionsPlugin.tables[0].metadata)
    engine.dispose()
    assert differences == []


async def test_they_go_down_and_up_again_while_nothing_would_be_lost(tmp_path):
    database = SqliteDatabase(tmp_path / "shop.sqlite", histories=[OURS])
    await database.migrate()
    engine = writing_engine(tmp_path / "shop.sqlite")
    with engine.begin() as connection:
        migrate_history(connection, OURS, "base")
        migrate_history(connection, CORE, "0014")
    with engine.begin() as connection:
        migrate_history(connection, CORE)
        migrate_history(connection, OURS)
    engine.dispose()


@pytest.mark.parametrize(
    ("history", "revision", "lost"),
    [(OURS, "base", "microtransactions_openings has rows"), (CORE, "0014", "item_instances holds serial numbers")],
)
async def test_they_do_not_go_back_over_numbers_and_draws(shop, tmp_path, history, revision, lost):
    await shop.bought("gems-500")
    await shop.buy("sure-chest")
    await open_one(shop, "sure-chest", key="o1")
    await shop.stop()
    engine = writing_engine(tmp_path / "data" / "storefront.sqlite")
    with pytest.raises(MigrationFailed, match=lost), engine.begin() as connection:
        migrate_history(connection, history, revision)
    engine.dispose()
    await shop.start()
