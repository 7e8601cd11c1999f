"""What tests of tips do again and again."""

from itertools import count
from typing import Any

from storefront.testing import TINY_SHOP

LUNA = """
name: Luna
title: {en: Luna plays, de: Luna spielt}
tips:
  min: {USD: 100, gems: 10}
  max: {USD: 50000}
  tiers:
    - {id: bronze, min: {USD: 100, gems: 10}, color: "#cd7f32", max_chars: 20}
    - {id: gold, title: Gold, min: {USD: 500}, sound: chime, pin: 2m}
moderation: {hold: [links], block_words: [Spoiler]}
"""
FAN_SHOP = TINY_SHOP.replace(
    "plugins: {microtransactions: {}}",
    """plugins:
  microtransactions: {}
  fanfunding:
    share: 50%
    currencies: [USD, EUR, gems]
    rates: {EUR: {USD: "1.25"}}
    creators: {luna: {file: luna.yaml, share: 90%, hold_days: 1}}
web: {rate_limits: {checkout: {per: address, rate: 1000, period_seconds: 1}}}""",
)
PATH = "/v1/fanfunding/creators/luna/tips"
PAYOUTS = "/v1/fanfunding/payouts"
_KEYS = count(1)


def body(amount: int = 555, currency: str = "USD", **more: Any) -> dict[str, Any]:
    return {"amount": {"amount": amount, "currency": currency}, "name": "Mio", **more}


async def give(shop, amount: int = 555, currency: str = "USD", *, by=None, key: str | None = None, **more: Any):
    """Ask to give a tip under a key of its own; return the answer."""
    caller = by or shop.as_nobody()
    return await caller.post(PATH, body(amount, currency, **more), key=key or f"tip-{next(_KEYS)}")


async def tip(
    shop, amount: int = 555, currency: str = "USD", *, card: str = "4242 4242 4242 4242", **more: Any
) -> dict[str, Any]:
    """Give a tip and pay it; return its purchase."""
    answer = await give(shop, amount, currency, **more)
    assert answer.status in (201, 202), answer
    if answer.status == 202:
        await shop.pay(answer, card)
    found: dict[str, Any] = await shop.settled(answer)
    assert found["status"] == "completed", found
    return found


def purse(shop, currency: str = "USD") -> dict[str, int]:
    """Return what Luna has: ``reserve``, ``payable`` and ``debt``, and whether any of it is nothing."""
    rows = shop.query(
        "SELECT destination AS account, amount FROM transfers WHERE destination LIKE 'creator:%' UNION ALL "
        "SELECT source, -amount FROM transfers WHERE source LIKE 'creator:%'"
    )
    found = dict.fromkeys(("reserve", "payable", "debt"), 0)
    for row in rows:
        _, _, role, asset = row["account"].split(":")
        if asset == currency and role in found:
            found[role] += int(row["amount"])
    return found


async def begin_payout(shop, amount: int | None = None, currency: str = "USD", *, by=None, key: str | None = None):
    """Ask to pay Luna out, all or so much of what she can be paid; return the answer."""
    body = {"creator": "luna", "currency": currency, **({} if amount is None else {"amount": amount})}
    return await (by or shop.as_server()).post(PAYOUTS, body, key=key or f"payout-{next(_KEYS)}")


async def move_payout(shop, payout, act: str, *, by=None, key: str | None = None, **body: Any):
    """Move a payout on (``approve``, ``paid``, ``failed``); return the answer."""
    path, caller = f"{PAYOUTS}/{payout['id']}/{act}", by or shop.as_server()
    return await caller.post(path, body or None, key=key or f"move-{next(_KEYS)}")


async def pay_out(shop, amount: int, currency: str = "USD") -> dict[str, Any]:
    """Pay Luna out by hand, and say that the bank has sent it; return the payout."""
    begun = await begin_payout(shop, amount, currency)
    assert begun.status == 201, begun
    paid = await move_payout(shop, begun.json, "paid", reference="SEPA 17")
    assert (paid.status, paid.json["state"]) == (200, "paid"), paid
    found: dict[str, Any] = paid.json
    return found


async def refund(shop, purchase, amount: int | None = None, key: str = "refund", **more: Any):
    wanted = {"reason": "asked for", **({} if amount is None else {"amount": amount}), **more}
    path = f"/v1/purchases/{purchase['id']}/refunds"
    return await shop.as_server().post(path, wanted, key=f"{purchase['id']}-{key}")


async def dispute(shop, purchase, status: str = "needs_response", **more: Any) -> None:
    """Let the bank move a dispute, and wait until the shop has taken it in."""
    await shop.sandbox.dispute(purchase, status, **more)
    await shop.quiet()


async def see(shop, purchase) -> dict[str, Any]:
    """Return what everybody sees of a purchase's tip."""
    answer = await shop.as_nobody().get(f"/v1/fanfunding/tips/{purchase['details']['tip']}")
    assert answer.status == 200, answer
    return answer.json


def events(shop) -> list[str]:
    rows = shop.query("SELECT type FROM events WHERE type LIKE 'tip.%' ORDER BY commit_no, sequence")
    return [row["type"].removeprefix("tip.") for row in rows]
