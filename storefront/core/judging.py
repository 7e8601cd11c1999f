"""Judging payments: what plugins say of one, beside what was said of its purchase, or decided by a person, before."""

from dataclasses import dataclass

from storefront.core.assessing import Assessment, PaymentAttempt, Verdict, strictest
from storefront.core.commit.plan import Plan
from storefront.core.gateways import PaymentFacts
from storefront.core.purchasing import Status
from storefront.core.reading import Row
from storefront.core.reviews import Decision, decision_of, read_review, reasons_of
from storefront.core.services import Services


@dataclass(frozen=True, slots=True)
class Case:
    """A purchase, its payment, its review if it has one, and what the gateway says of the money."""

    purchase: Row
    payment: Row
    review: Row | None
    facts: PaymentFacts

    @property
    def id(self) -> str:
        return str(self.purchase["id"])

    @property
    def decision(self) -> Decision | None:
        """What a person, or time, has decided of it."""
        return None if self.review is None else decision_of(self.review)


async def case_of(services: Services, purchase: Row, payment: Row, facts: PaymentFacts) -> Case:
    """Put a case together; only a purchase whose payment is screened, or that is in review, can have a review."""
    may_have = payment["is_screened"] or purchase["status"] == Status.IN_REVIEW
    return Case(purchase, payment, await read_review(services, purchase["id"]) if may_have else None, facts)


async def judge_payment(services: Services, case: Case, plan: Plan) -> Assessment:
    """Return the verdict on a payment; it is asked for once, and what a person decided of it stands.

    Plugins may add to ``plan``, which is committed with what follows from the verdict.
    """
    if case.decision is not None:
        return Assessment(Verdict.REFUSE if case.decision.refuses else Verdict.ALLOW)
    if case.payment["verdict"] is not None:
        return Assessment(Verdict[case.payment["verdict"].upper()])
    attempt = PaymentAttempt(case.id, case.purchase["customer_id"], case.facts)
    answers = await services.hooks.call_each("assess_payment", services=services, attempt=attempt, plan=plan)
    if case.review is not None:
        answers = [*answers, Assessment(Verdict.REVIEW, reasons_of(case.review))]
    return strictest(answers)
