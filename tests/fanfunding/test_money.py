"""A creator's share: split to the unit, held, released, and taken back wherever it lies by then."""

from tests.fanfunding.tipping import dispute, events, pay_out, purse, refund, see, tip


async def test_a_share_is_exact_waits_and_is_released(stream):
    await tip(stream)  # 555 × 90 % = 499.5: what rounding leaves is the shop's
    assert purse(stream) == {"reserve": 499, "payable": 0, "debt": 0}
    assert stream.balance("platform:revenue:USD") == 56

    await stream.advance("23h")
    assert purse(stream) == {"reserve": 499, "payable": 0, "debt": 0}
    await stream.advance("61m")
    assert purse(stream) == {"reserve": 0, "payable": 499, "debt": 0}
    assert stream.balance("gateway:sandbox:fees:USD") == -46
    assert events(stream) == ["paid", "released"]


async def test_refunds_in_parts_take_the_share_in_parts_and_all_of_it_in_the_end(stream):
    bought = await tip(stream)
    assert (await refund(stream, bought, 100, "a")).status == 201
    assert purse(stream) == {"reserve": 410, "payable": 0, "debt": 0}  # 499 × 100 / 555 = 89.9
    await stream.advance("25h")
    assert purse(stream) == {"reserve": 0, "payable": 410, "debt": 0}
    assert (await refund(stream, bought, 200, "b")).status == 201
    assert purse(stream) == {"reserve": 0, "payable": 230, "debt": 0}  # 499 × 300 / 555 = 269.7
    assert (await see(stream, bought))["state"] == "paid"

    assert (await refund(stream, bought, None, "c")).status == 201

    assert purse(stream) == {"reserve": 0, "payable": 0, "debt": 0}
    assert stream.balance("platform:revenue:USD") == 0
    assert (await see(stream, bought))["state"] == "refunded"
    assert (await stream.as_nobody().get("/v1/fanfunding/creators/luna/tips")).json["data"] == []
    assert events(stream) == ["paid", "frozen", "refunded", "released", *["frozen", "refunded"] * 2]


async def test_what_was_paid_out_is_owed_and_later_tips_pay_it_first(stream):
    bought = await tip(stream, 1000)
    await stream.advance("25h")
    await pay_out(stream, 850)
    await dispute(stream, bought, "lost")
    assert purse(stream) == {"reserve": 0, "payable": 0, "debt": 850}
    assert stream.balance("platform:receivable:USD") == -850
    assert stream.balance("platform:revenue:USD") == -850

    later = await tip(stream, 500)
    await stream.advance("25h")
    assert purse(stream) == {"reserve": 0, "payable": 0, "debt": 400}
    await tip(stream, 1000)
    await stream.advance("25h")
    assert purse(stream) == {"reserve": 0, "payable": 500, "debt": 0}
    assert (stream.balance("platform:receivable:USD"), stream.balance("platform:revenue:USD")) == (0, 150)

    # Won on appeal: what was taken comes back, and what was paid of the debt with it.
    await dispute(stream, bought, "won")
    assert purse(stream) == {"reserve": 0, "payable": 1400, "debt": 0}
    assert stream.balance("platform:revenue:USD") == 250
    assert (await see(stream, later))["state"] == "paid"
