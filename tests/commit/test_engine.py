"""The engine over a real file: refusals, batches, order, overload."""

import asyncio

import pytest

from storefront.core.clock import Clock
from storefront.core.commit.engine import CommitEngine
from storefront.core.commit.outcome import (
    Answer,
    InsufficientFunds,
    KeyReused,
    LimitReached,
    Overloaded,
    Stale,
    Taken,
)
from storefront.core.commit.plan import Change, Claim, Count, IdempotencyKey, Insert, Otherwise, Plan
from storefront.core.errors import Unavailable
from storefront.web.errors import ErrorTable

ADA, BOB = "cus_ada", "cus_bob"


def key(name: str = "k1", fingerprint: bytes = b"1") -> IdempotencyKey:
    return IdempotencyKey("caller", "operation", name, fingerprint)


async def test_a_refused_plan_leaves_no_trace_and_its_key_free(books, credit, spend):
    await books.commit(credit(ADA, 100))
    before = books.dump()

    refused = spend(ADA, 101, idempotency=key())
    refused.count("attempts", anchor=ADA)
    with pytest.raises(InsufficientFunds) as refusal:
        await books.commit(refused)

    assert refusal.value.facts == {"asset": "gems", "required": 101, "available": 100, "short_by": 1}
    assert books.dump() == before
    answer = Answer(201, b"bought")
    await books.commit(spend(ADA, 100, idempotency=key(fingerprint=b"other"), answer=lambda outcome: answer))
    assert books.gems(ADA) == 0


async def test_what_is_to_be_kept_of_a_refusal_is_kept(books, spend):
    plan = spend(ADA, 5)
    plan.on_refused.count("attempts", anchor=ADA)
    plan.on_refused.emit("test.refused", anchor=ADA, subject="thing", payload={})

    outcome = await books.commit(plan)

    assert isinstance(outcome.refusal, InsufficientFunds)
    assert books.query("SELECT key, value FROM counters") == [("attempts", 1)]
    assert books.query("SELECT type, sequence FROM events") == [("test.refused", 1)]
    assert books.query("SELECT * FROM entries") == []


async def test_a_step_late_in_the_plan_undoes_the_ones_before(books, credit, spend):
    await books.commit(credit(ADA, 100))
    plan = spend(ADA, 60)
    plan.count("limit", anchor=ADA, by=2, at_most=1)
    with pytest.raises(LimitReached):
        await books.commit(plan)
    assert books.gems(ADA) == 100


async def test_a_replay_answers_the_first_bytes_and_changes_nothing(books, credit, spend):
    await books.commit(credit(ADA, 100))
    first = spend(ADA, 10, idempotency=key(), answer=lambda outcome: Answer(201, b"first"))
    second = spend(ADA, 10, idempotency=key(), answer=lambda outcome: Answer(201, b"second"))
    outcomes = await asyncio.gather(books.commit(first), books.commit(second))

    assert [outcome.answer for outcome in outcomes] == [Answer(201, b"first")] * 2
    assert [outcome.is_replay for outcome in outcomes] == [False, True]
    assert books.gems(ADA) == 90
    with pytest.raises(KeyReused):
        await books.commit(spend(ADA, 10, idempotency=key(fingerprint=b"2")))


async def test_ten_of_64_spends_fit_into_the_wallet(books, credit, spend):
    await books.commit(credit(ADA, 105))
    results = await asyncio.gather(*(books.commit(spend(ADA, 10)) for _ in range(64)), return_exceptions=True)
    assert sum(isinstance(result, InsufficientFunds) for result in results) == 54
    assert books.gems(ADA) == 5


async def test_a_plan_that_touches_a_foreign_anchor_fails_alone(books, credit):
    good = [credit(ADA, 1) for _ in range(5)]
    bad = credit(BOB, 1)
    bad.anchors.clear()
    results = await asyncio.gather(
        *(books.commit(plan) for plan in [*good[:3], bad, *good[3:]]), return_exceptions=True
    )
    assert [type(result).__name__ for result in results] == ["Outcome"] * 3 + ["NotNamed"] + ["Outcome"] * 2
    assert (books.gems(ADA), books.gems(BOB)) == (5, 0)


async def test_a_plan_that_the_database_refuses_fails_alone(books, credit, plan_for):
    bad = plan_for(ADA)
    bad.add(Insert("settings", ("mode",), ADA, {"key": "mode", "value": "live"}))
    plans = [credit(ADA, 1), bad, credit(BOB, 2)]
    results = await asyncio.gather(*(books.commit(plan) for plan in plans), return_exceptions=True)
    assert [type(result).__name__ for result in results] in (
        ["Outcome", error, "Outcome"] for error in ("IntegrityError", "UniqueViolationError")
    )
    assert (books.gems(ADA), books.gems(BOB)) == (1, 2)
    assert books.query("SELECT value FROM settings WHERE key = 'mode'") == [("sandbox",)]


async def test_the_first_compare_and_set_wins_and_the_second_is_stale(books, plan_for):
    start = plan_for(ADA)
    start.add(Count("turn", ADA, 1))
    await books.commit(start)

    def turn(to: int) -> Plan:
        plan = plan_for(ADA)
        plan.add(Change("counters", ("turn",), ADA, {"value": 1}, {"value": to}))
        return plan

    results = await asyncio.gather(books.commit(turn(2)), books.commit(turn(3)), return_exceptions=True)
    assert isinstance(results[1], Stale)
    assert books.query("SELECT value FROM counters") == [(2,)]
    missing = plan_for(ADA)
    missing.add(Change("counters", ("nothing",), ADA, {}, {"value": 1}))
    with pytest.raises(Stale):
        await books.commit(missing)


