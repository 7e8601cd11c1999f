"""Disputes, failed refunds, wallets and taxes: where a creator's share goes back to, and how much of it."""

import pytest

from storefront.testing import running_shop
from tests.fanfunding.tipping import FAN_SHOP, LUNA, dispute, events, pay_out, purse, refund, see, tip


async def test_a_dispute_before_the_release_holds_it_up_and_winning_gives_back_what_was_held(stream):
    bought = await tip(stream, 1000)
    await dispute(stream, bought)
    await stream.advance("25h")
    assert purse(stream) == {"reserve": 900, "payable": 0, "debt": 0}
    await dispute(stream, bought, "won")
    await stream.advance("1m")
    assert purse(stream) == {"reserve": 0, "payable": 900, "debt": 0}
    assert events(stream) == ["paid", "frozen", "restored", "released"]


async def test_a_dispute_after_the_release_freezes_what_is_payable_and_losing_takes_it(stream):
    lost, won = await tip(stream, 1000), await tip(stream, 500)
    await stream.advance("25h")
    await dispute(stream, lost)
    await dispute(stream, won)
    assert purse(stream) == {"reserve": 1350, "payable": 0, "debt": 0}
    await dispute(stream, won, "won")
    assert purse(stream) == {"reserve": 900, "payable": 450, "debt": 0}
    await dispute(stream, lost, "lost")
    assert purse(stream) == {"reserve": 0, "payable": 450, "debt": 0}
    assert stream.balance("platform:revenue:USD") == 50
    assert (await see(stream, lost))["state"] == "refunded"


async def test_an_appeal_that_is_won_strikes_off_what_is_still_owed(stream):
    bought = await tip(stream, 1000)
    await stream.advance("25h")
    await pay_out(stream, 900)
    await dispute(stream, bought, "lost")
    await tip(stream, 500)
    await stream.advance("25h")
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
    await stream.advance("25h")
    assert purse(stream) == {"reserve": 0, "payable": 900, "debt": 0}


async def test_a_dispute_asks_for_what_a_refund_had_asked_for_once_that_has_failed(stream):
    bought = await tip(stream, 1000, card="4000 0000 0000 7726")
    assert (await refund(stream, bought, 700)).status == 202
    await dispute(stream, bought, amount=1000)
    assert [row["wanted"] for row in stream.query("SELECT wanted FROM fanfunding_reversals ORDER BY id")] == [630, 270]
    (made,) = (await stream.sandbox.books())["refunds"]
    await stream.sandbox.end_refund(made["id"], "failed")
    await stream.quiet()
    await dispute(stream, bought, "lost")
    assert purse(stream) == {"reserve": 0, "payable": 0, "debt": 0}
    assert stream.balance("platform:revenue:USD") == 0
    assert (await see(stream, bought))["state"] == "refunded"


@pytest.mark.parametrize("is_released", [False, True])
async def test_a_lost_dispute_takes_what_a_refund_lets_go_in_the_same_commit(stream, is_released):
    bought = await tip(stream, 1000, card="4000 0000 0000 7726")
    if is_released:
        await stream.advance("25h")
        await pay_out(stream, 500)
    assert (await refund(stream, bought, 300)).status == 202
    await dispute(stream, bought, "lost", amount=1000)
    assert [row["wanted"] for row in stream.query("SELECT wanted FROM fanfunding_reversals ORDER BY id")] == [270, 630]
    (made,) = (await stream.sandbox.books())["refunds"]
    await stream.sandbox.end_refund(made["id"], "failed")
    await stream.quiet()
    rows = stream.query("SELECT stage, wanted FROM fanfunding_reversals ORDER BY id")
    assert [(row["stage"], row["wanted"]) for row in rows] == [("none", 0), ("taken", 900)]
    assert purse(stream) == {"reserve": 0, "payable": 0, "debt": 500 if is_released else 0}
    assert (await see(stream, bought))["state"] == "refunded"


async def test_a_tip_from_the_wallet_goes_back_into_it(stream):
    await stream.bought("gems-500")
    answer = await tip(stream, 25, "gems", by=stream.as_customer())
    assert purse(stream, "gems") == {"reserve": 22, "payable": 0, "debt": 0}
    assert stream.balance("platform:sink:gems") == 3
    assert (await refund(stream, answer, 10, "a")).status == 201
    assert purse(stream, "gems") == {"reserve": 14, "payable": 0, "debt": 0}
    await stream.advance("25h")
    assert (await refund(stream, answer, None, "b")).status == 201
    assert purse(stream, "gems") == {"reserve": 0, "payable": 0, "debt": 0}
    assert (stream.balance("platform:sink:gems"), stream.balance("customer:ada:gems")) == (0, 500)


async def test_gems_of_a_stolen_card_are_taken_back_from_whom_they_were_given_to(stream):
    pack = await stream.bought("gems-500")
    given = await tip(stream, 30, "gems", by=stream.as_customer())
    await stream.advance("25h")
    assert purse(stream, "gems") == {"reserve": 0, "payable": 27, "debt": 0}
    await dispute(stream, pack, "lost")
    assert (await stream.seen(given))["refunded"] == "full"
    assert purse(stream, "gems") == {"reserve": 0, "payable": 0, "debt": 0}
    assert stream.balance("customer:ada:gems") == 0


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
