"""Using up items: at most once per idempotency key, never more than there are."""

from dataclasses import dataclass

import msgspec

from storefront.core.commit.item_terms import COUNTED, NUMBERED
from storefront.core.commit.outcome import Answer, Outcome, Stale
from storefront.core.commit.plan import IdempotencyKey, ItemTerms, Plan, TakeItem
from storefront.core.errors import FieldError, Invalid
from storefront.core.ids import new_id
from storefront.core.services import Services


@dataclass(frozen=True, slots=True)
class ConsumeRequest:
    """How many of which item a customer uses up; ``instance`` names one of those whose units have numbers."""

    idempotency: IdempotencyKey
    customer_id: str
    sku: str
    quantity: int
    instance: str | None = None


async def consume_item(services: Services, wanted: ConsumeRequest) -> tuple[Answer, bool]:
    """Take items out of an inventory; return the answer and whether it is a replay.

    Raises:
        NotEnoughItems: there are fewer; nothing was written.
        NotConsumable: it lasts until its end; nothing was written.
    """
    if wanted.instance is not None and wanted.quantity != 1:
        raise Invalid("An instance is one thing.", errors=[FieldError("/quantity", "must be 1 with an instance")])
    terms = NUMBERED if wanted.instance is not None else COUNTED
    try:
        return await _consume(services, wanted, terms)
    except Stale:
        # Its units have numbers, which one is told only where a customer has such an item.
        return await _consume(services, wanted, NUMBERED)


async def _consume(services: Services, wanted: ConsumeRequest, terms: ItemTerms) -> tuple[Answer, bool]:
    anchor = wanted.customer_id
    consumption_id = new_id("con")
    plan = Plan(
        actor=wanted.idempotency.caller,
        anchors={anchor},
        idempotency=wanted.idempotency,
        object_id=consumption_id,
    )
    plan.add(TakeItem(anchor, wanted.sku, wanted.quantity, consumption_id, terms=terms, instance=wanted.instance))
    payload = {"id": consumption_id, "customer_id": anchor, "sku": wanted.sku, "quantity": wanted.quantity}
    plan.emit("item.consumed", anchor=anchor, subject=consumption_id, payload=payload)
    external_id = await services.customers.external_id(anchor)

    def answer(outcome: Outcome) -> Answer:
        change = outcome.customer_change(anchor)
        body = {
            "sku": wanted.sku,
            "consumed": wanted.quantity,
            "remaining": outcome.results[f"left:{wanted.sku}"],
            "customer": {"id": external_id, **change},
        }
        return Answer(200, msgspec.json.encode(body))

    plan.answer = answer
    outcome = await services.engine.commit(plan)
    assert outcome.answer is not None
    return outcome.answer, outcome.is_replay
