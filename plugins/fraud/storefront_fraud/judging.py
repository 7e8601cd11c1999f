"""Judging: a purchase in the very commit that makes it, a payment in a commit of its own before money is taken.

A purchase's verdict is a late step's, so that counters are as they are at that moment: of many attempts at once no more
pass than the rules allow, and whatever the verdict, it is one commit. A payment's verdict is written before the money
is captured, so that whoever asks again, after a crash too, is told the same.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import bindparam, select

from storefront.core.assessing import Assessment, PaymentAttempt, PurchaseAttempt, PurchaseRefused, Verdict
from storefront.core.commit.apply import LateView, Review
from storefront.core.commit.plan import Insert, Key, Late, Plan, Step, Steps
from storefront.core.commit.reads import reads_of
from storefront.core.errors import Refused
from storefront.core.purchasing import read_purchase
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront_fraud.attributes import AT_PAYMENT, Stage, Value
from storefront_fraud.cases import (
    PASSED,
    REFUSED,
    REVIEWED,
    Case,
    counter_key,
    outcome_of,
    read_velocity,
)
from storefront_fraud.collecting import ASKED_FOR_SCORES, SCORES, Collector, Values, payment_values
from storefront_fraud.config import Settings
from storefront_fraud.learning import order_lesson
from storefront_fraud.lists import Lists
from storefront_fraud.rings import add, buckets_of
from storefront_fraud.rules import VERDICT_OF, Phase, RuleSet
from storefront_fraud.subjects import Rates, Subject
from storefront_fraud.tables import counters, decisions

JUDGE, JUDGE_PAYMENT, COUNT = "fraud.judge", "fraud.judge_payment", "fraud.count"
_SAID = "fraud"
_FAILED_THEN = "it could not be had when the purchase was judged"
_COUNTER = Query(
    select(counters).where(counters.c.dimension == bindparam("dimension"), counters.c.value == bindparam("value"))
)
DECISION = Query(
    select(decisions).where(
        decisions.c.purchase_id == bindparam("purchase_id"), decisions.c.stage == bindparam("stage")
    )
)


class Judge:
    """Judges the purchases and payments of one shop."""

    def __init__(
        self, services: Services, settings: Settings, rules: RuleSet, *, lists: Lists, collector: Collector
    ) -> None:
        self._services = services
        self._settings = settings
        self._rules = rules
        self._rates = Rates(services, settings)
        self._lists = lists
        self._collector = collector
        self._groups = {stage: _groups(settings, rules, stage) for stage in Stage}
        self._lagging = {
            stage: [one for one in rules.velocity[stage] if one not in rules.exact or not _is_counted_at(stage, one)]
            for stage in Stage
        }
        self._may_review = settings.fail == "review" or any(
            rule.do is Phase.REVIEW and rule.is_enforced for rule, _ in rules.rules.values()
        )
        self._challenges = any(
            rule.do is Phase.CHALLENGE and rule.is_enforced and stage is Stage.PURCHASE
            for rule, stage in rules.rules.values()
        )

    async def assess_purchase(self, attempt: PurchaseAttempt, plan: Plan) -> Assessment | None:
        """Add the late step that judges; what only the gateway can do (a challenge) is said beforehand."""
        if attempt.quote is None:
            return None
        now = self._services.clock.now()
        subject = Subject.of_attempt(self._rates, attempt, attempt.quote, self._settings.device)
        case = await self._case_of_purchase(subject, now)
        to_count = self._order_count(case, now)
        plan.anchors |= case.anchors
        plan.add(Late(JUDGE, _reads(case, to_count), {"case": case, "to_count": to_count, "outcome": PASSED}))
        # What the first one has named is there for the others.
        plan.on_refused.add(Late(JUDGE, (), {"case": case, "to_count": to_count, "outcome": REFUSED}))
        if case.scored["to_learn"]:
            order_lesson(plan.on_refused, subject.customer_id, now)  # no event will tell of it
        if self._may_review:
            plan.on_review.add(Late(JUDGE, (), {"case": case, "to_count": to_count, "outcome": REVIEWED}))
        return await self._challenge(case, now) if self._challenges and subject.is_of_gateway else None

    async def assess_payment(self, attempt: PaymentAttempt) -> Assessment | None:
        """Judge a payment once; whoever asks again is told what was said then."""
        if not self._rules.sets[Stage.PAYMENT].rules:
            return None
        case = await self._case_of_payment(attempt)
        plan = Plan(actor="plugin:fraud", anchors={case.customer_id, *case.anchors})
        to_count = self._order_count(case, self._services.clock.now())
        reads = (case.key, *_reads(case, to_count))
        plan.add(Late(JUDGE_PAYMENT, reads, {"case": case, "to_count": to_count}))
        outcome = await self._services.engine.commit(plan)
        said = outcome.results[_SAID]
        return Assessment(VERDICT_OF[said["verdict"]], tuple(said["reasons"]))

    async def _case_of_purchase(self, subject: Subject, now: int) -> Case:
        values = await self._collector.collect(subject, self._groups[Stage.PURCHASE], now)
        identity: Mapping[str, str] = subject.identity
        await self._add_lists(Stage.PURCHASE, values, now)
        if self._lagging[Stage.PURCHASE]:
            await self._add_lagging(Stage.PURCHASE, values, identity, subject.reference, now)
        return self._case(Stage.PURCHASE, subject, values, identity)

    async def _case_of_payment(self, attempt: PaymentAttempt) -> Case:
        """Begin with what was known when the purchase was judged; one that was not is read from its row."""
        services, now = self._services, self._services.clock.now()
        subject = Subject.of_row(self._rates, await read_purchase(services, attempt.purchase_id), self._settings.device)
        earlier = await services.reader.first(DECISION, purchase_id=attempt.purchase_id, stage=Stage.PURCHASE)
        groups = self._groups[Stage.PAYMENT]
        if earlier is not None:
            told: dict[str, Value | None] = msgspec.json.decode(earlier["attributes"])
            kept: dict[str, Value] = {name: value for name, value in told.items() if value is not None}
            address = kept.get("ip.address")
            subject = msgspec.structs.replace(subject, address=address if isinstance(address, str) else None)
            values = await self._collector.collect(subject, [one for one in groups if one not in _OF_REQUEST], now)
            values.known = {**kept, **values.known}
            # What could not be had then is no less unknown now, and never taken for something that is not there.
            values.failed |= {name: _FAILED_THEN for name, value in told.items()
                              if value is None and name not in values.known}  # fmt: skip
        else:
            values = await self._collector.collect(subject, [one for one in groups if one != SCORES], now)
        values.known |= payment_values(attempt.facts)
        identity = dict(subject.identity)
        fingerprint = values.known.get("card.fingerprint")
        if isinstance(fingerprint, str):
            identity["card"] = fingerprint
        await self._add_lists(Stage.PAYMENT, values, now)
        await self._add_lagging(Stage.PAYMENT, values, identity, subject.reference, now)
        is_allowed = earlier is not None and earlier["decided_by"] == Phase.ALLOW
        counted = {name: value for name, value in identity.items() if name in AT_PAYMENT}
        return self._case(Stage.PAYMENT, subject, values, counted, is_allowed=is_allowed)

    def _case(
        self, stage: Stage, subject: Subject, values: Values, counted: Mapping[str, str], *, is_allowed: bool = False
    ) -> Case:
        """Lay together what is known; ``counted``: dimension -> value, of what this stage can be counted by."""
        rules, customer_id = self._rules, subject.customer_id
        exact = {name: counter_key(name, value, customer_id) for name, value in counted.items() if name in rules.exact}
        return Case(
            rules=rules,
            stage=stage,
            purchase_id=subject.purchase_id,
            customer_id=customer_id,
            catalog_version=subject.catalog_version,
            values=values.known,
            failed=values.failed,
            amount=subject.reference,
            identity=counted,
            scored=values.scored,
            exact=exact,
            to_count=tuple(sorted(rules.lagging & counted.keys())) if rules.lagging else (),
            is_allowed=is_allowed,
        )

    async def _add_lists(self, stage: Stage, values: Values, now: int) -> None:
        asked = self._rules.memberships[stage]
        if asked:
            at_hand = self._lists.at_hand(asked, values.known, now)
            values.known |= await self._lists.answers(asked, values.known, now) if at_hand is None else at_hand

    async def _add_lagging(
        self, stage: Stage, values: Values, identity: Mapping[str, str], amount: int | None, now: int
    ) -> None:
        """Read the counters that are not moved in this commit: those of shadow rules, and at payment the purchase's.

        Those that are counted a moment later have this attempt added; what was counted with the purchase has it.
        """
        rules = self._rules
        for dimension in self._lagging[stage]:
            if dimension not in identity:
                continue
            buckets = buckets_of(await self._counter(dimension, identity[dimension]))
            if _is_counted_at(stage, dimension):
                add(buckets, now, amount or 0)
            values.known |= read_velocity(rules, stage, dimension, buckets, now, has_sum=amount is not None)

    async def _counter(self, dimension: str, value: str) -> Row | None:
        return await self._services.reader.first(_COUNTER, dimension=dimension, value=value)

    def _order_count(self, case: Case, now: int) -> tuple[Step, ...]:
        """Order the job that counts by the dimensions which only shadow rules read."""
        if not case.to_count:
            return ()
        order = Steps()
        payload = {"purchase_id": case.purchase_id, "stage": str(case.stage)}
        order.schedule(COUNT, anchor=case.customer_id, unique_key=f"{COUNT}:{case.purchase_id}:{case.stage}",
                       due_at=now, now=now, payload=payload)  # fmt: skip
        return tuple(order.list)

    async def _challenge(self, case: Case, now: int) -> Assessment | None:
        """Say whether 3-D Secure is wanted, by the counters as they are now: the gateway is asked after the commit."""
        values: dict[str, Value] = dict(case.values)
        for dimension, key in case.exact.items():
            buckets = buckets_of(await self._counter(dimension, str(key.id[1])))
            add(buckets, now, case.amount or 0)
            has_sum = case.amount is not None
            values |= read_velocity(self._rules, case.stage, dimension, buckets, now, has_sum=has_sum)
        judgement = self._rules.judge(case.stage, values, failed=case.failed)
        asked = tuple(one.rule for one in judgement.matches if one.is_enforced and one.do == Phase.CHALLENGE)
        return Assessment(Verdict.CHALLENGE, asked) if asked else None


def _is_counted_at(stage: Stage, dimension: str) -> bool:
    return (dimension in AT_PAYMENT) is (stage is Stage.PAYMENT)


def _reads(case: Case, to_count: Sequence[Step]) -> tuple[Key, ...]:
    """Name the rows that a verdict needs."""
    counters = tuple(case.exact.values())
    if not to_count:
        return counters
    return (*counters, *(key for step in to_count for key in reads_of(step) if isinstance(key, Key)))


def judge_step(view: LateView, facts: Mapping[str, Any]) -> Sequence[Step] | Refused | Review:
    """Late step: count, judge, and write down; the same in each branch of the plan, which says what came of it."""
    case, outcome = facts["case"], facts["outcome"]
    judgement, steps, values = case.judge(view)
    if outcome == PASSED and judgement.verdict is Verdict.REFUSE:
        return PurchaseRefused()
    if outcome == PASSED and judgement.verdict is Verdict.REVIEW:
        return Review(judgement.reasons)
    return [*steps, case.insert(judgement, values, outcome, view.moment.now), *facts["to_count"]]


def judge_payment_step(view: LateView, facts: Mapping[str, Any]) -> Sequence[Step]:
    """Late step: judge a payment, if nobody has yet; the verdict is told either way."""
    case = facts["case"]
    earlier = view.row(case.key)
    if earlier is not None:
        matches = msgspec.json.decode(earlier["matches"])
        reasons = [one["rule"] for one in matches if one["mode"] == "enforce"]
        view.tell(_SAID, {"verdict": earlier["verdict"], "reasons": reasons})
        return ()
    judgement, steps, values = case.judge(view)
    insert: Insert = case.insert(judgement, values, outcome_of(judgement.verdict), view.moment.now)
    view.tell(_SAID, {"verdict": insert.row["verdict"], "reasons": list(judgement.reasons)})
    return [*steps, insert, *facts["to_count"]]


_ALWAYS = ("time", "network")
_OF_REQUEST = frozenset({"time", "network", "recipient", SCORES, "meter"})
"""Groups whose values a payment has from its purchase: they are about the moment when it was asked for."""


def _groups(settings: Settings, rules: RuleSet, stage: Stage) -> tuple[str, ...]:
    """Return the groups that are asked: what costs nothing always, so that it stands in every decision."""
    read = {settings.attributes[name].group for name in rules.reads[stage]}
    if stage is Stage.PURCHASE:  # what is of the request is not known any more when its payment is judged
        read |= {settings.attributes[name].group for name in rules.reads[Stage.PAYMENT]} & _OF_REQUEST
        read |= ASKED_FOR_SCORES if SCORES in read else set()
    return tuple(sorted({*_ALWAYS, *read} - {"purchase", "payment", "velocity"}))
