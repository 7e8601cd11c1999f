"""What usage events must look like, and what the answer says of those that do not count."""

import msgspec
import pytest

from storefront.core.clock import iso

from .metered_shop import cloud_event

DAY = 86_400


async def test_each_event_is_judged_by_itself(metered, fund, report):
    await fund("ada", 10, "credits")
    now = metered.parts.services.clock.now()
    events = [
        cloud_event(0),
        {**cloud_event(1), "specversion": "0.3"},
        {**cloud_event(2), "id": ""},
        {**cloud_event(3), "subject": " "},
        cloud_event(4, "nobody.counts.this"),
        cloud_event(5, time="yesterday"),
        cloud_event(6, time=now + 6 * 60_000),
        cloud_event(7, time=now - 36 * 86_400_000),
        cloud_event(8, "voice.minute", minutes=-1, region="eu"),
        cloud_event(9, "voice.minute", minutes="0.0000001", region="eu"),
        cloud_event(10, "voice.minute", region="eu"),
        "no event",
        {**cloud_event(12), "data": [1]},
        cloud_event(13, time=now - 34 * 86_400_000),
        cloud_event(14, "voice.minute", minutes=7, region="mars"),
    ]

    answer = await report(*events)

    rejected = {one["index"]: one["reason"] for one in answer.json["rejected"]}
    assert rejected == {
        **dict.fromkeys((1, 2, 3, 5, 8, 9, 10, 11, 12), "invalid"),
        4: "unknown_type",
        6: "in_the_future",
        7: "too_old",
    }
    assert answer.json["accepted"] == 3
    details = {one["index"]: one["detail"] for one in answer.json["rejected"]}
    assert details[9] == "data.minutes must be a number from 0 to 1000000000 with at most six decimals"


@pytest.mark.parametrize(
    "media", ["application/json", "application/cloudevents+json", "application/cloudevents-batch+json; charset=utf-8"]
)
async def test_one_event_or_a_list_comes_as_any_of_the_media_types(metered, fund, media):
    await fund("ada", 10, "credits")
    server = metered.as_server()
    for number, document in enumerate((cloud_event(0), [cloud_event(1)])):
        content = msgspec.json.encode(document)
        reply = await server.send("POST", "/v1/usage", content=content, headers={"Content-Type": media})
        assert (reply.status, msgspec.json.decode(reply.body)["accepted"]) == (200, 1), number


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 400, "malformed_request"),
        (b"[]", 422, "invalid_request"),
        (b'"text"', 422, "invalid_request"),
        (b'[{"id": "a", "id": "b"}]', 400, "malformed_request"),
        (b"[NaN]", 400, "malformed_request"),
        (b"[" * 5_000, 400, "malformed_request"),
        (b"[1e99]", 400, "malformed_request"),
        (b'["\\ud800"]', 400, "malformed_request"),
        (b"[" + b",".join([b"{}"] * 1_001) + b"]", 413, "too_many_events"),
    ],
)
async def test_what_is_no_list_of_events_is_refused_as_a_whole(metered, content, status, code):
    reply = await metered.as_server().send("POST", "/v1/usage", content=content)

    assert (reply.status, msgspec.json.decode(reply.body)["code"]) == (status, code)


async def test_other_media_types_and_other_callers_are_refused(metered):
    content = msgspec.json.encode([cloud_event(1)])
    plain = await metered.as_server().send("POST", "/v1/usage", content=content, headers={"Content-Type": "text/plain"})
    customer = await metered.as_customer().post("/v1/usage", [cloud_event(1)])
    nobody = await metered.as_nobody().post("/v1/usage", [cloud_event(1)])

    assert (plain.status, customer.status, nobody.status) == (415, 403, 401)


async def test_fractions_are_exact_whether_they_are_numbers_or_texts(metered, fund, report, account):
    await fund("ada", 1_000)
    minutes = [0.1, 0.2, "0.3", 1e1, "1e-6", 0.000001]

    answer = await report(*(cloud_event(n, "voice.minute", minutes=m, region="eu") for n, m in enumerate(minutes)))

    assert answer.json["accepted"] == 6
    assert account("voice_minutes")["metered"] == 600_002 * 500_000  # 10 are free; half a gem a minute


