"""Limits, stock, prices and what is owned already: refused with the facts, and never passed by a race."""

import asyncio

import pytest


async def test_a_limit_per_customer_and_day_refuses_the_sixth_and_opens_again(shop):
    await shop.bought("gems-500")
    await shop.bought("key", quantity=5)

    sixth = await shop.buy("key")
    assert (sixth.status, sixth.json["code"]) == (409, "limit_reached")
    assert (sixth.json["limit"], sixth.json["window"]) == (5, "day")
    assert shop.balance("customer:ada:gems") == 300

    await shop.bought("gems-500", customer="bob")
    assert (await shop.buy("key", customer="bob")).status == 201
    await shop.advance("1d")
    assert (await shop.buy("key")).status == 201


async def test_more_than_the_limit_at_once_is_refused_whole(shop):
    await shop.bought("gems-500")
    answer = await shop.buy("key", quantity=6)
    assert (answer.status, answer.json["code"]) == (409, "limit_reached")
    assert shop.balance("customer:ada:gems") == 500


async def test_more_than_may_be_owned_is_refused(shop):
    await shop.bought("gems-1200")
    await shop.bought("gems-500")
    await shop.bought("potion", quantity=99)
    answer = await shop.buy("potion")
    assert (answer.status, answer.json["code"]) == (409, "limit_reached")
    assert shop.balance("customer:ada:gems") == 215


async def test_the_last_unit_bought_by_64_customers_goes_to_one(shop):
    names = [f"player-{number}" for number in range(64)]
    await asyncio.gather(*(shop.bought("gems-500", customer=name) for name in names))

    answers = await asyncio.gather(*(shop.buy("lantern", customer=name) for name in names))

    assert sorted(answer.status for answer in answers) == [201] + [409] * 63
    assert {answer.json["code"] for answer in answers if answer.status == 409} == {"sold_out"}
    assert shop.query("SELECT sum(quantity) AS n FROM items") == [{"n": 1}]
    assert shop.balance("platform:sink:gems") == 10


async def test_64_buys_from_a_wallet_that_can_pay_for_10_are_exactly_10(shop):
    await shop.bought("gems-500")
    await shop.bought("potion", quantity=23)  # 155 left: ten potions at 15, and five gems over

    answers = await asyncio.gather(*(shop.buy("potion", key=f"k{number}") for number in range(64)))

    assert sorted(answer.status for answer in answers) == [201] * 10 + [402] * 54
    assert {answer.json["short_by"] for answer in answers if answer.status == 402} == {10}
    assert shop.balance("customer:ada:gems") == 5
    assert shop.query("SELECT quantity FROM items WHERE sku = 'potion'") == [{"quantity": 33}]


async def test_the_last_gem_can_be_spent_and_no_more(shop):
    await shop.bought("gems-500")
    await shop.bought("key", quantity=5)
    await shop.bought("potion", quantity=20)
    assert shop.balance("customer:ada:gems") == 0

    answer = await shop.buy("potion")
    facts = [answer.json[name] for name in ("asset", "required", "available", "short_by")]
    assert (answer.status, facts) == (402, ["gems", 15, 0, 15])
    assert [offer["sku"] for offer in answer.json["top_up_offers"]] == ["gems-500", "gems-1200"]


async def test_stock_is_reserved_for_the_first_open_checkout(shop):
    opened, *others = await asyncio.gather(*(shop.buy("statue", customer=f"player-{n}") for n in range(8)))
    taken = [answer for answer in (opened, *others) if answer.status == 202]
    assert len(taken) == 1
    assert {answer.json["code"] for answer in (opened, *others) if answer.status != 202} == {"sold_out"}
    assert await shop.pay(taken[0]) == 303
    assert (await shop.settled(taken[0]))["status"] == "completed"


@pytest.mark.parametrize(("sku", "reason"), [("pass", "limit_reached"), ("chest", "already_owned")])
async def test_two_checkouts_paid_where_one_is_allowed_leave_the_second_owed(shop, sku, reason):
    first, second = await shop.buy(sku), await shop.buy(sku)
    assert (first.status, second.status) == (202, 202)
    assert await shop.pay(first) == 303
    assert (await shop.settled(first))["status"] == "completed"
    assert await shop.pay(second) == 303
    owed = await shop.settled(second)
    await shop.quiet()

    price = {"pass": 700, "chest": 1499}[sku]
    assert (owed["status"], owed["payment"]["state"]) == ("paid", "received")
    assert shop.balance("platform:revenue:USD") == price
    assert shop.balance("customer:ada:unapplied:USD") == price
    assert shop.query("SELECT reason FROM purchases WHERE status = 'paid'") == [{"reason": reason}]
    assert shop.query("SELECT sum(quantity) AS n FROM items") == [{"n": 1}]


async def test_nobody_is_sold_gems_for_what_they_could_not_have_with_enough(shop):
    await shop.bought("gems-500")
    await shop.buy("sword")
    await shop.buy("potion", quantity=25)
    short = await shop.buy("sword")
    assert (short.status, short.json["code"]) == (409, "already_owned")


@pytest.mark.parametrize(("sku", "code"), [("chest", "already_owned"), ("pass", "limit_reached")])
async def test_what_could_not_be_given_is_refused_before_a_checkout_opens(shop, sku, code):
    await shop.bought(sku)
    await shop.quiet()
    before = shop.rows()
    answer = await shop.buy(sku)
    assert (answer.status, answer.json["code"]) == (409, code)
    assert shop.rows() == before
    assert len((await shop.sandbox.books())["sessions"]) == 1


async def test_another_price_than_expected_is_refused_with_the_real_one(shop):
    await shop.bought("gems-500")
    await shop.quiet()
    before = shop.rows()
    answer = await shop.buy("sword", expected_price={"amount": 100, "currency": "gems"})
    assert (answer.status, answer.json["code"]) == (409, "price_changed")
    assert answer.json["price"] == {"amount": 120, "currency": "gems"}
    assert shop.rows() == before
    assert (await shop.buy("sword", expected_price={"amount": 120, "currency": "gems"})).status == 201


@pytest.mark.parametrize(
    ("wanted", "total", "pay_with"),
    [
        ({"sku": "gems-500"}, {"amount": 499, "currency": "USD"}, "sandbox"),
        ({"sku": "gems-500", "currency": "EUR", "quantity": 3}, {"amount": 1437, "currency": "EUR"}, "sandbox"),
    ],
)
async def test_what_is_quoted_is_what_is_charged(shop, wanted, total, pay_with):
    before = shop.rows()
    await shop.session("ada")
    quote = await shop.as_customer("ada").post("/v1/quotes", wanted)
    assert (quote.status, quote.json["total"], quote.json["pay_with"]) == (200, total, pay_with)
    assert shop.rows()["purchases"] == before["purchases"]

    purchase = await shop.bought(**wanted)

    assert (purchase["total"], purchase["lines"]) == (total, quote.json["lines"])
    assert await shop.sandbox.charged() == [(purchase["id"], total["amount"])]
    assert shop.balance(f"platform:revenue:{total['currency']}") == total["amount"]
