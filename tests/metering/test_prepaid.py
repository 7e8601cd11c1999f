"""Prepaid usage: drains the wallet to the last fraction, never more than is there, beside everything else spent."""

import itertools

from .metered_shop import cloud_event

PICO = 10**12
DAY = 86_400


async def test_usage_is_set_aside_at_once_and_billed_by_one_entry(metered, pass_time, fund, report, account):
    await fund("ada", 100, "credits")

    answer = await report(*(cloud_event(number) for number in range(90)))

    assert (answer.status, answer.json) == (200, {"accepted": 90, "duplicates": 0, "rejected": []})
    wallet = (await metered.as_customer().get("/v1/me")).json["wallets"]["credits"]
    assert (wallet["balance"], wallet["available"], wallet["held"]) == (100, 95, 5)
    assert account("api")["pending"] == 4_500_000_000_000

    await pass_time(61)

    assert account("api") == {"metered": 4_500_000_000_000, "billed": 4 * PICO, "unbilled": 0, "pending": PICO // 2}
    assert metered.balance("customer:ada:credits") == 96
    assert metered.balance("platform:sink:credits") == 4
    assert len(metered.query("SELECT id FROM entries WHERE kind = 'usage.drained'")) == 1
    wallet = (await metered.as_customer().get("/v1/me")).json["wallets"]["credits"]
    assert (wallet["balance"], wallet["available"], wallet["held"]) == (96, 95, 1)


async def test_events_count_once_however_often_they_come(metered, fund, report, account):
    await fund("ada", 100, "credits")
    events = [cloud_event(number) for number in range(20)]

    first = await report(*events[:15])
    again = await report(*events, events[0])

    assert first.json == {"accepted": 15, "duplicates": 0, "rejected": []}
    assert again.json == {"accepted": 5, "duplicates": 16, "rejected": []}
    assert account("api")["metered"] == PICO


async def test_usage_that_the_wallet_cannot_pay_is_refused_to_the_last_fraction(metered, fund, report, account):
    await fund("ada", 1, "credits")

    answer = await report(*(cloud_event(number) for number in range(22)))

    assert (answer.json["accepted"], [one["index"] for one in answer.json["rejected"]]) == (20, [20, 21])
    assert answer.json["rejected"][0]["reason"] == "exhausted"
    assert account("api")["metered"] == PICO
    check = await metered.as_customer().get("/v1/entitlements/api")
    assert (check.json["allowed"], check.json["reason"], check.json["remaining"]) == (False, "exhausted", 0)

    await fund("ada", 2, "credits")
    again = await report(cloud_event(20), cloud_event(21), cloud_event(0))

    assert again.json == {"accepted": 2, "duplicates": 1, "rejected": []}
    check = await metered.as_customer().get("/v1/entitlements/api?amount=38")
    assert (check.json["allowed"], check.json["remaining"]) == (True, 38)
    assert (await metered.as_customer().get("/v1/entitlements/api?amount=39")).json["allowed"] is False


async def test_a_purchase_never_spends_what_usage_has_used(metered, pass_time, fund, report):
    await fund("ada", 20)
    usage = cloud_event(1, "voice.minute", minutes="22.5", region="eu")

    assert (await report(usage)).json["accepted"] == 1
    bought = await metered.buy("potion")

    assert (bought.status, bought.json["available"], bought.json["required"]) == (402, 13, 15)
    await pass_time(61)
    assert metered.balance("customer:ada:gems") == 14


async def test_what_is_included_is_free_in_each_period(metered, pass_time, fund, report, account):
    await fund("ada", 30)
    await report(cloud_event(1, "voice.minute", minutes=10, region="us"))
    feature = (await metered.as_customer().get("/v1/me")).json["features"]["voice_minutes"]
    assert (feature["used"], feature["included_left"], feature["remaining"], feature["overage"]) == (10, 0, 60, False)

    await pass_time(32 * DAY)
    await report(cloud_event(2, "voice.minute", minutes=10.25, region="us"))

    assert account("voice_minutes")["metered"] == 125_000_000_000
    feature = (await metered.as_customer().get("/v1/me")).json["features"]["voice_minutes"]
    assert (feature["used"], feature["included_left"], feature["overage"]) == ("10.25", 0, True)


async def test_capped_usage_is_counted_up_to_what_can_be_paid(metered, pass_time, fund, report, account):
    await fund("ada", 5)

    answer = await report(cloud_event(1, "capped", n=3), cloud_event(2, "capped", n=4), cloud_event(3, "capped", n=2))
    await pass_time(61)

    assert answer.json["accepted"] == 3
    assert account("capped") == {"metered": 9 * PICO, "billed": 5 * PICO, "unbilled": 4 * PICO, "pending": 0}
    check = (await metered.as_customer().get("/v1/entitlements/capped")).json
    assert (check["allowed"], check["remaining"]) == (False, 0)


async def test_usage_that_is_allowed_goes_on_for_free(metered, pass_time, fund, report, account):
    await fund("ada", 1)

    await report(cloud_event(1, "free", n=5))
    await pass_time(61)

    assert account("free") == {"metered": 1_500_000_000_000, "billed": PICO, "unbilled": PICO // 2, "pending": 0}
    check = (await metered.as_customer().get("/v1/entitlements/free")).json
    assert (check["allowed"], check["remaining"]) == (True, None)


async def test_usage_that_may_be_owed_becomes_a_debt(metered, pass_time, fund, report, account):
    await fund("ada", 2)

    await report(cloud_event(1, "owed", n=3))
    await pass_time(61)

    assert account("owed") == {"metered": 4_500_000_000_000, "billed": 4 * PICO, "unbilled": 0, "pending": PICO // 2}
    assert (metered.balance("customer:ada:gems"), metered.balance("customer:ada:debt:gems")) == (0, 2)
    await fund("ada", 10)
    assert metered.balance("customer:ada:gems") == 8


async def test_a_wallet_that_runs_out_is_told_of_once_per_crossing(metered, fund, report):
    def told():
        rows = metered.query("SELECT type FROM events WHERE type IN ('usage.low', 'usage.exhausted') ORDER BY sequence")
        return [row["type"] for row in rows]

    await fund("ada", 30)
    for number, minutes in enumerate((20, 20, 20, 60, 60)):
        await report(cloud_event(number, "voice.minute", minutes=minutes, region="eu"))
    assert told() == ["usage.low", "usage.exhausted"]
    await fund("ada", 100)
    await report(cloud_event("more", "voice.minute", minutes=20, region="eu"))
    assert told() == ["usage.low", "usage.exhausted"]
    for number in range(2):
        await report(cloud_event(f"much-{number}", "voice.minute", minutes=200, region="eu"))
    assert told() == ["usage.low", "usage.exhausted", "usage.exhausted"]


async def test_a_consume_that_is_refused_tells_that_the_wallet_has_run_out_once_per_crossing(metered, fund):
    server = metered.as_server()

    async def consume(quantity):
        number = next(numbers)
        body = {"customer": "ada", "quantity": quantity}
        answer = await server.post("/v1/entitlements/api/consume", body, key=f"k{number}")
        told = metered.query("SELECT count(*) AS n FROM events WHERE type = 'usage.exhausted'")[0]["n"]
        return answer.status, told

    numbers = itertools.count()
    await fund("ada", 1, "credits")
    assert [await consume(21), await consume(21)] == [(402, 1), (402, 1)]
    assert metered.query("SELECT metered, hold_id FROM usage_accounts") == [{"metered": "0", "hold_id": None}]
    assert metered.query("SELECT 1 FROM usage_ids") == metered.query("SELECT 1 FROM usage_windows") == []
    assert [await consume(20), await consume(1), await consume(1)] == [(200, 1), (402, 2), (402, 2)]


async def test_what_is_set_aside_for_usage_is_released_by_nobody(metered, fund, report):
    await fund("ada", 5, "credits")
    await report(*(cloud_event(number) for number in range(30)))
    hold = (await metered.as_server().get("/v1/holds?customer=ada")).json["data"][0]
    assert (hold["amount"], hold["state"], hold["reason"]) == (2, "open", "usage of api")

    for verb in ("capture", "release"):
        answer = await metered.as_server().post(f"/v1/holds/{hold['id']}/{verb}", key=verb)
        assert (answer.status, answer.json["code"]) == (409, "hold_of_usage")
