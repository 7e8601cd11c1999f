"""A condition that is asked in Python says what the library says of it, whatever it reads."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from storefront_fraud.attributes import Stage, attributes_of
from storefront_fraud.expressions import Reading
from storefront_fraud.rules import Phase, Rule, compile_rules
from storefront_fraud.shortcuts import asks_all, shortcut_of

ATTRIBUTES = attributes_of("USD")
TEXTS = ("", "a", "ab", "b", "KP", "ü", "日本", "😀", "A")
WHOLES = (-(2**63), -7, -1, 0, 1, 2, 60, 20000, 2**53 + 1, 2**63 - 1)
NUMBERS = (-1.5, 0.0, 0.1, 0.30000000000000004, 1.0, 1e300)
VALUES = {
    **dict.fromkeys(("kind", "sku", "country", "customer.id"), st.sampled_from(TEXTS)),
    **dict.fromkeys(("amount", "quantity", "customer.age_days"), st.sampled_from(WHOLES)),
    "anomaly.score": st.sampled_from(NUMBERS),
    "recipient.is_other": st.booleans(),
    "in_list(sku, 'mules')": st.booleans(),
}


def named(kind: str) -> st.SearchStrategy[str]:
    return st.sampled_from([name for name in VALUES if name in ATTRIBUTES and ATTRIBUTES[name].kind == kind])


def quoted(text: str) -> str:
    return f"'{text}'"


texts = st.one_of(named("string"), st.sampled_from(TEXTS).map(quoted))
small_wholes = st.sampled_from([one for one in WHOLES if one > -(2**63)]).map(str)
wholes = st.one_of(
    named("int"),
    small_wholes,
    texts.map(lambda one: f"size({one})"),
    texts.map(lambda one: f"{one}.size()"),
    st.tuples(named("int"), st.sampled_from(("+", "-", "*", "/", "%")), small_wholes).map(" ".join),
)
numbers = st.one_of(named("double"), st.sampled_from(NUMBERS).map(repr))
ORDER = st.sampled_from(("<", "<=", ">", ">=", "==", "!="))
EQUALITY = st.sampled_from(("==", "!="))
leaves = st.one_of(
    st.tuples(wholes, ORDER, wholes).map(" ".join),
    st.tuples(numbers, ORDER, numbers).map(" ".join),
    st.tuples(texts, ORDER, texts).map(" ".join),
    st.tuples(texts, st.sampled_from(("startsWith", "endsWith", "contains")), texts).map(
        lambda one: f"{one[0]}.{one[1]}({one[2]})"
    ),
    st.tuples(texts, st.lists(st.sampled_from(TEXTS).map(quoted), max_size=3)).map(
        lambda one: f"{one[0]} in [{', '.join(one[1])}]"
    ),
    st.tuples(named("int"), st.lists(small_wholes, max_size=3)).map(lambda one: f"{one[0]} in [{', '.join(one[1])}]"),
    st.sampled_from(("recipient.is_other", "true", "false", "in_list(sku, 'mules')", "sku.matches('^a+$')")),
    st.tuples(st.sampled_from(("recipient.is_other", "in_list(sku, 'mules')")), EQUALITY, st.just("true")).map(
        " ".join
    ),
)
conditions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        inner.map(lambda one: f"!({one})"),
        st.tuples(inner, st.sampled_from(("&&", "||")), inner).map(lambda one: f"({one[0]}) {one[1]} ({one[2]})"),
        st.lists(inner, min_size=3, max_size=5).map(lambda one: " || ".join(f"({part})" for part in one)),
        st.tuples(inner, inner, inner).map(lambda one: f"(({one[0]}) ? ({one[1]}) : ({one[2]}))"),
    ),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(conditions, st.lists(st.fixed_dictionaries(VALUES), min_size=3, max_size=3))
def test_a_plain_condition_says_what_the_library_says(text: str, cases: list[dict[str, Any]]) -> None:
    reading = Reading(ATTRIBUTES, ["mules"])
    library = reading.environment.compile(reading.read(text).cel)
    shortcut = shortcut_of(library.serialize(), {"m.i0": "in_list(sku, 'mules')"})
    rules = [Rule("one", Phase.BLOCK, text), Rule("two", Phase.REVIEW, f"!({text})")]
    compiled = compile_rules(rules, fail="review", attributes=ATTRIBUTES, lists=["mules"])

    for values in cases:
        told = {name: value for name, value in values.items() if name in ATTRIBUTES}
        answer = library.eval(data={**told, "m.i0": values["in_list(sku, 'mules')"]})
        has_failed = answer.type().name() == "ERROR"
        if shortcut is not None:
            assert not has_failed, (text, values)
            assert bool(asks_all([(0, shortcut)])(values, [True])) is answer.plain_value(), (text, values)
        wanted = "fail" if has_failed else "block" if answer.plain_value() else "review"
        assert compiled.judge(Stage.PURCHASE, values).decided_by == wanted, (text, values)


PLAIN = [
    "kind == 'tip' && amount_usd > 20000 && customer.age_days < 1",
    "country in ['KP', 'IR'] || in_list(sku, 'mules')",
    "!recipient.is_other ? sku.startsWith('gems-') : quantity >= 500",
    "velocity.customer.count_1h > 5 && velocity.customer.sum_24h >= 100000",
    "anomaly.score > 0.8 && size(sku) < 40",
    " || ".join(f"quantity == {number}" for number in range(90)),
]
LEFT = ["amount * 2 > 10", "sku.matches('^a')", "kind < 'b'", "string(amount) == '5'", "kind in [sku, 'x']"]


def test_what_shops_write_is_plain_and_what_may_fail_is_left_to_the_library() -> None:
    reading = Reading(ATTRIBUTES, ["mules"])
    plain = [
        shortcut_of(reading.environment.compile(reading.read(text).cel).serialize(), {}) is not None
        for text in [*PLAIN, *LEFT]
    ]
    assert plain == [True] * len(PLAIN) + [False] * len(LEFT)


def test_a_value_that_is_not_of_its_type_is_an_error_and_lets_nothing_through() -> None:
    for condition, values in (
        ("amount > 5", {"amount": "many", "kind": "item"}),
        ("sku.startsWith('gems-')", {"sku": 5, "kind": "item"}),
        ("sku.contains('gems')", {"sku": 5, "kind": "item"}),
        ("size(sku) > 5", {"sku": 5, "kind": "item"}),
    ):
        rules = [Rule("big", Phase.BLOCK, condition), Rule("paid", Phase.ALLOW, "kind == 'tip'")]
        compiled = compile_rules(rules, fail="block", attributes=ATTRIBUTES, lists=[])
        found = compiled.judge(Stage.PURCHASE, values)
        assert (found.decided_by, [str(one.because) for one in found.matches]) == ("fail", ["error"])


def test_rules_that_read_what_is_missing_do_not_keep_the_others_from_being_asked() -> None:
    rules = [
        Rule("gift", Phase.BLOCK, "recipient.age_days < 1"),
        Rule("big", Phase.REVIEW, "amount > 5"),
        Rule("gone", Phase.BLOCK, "country == 'KP'", on_missing="match"),
    ]
    compiled = compile_rules(rules, fail="block", attributes=ATTRIBUTES, lists=[])
    told = [
        [one.rule for one in compiled.judge(Stage.PURCHASE, values).matches]
        for values in (
            {"amount": 9},
            {"amount": 9, "country": "DE"},
            {"amount": 1, "country": "DE", "recipient.age_days": 0},
            {"amount": 9, "country": "KP", "recipient.age_days": 0},
            {"amount": 1, "country": "DE"},
        )
    ]
    assert told == [["big", "gone"], ["big"], ["gift"], ["gift", "big", "gone"], []]
