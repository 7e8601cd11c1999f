"""Fifty thousand usage events of five hundred customers: every fraction of a cent is accounted for.

Which of them are late, which come twice, and in which order, is drawn; ``STOREFRONT_SEED`` plays a run again.
"""

import asyncio
import os
import random

from .metered_shop import cloud_event

CUSTOMERS, EACH, LATE = 500, 100, 2
PICO = 10**12


def drawn_batches(seed, now):
    """Return the events in batches of 100, of which 5 % come twice, and how many of them are a day late."""
    source, events, late = random.Random(seed), [], 0
    for customer in range(CUSTOMERS):
        a_day_late = set(source.sample(range(EACH), LATE))
        for number in range(EACH):
            at = now - number * 600 - (26 * 3_600_000 if number in a_day_late else 0)
            events.append(cloud_event(f"{customer}-{number}", customer=f"player-{customer}", time=at))
            late += number in a_day_late
    batches = []
    for at in range(0, len(events), 1_000):  # ten customers play at the same time
        told = events[at : at + 1_000]
        told += source.sample(told, 50)
        source.shuffle(told)
        batches += [told[first : first + 100] for first in range(0, len(told), 100)]
    return batches, late


async def test_fifty_thousand_events_are_metered_billed_and_pending_to_the_last_fraction(
    metered, pass_time, record_property
):
    seed = int(os.environ.get("STOREFRONT_SEED") or random.SystemRandom().randrange(2**32))
    record_property("played", f"usage: {CUSTOMERS} customers, {EACH} events each, STOREFRONT_SEED={seed}")
    names = [f"player-{number}" for number in range(CUSTOMERS)]
    server = metered.as_server()
    grants = [{"customer": name, "asset": "credits", "amount": 10, "reason": "for the test"} for name in names]
    granted = await asyncio.gather(*(server.post("/v1/grants", one, key=one["customer"]) for one in grants))
    assert {answer.status for answer in granted} == {201}
    batches, late = drawn_batches(seed, metered.parts.services.clock.now())
    counted = {"accepted": 0, "duplicates": 0}
    for at in range(0, len(batches), 16):
        answers = await asyncio.gather(*(server.post("/v1/usage", batch) for batch in batches[at : at + 16]))
        assert all((answer.status, answer.json["rejected"]) == (200, []) for answer in answers)
        for name in counted:
            counted[name] += sum(answer.json[name] for answer in answers)
    await pass_time(61)
    await metered.until(lambda: not metered.query("SELECT 1 AS n FROM usage_accounts WHERE drain_at <> 0 LIMIT 1"))

    rows = metered.query("SELECT metered, billed, unbilled FROM usage_accounts")
    metered_in_all, billed = (sum(int(row[name]) for row in rows) for name in ("metered", "billed"))
    entries = metered.query("SELECT count(*) AS n FROM entries WHERE kind = 'usage.drained'")[0]["n"]
    record_property(
        "played",
        f"usage: {counted['accepted']} events, {counted['duplicates']} duplicates, {late} late; metered "
        f"{metered_in_all / PICO} = {billed / PICO} billed + {(metered_in_all - billed) / PICO} pending; "
        f"{entries} ledger entries, {100 * entries / counted['accepted']:.2f} % of events",
    )

    assert (counted, late) == ({"accepted": 50_000, "duplicates": 2_500}, 1_000)
    assert metered_in_all == 2_500 * PICO  # 50,000 at 0.05 cent
    assert billed == metered.balance("platform:sink:credits") * PICO
    assert {int(row["metered"]) - int(row["billed"]) for row in rows} == {0}
    assert entries <= 500  # 1 % of the events
    hours = metered.query("SELECT count(*) AS n FROM usage_windows")[0]["n"]
    assert hours <= CUSTOMERS * 4
