"""Moving a sandbox's clock: it is done when the target is reached and all that fell due on the way is done, too."""

from storefront.core.clock import HOUR_MS, MINUTE_MS
from storefront.core.timetravel import travel


class LongWork:
    """Work that falls due as soon as the clock moves, and goes on until it is ended."""

    def __init__(self) -> None:
        self.is_running = False

    async def is_idle(self) -> bool:
        return not self.is_running

    async def next_due_at(self) -> int | None:
        return None

    def wake(self) -> None:
        self.is_running = True


async def test_a_journey_is_not_done_while_the_work_of_its_last_step_runs(shop):
    services, work = shop.parts.services, LongWork()
    target = services.clock.now() + HOUR_MS

    there = await travel(services.clock, services.engine, [work], shop.parts.emulator, target, within_seconds=0)
    assert (there.now >= target, there.steps, there.is_there) == (True, 1, False)

    still = await travel(services.clock, services.engine, [work], shop.parts.emulator, there.now, within_seconds=0)
    assert still.is_there is False
    work.is_running = False
    done = await travel(services.clock, services.engine, [work], shop.parts.emulator, there.now)
    assert (done.steps, done.is_there) == (0, True)


async def test_nothing_but_quiet_can_be_waited_for(shop):
    before = shop.rows()
    answer = await shop.as_server().post("/sandbox/clock", {"advance": "0s"})
    assert (answer.status, answer.json["steps"], answer.json["done"]) == (200, 0, True)
    assert shop.rows() == before


async def test_spans_may_be_put_together(shop):
    clock = shop.parts.services.clock
    for text, span_ms in (("47h30m", 171_000_000), ("1d2h3m4s", 93_784_000), ("30m1h", 5_400_000)):
        before = clock.now()
        answer = await shop.as_server().post("/sandbox/clock", {"advance": text})
        assert (answer.status, answer.json["done"]) == (200, True)
        # The machine's own time goes on meanwhile.
        assert before + span_ms <= clock.now() < before + span_ms + 10 * MINUTE_MS


async def test_what_is_no_span_is_refused_in_words(shop):
    says = "must be a whole number with a unit, s, m, h or d, or up to four together: 45d, 90m, 47h30m"
    for text in ("", "h", "47", "47h30", "1.5h", "-1h", "47h 30m", "1w", "1h\n", "1h1h1h1h1h", "100000s"):
        answer = await shop.as_server().post("/sandbox/clock", {"advance": text})
        assert (answer.status, answer.json["errors"]) == (422, [{"pointer": "/advance", "message": says}]), text
    assert shop.parts.services.clock.offset_ms == 0


async def test_a_quiet_month_stops_for_housekeeping_once_a_day_and_leaves_none_of_it_undone(shop):
    answer = await shop.as_server().post("/sandbox/clock", {"advance": "30d"})
    assert (answer.status, answer.json["done"]) == (200, True)
    assert 25 <= answer.json["steps"] <= 35
    assert await shop.is_idle()
    kinds = {row["kind"] for row in shop.query("SELECT kind FROM jobs WHERE state = 'waiting'")}
    assert kinds == {"retention", "gateway.follow", "gateway.reconcile"}
