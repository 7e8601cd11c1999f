"""Usage that is let go of with its money, and no other: what stays paid or was had is asked of somebody."""

from datetime import timedelta

import pytest

from storefront.core.migrating import MigrationFailed
from storefront.databases import make_database
from storefront.testing import running_shop

from .changing import ask, charged, pass_days
from .subscribing import GOOD, begin, may, see, subscribe
from .test_credits import gems
from .test_final_beside_others import cancel
from .test_final_invoices import FINAL, SHORT, STOLEN, turn
from .test_usage import metered, use

DAYER = (
    "  dayer: {kind: subscription, family: work, title: Dayer, interval: day, prices: {USD: 1000},"
    " grants: {lounge: true}, usage: {api: {meter: calls, title: API calls, model: per_unit,"
    ' price: "2.5", included: 100}}}\n'
)
FREE = "  fee: {kind: subscription, family: work, title: Fee, free: true, interval: 30 days}\n"


def more(tiers="", words=""):
    return FINAL.replace("  boss: {kind", f"{tiers}  boss: {{kind", 1).replace(
        "    families:", f"{words}    families:", 1
    )


def method(club):
    return club.query("SELECT id FROM payment_methods ORDER BY created_at DESC")[0]["id"]


def asked(club):
    return [(q["state"], q["total"]) for q in club.query("SELECT * FROM subscriptions_finals ORDER BY created_at")]


async def refund(club, at, key="all"):
    purchase = club.query("SELECT id FROM purchases ORDER BY created_at")[at]["id"]
    answer = await club.as_server().post(f"/v1/purchases/{purchase}/refunds", {"reason": "all"}, key=key)
    assert answer.status == 201, answer
    await club.quiet()


async def test_a_plan_whose_money_went_back_asks_for_what_another_one_left_once(data_folder, database_url):
    async with running_shop(data_folder, FINAL, database=database_url) as club:
        older = await subscribe(club, "worker")
        await pass_days(club, 3)
        await cancel(club, older)
        await pass_days(club, 1)
        newer = (await begin(club, "worker", payment_method=method(club))).json["details"]["subscription"]
        await club.quiet()
        await pass_days(club, 1)
        await use(club, "call", 200)
        await pass_days(club, 0.1)
        await cancel(club, newer)
        await pass_days(club, 0.1)
        assert asked(club) == [("paid", 250)]
        await refund(club, 1)
        await use(club, "call", 300, ago=timedelta(days=3.5))  # of the older plan: 500
        for days in [5] * 6 + [1] * 4:
            await pass_days(club, days)
        failed = club.query("SELECT kind, attempts, last_error FROM jobs WHERE attempts > 0")
        assert (len(asked(club)), failed, (await charged(club))[-1]) == (2, [], 500)


async def test_a_grace_that_is_longer_than_the_period_is_charged_to_its_end(data_folder, database_url):
    async with running_shop(data_folder, more(DAYER), database=database_url) as club:
        subscription = await subscribe(club, "dayer")
        await pass_days(club, 0.5)
        await turn(club, STOLEN)
        await pass_days(club, 3.6)
        assert await may(club, "lounge")
        await use(club, "call", 10_000)
        await pass_days(club, 1)
        await turn(club, GOOD)
        await cancel(club, subscription)
        await pass_days(club, 40)
        # The grace of 4.1 days has the 100 units of one day for nothing.
        assert await charged(club) == [1000, 24_750]


async def test_late_usage_of_a_period_that_stays_paid_is_asked_after_the_next_ones_was_paid(data_folder, database_url):
    async with running_shop(data_folder, FINAL, database=database_url) as club:
        subscription = await subscribe(club, "worker")
        await pass_days(club, 30.1)
        await use(club, "call", 300)
        await pass_days(club, 0.1)
        await cancel(club, subscription)
        await pass_days(club, 0.1)
        assert asked(club) == [("paid", 500)]
        await refund(club, 1)
        await use(club, "call", 300, ago=timedelta(days=3))  # of period 0, whose money stays
        await pass_days(club, 40)
        assert (asked(club), await charged(club)) == ([("paid", 500), ("paid", 500)], [1000, 1000, 500, 500])


