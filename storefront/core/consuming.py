"""Using up items: at most once per idempotency key, never more than there are."""

from dataclasses import dataclass

import msgspec

from storefront.core.commit.outcome import Answer, Outcome
from storefront.core.commit.plan import IdempotencyKey, Plan, TakeItem
from storefront.core.ids import new_id
from storefront.core.services import Services


@dataclass(frozen=True, slots=True)
class ConsumeRequest:
    """How many of which item a customer uses up."""

    idempotency: IdempotencyKey
    customer_id: str
    sku: str
    quantity: int


async def consume_item(services: Services, wanted: ConsumeRequest) -> tuple[Answer, bool]:
    """Take items out of an inventory; return the answer and whether it is a replay.

    Raises:
        NotEnoughItems: there are fewer; nothing was written.
    """
    anchor = wanted.customer_id
    consumption_id = new_id("con")
    plan = Plan(
        actor=wanted.idempotency.caller,
        anchors={anchor},
        idempotency=wanted.idempotency,
        object_id=consumption_id,
    )
    plan.add(TakeItem(anchor, wanted.sku, wanted.quantity, consumption_id))
    payload = {"id": consumption_id, "customer_id": anchor, "sku": wanted.sku, "quantity": wanted.quantity}
    plan.emit("item.consumed", anchor=anchor, subject=consumption_id, payload=payload)
    external_id = await services.customers.external_id(anchor)

    def answer(outcome: Outcome) -> Answer:
        change = outcome.customer_change(anchor)
        remaining = sum(item["quantity"] for item in change["changed"].get("items", ()) if item["sku"] == wanted.sku)
        body = {
            "sku": wanted.sku,
            "consumed": wanted.quantity,
            "remaining": remaining,
            "customer": {"id": external_id, **change},
        }
        return Answer(200, msgspec.json.encode(body))

    plan.answer = answer
    outcome = await services.engine.commit(plan)
    assert outcome.answer is not None
    return outcome.answer, outcome.is_replay
