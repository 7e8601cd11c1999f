"""Everybody decides at once: one decision stands, money is taken or let go once, and nothing is given in between."""

import asyncio
from collections import Counter

import pytest

from storefront.core.deciding import BY_TIME, ReviewDecided, decide
from storefront.core.settlement import settle
from storefront.testing import running_shop
from tests.shop.topping_up import save_method

from .conftest import Reviews

PLAYERS = [f"player{number}" for number in range(6)]
ENDS = {"approved": "completed", "rejected": "rejected", "expired": "rejected", "canceled": "canceled"}


@pytest.fixture
async def shop(judge, strangers, data_folder, database_url):
    async with running_shop(data_folder, strangers.shop("judge: {}"), database=database_url) as running:
        yield running


@pytest.fixture
def reviews(shop):
    return Reviews(shop)


async def expire(shop, purchase):
    """Let a review be over, as its job does; whoever was first has decided it."""
    try:
        await decide(shop.parts.services, purchase["id"], BY_TIME)
    except ReviewDecided:
        return False
    return True


async def rush(shop, reviews, customer, purchase):
    """Approve, reject, expire, cancel and settle a purchase twice each, all at the same time; return the answers."""
    cancel = f"/v1/purchases/{purchase['id']}/cancel"
    deeds = [
        deed
        for _ in range(2)
        for deed in (
            reviews.decide(purchase, "approve"),
            reviews.decide(purchase, "reject"),
            shop.as_customer(customer).post(cancel),
            expire(shop, purchase),
            settle(shop.parts.services, purchase["id"]),
        )
    ]
    answers = await asyncio.gather(*deeds)
    assert {answer.status for answer in (*answers[0::5], *answers[1::5])} <= {200, 202, 409}
    assert {answer.status for answer in answers[2::5]} == {200}
    return answers


def decisions(shop):
    """Return purchase -> how it was decided, and check that it is so."""
    rows = shop.query("SELECT r.purchase_id, r.state, r.decision, p.status FROM reviews r "
                      "JOIN purchases p ON p.id = r.purchase_id")  # fmt: skip
    assert all((row["state"], row["status"]) == ("closed", ENDS[row["decision"]]) for row in rows), rows
    return {row["purchase_id"]: row["decision"] for row in rows}


async def test_of_approve_reject_expire_and_cancel_one_decides_about_a_hold(shop, reviews):
    for player in PLAYERS:
        await shop.as_server().post(
            "/v1/grants", {"customer": player, "asset": "gems", "amount": 100, "reason": "start"}, key=player
        )
    reviews.say(purchase="REVIEW")
    bought = {player: (await shop.buy("potion", customer=player)).json for player in PLAYERS}

    await asyncio.gather(*(rush(shop, reviews, player, purchase) for player, purchase in bought.items()))
    await shop.quiet()

    found = decisions(shop)
    approved = [player for player, purchase in bought.items() if found[purchase["id"]] == "approved"]
    for player in PLAYERS:
        assert shop.balance(f"customer:{player}:gems") == (85 if player in approved else 100)
    assert sum(row["quantity"] for row in shop.query("SELECT quantity FROM items")) == len(approved)
    states = Counter(row["state"] for row in shop.query("SELECT state FROM holds"))
    assert states == Counter({"captured": len(approved), "released": len(PLAYERS) - len(approved)}) - Counter()
    assert len(shop.query("SELECT id FROM audit_actions WHERE action = 'review.decided'")) == len(PLAYERS)


async def test_of_approve_reject_expire_and_cancel_one_decides_about_authorised_money(shop, reviews):
    reviews.say(payment="REVIEW")
    bought = {}
    for player in PLAYERS:
        opened = await shop.buy("gems-500", currency="USD", customer=player)
        assert await shop.pay(opened) == 303
        await reviews.comes(opened, "in_review")
        bought[player] = opened.json

    await asyncio.gather(*(rush(shop, reviews, player, purchase) for player, purchase in bought.items()))
    await shop.quiet()
    await shop.advance("5m")

    found = decisions(shop)
    for player, purchase in bought.items():
        is_taken = found[purchase["id"]] == "approved"
        taken, let_go = ("succeeded", 1, 499, 0), ("canceled", 0, 0, 0)
        assert await reviews.money(purchase) == (taken if is_taken else let_go)
        assert shop.balance(f"customer:{player}:gems") == (500 if is_taken else 0)


async def test_an_approval_and_everything_that_tells_of_its_capture_give_the_goods_once(shop, reviews):
    reviews.say(payment="REVIEW")
    method = await save_method(shop)
    opened = await shop.buy("gems-500", currency="USD", payment_method=method, pay_with="sandbox")
    await shop.sandbox.webhooks("duplicate")
    finalize = f"/v1/purchases/{opened.json['id']}/finalize"

    answers = await asyncio.gather(
        *(reviews.decide(opened, "approve") for _ in range(4)),
        *(shop.as_customer().post(finalize) for _ in range(4)),
        *(settle(shop.parts.services, opened.json["id"]) for _ in range(4)),
    )
    await shop.quiet()

    assert {answer.json["decision"] for answer in answers[:4]} == {"approved"}
    assert reviews.told(opened) == ["pending", "in_review", "completed"]
    assert await reviews.money(opened) == ("succeeded", 1, 499, 0)
    assert (shop.balance("customer:ada:gems"), shop.balance("platform:revenue:USD")) == (500, 499)


async def test_two_who_judge_an_authorisation_at_once_capture_it_once(shop, reviews):
    method = await save_method(shop)
    keys = [f"k{number}" for number in range(4)]
    more = {"currency": "USD", "payment_method": method, "pay_with": "sandbox"}
    opened = await asyncio.gather(*(shop.buy("gems-500", key=key, **more) for key in keys for _ in range(2)))
    await shop.quiet()

    assert {answer.status for answer in opened} <= {201, 202}
    assert len({answer.json["id"] for answer in opened}) == 4
    for answer in opened:
        assert await reviews.money(answer) == ("succeeded", 1, 499, 0)
    assert shop.balance("customer:ada:gems") == 2000
