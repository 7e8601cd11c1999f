"""The simulated year: the same for the same seed, labels apart from what is judged, and an arithmetic that is right."""

import json
import subprocess
import sys
from collections import Counter
from dataclasses import fields, replace
from pathlib import Path

import pytest
from storefront_fraud.rules import Phase, Rule

from benchmarks.fraud_year.evaluating import Result, evaluate, threshold_for
from benchmarks.fraud_year.facts import Facts
from benchmarks.fraud_year.generator import generate
from benchmarks.fraud_year.pack import PACK, Pack, Verdict, read_pack, without_scores
from benchmarks.fraud_year.parameters import ATTACKS, PATTERNS, SHOP, table
from benchmarks.fraud_year.playing import Said, play
from benchmarks.fraud_year.shapes import DAY, HOUR, START, YEAR, Attempt, Label, Labels, Year

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def small() -> tuple[Year, Labels]:
    return generate(1, purchases=3000)


def test_a_seed_is_one_year_and_another_is_another(small: tuple[Year, Labels]) -> None:
    assert generate(1, purchases=3000) == small
    assert generate(2, purchases=3000) != small


def test_a_year_has_so_many_attempts_in_order_and_each_pattern(small: tuple[Year, Labels]) -> None:
    year, labels = small

    assert [one.id for one in year.attempts] == list(range(3000))
    assert [one.at for one in year.attempts] == sorted(one.at for one in year.attempts)
    assert all(START <= one.at < START + YEAR + HOUR for one in year.attempts)
    assert all(one.customer_since <= one.at for one in year.attempts)
    assert {one.pattern for one in labels.values()} == set(PATTERNS)
    assert 40 <= len(labels) <= 600


def test_what_is_judged_names_no_pattern_and_no_attackers_name_differs(small: tuple[Year, Labels]) -> None:
    year, labels = small

    assert not {one.name for one in fields(Attempt)} & {one.name for one in fields(Label)}
    names = {year.attempts[number].customer.rstrip("0123456789") for number in labels}
    assert names == {"person-"}
    taken = {year.attempts[number].customer for number, one in labels.items() if one.pattern == "account_takeover"}
    honest = Counter(one.customer for one in year.attempts if one.id not in labels)
    assert all(honest[one] >= 1 for one in taken), "an account that is taken over was somebody's before"


def test_half_the_rate_is_about_half_the_attacks() -> None:
    def attacks(rate: float) -> int:
        labels = generate(3, purchases=3000, rate=rate)[1]
        return len({(one.pattern, one.attack) for one in labels.values() if one.pattern == "account_takeover"})

    whole, half = attacks(4.0), attacks(2.0)

    assert whole == pytest.approx(2 * half, abs=1)
    assert whole >= 4


def test_the_ranges_in_the_documentation_are_those_that_are_drawn_from() -> None:
    assert table() in (ROOT / "docs" / "fraud-year.md").read_text()
    assert set(ATTACKS) == set(PATTERNS)
    assert all(one.low < one.high for ranges in (SHOP, *ATTACKS.values()) for one in ranges.values())


def test_what_rules_alone_say_does_not_hang_on_the_scores(small: tuple[Year, Labels]) -> None:
    year, labels = small
    rules = read_pack()

    said = play(year, rules)
    without = play(year, without_scores(rules))

    assert [one.alone for one in said] == [one.alone for one in without] == [one.with_scores for one in without]
    assert all(0 <= one.anomaly <= 1 for one in said if one.anomaly is not None)
    found = evaluate([(labels, said)])
    assert found["rules and scores"].recall > found["rules"].recall > 0.4
    assert found["rules and scores"].patterns["meter_tampering"].recall > 0.5
    assert found["rules and scores"].reviewed < 0.02


def test_recall_and_precision_by_hand() -> None:
    """Ten attempts: two attacks of one pattern (2 of 3, and 0 of 1 found), one of another (1 of 1), five honest."""
    labels = {0: Label("card_testing", 0), 1: Label("card_testing", 0), 2: Label("card_testing", 0),
              3: Label("card_testing", 1), 4: Label("refund_abuse", 0)}  # fmt: skip
    verdicts = ["none", "block", "review", "allow", "review", "review", "block", "none", "none", "allow"]

    result = Result()
    result.add(labels, verdicts)
    told = result.to_json()

    assert told["patterns"]["card_testing"] == {
        "all": 4, "found": 2, "attacks": 2, "attacks_found": 1, "recall": 0.5, "attack_recall": 0.5, "precision": 0.5,
    }  # fmt: skip
    assert told["patterns"]["refund_abuse"]["recall"] == 1.0
    assert told["patterns"]["refund_abuse"]["precision"] == 0.3333
    assert told["patterns"]["gift_laundering"]["recall"] == 0.0
    assert (told["recall"], told["precision"]) == (0.6, 0.6)
    assert (told["good"], told["good_reviewed"], told["good_blocked"]) == (5, 1, 1)
    assert (told["good_reviewed_share"], told["good_blocked_share"]) == (0.2, 0.2)

    result.add({0: Label("card_testing", 0)}, ["block"])
    assert result.patterns["card_testing"].attacks == 3, "attack 0 of another year is another attack"


