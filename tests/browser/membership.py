"""A shop with plans, the states that a member can be in, and what their tests do again and again."""

from playwright.async_api import expect

from storefront.testing import TINY_SHOP
from tests.shop.topping_up import save_method
from tests.subscriptions.subscribing import ASKS_ALWAYS, GOOD, begin, into_the_next_period, see, subscribe

SOFT = "4000 0000 0000 9995"
LOST = "4000 0000 0000 9979"
FAMILIES = """
      light: {changes: {upgrade: {timing: now, money: charge_now, choices: [{timing: period_end}]}}}
"""
TIERS = """
  spark: {kind: subscription, family: light, title: Spark, free: true, description: A name in the harbour}
  ember: {kind: subscription, family: light, title: Ember, prices: {USD: 399, gems: 400}, grants: {lounge: true},
          description: The captain's lounge, also: [{interval: year, prices: {USD: 3990}}]}
  beacon: {kind: subscription, family: light, title: Beacon, prices: {USD: 1499, gems: 1600},
           grants: {lounge: true, rooms: 5}, description: "The lounge, and five rooms of your own"}
  library: {kind: subscription, family: reading, title: Library, prices: {USD: 300}, trial: 14d, grants: [chapters],
            description: Every chapter on the day it is written}
"""
PLANS = (
    TINY_SHOP.replace("shop: {name: Tiny shop}", "shop: {name: Lanternfall, publisher: Lowtide Games}")
    .replace(
        "plugins: {microtransactions: {}}",
        "plugins:\n  microtransactions: {}\n  subscriptions:\n    pause: {customers: true}\n"
        f"    families: {FAMILIES}",
    )
    .replace("chapters: {title: May read on}", "chapters: {title: Chapters}, lounge: {title: L}, rooms: {title: R}")
    + TIERS
)


async def charged(shop) -> list[int]:
    """Return what the gateway took, from its own books."""
    return [amount for _, amount in await shop.sandbox.charged()]


async def come_in(here, *, customer: str = "ada"):
    """Sign in as a customer, on the account page; return its answer."""
    await here.open("/account")
    await here.page.get_by_label("Play as").fill(customer)
    await here.page.get_by_role("button", name="Play").click()
    await expect(here.page.get_by_text(f"Signed in as {customer}")).to_be_visible()
    return await here.open("/account")


async def turned(shop, card: str) -> None:
    """Let the saved card be treated by its bank as another one."""
    method = shop.query("SELECT reference FROM payment_methods")[0]["reference"]
    await shop.sandbox.turn_card(method, card.replace(" ", ""))


async def a_month_passes(shop) -> None:
    """Let 32 days pass, in strides that a busy machine takes in one go."""
    for _ in range(8):
        await shop.advance("4d")


async def nothing_yet(shop):
    """Nothing bought, nothing saved."""


async def active(shop):
    await subscribe(shop, "ember")


async def trialing(shop):
    await subscribe(shop, "library")


async def past_due(shop):
    await subscribe(shop, "ember")
    await turned(shop, SOFT)
    await a_month_passes(shop)
    assert (await see(shop, (await _only(shop))))["billing_state"] == "past_due"


async def asked_to_confirm(shop):
    await subscribe(shop, "ember")
    await turned(shop, ASKS_ALWAYS)
    await into_the_next_period(shop, await _only(shop), by="1h")


async def unpaid(shop):
    await subscribe(shop, "ember")
    await turned(shop, LOST)
    await a_month_passes(shop)


async def canceling(shop):
    await subscribe(shop, "ember")
    await shop.as_customer().post(f"/v1/subscriptions/{await _only(shop)}/cancel", {})


async def paused(shop):
    await subscribe(shop, "ember")
    path = f"/v1/subscriptions/{await _only(shop)}/pause"
    assert (await shop.as_customer().post(path, {"at": "now"})).status == 200


async def change_ahead(shop):
    await subscribe(shop, "beacon")
    path = f"/v1/subscriptions/{await _only(shop)}/change"
    assert (await shop.as_customer().post(path, {"tier": "ember"}, key="down")).status == 200


async def change_waits(shop):
    await subscribe(shop, "ember")
    await turned(shop, ASKS_ALWAYS)
    path = f"/v1/subscriptions/{await _only(shop)}/change"
    assert (await shop.as_customer().post(path, {"tier": "beacon"}, key="up")).status == 202


async def free(shop):
    await subscribe(shop, "spark")


async def incomplete(shop):
    await begin(shop, "ember")


async def from_the_wallet(shop):
    await shop.bought("gems-1200")
    await subscribe(shop, "ember", currency="gems")


async def _only(shop) -> str:
    (found,) = (await shop.as_customer().get("/v1/subscriptions")).json["data"]
    return str(found["id"])


STATES = [
    *(nothing_yet, active, trialing, past_due, asked_to_confirm, unpaid, canceling, paused),
    *(change_ahead, change_waits, free, incomplete, from_the_wallet),
]
__all__ = ["GOOD", "save_method"]
