"""Ada's first purchase: 500 gems for a test card, then a sword for 120 of them. Start the shop with `make run`."""

import asyncio
import sys

import aiohttp
from storefront_sdk import AlreadyOwned, InsufficientFunds, StorefrontClient


async def main(url: str) -> None:
    async with StorefrontClient(url, key="sk_sandbox_demo") as server, aiohttp.ClientSession() as browser:
        session = await server.sessions.create("ada")
        async with StorefrontClient(url, token=session.token) as shop:
            pending = await shop.purchase("gems-500", currency="USD")
            await browser.post(pending.redirect_url, data={"card_number": "4242 4242 4242 4242", "action": "pay"})
            print("gems:", (await shop.wait(pending)).status, (await shop.wallet("gems")).balance)
            sword = await shop.purchase("sword-of-dawn", expected_price=(120, "gems"))
            print("sword:", sword.status, (await shop.wallet("gems")).balance, await shop.check("sword-of-dawn"))
            for sku in ("sword-of-dawn", "ashen-crown"):
                try:
                    await shop.purchase(sku)
                except (AlreadyOwned, InsufficientFunds) as refusal:
                    print(f"{sku}:", refusal.code, refusal.facts.get("short_by"))

asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080"))
