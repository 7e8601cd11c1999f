"""What rules send to review waits with its money, gives nothing meanwhile, and is written down once."""

from storefront.testing import OPERATOR_KEY, running_shop
from tests.subscriptions.subscribing import begin

from .screened import decisions, matched, shop_with

RULES = """
{id: many, do: review, when: "quantity > 3"}
{id: pace, do: review, when: "velocity.customer.count_1h > 3"}
{id: new-card, do: review, when: "card.brand == 'mastercard'"}
{id: secure, do: challenge, when: "quantity == 2"}
"""
MASTERCARD = "5555 5555 5555 4444"


async def decide(shop, purchase, act: str):
    path = f"/v1/reviews/{purchase['id']}/{act}"
    answer = await shop.bearing(OPERATOR_KEY).post(path, {"reason": "looked at"}, key=f"{act}-{purchase['id']}")
    assert answer.status == 200, answer
    await shop.quiet()
    return await shop.seen(purchase)


async def test_what_is_sent_to_review_waits_and_is_decided_once(data_folder, database_url):
    async with running_shop(data_folder, shop_with(RULES), database=database_url) as shop:
        await shop.bought("gems-500")
        many = await shop.buy("potion", quantity=4)
        ordinary = await shop.buy("potion")
        paced = await shop.buy("potion")
        assert [many.status, ordinary.status, paced.status] == [202, 201, 202]
        assert shop.balance("customer:ada:gems") == 485
        found = [(one["verdict"], one["outcome"], matched(one)) for one in decisions(shop)[1:]]
        assert found == [("review", "review", ["many"]), ("allow", "passed", []), ("review", "review", ["pace"])]
        four = await shop.buy("gems-500", customer="cy", quantity=4)
        page = await shop.bearing(OPERATOR_KEY).get("/v1/reviews")
        told = {one["purchase"]: (one["state"], one["reasons"]) for one in page.json["data"]}
        assert told == {
            many.json["id"]: ("open", ["many"]),
            paced.json["id"]: ("open", ["pace"]),
            four.json["id"]: ("awaiting", ["many"]),
        }

        assert (await decide(shop, many.json, "approve"))["status"] == "completed"
        assert (await decide(shop, paced.json, "reject"))["status"] == "rejected"
        assert shop.balance("customer:ada:gems") == 425

        card = await shop.buy("gems-500", customer="bob")
        await shop.pay(card, MASTERCARD)
        await shop.quiet()
        assert (await shop.seen(card))["status"] in ("pending", "in_review")
        assert shop.balance("customer:bob:gems") == 0
        assert (await decide(shop, card.json, "approve"))["status"] == "completed"
        assert shop.balance("customer:bob:gems") == 500
        assert [one["verdict"] for one in decisions(shop, "payment")] == ["allow", "review"]


async def test_a_challenge_asks_the_bank(data_folder, database_url):
    async with running_shop(data_folder, shop_with(RULES), database=database_url) as shop:
        two = await shop.buy("gems-500", quantity=2)
        assert await shop.pay(two) == 200  # the bank asks
        assert await shop.pay(two, challenge="pass") == 303
        assert (await shop.settled(two))["status"] == "completed"
        (told,) = decisions(shop)
        assert (told["verdict"], told["decided_by"]) == ("challenge", "challenge")
        assert decisions(shop, "payment")[0]["attributes"]["card.three_d_secure"] == "authenticated"


async def test_what_would_be_reviewed_and_cannot_be_paid_is_counted_and_written_down(data_folder, database_url):
    async with running_shop(data_folder, shop_with(RULES), database=database_url) as shop:
        await shop.bought("gems-500")
        for _ in range(3):
            refused = await shop.buy("potion", quantity=99)
            assert (refused.status, refused.json["code"]) == (402, "insufficient_funds")
        found = [(one["verdict"], one["outcome"], matched(one)) for one in decisions(shop)[1:]]
        assert found == [("review", "refused", ["many"])] * 2 + [("review", "refused", ["many", "pace"])]
        assert (await shop.buy("potion")).status == 202  # those are counted


SUBSCRIPTIONS = """
{id: look, do: review, when: "kind == 'subscription' && gateway == 'wallet'"}
{id: pace, do: block, when: "velocity.customer.count_1h > 3"}
"""


async def test_what_a_wallet_subscribes_to_cannot_wait_and_is_refused_and_counted(data_folder, database_url):
    judged = shop_with(SUBSCRIPTIONS).replace("  microtransactions: {}", "  microtransactions: {}\n  subscriptions: {}")
    tier = "offers:\n  club: {kind: subscription, title: Club, family: club, prices: {gems: 50}}\n"
    async with running_shop(data_folder, judged.replace("offers:\n", tier, 1), database=database_url) as shop:
        await shop.bought("gems-500")
        for _ in range(4):
            refused = await begin(shop, "club", currency="gems")
            assert (refused.status, refused.json["code"]) == (403, "purchase_refused"), refused
        found = [(one["verdict"], one["outcome"], matched(one)) for one in decisions(shop)[1:]]
        assert found == [("review", "refused", ["look"])] * 2 + [("block", "refused", ["look", "pace"])] * 2
        assert shop.balance("customer:ada:gems") == 500
