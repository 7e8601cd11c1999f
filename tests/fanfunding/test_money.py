"""A creator's share: split to the unit, held, released, and taken back wherever it lies by then."""

import pytest

from storefront.testing import running_shop
from tests.fanfunding.tipping import FAN_SHOP, LUNA, dispute, events, pay_out, purse, refund, see, tip


async def test_a_share_is_exact_waits_and_is_released(stream):
    await tip(stream)  # 555 × 90 % = 499.5: what rounding leaves is the shop's
    assert purse(stream) == {"reserve": 499, "payable": 0, "debt": 0}
    assert stream.balance("platform:revenue:USD") == 56

    await stream.advance("6d")
    assert purse(stream) == {"reserve": 499, "payable": 0, "debt": 0}
    await stream.advance("1d")
    await stream.advance("1m")
    assert purse(stream) == {"reserve": 0, "payable": 499, "debt": 0}
    assert stream.balance("gateway:sandbox:fees:USD") == -46
    assert events(stream) == ["paid"]


async def test_refunds_in_parts_take_the_share_in_parts_and_all_of_it_in_the_end(stream):
    bought = await tip(stream)
    assert (await refund(stream, bought, 100, "a")).status == 201
    assert purse(stream) == {"reserve": 410, "payable": 0, "debt": 0}  # 499 × 100 / 555 = 89.9
    await stream.advance("8d")
    assert purse(stream) == {"reserve": 0, "payable": 410, "debt": 0}
    assert (await refund(stream, bought, 200, "b")).status == 201
    assert purse(stream) == {"reserve": 0, "payable": 230, "debt": 0}  # 499 × 300 / 555 = 269.7
    assert (await see(stream, bought))["state"] == "paid"

    assert (await refund(stream, bought, None, "c")).status == 201

    assert purse(stream) == {"reserve": 0, "payable": 0, "debt": 0}
    assert stream.balance("platform:revenue:USD") == 0
    assert (await see(stream, bought))["state"] == "refunded"
    assert (await stream.as_nobody().get("/v1/fanfunding/creators/luna/tips")).json["data"] == []
    assert events(stream) == ["paid", *["frozen", "refunded"] * 3]


async def test_a_dispute_before_the_release_holds_it_up_and_winning_gives_back_what_was_held(stream):
    bought = await tip(stream, 1000)
    await dispute(stream, bought)
    await stream.advance("8d")
    assert purse(stream) == {"reserve": 900, "payable": 0, "debt": 0}
    await dispute(stream, bought, "won")
    await stream.advance("1m")
    assert purse(stream) == {"reserve": 0, "payable": 900, "debt": 0}
    assert events(stream) == ["paid", "frozen", "restored"]


async def test_a_dispute_after_the_release_freezes_what_is_payable_and_losing_takes_it(stream):
    lost, won = await tip(stream, 1000), await tip(stream, 500)
    await stream.advance("8d")
    await dispute(stream, lost)
    await dispute(stream, won)
    assert purse(stream) == {"reserve": 1350, "payable": 0, "debt": 0}
    await dispute(stream, won, "won")
    assert purse(stream) == {"reserve": 900, "payable": 450, "debt": 0}
    await dispute(stream, lost, "lost")
    assert purse(stream) == {"reserve": 0, "payable": 450, "debt": 0}
    assert stream.balance("platform:revenue:USD") == 50
    assert (await see(stream, lost))["state"] == "refunded"


