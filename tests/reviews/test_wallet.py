"""Purchases from the wallet that wait for a review: their price is held, nothing is given, and one decision ends it."""

import pytest

GEMS = "customer:ada:gems"


@pytest.fixture
async def funded(shop, reviews):
    """Ada has 500 gems; what she buys from now on is to be reviewed."""
    await shop.bought("gems-500", currency="USD")
    await shop.quiet()
    reviews.say(purchase="REVIEW")


async def me(shop):
    return (await shop.as_customer().get("/v1/me")).json


def purse(state):
    """Return balance, what is available, and what is held of a wallet of gems."""
    return tuple(state["wallets"]["gems"][name] for name in ("balance", "available", "held"))


async def test_its_price_is_held_and_nothing_is_given_until_it_is_approved(shop, reviews, funded):
    bought = await shop.buy("lantern", key="k1")

    assert (bought.status, bought.json["status"], bought.json["completed_at"]) == (202, "pending", None)
    assert purse(bought.json["customer"]["changed"]) == (500, 490, 10)
    assert bought.json["payment"] == {"state": "none"}
    again = await shop.buy("lantern", key="k1")
    assert (again.status, again.json) == (202, bought.json)
    assert (await me(shop))["items"] == []
    assert (shop.balance(GEMS), shop.balance("platform:sink:gems")) == (500, 0)

    (review,) = await reviews.listed()
    assert (review["purchase"], review["customer"], review["status"]) == (bought.json["id"], {"id": "ada"}, "in_review")
    assert (review["money"], review["reasons"]) == ("hold", ["the purchase looks odd"])
    shop.wall.move(6)  # figures are kept for five seconds
    assert b"storefront_reviews_open 1.0" in (await shop.as_nobody().send("GET", "/metrics")).body
    other = await shop.buy("lantern", customer="bob")
    assert (other.status, other.json["code"]) == (409, "sold_out")  # the last one is reserved

    for _ in range(2):
        approved = await reviews.decide(bought, "approve", "a friend of ours")
        assert (approved.status, approved.json["state"], approved.json["decision"]) == (200, "closed", "approved")
        assert (approved.json["reason"], approved.json["status"]) == ("a friend of ours", "completed")
    assert [item["sku"] for item in (await me(shop))["items"]] == ["lantern"]
    assert (shop.balance(GEMS), shop.balance("platform:sink:gems")) == (490, 10)
    assert reviews.told(bought) == ["in_review", "completed"]
    late = await reviews.decide(bought, "reject")
    assert (late.status, late.json["code"], late.json["decision"]) == (409, "review_decided", "approved")
    assert shop.query("SELECT actor, facts FROM audit_actions WHERE action = 'review.decided'") == [
        {"actor": approved.json["decided_by"], "facts": '{"decision":"approved","reason":"a friend of ours"}'}
    ]


async def test_rejected_expired_or_canceled_it_gives_all_back(shop, reviews, funded):
    rejected = await shop.buy("lantern")
    assert (await reviews.decide(rejected, "reject", "no")).json["status"] == "rejected"
    canceled = await shop.buy("lantern")
    assert canceled.status == 202  # its place was free again
    for _ in range(2):
        answer = await shop.as_customer().post(f"/v1/purchases/{canceled.json['id']}/cancel")
        assert (answer.status, answer.json["status"]) == (200, "canceled")
    expired = await shop.buy("lantern")
    await shop.advance("71h")
    assert reviews.status(expired) == "in_review"
    await shop.advance("2h")
    assert reviews.status(expired) == "rejected"

    assert purse(await me(shop)) == (500, 500, 0)
    assert (await me(shop))["items"] == []
    late = await reviews.decide(expired, "approve")
    assert (late.status, late.json["decision"]) == (409, "expired")
    states = shop.query("SELECT state FROM holds ORDER BY id")
    assert [row["state"] for row in states] == ["released", "released", "expired"]
    reviews.say(purchase="ALLOW")
    assert (await shop.buy("lantern")).status == 201


async def test_a_server_can_neither_capture_nor_release_its_hold(shop, reviews, funded):
    await shop.buy("sword")
    (hold,) = (await shop.as_server().get("/v1/holds")).json["data"]
    for deed in ("capture", "release"):
        answer = await shop.as_server().post(f"/v1/holds/{hold['id']}/{deed}", {}, key=deed)
        assert (answer.status, answer.json["code"]) == (409, "hold_of_review")
    assert shop.balance("platform:sink:gems") == 0


async def test_what_cannot_be_given_any_more_is_not_taken_for(shop, reviews, funded):
    waiting = await shop.buy("sword")
    reviews.say(purchase="ALLOW")
    assert (await shop.buy("sword")).status == 201

    answer = await reviews.decide(waiting, "approve")

    assert (answer.status, answer.json["code"]) == (409, "goods_unavailable")
    assert reviews.status(waiting) == "in_review"
    assert shop.balance("platform:sink:gems") == 120
    assert (await reviews.decide(waiting, "reject")).status == 200


async def test_whoever_cannot_pay_and_whoever_is_refused_hear_the_same_as_ever(shop, reviews, funded):
    short = await shop.buy("potion", quantity=40)
    assert (short.status, short.json["short_by"]) == (402, 100)
    reviews.say(purchase="REFUSE")
    refused = await shop.buy("potion")
    assert (refused.status, refused.json["code"]) == (403, "purchase_refused")
    reviews.say(purchase="CHALLENGE")  # there is no card to ask anything of
    assert (await shop.buy("potion")).status == 201
    assert await reviews.listed("") == []


async def test_gifts_wait_too_and_come_to_their_recipient(shop, reviews, funded):
    await shop.session("bob")
    gift = await shop.buy("potion", recipient="bob", quantity=2)
    assert (gift.status, gift.json["status"]) == (202, "pending")
    assert (await shop.as_customer("bob").get("/v1/me")).json["items"] == []

    assert (await reviews.decide(gift, "approve")).status == 200

    items = (await shop.as_customer("bob").get("/v1/me")).json["items"]
    assert [(item["sku"], item["quantity"]) for item in items] == [("potion", 2)]
