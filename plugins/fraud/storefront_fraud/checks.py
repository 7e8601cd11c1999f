"""What no schema can say of the rules: conditions that are none, ids that stand twice, amounts without a rate."""

from collections.abc import Iterator, Mapping
from typing import Any

from storefront.core.config import Complaint
from storefront_fraud.attributes import Attribute, Stage, Velocity, attributes_of
from storefront_fraud.config import REPORTED, Settings
from storefront_fraud.expressions import BadCondition, Reading

AT = ("plugins", "fraud")
_EXAMPLE = "kind == 'tip' && customer.age_days < 1"


def check_rules(value: Mapping[str, Any]) -> Iterator[Complaint]:
    """Complain of each condition at the very place inside its text, and of ids that stand twice."""
    section = _mapping(_mapping(value.get("plugins")).get("fraud"))
    lists = [*_mapping(section.get("lists")), *REPORTED]
    reference = section.get("reference", "USD")
    attributes = attributes_of(reference if isinstance(reference, str) else "USD")
    reading, seen = Reading(attributes, lists), {"breaker-ip", "breaker-shop"}
    reads = set[str]()
    for index, rule in enumerate(_list(section.get("rules"))):
        path = (*AT, "rules", index)
        name, when = rule.get("id"), rule.get("when")
        if isinstance(name, str):
            if name in seen:
                yield Complaint((*path, "id"), "is the id of another rule")
            seen.add(name)
        if not isinstance(when, str) or not when:
            continue
        try:
            reads |= reading.read(when).reads
        except BadCondition as bad:
            flaw = bad.flaw
            example = {"when": _example(flaw.message, attributes, rule)}
            yield Complaint((*path, "when"), flaw.message, inside=flaw.offset, example=example)
    yield from _rates(section, value, reads, reference)


def _example(message: str, attributes: Mapping[str, Attribute], rule: Mapping[str, Any]) -> str:
    """Return a condition that would do: that of an attribute which the message or the rule names, or any."""
    when = str(rule.get("when"))
    named = [one for one in attributes.values() if one.name in message or one.name in when]
    return max(named, key=lambda one: len(one.name)).example if named else _EXAMPLE


def _rates(
    section: Mapping[str, Any], value: Mapping[str, Any], reads: set[str], reference: Any
) -> Iterator[Complaint]:
    """Complain where rules compare amounts, and something is sold in a currency of which no rate is known."""
    if not isinstance(reference, str) or not any(_is_in_reference(name, reference) for name in reads):
        return
    offers = [_mapping(one) for one in _mapping(value.get("offers")).values()]
    sold = {currency for offer in offers for currency in _mapping(offer.get("prices"))}
    unknown = sorted(sold - {reference, *_mapping(section.get("rates"))})
    if unknown:
        message = f"has no rate for {', '.join(unknown)}, and rules compare amounts in {reference}"
        yield Complaint((*AT, "rates"), message, example={"rates": {unknown[0]: "1.08"}})


def _is_in_reference(name: str, reference: str) -> bool:
    velocity = Velocity.of(name)
    return name == f"amount_{reference.lower()}" or (velocity is not None and velocity.figure == "sum")


def describe_rules(section: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Say for ``storefront check`` which rule runs when."""
    settings = Settings.of(section)
    when = {Stage.PURCHASE: "before anything is written", Stage.PAYMENT: "when the payment is known"}
    rules = settings.compiled().rules
    for stage, words in when.items():
        told = [
            f"{rule.id} ({rule.do}{'' if rule.is_enforced else ', shadow'})"
            for rule, at in rules.values()
            if at is stage
        ]
        if told:
            yield f"rules {words}", ", ".join(told)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> Iterator[Mapping[str, Any]]:
    yield from (_mapping(one) for one in (value if isinstance(value, list) else ()))
