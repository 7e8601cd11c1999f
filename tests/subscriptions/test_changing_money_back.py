"""Money that goes back after it was credited, or before: nobody gets both the money and the time."""

import pytest

from storefront.testing import running_shop

from .changing import CHANGING, DAY, amounts, change, charged, look, pass_days
from .subscribing import invoices, may, see, subscribe


@pytest.fixture
async def club(data_folder, database_url):
    async with running_shop(data_folder, CHANGING, database=database_url) as shop:
        yield shop


async def refund(club, purchase, key="refund", **more):
    answer = await club.as_server().post(f"/v1/purchases/{purchase}/refunds", {"reason": "asked", **more}, key=key)
    assert answer.status in (201, 202), answer
    await club.quiet()


async def yearly_to_monthly(club):
    """Pay for a year, change to 30 days after 73 of them; return the subscription and the year's purchase."""
    subscription = await subscribe(club, "bronze", interval="year")
    club.wall.move(73 * DAY)
    await change(club, subscription, "bronze", interval="30 days")
    assert (await see(club, subscription))["credit"]["amount"] == 7000
    return subscription, (await invoices(club, subscription))[-1]["purchase"]


async def test_a_part_that_goes_back_after_it_was_credited_takes_the_credit_along(club):
    subscription, year = await yearly_to_monthly(club)
    await refund(club, year, amount=5000)
    assert (await see(club, subscription))["credit"]["amount"] == 4000
    await refund(club, year, key="more", amount=1000)
    found = await see(club, subscription)
    assert (found["credit"]["amount"], found["billing_state"]) == (3000, "active")


async def test_a_part_that_goes_back_of_what_an_upgrade_credited_is_in_order_when_the_tier_changes_again(club):
    subscription = await subscribe(club, "bronze")
    bronze = (await invoices(club, subscription))[0]["purchase"]
    await change(club, subscription, "silver")
    assert await charged(club) == [1000, 1000]
    await refund(club, bronze, amount=100)
    club.wall.move(15 * DAY)
    assert amounts(await look(club, subscription, "gold")) == [1500, -900]  # 100 less than silver's half
    await change(club, subscription, "gold")


async def test_a_year_that_its_bank_takes_back_takes_all_that_it_had_been_credited_for(club):
    subscription, year = await yearly_to_monthly(club)
    await club.sandbox.dispute({"id": year}, "lost")
    await club.quiet()
    found = await see(club, subscription)
    assert (found["billing_state"], found["credit"]["amount"], await may(club, "lounge")) == ("canceled", 0, False)


async def test_while_its_bank_looks_at_a_payment_it_credits_nothing(club):
    subscription = await subscribe(club, "bronze")
    await club.sandbox.dispute({"id": (await invoices(club, subscription))[0]["purchase"]})
    await club.quiet()
    club.wall.move(15 * DAY)
    assert amounts(await look(club, subscription, "silver")) == [1000]


async def test_the_full_refund_of_an_upgrade_ends_what_it_paid_for(club):
    subscription = await subscribe(club, "bronze")
    club.wall.move(15 * DAY)
    purchase = await change(club, subscription, "silver")
    await refund(club, purchase["id"])
    assert (await see(club, subscription))["billing_state"] == "canceled"
    assert not await may(club, "lounge")


async def test_credit_that_is_left_when_a_subscription_ends_pays_the_next_one_of_its_family(club):
    subscription, _ = await yearly_to_monthly(club)
    await club.as_customer().post(f"/v1/subscriptions/{subscription}/cancel", {"at": "now"})
    again = await subscribe(club, "silver")
    found = await see(club, again)
    assert (found["credit"]["amount"], await charged(club)) == (5000, [10000])


async def test_credit_that_an_unpaid_first_invoice_took_is_free_again(club):
    subscription, year = await yearly_to_monthly(club)
    await club.as_customer().post(f"/v1/subscriptions/{subscription}/cancel", {"at": "now"})
    waiting = await subscribe(club, "silver", interval="year", card=None)
    assert (await see(club, waiting))["credit"]["amount"] == 0
    await pass_days(club, 25 / 24)
    found = await see(club, waiting)
    assert (found["billing_state"], found["credit"]["amount"]) == ("incomplete_expired", 7000)
    assert (await club.seen({"id": year}))["refunded"] == "none"


async def test_a_first_price_that_credit_leaves_too_little_of_is_owed_and_not_refused(club):
    subscription, _ = await yearly_to_monthly(club)
    await club.as_customer().post(f"/v1/subscriptions/{subscription}/cancel", {"at": "now"})
    for _ in range(3):
        again = await subscribe(club, "silver")
        await club.as_customer().post(f"/v1/subscriptions/{again}/cancel", {"at": "now"})
    assert (await see(club, again))["credit"]["amount"] == 1000
    last = await subscribe(club, "odd")
    found = await see(club, last)
    assert (found["owed"]["amount"], await charged(club)) == (16, [10000])
