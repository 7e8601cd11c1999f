"""A request's usage is priced at once where all of it can be paid: it comes to what its events come to one by one."""

import random
from typing import Any

import pytest

from .metered_shop import cloud_event

ROUNDS = 8
HOUR_MS = 3_600_000
# Whether the wallet ran low or short is told once a request, so it is not compared.
BOOKS = {
    "usage_windows": "meter, start, quantity, events, latest_at",
    "usage_periods": "meter, charge, start, quantity, cost, events, latest_at, lined, lines, close_at > 0 AS due",
    "usage_accounts": "charge, metered, billed, unbilled, drain_at > 0 AS due, is_owed",
    "holds": "asset, amount, state, reason",
}


def _usage(chance: random.Random, now: int, turn: int) -> list[tuple[str, dict[str, Any]]]:
    """Return type and data (with the time) of one customer's events: sums that must be paid, all sums, or all kinds."""
    kinds = [
        ("api.call", dict),
        ("voice.minute", lambda: {"minutes": f"{chance.randrange(12)}.{chance.randrange(4)}", "region": "eu"}),
        ("voice.minute", lambda: {"minutes": 3, "region": chance.choice(["us", "mars"])}),
        ("tiers", lambda: {"n": chance.randrange(90)}),
        ("packs", dict),
    ]
    paid = [(name, lambda: {"n": chance.randrange(4)}) for name in ("capped", "free", "owed")]
    kept = [("room", lambda: {"seats": chance.randrange(30)}), ("disk", lambda: {"gigabytes": chance.randrange(9)}),
            ("login", lambda: {"player": chance.randrange(5)})]  # fmt: skip
    chosen = [kinds, kinds + paid, kinds + paid + kept][turn % 3]
    told = []
    for _ in range(chance.randrange(1, 40)):
        name, says = chance.choice(chosen)
        told.append((name, {**says(), "time": now - chance.randrange(3) * HOUR_MS}))
    return told


@pytest.mark.parametrize("funds", [2, 30, 3_000])
async def test_usage_comes_to_the_same_at_once_and_one_by_one(request, metered, fund, report, funds):
    seed = random.randrange(1_000_000)
    request.node.user_properties.append(("played", f"usage at once and one by one: seed {seed}, {funds} gems"))
    chance, now = random.Random(seed), metered.parts.services.clock.now()
    for turn in range(ROUNDS):
        names = {"all": f"all-{turn}", "each": f"each-{turn}"}
        credit = chance.choice([1, funds])
        for name in names.values():
            await fund(name, funds)
            await fund(name, credit, "credits")
        usage = _usage(chance, now, turn)
        at_once = [cloud_event(f"a{turn}-{n}", kind, customer=names["all"], **d) for n, (kind, d) in enumerate(usage)]
        each = [cloud_event(f"e{turn}-{n}", kind, customer=names["each"], **d) for n, (kind, d) in enumerate(usage)]

        answer = await report(*at_once, at_once[0])
        answers = [await report(event) for event in (*each, each[0])]

        refused = [at for at, one in enumerate(answers) if one.json["rejected"]]
        assert [one["index"] for one in answer.json["rejected"]] == refused, (seed, turn)
        counted = [sum(one.json[name] for one in answers) for name in ("accepted", "duplicates")]
        assert [answer.json["accepted"], answer.json["duplicates"]] == counted
        for table, columns in BOOKS.items():
            assert _rows(metered, table, columns, names["all"]) == _rows(metered, table, columns, names["each"]), table


def _rows(shop, table: str, columns: str, customer: str) -> list[str]:
    sql = f"SELECT {columns} FROM {table} t JOIN customers c ON c.id = t.customer_id WHERE c.external_id = ?"
    return sorted(map(str, shop.query(sql, customer)))
