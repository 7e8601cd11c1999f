"""What is committed is told to the other processes, whatever wrote it."""

import asyncio

import asyncpg
import msgspec

from storefront.core.announcing import CHANNEL
from storefront.testing import TINY_SHOP, running_shop


async def test_what_is_forgotten_in_time_is_told_to_the_other_processes(tmp_path, postgres_database):
    heard: asyncio.Queue[dict[str, object]] = asyncio.Queue()
    listener = await asyncpg.connect(postgres_database)
    try:
        await listener.add_listener(CHANNEL, lambda *told: heard.put_nowait(msgspec.json.decode(told[3])))
        async with running_shop(tmp_path, TINY_SHOP, database=postgres_database) as shop:
            purchase = await shop.buy("gems-500")
            await shop.as_customer().post(f"/v1/purchases/{purchase.json['id']}/cancel")
            await shop.advance("4d")
            assert shop.query("SELECT network FROM payments") == [{"network": None}]
            grant = {"customer": "ada", "asset": "gems", "amount": 1, "reason": "the last commit"}
            assert (await shop.as_server().post("/v1/grants", grant, key="last")).status == 201

            async with asyncio.timeout(20):
                while "grants" not in (await heard.get())["tables"]:
                    pass
            assert shop.parts.endurance.failures["announcer"] == 0
    finally:
        await listener.close()
