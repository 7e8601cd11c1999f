"""Conditions: what is offered of CEL is bounded, whatever somebody writes; where a mistake stands is told."""

import pytest
from storefront_fraud.attributes import Stage, attributes_of
from storefront_fraud.expressions import BadCondition, Reading
from storefront_fraud.rules import Phase, Rule, compile_rules

ATTRIBUTES = attributes_of("USD")

BAD = {
    "[1, 2, 3].all(x, x > amount)": (10, "may not use all()"),
    "[sku].map(x, x) == []": (6, "may not use map()"),
    "has(customer.id)": (0, "may not use has()"),
    "amount > 5 && customer.exists_one(x, true)": (23, "may not use exists_one()"),
    "sku.matches(sku)": (4, "matches() takes one pattern"),
    "sku.matches('" + "a" * 200 + "')": (4, "matches() takes one pattern"),
    "sku.matches('(a')": (12, "is no pattern"),
    "timestamp('2026-01-01T00:00:00Z') < now": (0, "knows no function timestamp()"),
    "in_list(amount, 'mules')": (8, "knows no text attribute amount"),
    "in_list(sku, 'others')": (13, "knows no list others"),
    "in_list(sku)": (0, "in_list() takes an attribute"),
    "amount >": (7, "is no condition: it ends too early"),
    "country = 'DE'": (8, "is no condition: equal is written =="),
    "amount > 5 and sku == 'x'": (11, "is no condition: and is written &&"),
    "amount": (0, "must be a yes or no, and is of type int"),
    "'exists(' == sku || sku.size() > 3 &&": (36, "is no condition"),
    "(" * 40 + "amount > 5" + ")" * 40: (0, None),
    "sku == '" + "x" * 2100 + "'": (0, "is longer than 2048 bytes"),
}


@pytest.mark.parametrize("text", BAD, ids=lambda text: text[:40])
def test_what_is_not_offered_is_refused_at_its_place(text):
    place, says = BAD[text]
    reading = Reading(ATTRIBUTES, ["mules"])
    if says is None:  # the compiler's own limit
        with pytest.raises(BadCondition):
            reading.read(text)
        return
    with pytest.raises(BadCondition) as caught:
        reading.read(text)
    assert (caught.value.flaw.offset, caught.value.flaw.message[: len(says)]) == (place, says)


def test_words_inside_texts_and_comments_mean_nothing():
    text = "sku == 'a.map(x, y)' // all(x, true)\n || in_list(sku,\n 'mules') && kind != \"has(x)\""
    condition = Reading(ATTRIBUTES, ["mules"]).read(text)
    assert condition.reads == {"sku", "kind"}
    rules = [Rule("one", Phase.BLOCK, text), Rule("two", Phase.REVIEW, "amount > 5 // of what\n")]
    compiled = compile_rules(rules, fail="block", attributes=ATTRIBUTES, lists=["mules"])
    values = {"sku": "b", "kind": "item", "amount": 6, "in_list(sku, 'mules')": True}
    found = compiled.judge(Stage.PURCHASE, values)
    assert [one.rule for one in found.matches] == ["one", "two"]
    assert found.decided_by == "block"
    assert compiled.judge(Stage.PURCHASE, {**values, "in_list(sku, 'mules')": False}).decided_by == "review"


def test_of_two_hundred_rules_one_that_fails_leaves_the_others_their_say():
    rules = [Rule(f"r{at}", Phase.REVIEW, f"amount == {at}") for at in range(200)]
    rules += [Rule("broken", Phase.BLOCK, "9223372036854775807 + amount > 0"), Rule("free", Phase.ALLOW, "amount == 7")]
    compiled = compile_rules(rules, fail="block", attributes=ATTRIBUTES, lists=[])
    found = compiled.judge(Stage.PURCHASE, {"amount": 8})
    assert [(one.rule, str(one.because)) for one in found.matches] == [("r8", "condition"), ("broken", "error")]
    assert (found.decided_by, found.errors) == ("fail", 1)
    assert compiled.judge(Stage.PURCHASE, {"amount": 7}).decided_by == "allow"
