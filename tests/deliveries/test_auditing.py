"""The audit of deliveries: clean after a life of the shop, and red for each lie that is planted."""

import shutil

from sqlalchemy import Connection, NullPool, create_engine
from storefront_microtransactions.deliveries.auditing import CHECKS

from storefront.testing import running_shop

from .conftest import DELIVERY_SHOP, GameServer, fund, refund, told

HOLDING = """
  sack: {kind: bundle, title: Sack, prices: {gems: 5}, contents: [{sku: purse}, {sku: potion}]}
  purse: {kind: bundle, title: Purse, prices: {gems: 5}, contents: [{sku: arrow}]}
  nut: {kind: container, title: Nut, prices: {gems: 5}, drops: [{weight: 1, gives: {potion: 2}}]}
"""

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
    "an opening that never was": (
        "D2", f"UPDATE microtransactions_commands SET opening_id = 'open_none' WHERE id = {ANY}", "open_none does not",
    ),
    "an opening of something else": (
        "D2", "UPDATE microtransactions_commands SET sku = 'charm' WHERE opening_id IS NOT NULL", "gave no charm",
    ),
    "a bundle that holds something else": (
        "D2", "UPDATE microtransactions_commands SET sku = 'charm' WHERE sku = 'arrow' AND purchase_id IN "
        "(SELECT id FROM purchases WHERE sku = 'sack')", "is of sack, not of charm",
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
    await shop.bought("sack")
    await shop.bought("nut")
    assert (await shop.as_customer().post("/v1/microtransactions/containers/nut/open", {}, key="o1")).status == 201
    await told(shop)
    await GameServer(shop, "log").run_all()


def violations(connection: Connection) -> list[tuple[str, str]]:
    return [(one.check, one.message) for check in CHECKS for one in check.run(connection)]


async def test_a_shop_that_delivers_is_in_order(data_folder, database_url):
    async with running_shop(data_folder, DELIVERY_SHOP + HOLDING, database=database_url) as shop:
        await fund(shop)
        await live(shop)
        assert await shop.database.read(violations) == []


async def test_the_audit_sees_each_lie_that_is_planted(tmp_path):
    async with running_shop(tmp_path, DELIVERY_SHOP + HOLDING) as shop:
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
