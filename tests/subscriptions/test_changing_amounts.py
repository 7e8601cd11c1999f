"""What changes cost, as literal numbers, through the front door: each customer subscribes, waits, and looks."""

import pytest

from storefront.testing import running_shop

from .changing import CHANGING, DAY, amounts, change, charged, look
from .subscribing import invoices, see, subscribe

# Day of the change; how it began, what was refunded of it; what it changes to; lines: charge, credit, kept.
TABLE = [
    (7, {"sku": "tin"}, 0, {"tier": "zinc"}, [9775, -3450, -5]),  # dinar: 23/30; cards take two of its three decimals
    (10, {"sku": "bronze"}, 0, {"tier": "silver"}, [1333, -667]),  # 2/3: 1333.33 and 666.67
    (10, {"sku": "bronze", "promo_codes": ["QUARTER"]}, 0, {"tier": "silver"}, [1333, -500]),  # 750 were paid
    (10, {"sku": "bronze", "seats": 2}, 0, {"tier": "bronze", "seats": 3}, [2000, -1333]),  # seats up
    (15, {"sku": "bronze"}, 0, {"tier": "gold"}, [1500, -500]),
    (15, {"sku": "bronze"}, 400, {"tier": "silver"}, [1000, -300]),  # 600 stayed paid
    (15, {"sku": "bronze", "interval": "year"}, 0, {"tier": "silver", "interval": "year"}, [19178, -9589]),  # 350/365
    (20, {"sku": "guest"}, 0, {"tier": "bronze"}, [333]),  # a free period credits nothing
    (20, {"sku": "bronze"}, 0, {"tier": "silver"}, [667, -333]),
    (23, {"sku": "bronze", "currency": "JPY"}, 0, {"tier": "silver"}, [462, -233]),  # yen, no decimals: 7/30
    (25, {"sku": "bronze"}, 0, {"tier": "silver", "interval": "year"}, [20000, -167]),  # 5/30: 166.67; a whole year
    (26, {"sku": "bronze", "interval": "year"}, 0, {"tier": "bronze", "interval": "30 days"}, [1000, -9288, 8288]),
]


@pytest.fixture
async def club(data_folder, database_url):
    async with running_shop(data_folder, CHANGING, database=database_url) as shop:
        yield shop


async def test_each_change_costs_what_was_reckoned_by_hand_and_is_charged_like_that(club):
    begun = []
    for number, (_, how, refunded, _, _) in enumerate(TABLE):
        customer = f"customer-{number}"
        subscription = await subscribe(club, customer=customer, **how)
        begun.append((customer, subscription))
        if refunded:
            purchase = (await invoices(club, subscription, customer=customer))[0]["purchase"]
            body = {"reason": "asked", "amount": refunded}
            answer = await club.as_server().post(f"/v1/purchases/{purchase}/refunds", body, key=f"back-{number}")
            assert answer.status in (201, 202), answer
    today = 0
    for (day, _, _, wanted, lines), (customer, subscription) in zip(TABLE, begun, strict=True):
        club.wall.move((day - today) * DAY)
        today = day
        seen = await look(club, subscription, customer=customer, **wanted)
        assert (wanted, amounts(seen)) == (wanted, lines)
        before = len(await charged(club))
        await change(club, subscription, None, token=seen["token"], by=club.as_customer(customer))
        paid = (await charged(club))[before:]
        assert paid == ([] if sum(lines) == 0 else [sum(lines)])
        found = await see(club, subscription, customer=customer)
        kept = lines[2] if len(lines) > 2 else 0
        assert (found["sku"], found["credit"]["amount"] - found["owed"]["amount"]) == (wanted["tier"], kept)


@pytest.mark.parametrize(
    ("prices", "paid", "taxed", "total"), [("exclusive", 1190, 95, 595), ("inclusive", 1000, 80, 500)]
)
async def test_a_change_has_the_tax_of_its_bill_and_credits_no_tax_twice(tmp_path, prices, paid, taxed, total):
    tax = f"""
tax:
  by: table
  prices: {prices}
  default_country: DE
  seller: {{name: Lowtide, tax_id: DE123456789, country: DE, address: [Hafenstrasse 1]}}
  rates: [{{country: DE, class: digital, percent: "19"}}]
"""
    async with running_shop(tmp_path, CHANGING + tax) as club:
        subscription = await subscribe(club, "bronze")
        half_back = await subscribe(club, "bronze", customer="bob")
        purchase = (await invoices(club, half_back, customer="bob"))[0]["purchase"]
        body = {"reason": "asked", "amount": paid // 2}
        assert (await club.as_server().post(f"/v1/purchases/{purchase}/refunds", body, key="back")).status == 201
        club.wall.move(15 * DAY)
        seen = await look(club, subscription, "silver")
        assert (amounts(seen), seen["total"]["amount"]) == ([1000, -500, taxed], total)
        await change(club, subscription, None, token=seen["token"])
        assert (await charged(club))[-1] == total
        assert amounts(await look(club, half_back, "silver", customer="bob"))[:2] == [1000, -250]