async def test_one_event_counts_for_every_meter_that_listens(metered, report):
    rooms = [cloud_event(n, "room", seats=seats) for n, seats in enumerate((4, 11, 7))]
    logins = [cloud_event(f"l{n}", "login", player=player) for n, player in enumerate(("x", "y", "x", 5, "5"))]

    assert (await report(*rooms, *logins)).json["accepted"] == 8

    async def quantity(meter):
        now = metered.parts.services.clock.now()
        span = {"from": now - 3_600_000 * 24, "until": now + 3_600_000}
        times = "&".join(f"{name}={iso(at)}" for name, at in span.items())
        answer = await metered.as_customer().get(f"/v1/usage?meter={meter}&{times}")
        assert answer.status == 200, answer
        return answer.json["quantity"], answer.json["events"]

    assert await quantity("peak") == ("11", 3)
    assert await quantity("players") == ("3", 5)
    assert await quantity("calls") == ("0", 0)


async def test_usage_is_asked_about_by_the_meter_alone_and_answered_for_the_period_under_way(metered, report, fund):
    await fund("ada", 100)
    await report(
        *(cloud_event(n, "voice.minute", minutes=20, region="eu") for n in range(2)), cloud_event("s", "room", seats=7)
    )

    voice = (await metered.as_customer().get("/v1/usage?meter=voice")).json
    seats = (await metered.as_customer().get("/v1/usage?meter=peak")).json

    assert (voice["quantity"], voice["events"], len(voice["data"])) == ("40", 2, 1)
    account = voice["accounts"][0]
    assert (account["feature"], account["metered"], len(voice["accounts"])) == ("voice_minutes", "15", 1)
    # A postpaid meter has no account, and shows none of another meter's.
    assert (seats["quantity"], seats["accounts"]) == ("7", [])


async def test_usage_of_the_period_before_is_shown_when_asked_for(metered, report, pass_time, fund):
    await fund("ada", 100)
    await report(cloud_event(1, "voice.minute", minutes=20, region="eu"))
    until = iso(metered.parts.services.clock.now())
    await pass_time(32 * DAY)

    assert (await metered.as_customer().get("/v1/usage?meter=voice")).json["events"] == 0
    assert (await metered.as_customer().get(f"/v1/usage?meter=voice&until={until}")).json["events"] == 1


async def test_a_question_about_usage_that_makes_no_sense_is_refused(metered):
    server = metered.as_server()
    await metered.as_customer().get("/v1/me")
    base = "/v1/usage?customer=ada&from=2026-01-01T00:00:00Z"
    for query, pointer in [
        (f"{base}&until=2026-01-02T00:00:00Z&meter=nothing", "?meter"),
        (f"{base}&until=2025-01-02T00:00:00Z&meter=calls", "?until"),
        (f"{base}&until=2029-01-02T00:00:00Z&meter=calls", "?until"),
        (f"{base}&until=soon&meter=calls", "?until"),
    ]:
        answer = await server.get(query)
        assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, pointer), answer


async def test_ids_are_kept_longer_than_events_may_be_late(metered, pass_time, fund, report):
    await fund("ada", 10, "credits")
    now = metered.parts.services.clock.now()
    await report(cloud_event(1, time=now), cloud_event(2, "login", player="x"))
    await pass_time(34 * DAY)
    assert (await report(cloud_event(1, time=now))).json["duplicates"] == 1

    await pass_time(65 * DAY)

    assert metered.query("SELECT * FROM usage_ids") == []
    assert metered.query("SELECT * FROM usage_uniques") == []
    assert (await report(cloud_event(1, time=now))).json["rejected"][0]["reason"] == "too_old"


async def test_a_feature_is_used_up_by_quantity_once_per_key(metered, fund, account):
    await fund("ada", 2, "credits")
    server, body = metered.as_server(), {"customer": "ada", "quantity": 30}

    first = await server.post("/v1/entitlements/api/consume", body, key="k1")
    again = await server.post("/v1/entitlements/api/consume", body, key="k1")
    too_much = await server.post("/v1/entitlements/api/consume", {**body, "quantity": 11}, key="k2")

    assert (first.status, first.json["consumed"]) == (200, 30)
    assert first.json["customer"]["changed"]["wallets"]["credits"]["available"] == 0
    assert (again.status, again.json, again.headers["Idempotent-Replayed"]) == (200, first.json, "true")
    assert (too_much.status, too_much.json["code"], too_much.json["short_by"]) == (402, "insufficient_funds", 1)
    assert account("api")["metered"] == 1_500_000_000_000
    seats = await server.post("/v1/entitlements/seats/consume", body, key="k3")
    unknown = await server.post("/v1/entitlements/nothing/consume", body, key="k4")
    assert (seats.status, seats.json["code"], unknown.status) == (409, "not_consumable", 404)