def test_each_way_of_judging_is_counted_by_its_own_verdicts() -> None:
    said = [Said("none", "review", ["very-unusual"], 0.9, None), Said("block", "block", ["x"], 0.1, None)]

    found = evaluate([({0: Label("account_takeover", 0)}, said)])

    assert found["rules"].recall == 0.0
    assert found["rules and scores"].recall == 1.0
    assert found["rules"].blocked == found["rules and scores"].blocked == 1.0


def test_a_threshold_lets_so_many_honest_ones_above_it_and_no_more() -> None:
    scores = [0.1, 0.5, 0.505, 0.72, 0.9]

    assert threshold_for(scores, 5) == 0.0
    assert threshold_for(scores, 2) == 0.51
    assert threshold_for(scores, 1) == 0.72
    assert threshold_for(scores, 0) == 0.9
    assert threshold_for([1.0, 1.0], 1) == 1.0


def test_rules_that_read_what_is_missing_are_skipped_and_phases_come_in_order() -> None:
    rules = [Rule(name, Phase(do), when) for name, do, when in (
        ("country", "block", "card.country != ip.country"),
        ("dear", "review", "amount_usd > 1000"),
        ("known", "allow", "customer.purchases > 10 && kind != 'card.country'"),
        ("strange", "review", "anomaly.score > 0.8"),
    )]  # fmt: skip
    pack = Pack(rules)

    assert [rule.id for rule in without_scores(rules)] == ["country", "dear", "known"]
    some = {"amount_usd": 2000, "ip.country": "DE", "kind": "tip", "customer.purchases": 1}
    assert pack.judge(some) == Verdict("review", ("dear",))
    assert pack.judge({**some, "card.country": "US"}) == Verdict("block", ("dear", "country"))
    assert pack.judge({**some, "card.country": "US", "customer.purchases": 11}).decided_by == "allow"
    assert pack.judge({**some, "amount_usd": 1, "anomaly.score": 0.81}) == Verdict("review", ("strange",))
    assert pack.judge({**some, "amount_usd": 1}) == Verdict("none", ())


def test_facts_are_those_of_the_moment() -> None:
    facts = Facts({"velocity.customer.count_1h", "velocity.customer.sum_24h", "velocity.card.count_1h"})
    first = Attempt(0, START, "ada", START - 3 * DAY, "tip", "tip-small", 300, "stripe", "10.0.0.1", "DE", "dev",
                    is_declined=True)  # fmt: skip
    second = replace(first, at=START + 30 * 60_000, is_declined=False, refunded_at=START + DAY)
    third = replace(first, at=START + 2 * DAY)

    values = [facts.values(first)]
    facts.after(first, is_completed=False)
    values.append(facts.values(second))
    facts.after(second, is_completed=True)
    values.append(facts.values(third))

    assert [one["velocity.customer.count_1h"] for one in values] == [1, 2, 1]
    assert [one["velocity.customer.sum_24h"] for one in values] == [300, 600, 300]
    assert [one["declines.ip"] for one in values] == [0, 1, 0]
    assert [one["customer.purchases"] for one in values] == [0, 0, 1]
    assert [one["customer.refunds"] for one in values] == [0, 0, 1]
    assert [one["customer.age_days"] for one in values] == [3, 3, 5]
    assert not any({"velocity.card.count_1h", "card.country", "recipient.age_days"} & one.keys() for one in values)


def test_the_command_prints_json_for_a_small_year() -> None:
    command = [sys.executable, "-m", "benchmarks.fraud_year", "--seeds", "1", "--purchases", "1500", "--rate", "1",
               "--workers", "1", "--json"]  # fmt: skip

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    told = json.loads(done.stdout)
    assert [one["seeds"] for one in told] == [[1]]
    assert set(told[0]["results"]) == {"rules", "rules and scores"}
    assert told[0]["results"]["rules"]["good"] + sum(
        one["all"] for one in told[0]["results"]["rules"]["patterns"].values()
    ) == 1500  # fmt: skip
    assert PACK.exists()