async def test_what_was_paid_out_is_owed_and_later_tips_pay_it_first(stream):
    bought = await tip(stream, 1000)
    await stream.advance("8d")
    await pay_out(stream, 850)
    await dispute(stream, bought, "lost")
    assert purse(stream) == {"reserve": 0, "payable": 0, "debt": 850}
    assert stream.balance("platform:receivable:USD") == -850
    assert stream.balance("platform:revenue:USD") == -850

    later = await tip(stream, 500)
    await stream.advance("8d")
    assert purse(stream) == {"reserve": 0, "payable": 0, "debt": 400}
    await tip(stream, 1000)
    await stream.advance("8d")
    assert purse(stream) == {"reserve": 0, "payable": 500, "debt": 0}
    assert (stream.balance("platform:receivable:USD"), stream.balance("platform:revenue:USD")) == (0, 150)

    # Won on appeal: what was taken comes back, and what was paid of the debt with it.
    await dispute(stream, bought, "won")
    assert purse(stream) == {"reserve": 0, "payable": 1400, "debt": 0}
    assert stream.balance("platform:revenue:USD") == 250
    assert (await see(stream, later))["state"] == "paid"


async def test_an_appeal_that_is_won_strikes_off_what_is_still_owed(stream):
    bought = await tip(stream, 1000)
    await stream.advance("8d")
    await pay_out(stream, 900)
    await dispute(stream, bought, "lost")
    await tip(stream, 500)
    await stream.advance("8d")
    assert purse(stream) == {"reserve": 0, "payable": 0, "debt": 450}
    await dispute(stream, bought, "won")
    assert purse(stream) == {"reserve": 0, "payable": 450, "debt": 0}
    assert (stream.balance("platform:receivable:USD"), stream.balance("platform:revenue:USD")) == (0, 150)


async def test_a_refund_that_fails_gives_the_share_back_to_where_it_waited(stream):
    bought = await tip(stream, 1000, card="4000 0000 0000 7726")
    answer = await refund(stream, bought, 400)
    assert (answer.status, answer.json["state"]) == (202, "pending")
    assert purse(stream) == {"reserve": 900, "payable": 0, "debt": 0}
    (row,) = stream.query("SELECT reserved, back_earned FROM fanfunding_tips")
    assert (row["reserved"], row["back_earned"]) == (540, 360)

    (made,) = (await stream.sandbox.books())["refunds"]
    await stream.sandbox.end_refund(made["id"], "failed")
    await stream.quiet()

    (row,) = stream.query("SELECT reserved, back_earned, back_amount FROM fanfunding_tips")
    assert (row["reserved"], row["back_earned"], row["back_amount"]) == (900, 0, 0)
    await stream.advance("8d")
    assert purse(stream) == {"reserve": 0, "payable": 900, "debt": 0}


async def test_a_tip_from_the_wallet_goes_back_into_it(stream):
    await stream.bought("gems-500")
    answer = await tip(stream, 25, "gems", by=stream.as_customer())
    assert purse(stream, "gems") == {"reserve": 22, "payable": 0, "debt": 0}
    assert stream.balance("platform:sink:gems") == 3
    assert (await refund(stream, answer, 10, "a")).status == 201
    assert purse(stream, "gems") == {"reserve": 14, "payable": 0, "debt": 0}
    await stream.advance("8d")
    assert (await refund(stream, answer, None, "b")).status == 201
    assert purse(stream, "gems") == {"reserve": 0, "payable": 0, "debt": 0}
    assert (stream.balance("platform:sink:gems"), stream.balance("customer:ada:gems")) == (0, 500)


@pytest.mark.parametrize(("prices", "paid", "share"), [("inclusive", 1190, 900), ("exclusive", 1416, 1071)])
async def test_the_share_is_of_what_is_left_after_tax(data_folder, database_url, prices, paid, share):
    (data_folder / "luna.yaml").write_text(LUNA)
    rates = "[{country: DE, class: tips, percent: '19'}]"
    tax = f"tax: {{by: table, prices: {prices}, default_country: DE, rates: {rates}}}\n"
    async with running_shop(data_folder, FAN_SHOP + tax, database=database_url) as shop:
        bought = await tip(shop, 1190)
        assert bought["total"]["amount"] == paid
        assert purse(shop)["reserve"] == share
        assert (await refund(shop, bought)).status == 201
        assert purse(shop)["reserve"] == 0
        assert (shop.balance("platform:revenue:USD"), shop.balance("tax:DE:USD")) == (0, 0)
