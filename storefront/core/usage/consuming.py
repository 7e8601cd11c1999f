"""Using up a metered feature by one call: the same path as a usage event, with an answer that says what is left."""

from dataclasses import dataclass
from typing import Any

import msgspec

from storefront.core.clock import HOUR_MS
from storefront.core.commit.outcome import Answer, Outcome
from storefront.core.commit.plan import IdempotencyKey, Plan
from storefront.core.commit.reads import usage_id_key
from storefront.core.commit.usage import Part, Reading
from storefront.core.config.model_usage import MICRO, Aggregation
from storefront.core.errors import NotFound, Refused
from storefront.core.idempotency import answered_before
from storefront.core.ids import new_id
from storefront.core.metered import period_around
from storefront.core.services import Services
from storefront.core.usage.ingesting import meter_step
from storefront.core.usage.meters import hash_of


class NotConsumable(Refused):
    """The feature's meter keeps no sum that a quantity could be added to."""

    code = "not_consumable"
    title = "This feature is not used up by quantity"


@dataclass(frozen=True, slots=True)
class ConsumeFeature:
    """How much of which feature a customer uses up."""

    idempotency: IdempotencyKey
    customer_id: str
    feature: str
    quantity: int


async def consume_feature(services: Services, wanted: ConsumeFeature) -> tuple[Answer, bool]:
    """Count a quantity of a metered feature at once; return the answer and whether it is a replay.

    Raises:
        NotFound: there is no such metered feature.
        NotConsumable: its meter counts something else than a sum.
        InsufficientFunds: the wallet cannot pay; nothing was counted, and ``usage.exhausted`` is sent as for an event.
    """
    return await answered_before(services.reader, wanted.idempotency, _consume(services, wanted))


async def _consume(services: Services, wanted: ConsumeFeature) -> tuple[Answer, bool]:
    catalog = services.catalogs.active
    charge = catalog.usage.get(wanted.feature)
    if charge is None:
        raise NotFound("There is no such metered feature.")
    meter = catalog.meters[charge.meter]
    if meter.aggregation not in (Aggregation.COUNT, Aggregation.SUM):
        raise NotConsumable(f"Its meter keeps the {meter.aggregation} of a period: send usage events.")
    now, key = services.clock.now(), wanted.idempotency
    period, ends_at = period_around(meter.period, now)
    # A count takes one event at a time; a quantity of it is a sum all the same.
    part = Part(meter.key, Aggregation.SUM, now - now % HOUR_MS, period, ends_at, now, wanted.quantity * MICRO)
    # That it happens once is the idempotency record's matter; this id only keeps it apart from events.
    reading = Reading(0, usage_id_key(hash_of(new_id("con"))), (part,))
    plan = Plan(actor=key.caller, anchors={wanted.customer_id}, idempotency=key)
    plan.add(meter_step(services, wanted.customer_id, (reading,), is_strict=True))
    # Counted as an event it is rejected, which tells that the wallet has run out, once per crossing.
    plan.on_refused.add(meter_step(services, wanted.customer_id, (reading,)))
    external_id = await services.customers.external_id(wanted.customer_id)

    def answer(outcome: Outcome) -> Answer:
        body: dict[str, Any] = {
            "feature": wanted.feature,
            "consumed": wanted.quantity,
            "customer": {"id": external_id, **outcome.customer_change(wanted.customer_id)},
        }
        return Answer(200, msgspec.json.encode(body))

    plan.answer = answer
    outcome = await services.engine.commit(plan)
    if outcome.refusal is not None:
        raise outcome.refusal
    assert outcome.answer is not None
    return outcome.answer, outcome.is_replay
