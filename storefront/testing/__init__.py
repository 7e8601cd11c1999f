"""A whole shop for tests, ours and any plugin author's: real server, real database, real test payments.

    from storefront.testing import running_shop, shop  # ``shop`` is a pytest fixture

    async def test_gems_arrive_when_they_are_paid(shop):
        purchase = await shop.buy("gems-500")
        await shop.pay(purchase)
        await shop.settled(purchase)
        assert shop.balance("customer:ada:gems") == 500

Your own is ``running_shop(tmp_path, config)``; after it the deep audit must be clean. ``asyncio_mode = "auto"``.
"""

from storefront.testing.calling import Answer, Caller, Reply, Wall
from storefront.testing.sandbox_control import SandboxControl
from storefront.testing.shop import HANG_SECONDS, Shop, running_shop, shop
from storefront.testing.tiny_shop import OPERATOR_KEY, PUBLISHABLE_KEY, SERVER_KEY, TINY_SHOP

__all__ = [
    "HANG_SECONDS",
    "OPERATOR_KEY",
    "PUBLISHABLE_KEY",
    "SERVER_KEY",
    "TINY_SHOP",
    "Answer",
    "Caller",
    "Reply",
    "SandboxControl",
    "Shop",
    "Wall",
    "running_shop",
    "shop",
]
