"""Usage of time that nobody paid for: had by grace, each hour asked of somebody once, and none that was not had."""

from datetime import timedelta

from storefront.testing import running_shop

from .changing import ask, charged, pass_days
from .gifting import gift
from .subscribing import GOOD, begin, may, see, subscribe
from .test_final_beside_others import cancel, first_method, owed
from .test_final_invoices import FINAL, SHORT, STOLEN, final_of, finals, left, turn
from .test_usage import metered, use


def dunned(words):
    """Return a YAML whose renewals fail as told."""
    return FINAL.replace("    families:", f"    dunning: {{{words}}}\n    families:", 1)


async def used(club, *subscriptions):
    """Return the units of calls that subscriptions are charged for, each line by itself."""
    return [units for one in subscriptions for _, name, units, *_ in await metered(club, one)
            if name == "api" and units != "0"]  # fmt: skip


async def declined_for_good(club):
    """Subscribe, and let the renewal be declined for good: access goes on for seven days after the end."""
    subscription = await subscribe(club, "worker")
    await pass_days(club, 1)
    await turn(club, STOLEN)
    await pass_days(club, 29.1)
    found = await see(club, subscription)
    assert (found["billing_state"], found["has_access"]) == ("canceled", True)
    await use(club, "call", 1000)
    await pass_days(club, 1)
    await turn(club, GOOD)
    return subscription


async def test_hours_of_the_grace_after_the_end_are_charged_by_the_plan_that_begins_in_it(data_folder, database_url):
    async with running_shop(data_folder, dunned("hard_decline: cancel, grace: 7d"), database=database_url) as club:
        first = await declined_for_good(club)
        answer = await begin(club, "worker", payment_method=await first_method(club))
        second = answer.json["details"]["subscription"]
        await pass_days(club, 1)
        await use(club, "call", 10_000)
        assert await used(club, first, second) == ["1000", "10000"]
        await use(club, "call", 1, ago=timedelta(days=1.5))  # late, of the grace
        await pass_days(club, 40)
        assert await used(club, first, second) == ["1001", "10000"]


async def test_a_gift_that_begins_in_the_grace_charges_its_hours_too(data_folder, database_url):
    async with running_shop(data_folder, dunned("hard_decline: cancel, grace: 7d"), database=database_url) as club:
        first = await declined_for_good(club)
        await gift(club, "worker", 1, to="ada", by="bob")
        await club.quiet()
        await pass_days(club, 1)
        await use(club, "call", 10_000)
        second = club.query("SELECT id FROM subscriptions WHERE id != ?", first)[0]["id"]
        assert await used(club, first, second) == ["1000", "10000"]


async def test_usage_in_the_grace_is_owed_though_a_resumption_fails(data_folder, database_url):
    async with running_shop(data_folder, FINAL, database=database_url) as club:
        subscription = await subscribe(club, "worker")
        await pass_days(club, 1)
        await turn(club, SHORT)
        await pass_days(club, 30)
        await use(club, "call", 1000)
        await pass_days(club, 1)
        server, ada = club.as_server(), club.as_customer()
        assert (await server.post(f"/v1/subscriptions/{subscription}/pause", {"at": "now"})).status == 200
        await pass_days(club, 1)
        assert (await ada.post(f"/v1/subscriptions/{subscription}/resume", {})).status == 200
        await club.quiet()
        await cancel(club, subscription)
        assert await owed(club, subscription) == 2483  # two days had 6.67 of the 100 units


async def test_usage_is_owed_until_a_subscription_is_canceled_whose_renewal_nobody_knows_of(data_folder, database_url):
    async with running_shop(data_folder, FINAL, database=database_url) as club:
        subscription = await subscribe(club, "worker")
        await pass_days(club, 1)
        await turn(club, SHORT)
        await club.sandbox.misbehave("status", "POST /v1/payment_intents", status=500, times=99)
        await pass_days(club, 29.1)
        await use(club, "call", 1000)
        await pass_days(club, 0.5)
        found = await see(club, subscription)
        assert (found["billing_state"], found["has_access"]) == ("active", True)
        path = f"/v1/subscriptions/{subscription}/cancel"
        answer = await club.as_customer().post(path, {"at": "period_end"})
        assert (answer.status, answer.json["has_access"]) == (200, False), answer
        await club.sandbox.misbehave("status", "POST /v1/payment_intents", clear=True)
        await pass_days(club, 1)
        assert ((await see(club, subscription))["billing_state"], await may(club, "lounge")) == ("canceled", False)
        assert await owed(club, subscription) == 2495  # fourteen hours had two of the 100 units


