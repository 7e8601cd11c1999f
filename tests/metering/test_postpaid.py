"""Postpaid usage: one line per period, by every charge model, and a correction for what comes late."""

from .metered_shop import cloud_event

HOUR = 3_600
DAY = 24 * HOUR


async def _lines(shop):
    answer = await shop.as_server().get("/v1/usage/lines?customer=ada")
    assert answer.status == 200, answer
    return [(one["feature"], one["kind"], one["quantity"], one["cost"], one["amount"]) for one in answer.json["data"]]


async def test_a_period_becomes_one_line_when_it_is_over(metered, pass_time, report):
    await report(*(cloud_event(n, "tiers", n=100) for n in range(3)), cloud_event("d", "disk", gigabytes=3))
    await report(cloud_event("r1", "room", seats=8), cloud_event("r2", "room", seats=12))
    await report(cloud_event("d2", "disk", gigabytes="1.5"), cloud_event("t", "tiers", n=20))
    assert await _lines(metered) == []

    await pass_time(32 * DAY)

    assert sorted(await _lines(metered)) == [
        ("disk", "period", "1.5", "3.75", 4),
        ("seats", "period", "12", "1010", 1010),
        # 100 at 1, 100 at 0.5 and 10 for the tier, 120 at 0.125.
        ("tiers", "period", "320", "175", 175),
    ]


async def test_what_comes_late_corrects_the_closed_period(metered, pass_time, report):
    start = metered.parts.services.clock.now()
    await report(*(cloud_event(n, "packs") for n in range(11)))
    await pass_time(2 * DAY)
    assert await _lines(metered) == [("packs", "period", "11", "198", 198)]

    await report(*(cloud_event(f"late-{n}", "packs", time=start) for n in range(10)))
    await pass_time(2 * HOUR)
    await report(cloud_event("later", "packs", time=start))
    await pass_time(2 * HOUR)

    assert await _lines(metered) == [
        ("packs", "period", "11", "198", 198),
        ("packs", "correction", "21", "99", 99),
    ]


async def test_lines_of_a_period_add_up_to_its_cost_rounded_once(metered, pass_time, report):
    start = metered.parts.services.clock.now()
    await report(cloud_event(1, "disk", gigabytes="0.6", time=start))
    await pass_time(32 * DAY)
    await report(cloud_event(2, "disk", gigabytes="0.2", time=start + 1))
    await pass_time(2 * HOUR)

    assert [line[3:] for line in await _lines(metered)] == [("1.5", 2), ("-1", -2)]
