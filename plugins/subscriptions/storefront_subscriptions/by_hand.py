"""What an operator does by hand at the console: once per form, with an audit row in the commit that does it."""

from dataclasses import dataclass

from storefront.core.commit.outcome import Answer, KeyReused
from storefront.core.commit.plan import IdempotencyKey, Plan
from storefront.core.idempotency import RECORD
from storefront.core.privileged import record_action
from storefront.core.redaction import redact_text
from storefront.core.services import Services


@dataclass(frozen=True, slots=True)
class ByHand:
    """Whose form it is, told apart by its ``key``, and why they sent it."""

    key: IdempotencyKey
    reason: str


def record_by_hand(
    services: Services, plan: Plan, by: ByHand | None, action: str, subscription_id: str, **facts: str | int | None
) -> None:
    """Add the audit row ``subscription.<action>`` to a plan that an operator asked for; of anybody else's, nothing."""
    if by is None:
        return
    told = {"reason": redact_text(by.reason), **facts}
    now, wall = services.clock.now(), services.clock.wall()
    record_action(plan, f"subscription.{action}", actor=by.key.caller, about=subscription_id, facts=told, now=now,
                  wall=wall)  # fmt: skip


def sign(
    services: Services, plan: Plan, by: ByHand | None, action: str, subscription_id: str, **facts: str | int | None
) -> None:
    """Add the same, and the form's key: sent again, nothing is done once more."""
    if by is None:
        return
    plan.idempotency, plan.object_id = by.key, subscription_id
    plan.answer = lambda outcome: Answer(200, b"{}")
    record_by_hand(services, plan, by, action, subscription_id, **facts)


async def is_done(services: Services, by: ByHand) -> bool:
    """Tell whether a form has done its thing before; raises ``KeyReused`` for another one under its key."""
    key = by.key
    record = await services.reader.first(RECORD, caller=key.caller, operation=key.operation, key=key.key)
    if record is not None and record["fingerprint"] != key.fingerprint:
        raise KeyReused
    return record is not None
