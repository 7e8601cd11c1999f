"""Fifty thousand usage events of five hundred customers: every fraction of a cent is accounted for."""

import asyncio
import random

from .metered_shop import cloud_event

CUSTOMERS, EACH = 500, 100
PICO = 10**12


async def test_fifty_thousand_events_are_metered_billed_and_pending_to_the_last_fraction(metered, pass_time):
    names = [f"player-{number}" for number in range(CUSTOMERS)]
    server = metered.as_server()
    grants = [{"customer": name, "asset": "credits", "amount": 10, "reason": "for the test"} for name in names]
    granted = await asyncio.gather(*(server.post("/v1/grants", one, key=one["customer"]) for one in grants))
    assert {answer.status for answer in granted} == {201}
    now = metered.parts.services.clock.now()
    events = []
    for customer, name in enumerate(names):
        for number in range(EACH):
            at = now - number * 600 - (26 * 3_600_000 if number % 50 == 3 else 0)  # 2 % are a day late
            events.append(cloud_event(f"{customer}-{number}", customer=name, time=at))
    batches = []
    for at in range(0, len(events), 1_000):  # ten customers play at the same time
        told = events[at : at + 1_000] + events[at : at + 1_000 : 20]  # 5 % come twice
        random.Random(at).shuffle(told)
        batches += [told[first : first + 100] for first in range(0, len(told), 100)]
    counted = {"accepted": 0, "duplicates": 0}
    for at in range(0, len(batches), 16):
        answers = await asyncio.gather(*(server.post("/v1/usage", batch) for batch in batches[at : at + 16]))
        assert all((answer.status, answer.json["rejected"]) == (200, []) for answer in answers)
        for name in counted:
            counted[name] += sum(answer.json[name] for answer in answers)
    await pass_time(61)
    await metered.until(lambda: not metered.query("SELECT 1 AS n FROM usage_accounts WHERE drain_at <> 0 LIMIT 1"))

    assert counted == {"accepted": 50_000, "duplicates": 2_500}
    rows = metered.query("SELECT metered, billed, unbilled FROM usage_accounts")
    metered_in_all, billed = (sum(int(row[name]) for row in rows) for name in ("metered", "billed"))
    assert metered_in_all == 2_500 * PICO  # 50,000 at 0.05 cent
    assert billed == metered.balance("platform:sink:credits") * PICO
    assert {int(row["metered"]) - int(row["billed"]) for row in rows} == {0}
    entries = metered.query("SELECT count(*) AS n FROM entries WHERE kind = 'usage.drained'")[0]["n"]
    assert entries <= 500  # 1 % of the events
    hours = metered.query("SELECT count(*) AS n FROM usage_windows")[0]["n"]
    assert hours <= CUSTOMERS * 4
