"""What tests of tips do again and again."""

from itertools import count
from typing import Any

from storefront_fanfunding.accounts import money_anchor, payable

from storefront.core.accounts import bank
from storefront.core.commit.plan import Plan, Transfer
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
        if asset == currency:
            found[role] += int(row["amount"])
    return found


async def pay_out(shop, amount: int, currency: str = "USD") -> None:
    """Pay Luna out by hand: what is payable leaves for the bank."""
    (row,) = shop.query("SELECT id FROM fanfunding_creators WHERE name = 'luna'")
    anchor = money_anchor(row["id"])
    plan = Plan(actor="test", anchors={anchor})
    plan.entry("payout.paid", about=row["id"], anchor=anchor)
    plan.add(Transfer("entry", payable(row["id"], currency), bank(currency), amount, anchor))
    await shop.parts.services.engine.commit(plan)


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
