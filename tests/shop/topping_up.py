"""A shop whose wallets may be topped up by themselves, and what tests of that do again and again."""

from typing import Any

from storefront.testing.tiny_shop import TINY_SHOP

TOPPED_UP = f"{TINY_SHOP}\nauto_top_up: {{}}\n"
GOOD = "4242 4242 4242 4242"
ASKS_ALWAYS = "4000 0027 6000 3184"
DECLINES_LATER = "4000 0000 0000 0341"
MINE = "/v1/me/auto-top-up"


async def save_method(shop, card=GOOD, *, customer="ada"):
    """Save a card on the gateway's page without paying; return the method's id."""
    opened = await shop.as_customer(customer).post("/v1/payment-methods/setups", {})
    challenge = "pass" if card == ASKS_ALWAYS else None
    assert await shop.pay({"payment": {"redirect_url": opened.json["redirect_url"]}}, card, challenge) == 303
    setup = (await shop.as_customer(customer).get(f"/v1/payment-methods/setups/{opened.json['id']}")).json
    assert setup["state"] == "saved", setup
    return setup["payment_method"]


def terms(method, **more: Any) -> dict[str, Any]:
    """Return what a customer agrees to: below 100 gems buy 500 for 4.99 USD, at most twice a day."""
    return {
        "asset": "gems",
        "below": 100,
        "sku": "gems-500",
        "payment_method": method,
        "daily_cap": {"amount": 998, "currency": "USD"},
        "consent": True,
        "consent_text": "auto-top-up-1",
        **more,
    }


async def agreed(shop, card=GOOD, *, customer="ada", gems=500, **more: Any):
    """Let a customer with ``gems`` agree; return their saved method."""
    method = await save_method(shop, card, customer=customer)
    if gems:
        body = {"customer": customer, "asset": "gems", "amount": gems, "reason": "start"}
        assert (await shop.as_server().post("/v1/grants", body, key=f"start-{customer}")).status == 201
    answer = await shop.as_customer(customer).put(MINE, terms(method, **more))
    assert (answer.status, answer.json["state"]) == (200, "on"), answer
    return method


async def spend(shop, potions=1, *, customer="ada"):
    """Spend 15 gems a potion."""
    return await shop.buy("potion", quantity=potions, customer=customer)


async def mine(shop, customer="ada"):
    """Return the customer's one automatic top-up as they see it."""
    (found,) = (await shop.as_customer(customer).get(MINE)).json["data"]
    return found


async def ended(shop, customer="ada"):
    """Let all that is under way come to an end, and return the automatic top-up."""
    await shop.quiet()
    return await mine(shop, customer)


def told(shop, *kinds):
    """Return the types of the events about top-ups, in their order."""
    rows = shop.query("SELECT type FROM events WHERE type LIKE 'auto_top_up.%' ORDER BY commit_no, sequence")
    types = [row["type"].removeprefix("auto_top_up.") for row in rows]
    return [one for one in types if not kinds or one in kinds]


async def charged(shop):
    """Return the amounts that the gateway took, from its own books."""
    return [one["amount"] for one in (await shop.sandbox.books())["charges"] if one["status"] == "succeeded"]
