"""Tips of one creator under a rush: numbered without gaps; what is paid out, released and taken back is never more."""

import asyncio

import pytest
from storefront_fanfunding.releasing import release

from storefront.testing import running_shop
from tests.fanfunding.tipping import FAN_SHOP, LUNA, begin_payout, give, purse, refund, tip

ROUNDS = 2


@pytest.fixture
async def stream(data_folder, database_url):
    """Luna's shop, running; its books are audited when the race is over."""
    (data_folder / "luna.yaml").write_text(LUNA)
    async with running_shop(data_folder, FAN_SHOP, database=database_url) as shop:
        yield shop


async def test_tips_at_once_are_numbered_without_gaps_and_each_has_its_alert(stream):
    fans = [f"fan-{number}" for number in range(4)]
    await asyncio.gather(*(stream.bought("gems-500", customer=fan) for fan in fans))

    answers = await asyncio.gather(*(give(stream, 13, "gems", by=stream.as_customer(fan)) for fan in fans * 6))

    assert [answer.status for answer in answers] == [201] * 24
    for table in ("fanfunding_tips", "fanfunding_alerts"):
        rows = stream.query(f"SELECT sequence FROM {table} ORDER BY sequence")
        assert [row["sequence"] for row in rows] == list(range(1, 25))
    assert purse(stream, "gems") == {"reserve": 24 * 11, "payable": 0, "debt": 0}
    assert len(stream.query("SELECT id FROM fanfunding_creators")) == 1


async def test_tips_of_one_fan_at_once_come_on_screen_no_more_often_than_the_creator_wants(stream, data_folder):
    (data_folder / "luna.yaml").write_text(LUNA.replace("hold: [links]", "hold: [links], max_per_minute: 3"))
    await stream.restart()
    await stream.bought("gems-500", customer="mio")

    answers = await asyncio.gather(*(give(stream, 13, "gems", by=stream.as_customer("mio")) for _ in range(12)))

    assert [answer.status for answer in answers] == [201] * 12
    rows = stream.query("SELECT state, COUNT(*) AS found FROM fanfunding_alerts GROUP BY state ORDER BY state")
    assert [(row["state"], row["found"]) for row in rows] == [("held", 9), ("queued", 3)]


async def paid_out(stream, amount: int) -> int:
    """Pay out if that is there; return what was."""
    answer = await begin_payout(stream, amount)
    assert answer.status == 201 or answer.json["code"] == "payout_not_possible", answer
    return amount if answer.status == 201 else 0


async def test_refund_dispute_release_and_payouts_at_once_take_no_unit_twice(stream):
    earned = gone = paid = 0
    for turn in range(ROUNDS):
        bought = await tip(stream, 1000)
        tip_id = bought["details"]["tip"]
        await stream.advance("23h")
        services = stream.parts.services
        services.clock.offset_ms += 2 * 3_600_000  # due, and no job has come to it yet

        _, _, answer, _, first, second = await asyncio.gather(
            release(services, tip_id),
            stream.sandbox.dispute(bought, "lost"),
            refund(stream, bought, 300),
            release(services, tip_id),
            paid_out(stream, 500),
            paid_out(stream, 500),
        )
        await stream.quiet()

        # Whoever is second is told that there is nothing left, by us or by the gateway.
        assert answer.status == 201 or answer.json["code"] in ("already_refunded", "refund_failed"), (turn, answer)
        (row,) = stream.query("SELECT returned, back_earned FROM fanfunding_tips WHERE id = ?", tip_id)
        assert (row["returned"], row["back_earned"]) == (1000, 900)
        earned, gone, paid = earned + 900, gone + 900, paid + first + second
        has = purse(stream)
        assert has["reserve"] + has["payable"] - has["debt"] == earned - gone - paid
        assert has["reserve"] == 0
        assert min(has["payable"], has["debt"]) == 0


async def test_payouts_at_once_leave_nothing_below_zero(stream):
    await tip(stream, 1000)
    await stream.advance("25h")
    results = await asyncio.gather(*(paid_out(stream, 400) for _ in range(8)))
    assert sorted(results) == [0] * 6 + [400] * 2
    assert purse(stream) == {"reserve": 0, "payable": 100, "debt": 0}


async def test_of_thirty_two_that_want_all_at_once_one_payout_comes_of_it(stream):
    """Payouts of all under many keys and one, releases and a refund: what is paid, back and left was earned."""
    for _ in range(ROUNDS):
        before = purse(stream)
        bought = await tip(stream, 1000)
        await stream.advance("23h")
        services, tip_id = stream.parts.services, bought["details"]["tip"]
        services.clock.offset_ms += 2 * 3_600_000  # due, and no job has come to it yet
        await release(services, tip_id)

        *answers, refunded, _, _ = await asyncio.gather(
            *(begin_payout(stream) for _ in range(16)),
            *(begin_payout(stream, key=f"one-{tip_id}") for _ in range(13)),
            refund(stream, bought, 300),
            release(services, tip_id),
            release(services, tip_id),
        )
        await stream.quiet()

        assert refunded.status == 201
        begun = {answer.json["id"]: answer.json["amount"]["amount"] for answer in answers if answer.status == 201}
        assert len(begun) == 1  # the refund gives nothing back to a creator, so the first one leaves nothing to pay
        after = purse(stream)
        assert sum(begun.values()) == before["payable"] - before["debt"] + 900 - 270 - after["payable"] + after["debt"]
        assert (after["payable"], after["reserve"]) == (0, 0)
