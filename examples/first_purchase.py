import asyncio
import sys
import time

import aiohttp
from storefront_sdk import AlreadyOwned, InsufficientFunds, StorefrontClient


async def main(url: str, ada: str) -> None:
    async with StorefrontClient(url, key="sk_sandbox_demo") as server:
        token = (await server.sessions.create(ada)).token
    async with StorefrontClient(url, token=token) as shop, aiohttp.ClientSession() as browser:
        pending = await shop.purchase("gems-500", currency="USD")
        await browser.post(pending.redirect_url, data={"card_number": "4242 4242 4242 4242", "action": "pay"})
        print("gems:", (await shop.wait(pending)).status, (await shop.wallet("gems")).balance)
        print("sword:", (await shop.purchase("sword-of-dawn", expected_price=(120, "gems"))).status)
        print("has:", await shop.wallet("gems"), await shop.inventory(), await shop.check("sword-of-dawn"))
        for sku in ("sword-of-dawn", "ashen-crown"):
            try:
                await shop.purchase(sku)
            except (AlreadyOwned, InsufficientFunds) as refusal:
                print(f"{sku}:", refusal.code, refusal.facts.get("short_by"), refusal.facts.get("top_up_offers"))


asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080", f"ada-{time.time_ns()}"))
