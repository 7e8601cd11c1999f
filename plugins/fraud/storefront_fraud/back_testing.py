"""Replaying rules over stored decisions: what they would have said then, of whom, and how that ended."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import select, tuple_

from storefront.core.clock import iso
from storefront.core.errors import FieldError, Invalid
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront.core.tables import purchases
from storefront_fraud.attributes import Stage, Value
from storefront_fraud.cases import read_velocity
from storefront_fraud.config import Settings, rules_of
from storefront_fraud.expressions import BadCondition
from storefront_fraud.lists import Lists
from storefront_fraud.rings import LONGEST_MS, Buckets, add, buckets_of
from storefront_fraud.rules import VERDICT_OF, WORD_OF, Because, Phase, RuleSet
from storefront_fraud.tables import decisions

MOST_CHANGES = 200
_PAGE = 1000
_STOPS = ("block", "review")
_ORDER = (decisions.c.created_at, decisions.c.purchase_id, decisions.c.stage)


def other_rules(settings: Settings, written: Sequence[Mapping[str, Any]]) -> RuleSet:
    """Compile other rules under this shop's settings.

    Raises:
        Invalid: one of them is none.
    """
    rules = rules_of(written)
    for index, rule in enumerate(rules):
        try:
            settings.compiled([rule])
        except BadCondition as bad:
            before = rule.when[: bad.flaw.offset]
            line, column = before.count("\n") + 1, bad.flaw.offset - before.rfind("\n")
            where = f"line {line}, column {column} of its condition"
            message = f"The rule {rule.id} {bad.flaw.message} ({where})."
            raise Invalid(
                message, errors=[FieldError(f"/rules/{index}/when", f"{bad.flaw.message} ({where})")]
            ) from None
    breakers = tuple(rule for rule in settings.rules if rule.id.startswith("breaker-"))
    try:
        return settings.compiled((*rules, *breakers))
    except BadCondition as bad:  # each is a rule, but not all together
        wrong = [FieldError("/rules", bad.flaw.message)]
        raise Invalid(f"These rules together are none: one {bad.flaw.message}.", errors=wrong) from None


@dataclass(slots=True)
class _Seen:
    """One purchase: what was said of it then, and what would be now; of two stages the stricter."""

    customer_id: str
    then: str = "allow"
    now: str = "allow"
    rules: list[str] = field(default_factory=list)


class BackTest:
    """One replay. ``unknown``: attribute -> in how many decisions it has no value: missing, or read by nobody then."""

    def __init__(self, services: Services, settings: Settings, rules: RuleSet) -> None:
        self._services = services
        self._rules = rules
        self._lists = Lists(services, settings)
        self._dimensions = rules.exact | rules.lagging
        self._rings: dict[tuple[str, str], Buckets] = defaultdict(lambda: buckets_of(None))
        self._allowed: set[str] = set()
        self.seen: dict[str, _Seen] = {}
        self.decisions = self.same = 0
        self.unknown: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()

    async def run(self, since: int) -> dict[str, Any]:
        """Replay every decision from ``since`` (business ms) on; what came in the week before is only counted."""
        async for row in _rows(self._services, since - LONGEST_MS):
            buckets = self._count(row)
            if row["created_at"] >= since:
                await self._judge(row, buckets)
        return await self._report(since)

    def _count(self, row: Row) -> dict[str, Buckets]:
        found = {}
        for dimension, value in msgspec.json.decode(row["identity"]).items():
            if dimension in self._dimensions:
                found[dimension] = self._rings[dimension, value]
                add(found[dimension], row["created_at"], row["amount"] or 0)
        return found

    async def _judge(self, row: Row, buckets: Mapping[str, Buckets]) -> None:
        rules, stage = self._rules, Stage(row["stage"])
        told: dict[str, Value | None] = msgspec.json.decode(row["attributes"])
        values = {name: value for name, value in told.items() if value is not None}
        failed = {name: "could not be had then" for name, value in told.items() if value is None}
        for dimension, kept in buckets.items():
            has_sum = row["amount"] is not None
            counted = read_velocity(rules, stage, dimension, kept, row["created_at"], has_sum=has_sum)
            values = {**counted, **values}
        asked = [one for one in rules.memberships[stage] if one.name not in values]
        values |= await self._lists.answers(asked, values, self._services.clock.now())
        self.unknown.update(name for name in rules.reads[stage] if name not in values and name not in failed)
        judgement = rules.judge(stage, values, failed=failed, is_allowed=row["purchase_id"] in self._allowed)
        if stage is Stage.PURCHASE and judgement.decided_by == Phase.ALLOW:
            self._allowed.add(row["purchase_id"])
        now = WORD_OF[judgement.verdict]
        self.decisions += 1
        self.same += now == row["verdict"]
        seen = self.seen.setdefault(row["purchase_id"], _Seen(row["customer_id"]))
        seen.then, seen.now = (max(pair, key=_strictness) for pair in ((seen.then, row["verdict"]), (seen.now, now)))
        seen.rules += [one.rule for one in judgement.matches]
        self.errors.update(one.rule for one in judgement.matches if one.because == Because.ERROR)

    async def _report(self, since: int) -> dict[str, Any]:
        ends = await _ends(self._services, list(self.seen))
        disputed = {name for name, row in ends.items() if row["dispute"] != "none"}
        bad = {self.seen[name].customer_id for name in disputed}
        good = {
            name
            for name, row in ends.items()
            if row["completed_at"] is not None and self.seen[name].customer_id not in bad
        }
        changes = [name for name, one in self.seen.items() if one.then != one.now]
        by_rule: dict[str, Counter[str]] = {name: Counter() for name in self._rules.rules}
        for name, one in self.seen.items():
            kind = "disputed" if name in disputed else "good" if name in good else "other"
            for rule in set(one.rules):
                by_rule[rule].update(("matched", kind))
        return {
            "since": iso(since),
            "rules_version": self._rules.version,
            "decisions": self.decisions,
            "purchases": len(self.seen),
            "same": self.same,
            "then": self._verdicts("then"),
            "now": self._verdicts("now"),
            "disputes": {"total": len(disputed), **self._stopped(disputed)},
            "good": {"total": len(good), **self._stopped(good)},
            "good_customers_hit": len({self.seen[name].customer_id for name in good if self.seen[name].now in _STOPS}),
            "rules": [
                {"id": name, "matched": found["matched"], "disputed": found["disputed"], "good": found["good"],
                 "errors": self.errors[name]} for name, found in by_rule.items()
            ],
            "unknown": dict(sorted(self.unknown.items())),
            "changes": [await self._change(name, name in disputed) for name in changes[:MOST_CHANGES]],
            "more_changes": max(0, len(changes) - MOST_CHANGES),
        }  # fmt: skip

    def _verdicts(self, which: str) -> dict[str, int]:
        counts = Counter(getattr(one, which) for one in self.seen.values())
        return {word: counts[word] for word in VERDICT_OF}

    def _stopped(self, names: set[str]) -> dict[str, int]:
        """Return how many of these purchases were stopped then, and would be now: blocked, or kept for a review."""
        stopped = {which: sum(getattr(self.seen[name], which) in _STOPS for name in names) for which in ("then", "now")}
        return {"stopped_then": stopped["then"], "stopped_now": stopped["now"]}

    async def _change(self, name: str, is_disputed: bool) -> dict[str, Any]:
        one = self.seen[name]
        customer = await self._services.customers.external_id(one.customer_id)
        return {"purchase": name, "customer": customer, "then": one.then, "now": one.now,
                "rules": sorted(set(one.rules)), "disputed": is_disputed}  # fmt: skip


def _strictness(word: str) -> int:
    return int(VERDICT_OF[word])


async def _rows(services: Services, since: int) -> AsyncIterator[Row]:
    """Yield decisions in the order in which they were made, a page at a time."""
    after: tuple[Any, ...] = (since, "", "")
    while True:
        page = select(decisions).where(tuple_(*_ORDER) > tuple_(*after)).order_by(*_ORDER).limit(_PAGE)
        rows = await services.reader.scan(page)
        for row in rows:
            yield row
        if len(rows) < _PAGE:
            return
        last = rows[-1]
        after = (last["created_at"], last["purchase_id"], last["stage"])


async def _ends(services: Services, names: Sequence[str]) -> dict[str, Row]:
    """Return how these purchases ended; those that were refused are none."""
    found: dict[str, Row] = {}
    columns = (purchases.c.id, purchases.c.dispute, purchases.c.completed_at)
    for place in range(0, len(names), _PAGE // 2):
        some = names[place : place + _PAGE // 2]
        for row in await services.reader.scan(select(*columns).where(purchases.c.id.in_(some))):
            found[row["id"]] = row
    return found
