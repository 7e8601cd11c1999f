"""Promo codes: what they take off, from whom, how often, and when a use is given back."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from storefront.core.purchasing import Status
from storefront.core.releasing import give_up
from storefront.testing import Answer, Shop, running_shop
from storefront.testing.tiny_shop import TINY_SHOP

CODES = """
promo_codes:
  WINTER-30: {percent: 30, label: Winter sale}
  once: {percent: 50, uses: once}
  thrice: {percent: 10, uses: 3, per_customer: 1}
  five-off: {amount: {USD: 500, gems: 30}}
  large: {percent: 10, minimum: {USD: 1000}}
  potions: {percent: 10, offers: [potion]}
  packs: {percent: 10, kinds: [currency_pack]}
  first: {percent: 50, first_purchase: true}
  german: {percent: 10, countries: [DE, AT]}
  soon: {percent: 10, from: "2100-01-01T00:00:00Z"}
  gone: {percent: 10, until: "2020-01-01T00:00:00Z"}
  free: {percent: 100, per_customer: 1}
  add-10: {percent: 10, stackable: true}
  add-20: {percent: 20, stackable: true}
  add-usd: {amount: {USD: 100}, stackable: true}
  back: {percent: 10, uses: once, restore_on_refund: true}
"""


@pytest.fixture
async def sale(data_folder, database_url) -> AsyncIterator[Shop]:
    async with running_shop(data_folder, TINY_SHOP + CODES, database=database_url) as shop:
        yield shop


async def quoted(shop: Shop, sku: str, code: str | list[str], *, customer: str = "ada", **more: Any) -> Answer:
    codes = {"promo_code": code} if isinstance(code, str) else {"promo_codes": code}
    return await shop.as_customer(customer).post("/v1/quotes", {"sku": sku, **codes, **more})


def redemptions(shop: Shop) -> list[tuple[str, str]]:
    rows = shop.query("SELECT code, state FROM redemptions ORDER BY created_at, code")
    return [(row["code"], row["state"]) for row in rows]


def counted(shop: Shop, key: str) -> int:
    rows = shop.query("SELECT value FROM counters WHERE key = ?", key)
    return rows[0]["value"] if rows else 0


async def test_a_percentage_is_a_line_of_the_quote_and_of_the_purchase(sale):
    quote = await quoted(sale, "gems-500", "winter30")

    assert quote.json["total"] == {"amount": 349, "currency": "USD"}
    discount = {"type": "adjustment", "title": "Winter sale", "promo_code": "WINTER30",
                "total": {"amount": -150, "currency": "USD"}}  # fmt: skip
    assert quote.json["lines"][1] == discount

    purchase = await sale.bought("gems-500", promo_code="Winter-30", expected_price=quote.json["total"])

    assert purchase["total"] == {"amount": 349, "currency": "USD"}
    assert purchase["lines"][1] == discount
    assert sale.balance("platform:revenue:USD") == 349
    assert redemptions(sale) == [("WINTER30", "redeemed")]
    story = sale.query("SELECT type FROM events WHERE subject = ? ORDER BY sequence", purchase["id"])
    assert [one["type"] for one in story] == [
        "purchase.pending", "promo_code.reserved", "promo_code.redeemed", "purchase.completed",
    ]  # fmt: skip


async def test_a_wallet_purchase_takes_the_discount_at_once(sale):
    await sale.bought("gems-500")

    bought = await sale.buy("sword", promo_code="ONCE")

    assert bought.json["total"] == {"amount": 60, "currency": "gems"}
    assert sale.balance("customer:ada:gems") == 440
    assert redemptions(sale) == [("ONCE", "redeemed")]
    again = await sale.buy("potion", promo_code="once")
    assert (again.status, again.json["code"], again.json["reason"]) == (409, "promo_code_invalid", "used_up")
    assert counted(sale, "promo_uses:ONCE") == 1


async def test_an_amount_takes_off_no_more_than_there_is_and_free_needs_no_gateway(sale):
    await sale.bought("gems-500")
    assert (await quoted(sale, "chest", "five-off")).json["total"] == {"amount": 999, "currency": "USD"}

    potion = await sale.buy("potion", promo_code="FIVE-OFF")
    chest = await sale.buy("chest", promo_code="free")

    assert (potion.status, potion.json["total"]["amount"], potion.json["pay_with"]) == (201, 0, "free")
    assert [line["total"]["amount"] for line in potion.json["lines"]] == [15, -15]
    assert (chest.status, chest.json["status"], chest.json["pay_with"]) == (201, "completed", "free")
    assert len(await sale.sandbox.charged()) == 1
    assert (await quoted(sale, "sword", ["free"])).json["reason"] == "used_by_you"


@pytest.mark.parametrize(
    ("code", "sku", "reason"),
    [
        ("nonsense", "sword", "unknown"),
        ("§$%", "sword", "unknown"),
        ("soon", "sword", "not_yet"),
        ("gone", "sword", "expired"),
        ("potions", "sword", "not_for_this_offer"),
        ("packs", "sword", "not_for_this_offer"),
        ("large", "gems-500", "below_minimum"),
        ("large", "sword", "not_for_this_currency"),
        ("german", "sword", "country"),
    ],
)
async def test_a_code_that_cannot_be_used_says_why(sale, code, sku, reason):
    quote = await quoted(sale, sku, code)
    purchase = await sale.buy(sku, promo_code=code)

    for refused in (quote, purchase):
        assert (refused.status, refused.json["code"], refused.json["reason"]) == (409, "promo_code_invalid", reason)
    assert sale.query("SELECT id FROM purchases") == []


async def test_filters_let_through_what_they_name(sale):
    await sale.session("hans", country="DE")

    assert (await quoted(sale, "potion", "potions")).json["total"]["amount"] == 13
    assert (await quoted(sale, "gems-500", "packs")).json["total"]["amount"] == 449
    assert (await quoted(sale, "chest", "large")).json["total"]["amount"] == 1349
    assert (await quoted(sale, "chest", "german", customer="hans")).json["total"]["amount"] == 1349


async def test_a_per_customer_limit_is_each_customers_own(sale):
    for name in ("ada", "bob", "cleo"):
        await sale.bought("gems-500", customer=name, promo_code="thrice")

    assert (await quoted(sale, "gems-500", "thrice")).json["reason"] == "used_by_you"
    assert (await quoted(sale, "gems-500", "thrice", customer="dora")).json["reason"] == "used_up"
    assert counted(sale, "promo_uses:THRICE") == 3


async def test_a_first_purchase_is_one_for_real_money(sale):
    await sale.as_server().post("/v1/grants", {"customer": "ada", "asset": "gems", "amount": 500, "reason": "x"},
                                key="g")  # fmt: skip
    await sale.bought("potion")

    pending = await sale.buy("gems-500", promo_code="first")
    second = await sale.buy("gems-500", promo_code="first")
    await sale.as_customer().post(f"/v1/purchases/{pending.json['id']}/cancel")
    third = await sale.bought("gems-500", promo_code="first")
    fourth = await sale.buy("gems-500", promo_code="first")

    assert (pending.status, pending.json["total"]["amount"]) == (202, 249)
    assert second.json["reason"] == "not_first_purchase"
    assert third["total"]["amount"] == 249
    assert fourth.json["reason"] == "not_first_purchase"


async def test_stackable_codes_add_up_and_others_do_not_go_together(sale):
    stacked = await quoted(sale, "chest", ["add-10", "add-usd", "add-20"])
    mixed = await quoted(sale, "chest", ["add-10", "winter-30"])
    twice = await quoted(sale, "chest", ["add-10", "ADD10"])
    both = await sale.as_customer().post(
        "/v1/quotes", {"sku": "chest", "promo_code": "add-10", "promo_codes": ["add-20"]}
    )

    # 1499 − 10 % − 20 % of the list price, in the buyer's favour, then 100 off.
    assert [line["total"]["amount"] for line in stacked.json["lines"]] == [1499, -150, -300, -100]
    assert stacked.json["total"]["amount"] == 949
    assert (mixed.json["reason"], twice.json["reason"]) == ("not_combinable", "not_combinable")
    assert (both.status, both.json["code"]) == (422, "invalid_request")

    await sale.bought("chest", promo_codes=["add-10", "add-20"])
    assert redemptions(sale) == [("ADD10", "redeemed"), ("ADD20", "redeemed")]


async def test_an_unpaid_purchase_reserves_the_code_and_gives_it_back(sale):
    for end in ("cancel", "expire"):
        held = await sale.buy("gems-500", promo_code="once")
        assert (await quoted(sale, "gems-500", "once", customer="bob")).json["reason"] == "used_up"
        if end == "cancel":
            await sale.as_customer().post(f"/v1/purchases/{held.json['id']}/cancel")
        else:
            await sale.advance("40m")
        await sale.quiet()

        assert counted(sale, "promo_uses:ONCE") == 0
        assert (await quoted(sale, "gems-500", "once", customer="bob")).status == 200
    assert redemptions(sale) == [("ONCE", "given_back"), ("ONCE", "given_back")]


async def test_a_declined_card_gives_the_code_back_with_its_purchase(sale):
    held = await sale.buy("gems-500", promo_code="once")

    assert await sale.pay(held, card="4000 0000 0000 0002") == 402
    await sale.advance("40m")
    await sale.quiet()

    assert (await sale.seen(held))["status"] == "expired"
    assert redemptions(sale) == [("ONCE", "given_back")]


async def test_a_full_refund_gives_a_use_back_only_where_the_code_says_so(sale):
    kept = await sale.bought("gems-500", promo_code="once")
    restored = await sale.bought("gems-500", promo_code="back")
    refund = {"reason": "changed their mind"}
    await sale.as_server().post(f"/v1/purchases/{kept['id']}/refunds", refund, key="r1")
    await sale.as_server().post(f"/v1/purchases/{restored['id']}/refunds", {**refund, "amount": 100}, key="r2")
    await sale.quiet()
    assert redemptions(sale) == [("ONCE", "redeemed"), ("BACK", "redeemed")]

    await sale.as_server().post(f"/v1/purchases/{restored['id']}/refunds", refund, key="r3")
    await sale.quiet()

    assert (await sale.seen(restored))["refunded"] == "full"
    assert redemptions(sale) == [("ONCE", "redeemed"), ("BACK", "given_back")]
    assert (counted(sale, "promo_uses:ONCE"), counted(sale, "promo_uses:BACK")) == (1, 0)


async def test_a_refund_to_the_wallet_gives_a_use_back_too(sale):
    await sale.bought("gems-500")
    sword = await sale.bought("sword", promo_code="back")

    answer = await sale.as_server().post(f"/v1/purchases/{sword['id']}/refunds", {"reason": "x"}, key="r")
    await sale.quiet()

    assert answer.status == 201, answer
    assert sale.balance("customer:ada:gems") == 500
    assert redemptions(sale) == [("BACK", "given_back")]


async def test_a_retry_with_a_code_gets_the_first_answer_although_the_code_is_used_up(sale):
    await sale.bought("gems-500")

    first = await sale.buy("sword", key="k", promo_code="once")
    again = await sale.buy("sword", key="k", promo_code="once")

    assert (again.status, again.json) == (first.status, first.json)
    assert redemptions(sale) == [("ONCE", "redeemed")]


async def test_the_price_with_its_code_is_locked_while_the_yaml_changes(sale, data_folder):
    held = await sale.buy("gems-500", promo_code="winter-30")
    (data_folder / "shop.yaml").write_text(TINY_SHOP + CODES.replace("WINTER-30: {percent: 30", "W-31: {percent: 31"))
    await sale.restart()
    assert (await quoted(sale, "gems-500", "winter-30")).json["reason"] == "unknown"

    assert await sale.pay(held) == 303
    seen = await sale.settled(held)

    assert (seen["status"], seen["total"]["amount"]) == ("completed", 349)
    assert redemptions(sale) == [("WINTER30", "redeemed")]


async def test_tax_is_of_the_discounted_price(data_folder, database_url):
    tax = 'tax: {rates: [{country: DE, class: digital, percent: "19"}], default_country: DE}'
    async with running_shop(data_folder, TINY_SHOP + CODES + tax, database=database_url) as shop:
        quote = await quoted(shop, "gems-500", "winter-30")

        assert [line["total"]["amount"] for line in quote.json["lines"]] == [499, -150, 56]
        assert quote.json["total"]["amount"] == 349
        await shop.bought("gems-500", promo_code="winter-30")
        await shop.quiet()
        assert shop.balance("platform:revenue:USD") == 293


async def test_a_receipt_shows_the_discount(sale):
    purchase = await sale.bought("gems-500", promo_code="winter-30")
    await sale.quiet()

    receipt = await sale.as_customer().get(f"/v1/purchases/{purchase['id']}/receipt")

    told = receipt.json["document"]
    assert told["total"] == {"amount": 349, "currency": "USD"}
    assert told["discounts"][0]["title"] == "Winter sale"
    assert told["discounts"][0]["total"] == {"amount": -150, "currency": "USD"}


async def given_up_and_paid_late(sale: Shop, held: Answer, meanwhile: str | None = None) -> Any:
    """Let a purchase end while its payment page is open still, and be paid then: its money comes late."""
    await give_up(sale.parts.services, held.json["id"], Status.EXPIRED, reason="not_paid_in_time")
    if meanwhile is not None:
        await sale.bought("gems-500", customer=meanwhile, promo_code="once")
    assert await sale.pay(held) == 303
    await sale.quiet()
    return await sale.seen(held)


async def test_late_money_is_honoured_at_the_discounted_price_if_the_code_is_free_still(sale):
    seen = await given_up_and_paid_late(sale, await sale.buy("gems-500", promo_code="once"))

    assert (seen["status"], seen["total"]["amount"]) == ("completed", 249)
    assert redemptions(sale) == [("ONCE", "redeemed")]
    assert counted(sale, "promo_uses:ONCE") == 1


async def test_late_money_waits_if_somebody_else_has_used_the_code_meanwhile(sale):
    seen = await given_up_and_paid_late(sale, await sale.buy("gems-500", promo_code="once"), meanwhile="bob")

    assert seen["status"] == "paid"
    assert sorted(redemptions(sale)) == [("ONCE", "given_back"), ("ONCE", "redeemed")]
    assert sale.balance("customer:ada:unapplied:USD") == 249
    refund = {"reason": "the code was gone"}
    made = await sale.as_server().post(f"/v1/purchases/{seen['id']}/refunds", refund, key="r")
    assert made.status in (201, 202), made
    await sale.quiet()
    assert (await sale.seen(seen))["status"] == "canceled"