async def test_a_pause_long_after_the_grace_charges_nothing_that_was_used_without_access(data_folder, database_url):
    async with running_shop(data_folder, dunned("hard_decline: stop, grace: 3d"), database=database_url) as club:
        subscription = await subscribe(club, "worker")
        await pass_days(club, 1)
        await turn(club, STOLEN)
        await pass_days(club, 35.1)
        assert not (await see(club, subscription))["has_access"]
        await use(club, "call", 50_000)
        await pass_days(club, 1)
        server, ada = club.as_server(), club.as_customer()
        assert (await server.post(f"/v1/subscriptions/{subscription}/pause", {"at": "now"})).status == 200
        await pass_days(club, 1)
        await turn(club, GOOD)
        assert (await ada.post(f"/v1/subscriptions/{subscription}/resume", {})).status == 200
        await club.quiet()
        assert await charged(club) == [1000, 1000]


async def test_money_that_goes_back_in_the_grace_after_the_end_ends_the_access_and_what_comes_late_is_written_off(
    data_folder, database_url
):
    async with running_shop(data_folder, dunned("hard_decline: cancel, grace: 7d"), database=database_url) as club:
        subscription = await declined_for_good(club)
        assert await may(club, "lounge")
        purchase = club.query("SELECT id FROM purchases ORDER BY created_at")[0]["id"]
        answer = await club.as_server().post(f"/v1/purchases/{purchase}/refunds", {"reason": "all"}, key="all")
        assert answer.status == 201, answer
        await club.quiet()
        assert ((await see(club, subscription))["has_access"], await may(club, "lounge")) == (False, False)
        assert (await final_of(club, subscription))["state"] == "written_off"
        await use(club, "call", 500, ago=timedelta(hours=20))  # late, of the grace
        await pass_days(club, 0.1)
        await use(club, "call", 90_000)
        await pass_days(club, 40)
        assert (await used(club, subscription), await owed(club, subscription)) == (["1500"], 0)
        assert all(pending == 0 for *_, pending in await metered(club, subscription))
        assert await charged(club) == [1000]


async def test_one_of_several_purchases_of_a_period_that_goes_back_lets_go_of_no_usage(data_folder, database_url):
    text = FINAL.replace("prices: {USD: 1000}, grants", "prices: {USD: 1000}, most_seats: 9, grants", 1)
    async with running_shop(data_folder, text, database=database_url) as club:
        subscription = await subscribe(club, "worker")
        await pass_days(club, 1)
        await use(club, "call", 1000)
        answer = await ask(club, subscription, "worker", seats=2, payment_method=await first_method(club))
        assert answer.status == 201, answer
        more = club.query("SELECT id, total FROM purchases ORDER BY created_at")[1]
        answer = await club.as_server().post(f"/v1/purchases/{more['id']}/refunds", {"reason": "all"}, key="all")
        assert answer.status == 201, answer
        await club.quiet()
        found = await see(club, subscription)
        assert (found["billing_state"], found["owed"]["amount"]) == ("canceled", 2250)
        await pass_days(club, 0.1)
        assert (await charged(club))[-1] == 2250
        first = club.query("SELECT id FROM purchases ORDER BY created_at")[0]["id"]
        await club.as_server().post(f"/v1/purchases/{first}/refunds", {"reason": "all"}, key="first")
        await club.quiet()
        await pass_days(club, 40)
        assert await owed(club, subscription) == 0


async def test_usage_of_a_period_that_stays_paid_is_asked_though_the_money_of_the_next_one_goes_back(
    data_folder, database_url
):
    async with running_shop(data_folder, FINAL, database=database_url) as club:
        subscription = await subscribe(club, "worker")
        await pass_days(club, 30.1)
        await use(club, "call", 300, ago=timedelta(days=3))  # of the first period, whose invoice is written
        await use(club, "call", 1000)
        await pass_days(club, 1)
        paid = club.query("SELECT id FROM purchases ORDER BY created_at")[1]["id"]
        answer = await club.as_server().post(f"/v1/purchases/{paid}/refunds", {"reason": "all"}, key="all")
        assert answer.status == 201, answer
        await club.quiet()
        assert await owed(club, subscription) == 500
        await pass_days(club, 0.1)
        assert (await owed(club, subscription), await charged(club)) == (0, [1000, 1000, 500])
        assert sorted(one for one in finals(club) if one != "final_invoiced") == ["final_paid", "final_written_off"]


async def test_what_was_written_off_by_a_setting_was_not_asked_in_vain(data_folder, database_url):
    text = FINAL.replace("    families:", "    usage: {at_end: write_off}\n    families:", 1)
    async with running_shop(data_folder, text, database=database_url) as club:
        subscription = await left(club)
        await pass_days(club, 0.1)
        assert (await final_of(club, subscription))["state"] == "written_off"
        (data_folder / "shop.yaml").write_text(FINAL)
        await club.restart()
        await use(club, "call", 400, ago=timedelta(hours=5))
        await pass_days(club, 36)
        assert ((await final_of(club, subscription))["state"], await charged(club)) == ("paid", [1000, 1000])
