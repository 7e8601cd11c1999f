"""Pending usage beside what else moves a wallet: disputes, holds and top-ups. Always exact, and the audit is clean."""

import pytest

from storefront.testing import running_shop
from tests.shop.test_disputes import disputed
from tests.shop.topping_up import agreed

from .metered_shop import METERED, cloud_event

PICO = 10**12


@pytest.fixture
async def topped_up(data_folder, database_url):
    """The metered shop, whose wallets may be topped up by themselves."""
    async with running_shop(data_folder, f"{METERED}auto_top_up: {{}}\n", database=database_url) as shop:
        yield shop


async def wallet(shop):
    """Ada's gems: (balance, available, held, owed)."""
    gems = (await shop.as_customer().get("/v1/me")).json["wallets"]["gems"]
    return gems["balance"], gems["available"], gems["held"], gems["owed"]


def talked(number, minutes):
    """Half a gem a minute, the first ten of a month for free."""
    return cloud_event(number, "voice.minute", minutes=minutes, region="eu")


@pytest.fixture
async def pack(metered, report):
    """Ada buys 500 gems, uses 50.25 of them, and her bank disputes what she paid before the usage is drained."""
    pack = await metered.bought("gems-500")
    assert (await report(talked(1, "110.5"))).json["accepted"] == 1
    await disputed(metered, pack)
    assert await wallet(metered) == (500, 0, 51, 0)
    return pack


async def test_what_was_used_before_a_dispute_is_billed_and_a_won_one_gives_back_the_rest(
    metered, pack, report, pass_time, account
):

    refused = await report(talked(2, 2))
    await pass_time(61)

    assert refused.json["rejected"][0]["reason"] == "exhausted"
    quarter = {"metered": 50 * PICO + PICO // 4, "billed": 50 * PICO, "unbilled": 0, "pending": PICO // 4}
    assert account("voice_minutes") == quarter
    assert await wallet(metered) == (450, 0, 0, 0)
    await disputed(metered, pack, "won")
    assert (await wallet(metered))[:2] == (450, 450)
    assert (await report(talked(2, 2))).json["accepted"] == 1  # now the quarter is set aside again
    assert await wallet(metered) == (450, 448, 2, 0)
    await pass_time(61)
    assert account("voice_minutes") == {**quarter, "metered": 51 * PICO + PICO // 4, "billed": 51 * PICO}
    assert await wallet(metered) == (449, 448, 1, 0)


@pytest.mark.parametrize("drained", ["while the dispute is open", "after it is lost"])
async def test_what_was_used_before_a_dispute_that_is_lost_is_owed(metered, pack, pass_time, account, drained):
    if drained == "while the dispute is open":
        await pass_time(61)

    await disputed(metered, pack, "lost")
    await pass_time(61)

    quarter = {"metered": 50 * PICO + PICO // 4, "billed": 50 * PICO, "unbilled": 0, "pending": PICO // 4}
    assert account("voice_minutes") == quarter
    assert await wallet(metered) == (0, 0, 0, 50)


@pytest.fixture
async def owing(metered, pack, pass_time):
    """Ada's bank takes the money back: the 50 gems that she has used are owed."""
    await disputed(metered, pack, "lost")
    await pass_time(61)
    assert await wallet(metered) == (0, 0, 0, 50)


@pytest.mark.usefixtures("owing")
async def test_a_debt_that_usage_left_is_paid_first_and_usage_goes_on(metered, fund, report, pass_time, account):
    await fund("ada", 60)

    assert await wallet(metered) == (10, 10, 0, 0)
    assert (await report(talked(3, "1.5"))).json["accepted"] == 1
    await pass_time(61)
    used = 51 * PICO
    assert account("voice_minutes") == {"metered": used, "billed": used, "unbilled": 0, "pending": 0}
    assert await wallet(metered) == (9, 9, 0, 0)


async def test_usage_and_holds_never_want_the_same_gem(metered, fund, report, pass_time, account):
    await fund("ada", 20)
    server, body = (
        metered.as_server(),
        {"customer": "ada", "asset": "gems", "reason": "a bid", "expires_in_seconds": 600},
    )
    assert (await report(talked(1, 21))).json["accepted"] == 1  # 5.5 gems
    too_much = await server.post("/v1/holds", {**body, "amount": 15}, key="h1")
    held = await server.post("/v1/holds", {**body, "amount": 14}, key="h2")
    assert (too_much.status, too_much.json["available"], held.status) == (402, 14, 201)
    assert (await report(talked(2, 1), talked(3, 1))).json["accepted"] == 1  # half a gem was set aside already

    captured = await server.post(f"/v1/holds/{held.json['id']}/capture", {"amount": 11}, key="c1")
    assert captured.status == 200
    assert (await report(talked(3, 1), talked(4, 4), talked(5, 3))).json["accepted"] == 2
    await pass_time(61)

    assert account("voice_minutes") == {"metered": 17 * PICO // 2, "billed": 8 * PICO, "unbilled": 0,
                                        "pending": PICO // 2}  # fmt: skip
    assert await wallet(metered) == (1, 0, 1, 0)


async def test_a_hold_that_is_over_pays_for_usage_in_the_same_commit(metered, fund, report, account):
    await fund("ada", 20)
    body = {"customer": "ada", "asset": "gems", "amount": 20, "reason": "a bid", "expires_in_seconds": 60}
    assert (await metered.as_server().post("/v1/holds", body, key="h")).status == 201
    assert (await report(talked(1, 10), talked(2, 4))).json["accepted"] == 1
    metered.wall.move(61)

    assert (await report(talked(2, 4), talked(3, 5), talked(4, 40))).json["accepted"] == 2

    assert account("voice_minutes")["pending"] == 9 * PICO // 2
    assert await wallet(metered) == (20, 15, 5, 0)


async def test_usage_that_drains_a_wallet_tops_it_up_once_and_goes_on(topped_up):
    shop = topped_up
    await agreed(shop, gems=110)
    server = shop.as_server()
    usage = [talked(number, 21) for number in range(8)]  # 79 gems in all, with ten minutes for free

    first = await server.post("/v1/usage", usage)
    shop.wall.move(61)
    shop.parts.jobs.wake()
    await shop.quiet()

    assert first.json["accepted"] == 8
    assert shop.balance("customer:ada:gems") == 110 - 79 + 500
    assert [row["state"] for row in shop.query("SELECT state FROM auto_top_up_runs")] == ["completed"]
    assert (await server.post("/v1/usage", [talked("more", 900)])).json["accepted"] == 1
    assert await wallet(shop) == (531, 81, 450, 0)
