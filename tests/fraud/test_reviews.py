"""What rules send to review waits with its money, gives nothing meanwhile, and is written down once."""

from storefront.testing import OPERATOR_KEY, running_shop

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
