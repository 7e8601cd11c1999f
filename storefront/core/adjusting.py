"""Adjustments: value that an operator takes out of a wallet by hand, with a reason; giving by hand is a grant."""

from dataclasses import dataclass
from typing import Any

import msgspec

from storefront.core.accounts import issuance
from storefront.core.commit.outcome import Answer, Outcome
from storefront.core.commit.plan import IdempotencyKey, Plan, Spend
from storefront.core.errors import FieldError, Invalid
from storefront.core.idempotency import answered_before
from storefront.core.ids import new_id
from storefront.core.money import MAX_AMOUNT
from storefront.core.privileged import record_action
from storefront.core.redaction import redact_text
from storefront.core.services import Services

OPERATION = "console: adjust wallet"
KIND = "adjustment"


@dataclass(frozen=True, slots=True)
class Adjustment:
    """How much of a virtual ``asset`` leaves whose wallet, and why."""

    idempotency: IdempotencyKey
    customer_id: str
    asset: str
    amount: int
    reason: str

    def __post_init__(self) -> None:
        # It is kept in the audit rows for as long as its customer is.
        object.__setattr__(self, "reason", redact_text(self.reason))


async def adjust(services: Services, wanted: Adjustment) -> dict[str, Any]:
    """Take value out of a wallet, once per idempotency key; return ``{entry, asset, amount}``.

    Raises:
        Invalid: not a virtual currency, not an amount.
        InsufficientFunds: the wallet holds less that is free; nothing was written.
    """
    if not services.catalogs.active.is_virtual(wanted.asset):
        wrong = "must be a virtual currency of the shop"
        raise Invalid(f"{wanted.asset} cannot be adjusted.", errors=[FieldError("/asset", wrong)])
    if not 1 <= wanted.amount <= MAX_AMOUNT:
        raise Invalid("An adjustment takes something.", errors=[FieldError("/amount", "must be 1 or more")])
    answer, _ = await answered_before(services.reader, wanted.idempotency, _adjust(services, wanted))
    made: dict[str, Any] = msgspec.json.decode(answer.body)
    return made


async def _adjust(services: Services, wanted: Adjustment) -> tuple[Answer, bool]:
    actor, now, about = wanted.idempotency.caller, services.clock.now(), new_id("adj")
    plan = Plan(actor=actor, anchors={wanted.customer_id}, idempotency=wanted.idempotency, object_id=about)
    entry_id = plan.entry(KIND, about=about, anchor=wanted.customer_id)
    plan.add(Spend("entry", wanted.customer_id, wanted.asset, wanted.amount, issuance(wanted.asset)))
    facts = {"customer_id": wanted.customer_id, "asset": wanted.asset, "amount": wanted.amount,
             "reason": wanted.reason, "entry": entry_id}  # fmt: skip
    record_action(plan, "wallet.adjusted", actor=actor, about=about, facts=facts, now=now, wall=services.clock.wall())
    told = {"customer_id": wanted.customer_id, "asset": wanted.asset, "amount": wanted.amount, "entry": entry_id}
    plan.emit("wallet.adjusted", anchor=wanted.customer_id, subject=about, payload=told)

    def answer(_: Outcome) -> Answer:
        return Answer(200, msgspec.json.encode({"id": about, **told}))

    plan.answer = answer
    outcome = await services.engine.commit(plan)
    assert outcome.answer is not None
    return outcome.answer, outcome.is_replay
