"""The audit of deliveries: clean after a life of the shop, and red for each lie that is planted."""

import shutil

from sqlalchemy import Connection, NullPool, create_engine
from storefront_microtransactions.deliveries.auditing import CHECKS

from storefront.testing import running_shop

from .conftest import DELIVERY_SHOP, GameServer, fund, refund, told

ANY = "(SELECT min(id) FROM microtransactions_commands WHERE state = 'done')"
PLANTS = {
    "an event that never was": (
        "D1", f"UPDATE microtransactions_commands SET event_id = 'evt_none' WHERE id = {ANY}", "is no event evt_none",
    ),
    "an event that nobody claimed": ("D1", "DELETE FROM claims WHERE key LIKE 'delivery:%'", "nobody claimed its"),
    "a customer who is nobody": (
        "D1", "UPDATE microtransactions_commands SET customer_id = 'cus_none'", "there is no customer cus_none",
    ),
    "a purchase that never was": (
        "D2", f"UPDATE microtransactions_commands SET purchase_id = 'pur_none' WHERE id = {ANY}", "does not exist",
    ),
    "a purchase of something else": (
        "D2", f"UPDATE microtransactions_commands SET sku = 'charm' WHERE id = {ANY}", "not of charm",
    ),
    "done by nobody": (
        "D3", f"UPDATE microtransactions_commands SET attempts = 0 WHERE id = {ANY}", "no server ever had it",
    ),
    "canceled after it was handed out": (
        "D3", "UPDATE microtransactions_commands SET attempts = 2 WHERE state = 'canceled'", "was handed out 2 times",
    ),
    "done and never told": (
        "D4", "UPDATE microtransactions_commands SET state = 'done', attempts = 1, lease_id = 'l' "
        "WHERE state = 'canceled'", "is done, but no event says so",
    ),
}  # fmt: skip


async def live(shop) -> None:
    """Deliver, refund before and after, and leave a command that waits."""
    survival = GameServer(shop)
    await shop.bought("potion")
    sword = await shop.bought("sword")
    await told(shop)
    await survival.run_all()
    await refund(shop, sword)
    await shop.bought("arrow", quantity=2)
    await told(shop)
    await GameServer(shop, "log").run_all()


def violations(connection: Connection) -> list[tuple[str, str]]:
    return [(one.check, one.message) for check in CHECKS for one in check.run(connection)]


async def test_a_shop_that_delivers_is_in_order(shop):
    await live(shop)
    assert await shop.database.read(violations) == []


async def test_the_audit_sees_each_lie_that_is_planted(tmp_path):
    async with running_shop(tmp_path, DELIVERY_SHOP) as shop:
        await fund(shop)
        await live(shop)
        path = shop.database.path
    seen = {}
    for name, (check, statement, says) in PLANTS.items():
        copy = shutil.copy(path, tmp_path / "copy.sqlite")
        engine = create_engine(f"sqlite:///{copy}", poolclass=NullPool)
        with engine.begin() as connection:
            assert connection.exec_driver_sql(statement).rowcount >= 1, name
        with engine.connect() as connection:
            found = violations(connection)
        seen[name] = any(one == check and says in message for one, message in found)
    assert seen == dict.fromkeys(PLANTS, True)