async def test_a_claim_is_taken_once_also_by_customers_who_share_nothing(books, plan_for):
    plans = []
    for number in range(16):
        plan = plan_for(f"cus_{number}")
        plan.add(Claim("payment:sandbox:pi_1", f"pur_{number}"))
        plan.count("mine", anchor=f"cus_{number}")
        plans.append(plan)
    results = await asyncio.gather(*(books.commit(plan) for plan in plans), return_exceptions=True)
    (winner,) = (number for number, result in enumerate(results) if not isinstance(result, Taken))
    assert {result.holder for number, result in enumerate(results) if number != winner} == {f"pur_{winner}"}
    assert books.query("SELECT * FROM claims") == [("payment:sandbox:pi_1", f"pur_{winner}")]


@pytest.mark.parametrize(
    ("otherwise", "counted", "value"),
    [(Otherwise.SKIP, [3, 0, 2], 5), (Otherwise.CLIP, [3, 2, 0], 5)],
)
async def test_a_counter_at_its_limit_skips_or_clips(books, plan_for, otherwise, counted, value):
    found = []
    for by in (3, 3, 2):
        plan = plan_for(ADA)
        plan.count("first-five", anchor=ADA, by=by, at_most=5, otherwise=otherwise)
        found.append((await books.commit(plan)).results["count:first-five"])
    assert found == counted
    assert books.query("SELECT value FROM counters") == [(value,)]


async def test_a_counter_refuses_what_passes_its_limit_and_takes_what_reaches_it(books, plan_for):
    for by in (4, 1):
        plan = plan_for(ADA)
        plan.count("limit", anchor=ADA, by=by, at_most=5)
        await books.commit(plan)
    plan = plan_for(ADA)
    plan.count("limit", anchor=ADA, by=1, at_most=5)
    with pytest.raises(LimitReached):
        await books.commit(plan)


async def test_a_threshold_is_crossed_once(books, plan_for):
    for by in (4, 4, 4):
        plan = plan_for(ADA)
        plan.count("goal", anchor=ADA, by=by, on_cross=[(5, [Count("reached", ADA, 1)])])
        await books.commit(plan)
    assert books.query("SELECT key, value FROM counters ORDER BY key") == [("goal", 12), ("reached", 1)]


async def test_plans_of_one_anchor_keep_their_order_and_let_others_in(books, plan_for):
    def note(anchor: str, number: int) -> Plan:
        plan = plan_for(anchor)
        plan.emit("test.note", anchor=anchor, subject=str(number), payload={})
        return plan

    plans = [note(ADA, number) for number in range(300)]
    plans.insert(150, note(BOB, 0))
    await asyncio.gather(*(books.commit(plan) for plan in plans))

    noted = books.query("SELECT subject FROM events WHERE anchor = ? ORDER BY commit_no, anchor, sequence", ADA)
    assert [int(subject) for (subject,) in noted] == list(range(300))
    (bob,), (last,) = (
        books.query("SELECT max(commit_no) FROM events WHERE anchor = ?", anchor) for anchor in (BOB, ADA)
    )
    assert bob < last


async def test_plans_of_one_key_keep_their_order_whatever_else_waits(books, plan_for):
    def keyed(name: str, said: bytes, *anchors: str) -> Plan:
        return plan_for(*anchors, idempotency=key(name), answer=lambda outcome: Answer(201, said))

    for number in range(40):
        name = f"k{number}"
        first = keyed(name, b"first", ADA)
        for fact in range(40):  # a store with two lanes would be done with the other one sooner
            first.emit("test.note", anchor=ADA, subject=str(fact), payload={})
        between = plan_for(BOB)
        between.emit("test.note", anchor=BOB, subject="bob", payload={})
        second = keyed(name, b"second")
        outcomes = await asyncio.gather(*(books.commit(plan) for plan in (first, between, second)))
        assert [outcome.answer for outcome in outcomes[::2]] == [Answer(201, b"first")] * 2, name


async def test_beyond_its_queue_the_engine_says_come_back(books, credit):
    small = CommitEngine(books.database.store, Clock(), longest_queue=3)
    small.start()
    results = await asyncio.gather(*(small.commit(credit(ADA, 1)) for _ in range(10)), return_exceptions=True)
    await small.stop()
    refused = [result for result in results if isinstance(result, Overloaded)]
    assert len(refused) == 7
    assert books.gems(ADA) == 3
    view = ErrorTable().view(refused[0])
    assert (view.status, view.code, view.headers["Retry-After"]) == (503, "overloaded", "1")


async def test_stopping_commits_what_waits_and_refuses_what_comes(books, credit):
    waiting = [asyncio.ensure_future(books.commit(credit(ADA, 1))) for _ in range(20)]
    await asyncio.sleep(0)
    await books.engine.stop()
    await asyncio.gather(*waiting)
    assert books.gems(ADA) == 20
    with pytest.raises(Unavailable):
        await books.commit(credit(ADA, 1))
