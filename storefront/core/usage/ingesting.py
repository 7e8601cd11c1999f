"""Taking usage events in: each counts once by its (source, id), in few commits however many there are."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from storefront.core.clock import MINUTE_MS, SECOND_MS
from storefront.core.commit.plan import MeterUsage, Plan
from storefront.core.commit.usage import Counted, Reading
from storefront.core.config.model_usage import Charge
from storefront.core.services import Services
from storefront.core.usage.events import Rejected, read_events

CUSTOMERS_PER_PLAN = 20
"""So many anchors are locked at once; more would bring PostgreSQL's table of locks to its end."""


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of a request's events."""

    accepted: int
    duplicates: int
    rejected: Sequence[Rejected]


async def ingest_usage(services: Services, documents: Sequence[Any], *, actor: str) -> Ingested:
    """Count usage events (CloudEvents), each once; customers are made on first sight.

    Events of up to twenty customers are one commit. Whatever happens between two of them, the same request may be sent
    again: what has counted is a duplicate then.
    """
    catalog = services.catalogs.active
    read = read_events(
        documents, catalog.meters_by_type, now=services.clock.now(), late_days=services.config.metering.late_days
    )
    customers = await _customers(services, read.by_customer, actor)
    readings = ((customers[name], tuple(found)) for name, found in read.by_customer.items())
    plans = [_plan(services, group, actor) for group in _groups(readings)]
    outcomes = await asyncio.gather(*(services.engine.commit(plan) for plan in plans))
    counted: list[Counted] = [
        result for outcome in outcomes for name, result in outcome.results.items() if name.startswith("usage:")
    ]
    rejected = [*read.rejected, *(_unpaid(place) for one in counted for place in one.rejected)]
    rejected.sort()
    return Ingested(sum(one.accepted for one in counted), sum(one.duplicates for one in counted), rejected)


async def _customers(services: Services, names: Iterable[str], actor: str) -> Mapping[str, str]:
    """Return our ids of customers; those that are new here are made at once."""
    known, new = {}, []
    for name in names:
        customer_id = services.customers.known(name)
        if customer_id is None:
            new.append(name)
        else:
            known[name] = customer_id
    made = await asyncio.gather(*(services.customers.ensure(name, actor=actor) for name in new))
    return known | dict(zip(new, made, strict=True))


def meter_step(
    services: Services, customer_id: str, readings: tuple[Reading, ...], *, is_strict: bool = False
) -> MeterUsage:
    """Return the step that counts these readings of one customer, by the active catalog's charges."""
    metering, charged = services.config.metering, services.catalogs.active.charges_by_meter
    charges: dict[str, Charge] = {}
    if charged:
        named = {part.meter for reading in readings for part in reading.parts}
        charges = {meter: charged[meter] for meter in sorted(named) if meter in charged}
    return MeterUsage(
        customer_id,
        readings,
        charges,
        drain_after_ms=metering.drain_every_seconds * SECOND_MS,
        close_after_ms=metering.close_after_minutes * MINUTE_MS,
        is_strict=is_strict,
    )


def _plan(services: Services, group: Mapping[str, tuple[Reading, ...]], actor: str) -> Plan:
    plan = Plan(actor=actor, anchors=set(group))
    plan.add(*(meter_step(services, customer_id, readings) for customer_id, readings in group.items()))
    return plan


def _groups(readings: Iterator[tuple[str, tuple[Reading, ...]]]) -> Iterator[dict[str, tuple[Reading, ...]]]:
    while group := dict(islice(readings, CUSTOMERS_PER_PLAN)):
        yield group


def _unpaid(place: int) -> Rejected:
    return Rejected(place, "exhausted", "the customer's wallet cannot pay for this; nothing was counted")
