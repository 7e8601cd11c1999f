"""A rule set: what it says of the values of one purchase. Pure; the same rules over the same values say the same.

Conditions that only compare are one function in Python (``shortcuts.py``). All others of a stage are one CEL
list, evaluated at once; only where that ends in an error, one by one.
"""

import ast
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import msgspec

from storefront.core.assessing import Verdict
from storefront_fraud.attributes import ZERO, Attribute, Stage, Value, Velocity
from storefront_fraud.expressions import Condition, Membership, Reading
from storefront_fraud.rings import WINDOWS
from storefront_fraud.shortcuts import Asks, asks_all, shortcut_of


class Phase(StrEnum):
    """What a rule does. Of ``allow``, ``block`` and ``review`` the first with a match decides; ``challenge`` adds."""

    CHALLENGE = "challenge"
    ALLOW = "allow"
    BLOCK = "block"
    REVIEW = "review"


class Because(StrEnum):
    """Why a rule counts as matched."""

    CONDITION = "condition"
    MISSING = "missing"
    ERROR = "error"


VERDICT_OF: Mapping[str, Verdict] = {
    "allow": Verdict.ALLOW,
    "challenge": Verdict.CHALLENGE,
    "review": Verdict.REVIEW,
    "block": Verdict.REFUSE,
}
WORD_OF: Mapping[Verdict, str] = {verdict: word for word, verdict in VERDICT_OF.items()}


Window = tuple[str, int, int, str | None, str | None]
"""A window of a counter: its ring, the length of a bucket of it, how many make the window (``rings.WINDOWS``); and what
its count and its sum are called where a rule reads them."""