async def test_gems_that_a_pause_gives_back_let_go_of_no_usage(data_folder, database_url):
    """A pause within the first twentieth of a period returns all of its 10 gems, by rounding."""
    text = more(words="    pause: {customers: true}\n")
    async with running_shop(data_folder, text, database=database_url) as club:
        ada = club.as_customer()
        await ada.get("/v1/me")
        grant = {"customer": "ada", "asset": "gems", "amount": 5000, "reason": "t"}
        await club.as_server().post("/v1/grants", grant, key="g")
        subscription = (await begin(club, "miner")).json["details"]["subscription"]
        await pass_days(club, 0.3)
        for _ in range(100):
            await use(club, "ore")
        await pass_days(club, 1)
        assert (await ada.post(f"/v1/subscriptions/{subscription}/pause", {"at": "now"})).status == 200
        await club.quiet()
        await cancel(club, subscription)
        await pass_days(club, 0.1)
        assert (asked(club), await gems(club)) == ([("paid", 112)], 4888)


@pytest.mark.parametrize("how", ["stays", "is canceled at once"])
async def test_access_after_the_end_is_charged_beside_a_plan_that_charges_for_nothing(data_folder, database_url, how):
    text = more(FREE, "    dunning: {hard_decline: cancel, grace: 7d}\n")
    async with running_shop(data_folder, text, database=database_url) as club:
        older = await subscribe(club, "worker")
        await pass_days(club, 1)
        await turn(club, STOLEN)
        await pass_days(club, 29.6)
        await turn(club, GOOD)
        newer = (await begin(club, "fee")).json["details"]["subscription"]
        await club.quiet()
        await pass_days(club, 0.1)
        if "canceled" in how:
            await cancel(club, newer)
        await pass_days(club, 1)
        assert ((await see(club, older))["has_access"], await may(club, "lounge")) == (True, True)
        await use(club, "call", 10_000)
        await pass_days(club, 45)
        found = [units for one in (older, newer) for _, name, units, *_ in await metered(club, one) if name == "api"]
        assert found.count("10000") == 1


@pytest.mark.parametrize("uncollected", ["owe", "write_off"])
async def test_what_stays_owed_is_tried_again_though_a_part_was_let_go_of(data_folder, database_url, uncollected):
    text = more(words=f"    usage: {{uncollected: {uncollected}}}\n")
    async with running_shop(data_folder, text, database=database_url) as club:
        subscription = await subscribe(club, "worker")
        await pass_days(club, 30.1)
        await use(club, "call", 300, ago=timedelta(days=3))  # of period 0, whose money stays: 500
        await use(club, "call", 300)
        await pass_days(club, 0.1)
        await turn(club, SHORT)
        await cancel(club, subscription)
        await pass_days(club, 0.1)
        await refund(club, 1)
        await turn(club, GOOD)
        await pass_days(club, 40)
        assert await charged(club) == [1000, 1000, 500]


async def test_how_long_a_period_was_had_is_not_worked_out_anew(data_folder, database_url):
    text = more(words="    dunning: {hard_decline: cancel, grace: 7d}\n")
    async with running_shop(data_folder, text, database=database_url) as club:
        await subscribe(club, "worker")
        await pass_days(club, 1)
        await turn(club, STOLEN)
        await pass_days(club, 29.1)
        await use(club, "call", 1000)
        await pass_days(club, 1)
        await refund(club, 0)
        await club.stop()
        database = make_database(club.parts.host)
        with pytest.raises(MigrationFailed, match="had otherwise than revision 0007 knows"):
            await database.migrate_to("subscriptions", "0007")
        await club.start()
        assert [one.message for one in (await club.audit()).violations] == []


async def test_credit_that_paid_a_period_stays_when_a_purchase_of_more_seats_goes_back(data_folder, database_url):
    text = more("  yak: {kind: subscription, family: work, title: Yak, interval: 30 days, prices: {USD: 5000}}\n")
    text = text.replace("title: Worker,", "title: Worker, most_seats: 9,", 1)
    async with running_shop(data_folder, text, database=database_url) as club:
        dear = await subscribe(club, "yak")
        await pass_days(club, 1)
        changed = await ask(club, dear, "worker", by=club.as_server(), timing="now", money="charge_now")
        assert changed.status in (200, 201), changed
        await cancel(club, dear)
        begun = await begin(club, "worker", payment_method=method(club))
        assert begun.json["total"]["amount"] == 0  # the credit pays it
        await club.quiet()
        worker = begun.json["details"]["subscription"]
        await pass_days(club, 1)
        await use(club, "call", 1000)
        await pass_days(club, 0.1)
        seats = await ask(club, worker, "worker", seats=9)
        assert seats.json["total"]["amount"] > 0, seats
        await club.quiet()
        await refund(club, -1)
        await pass_days(club, 40)
        assert all(state != "written_off" for state, _ in asked(club))
        assert ("paid", 2250) in asked(club)
