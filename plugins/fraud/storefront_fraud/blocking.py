"""Refusing a purchase that waits for a person, and putting whoever tried on the lists of who was reported."""

from storefront.core.commit.plan import Plan
from storefront.core.operating.reviews import reject_review
from storefront.core.privileged import record_action
from storefront.core.purchasing import read_purchase
from storefront.core.redaction import redact_text
from storefront.core.services import Services
from storefront_fraud.config import Settings
from storefront_fraud.feeding import known_of, put_longer
from storefront_fraud.lists import anchor_of


async def refuse_and_block(
    services: Services, settings: Settings, purchase_id: str, *, reason: str, actor: str
) -> dict[str, str]:
    """Reject a purchase that waits, then put its customer, card and address on the lists; return list -> value.

    They stay there for as long as those whom banks report. It is safe to repeat: what was rejected stays so, and
    what is on a list already stays on it for the longer time. Audited.

    Raises:
        NotFound: there is no such review.
        ReviewNotOpen, ReviewDecided: it does not wait, or was decided otherwise; then nobody is put on a list.
    """
    await reject_review(services, purchase_id, reason=reason, actor=actor)
    purchase, now = await read_purchase(services, purchase_id), services.clock.now()
    found, why = await known_of(services, purchase_id, purchase["customer_id"]), redact_text(reason)
    plan = Plan(actor=actor, anchors={anchor_of(name) for name in found})
    says = f"refused {purchase_id}: {why}"
    for name, value in found.items():
        await put_longer(services, plan, name, value, reason=says, now=now, expires_at=now + settings.reported_ms)
    facts = {"lists": sorted(found), "reason": why}
    record_action(plan, "fraud.blocked", actor=actor, about=purchase_id, facts=facts, now=now,
                  wall=services.clock.wall())  # fmt: skip
    await services.engine.commit(plan)
    return found