_LONGEST_LIST = 50_000
"""Characters of one list of conditions; CEL reads texts of 100,000."""
_MOST_REMEMBERED = 1000
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule as written; ``on_missing`` is match, skip or block."""

    id: str
    do: Phase
    when: str
    is_enforced: bool = True
    on_missing: str = "skip"


@dataclass(frozen=True, slots=True)
class Match:
    """A rule that matched, or could not be evaluated; ``missing`` and ``error`` say of what and why."""

    rule: str
    do: str
    is_enforced: bool
    because: str
    missing: tuple[str, ...] = ()
    error: str | None = None

    def to_json(self) -> dict[str, Any]:
        told = {"rule": self.rule, "do": self.do, "mode": "enforce" if self.is_enforced else "shadow",
                "because": self.because}  # fmt: skip
        return {**told, **({"missing": list(self.missing)} if self.missing else {}),
                **({"error": self.error} if self.error is not None else {})}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a rule set says: the verdict, what decided (a phase, ``fail``, or ``none``), and every match."""

    verdict: Verdict
    decided_by: str
    matches: tuple[Match, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """The ids of the rules that count, for operators."""
        return tuple(one.rule for one in self.matches if one.is_enforced)

    @property
    def errors(self) -> int:
        return sum(one.because == Because.ERROR for one in self.matches) if self.matches else 0


_NO_MATCH = Judgement(Verdict.ALLOW, "none", ())
_ALLOWED = Judgement(Verdict.ALLOW, Phase.ALLOW, ())
"""By a rule of the stage before."""


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A rule of a stage: its condition as the library has it (``alone``), and in Python where it can be."""

    place: int
    rule: Rule
    condition: Condition
    alone: Any
    plain: ast.expr | None


@dataclass(frozen=True, slots=True)
class _Set:
    """The rules of one stage.

    ``asks`` asks those that are plain; the ``others`` are asked of the library, and ``together`` is their list, in as
    few expressions as CEL takes. ``picky``: rules that do not skip what is missing. ``zeros``: value -> what stands
    for it while it is missing; ``asked``: what a question to a list is called in CEL -> among the values.
    """

    rules: tuple[_Compiled, ...]
    others: tuple[_Compiled, ...]
    together: tuple[Any, ...]
    picky: tuple[_Compiled, ...]
    reads: frozenset[str]
    zeros: Mapping[str, Value]
    asked: Mapping[str, str]
    asks: Asks
    _askable: dict[frozenset[str], tuple[bool, ...]] = field(default_factory=dict, compare=False, repr=False)

    def evaluate(self, values: Mapping[str, Value], unknown: frozenset[str]) -> dict[int, bool | str]:
        """Return the place of each rule that holds, or ended in an error: that then; ``unknown``: what has no value.

        What a rule says that reads what is unknown means nothing.
        """
        asked = self._asked_without(unknown)
        try:
            results: dict[int, bool | str] = dict.fromkeys(self.asks(values, asked), True)
        except (TypeError, AttributeError):  # a value that is not of its type, which the library says in its own words
            results = self._one_by_one(self.rules, {**self.zeros, **values})
        if self.others:
            found = {**self.zeros, **values}
            data = self._data(found)
            answers = [_value(one, data) for one in self.together]
            if all(isinstance(answer, list) for answer in answers):
                told = (one for answer in answers for one in answer)
                results |= {one.place: True for one, holds in zip(self.others, told, strict=True) if holds}
            else:
                results |= self._one_by_one(self.others, found)
        return results

    def _asked_without(self, unknown: frozenset[str]) -> tuple[bool, ...]:
        """Tell of each rule whether it reads nothing unknown; purchases lack the same few things each time."""
        known = self._askable.get(unknown)
        if known is None:
            if len(self._askable) >= _MOST_REMEMBERED:
                self._askable.clear()
            known = self._askable[unknown] = tuple(unknown.isdisjoint(one.condition.reads) for one in self.rules)
        return known

    def _one_by_one(self, rules: Sequence[_Compiled], found: Mapping[str, Value]) -> dict[int, bool | str]:
        data = self._data(found)
        answers = {one.place: _value(one.alone, data) for one in rules}
        return {place: told if isinstance(told, bool) else str(told) for place, told in answers.items() if told}

    def _data(self, found: Mapping[str, Value]) -> dict[str, Value]:
        """Return the values that the conditions read, under CEL's names."""
        known = {name: found[name] for name in self.reads}
        return {**known, **{name: found[question] for name, question in self.asked.items()}}


@dataclass(frozen=True, slots=True)
class RuleSet:
    """All rules, compiled. ``version`` names them: equal rules have equal versions."""

    fail: str
    sets: Mapping[Stage, _Set]
    version: str
    rules: Mapping[str, tuple[Rule, Stage]]
    reads: Mapping[Stage, frozenset[str]]
    exact: frozenset[str]
    lagging: frozenset[str]
    memberships: Mapping[Stage, tuple[Membership, ...]]
    velocity: Mapping[Stage, Mapping[str, tuple[Window, ...]]]

    def judge(
        self,
        stage: Stage,
        values: Mapping[str, Value],
        *,
        failed: Mapping[str, str] = _NOTHING,
        is_allowed: bool = False,
    ) -> Judgement:
        """Judge by the rules of a stage.

        ``failed``: attribute -> why it could not be had. ``is_allowed``: a rule of the stage before has allowed it.
        """
        found = self.sets[stage]
        unknown = found.reads.difference(values)
        results = found.evaluate(values, unknown)
        # Of rules that read what is missing, those that skip say nothing, unless there is a reason for it.
        asked = found.rules if failed else found.picky
        if not (results or (unknown and asked)):
            return _ALLOWED if is_allowed else _NO_MATCH
        silent = {one.place for one in asked if not unknown.isdisjoint(one.condition.reads)}
        places = sorted(silent.union(results))
        matched = (_match(found.rules[place], results.get(place, False), unknown, failed) for place in places)
        matches = [one for one in matched if one is not None]
        return self._decide(tuple(matches), is_allowed=is_allowed)

    def _decide(self, matches: tuple[Match, ...], *, is_allowed: bool) -> Judgement:
        enforced = [one for one in matches if one.is_enforced]
        phases = {one.do for one in enforced if one.because != Because.ERROR}
        challenge = Verdict.CHALLENGE if Phase.CHALLENGE in phases else Verdict.ALLOW
        if is_allowed or Phase.ALLOW in phases:
            return Judgement(max(Verdict.ALLOW, challenge), Phase.ALLOW, matches)
        decided = next((phase for phase in (Phase.BLOCK, Phase.REVIEW) if phase in phases), None)
        verdict, by = (Verdict.ALLOW, "none") if decided is None else (VERDICT_OF[decided], str(decided))
        has_failed = any(one.because == Because.ERROR for one in enforced)
        if has_failed and VERDICT_OF[self.fail] > verdict:
            verdict, by = VERDICT_OF[self.fail], "fail"
        if challenge > verdict:
            verdict, by = challenge, Phase.CHALLENGE
        return Judgement(verdict, by, matches)


def compile_rules(
    rules: Sequence[Rule], *, fail: str, attributes: Mapping[str, Attribute], lists: Sequence[str]
) -> RuleSet:
    """Compile rules.

    Raises:
        BadCondition: one of them cannot be; ``storefront check`` says where.
    """
    reading = Reading(attributes, lists)
    by_stage: dict[Stage, list[_Compiled]] = {stage: [] for stage in Stage}
    for rule in rules:
        condition = reading.read(rule.when)
        alone = reading.environment.compile(condition.cel)
        names = {f"m.i{number}": one.name for number, one in enumerate(reading.memberships)}
        found = by_stage[stage_of(condition, attributes)]
        found.append(_Compiled(len(found), rule, condition, alone, shortcut_of(alone.serialize(), names)))
    sets = {stage: _joined(found, reading, attributes) for stage, found in by_stage.items()}
    exact, lagging = set[str](), set[str]()
    for found in by_stage.values():
        for one in found:
            (exact if one.rule.is_enforced else lagging).update(_dimensions(one.condition))
    return RuleSet(
        fail=fail,
        sets=sets,
        version=_version(rules, fail),
        rules={one.rule.id: (one.rule, stage) for stage, found in by_stage.items() for one in found},
        reads={stage: frozenset().union(*(one.condition.reads for one in found)) for stage, found in by_stage.items()},
        exact=frozenset(exact),
        lagging=frozenset(lagging - exact),
        memberships={stage: _memberships(found) for stage, found in by_stage.items()},
        velocity={stage: _velocity(found) for stage, found in by_stage.items()},
    )


def stage_of(condition: Condition, attributes: Mapping[str, Attribute]) -> Stage:
    """Tell when a condition can be asked: once the payment is known, if it reads anything of that."""
    is_late = any(attributes[name].stage is Stage.PAYMENT for name in condition.reads)
    return Stage.PAYMENT if is_late else Stage.PURCHASE


def _joined(found: Sequence[_Compiled], reading: Reading, attributes: Mapping[str, Attribute]) -> _Set:
    asked, zeros = dict[str, str](), dict[str, Value]()
    for one in found:
        zeros |= {name: ZERO[attributes[name].kind] for name in one.condition.reads}
        for membership in one.condition.memberships:
            name = f"m.i{reading.memberships.index(membership)}"
            asked[name], zeros[membership.name] = membership.name, False
    others = tuple(one for one in found if one.plain is None)
    texts: list[str] = []
    for one in others:
        text = f"({one.condition.cel}\n)"  # a line of its own, so that a comment ends with its rule
        if texts and len(texts[-1]) + len(text) < _LONGEST_LIST:
            texts[-1] += f",{text}"
        else:
            texts.append(text)
    together = tuple(reading.environment.compile(f"[{text}]") for text in texts)
    reads = frozenset().union(*(one.condition.reads for one in found))
    picky = tuple(one for one in found if one.rule.on_missing != "skip")
    asks = asks_all([(one.place, one.plain) for one in found if one.plain is not None])
    return _Set(tuple(found), others, together, picky, reads, zeros, asked, asks)


def _dimensions(condition: Condition) -> set[str]:
    parts = (Velocity.of(name) for name in condition.reads)
    return {one.dimension for one in parts if one is not None}


def _memberships(found: Sequence[_Compiled]) -> tuple[Membership, ...]:
    asked = {membership for one in found for membership in one.condition.memberships}
    return tuple(sorted(asked, key=lambda one: one.name))


def _velocity(found: Sequence[_Compiled]) -> dict[str, tuple[Window, ...]]:
    """Return dimension -> what is read of it."""
    read: dict[str, dict[str, dict[str, str]]] = {}
    for name in {name for one in found for name in one.condition.reads}:
        parts = Velocity.of(name)
        if parts is not None:
            read.setdefault(parts.dimension, {}).setdefault(parts.window, {})[parts.figure] = name
    return {
        dimension: tuple((*WINDOWS[one], names.get("count"), names.get("sum")) for one, names in windows.items())
        for dimension, windows in read.items()
    }


def _version(rules: Sequence[Rule], fail: str) -> str:
    told = msgspec.json.encode([fail, *([one.id, one.do, one.when, one.is_enforced, one.on_missing] for one in rules)])
    return hashlib.sha256(told).hexdigest()[:12]


def _value(expression: Any, data: Mapping[str, Value]) -> Any:
    """Evaluate; an error comes back as its message."""
    try:
        answer = expression.eval(data=data)
    except (RuntimeError, TypeError, ValueError) as error:
        return str(error)
    return answer.plain_value() if answer.type().name() != "ERROR" else str(answer.value())


def _match(compiled: _Compiled, result: bool | str, unknown: frozenset[str], failed: Mapping[str, str]) -> Match | None:
    """Return what a rule matched by; ``unknown`` are all attributes without a value, ``failed`` those with a reason."""
    rule = compiled.rule
    missing = tuple(sorted(unknown & compiled.condition.reads))
    gone = [name for name in missing if name in failed]
    if gone:
        return Match(rule.id, rule.do, rule.is_enforced, Because.ERROR, error=failed[gone[0]])
    if missing:
        if rule.on_missing == "skip":
            return None
        do = Phase.BLOCK if rule.on_missing == "block" else rule.do
        return Match(rule.id, do, rule.is_enforced, Because.MISSING, missing)
    if isinstance(result, str):
        return Match(rule.id, rule.do, rule.is_enforced, Because.ERROR, error=result[:200])
    return Match(rule.id, rule.do, rule.is_enforced, Because.CONDITION) if result else None
