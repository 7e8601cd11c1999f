"""The job behind an erasure: blanks what is left of a customer, gateway first, table by table; resumed where it ended.

What fails is told by ``last_error`` of the erasure and tried again; nothing that was blanked comes back.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import structlog
from sqlalchemy import bindparam, select

from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Change, Plan, Step
from storefront.core.errors import StorefrontError
from storefront.core.gateways import ForgetsPayers
from storefront.core.jobs import Again
from storefront.core.payment_methods import keeper
from storefront.core.privacy.blanking import erased_rows, is_touched, step_for
from storefront.core.privacy.obstacles import let_plugins_forget
from storefront.core.privacy.register import Held, Person
from storefront.core.reading import Query
from storefront.core.services import Services
from storefront.core.tables import erasures, payers, payment_methods

ROWS_AT_ONCE = 100
ACTOR = "erasure"
_ERASURE = Query(select(erasures).where(erasures.c.customer_id == bindparam("customer_id")))
_PAYERS = Query(select(payers).where(payers.c.customer_id == bindparam("customer_id")))
_METHODS = Query(
    select(payment_methods).where(
        payment_methods.c.customer_id == bindparam("customer_id"), payment_methods.c.forgotten_at.is_(None)
    )
)

log = structlog.get_logger("storefront.privacy")


async def blank_all(services: Services, payload: Mapping[str, Any]) -> Again | None:
    """Do what is left of one erasure. Safe to repeat at any point."""
    customer_id = payload["customer_id"]
    row = await services.reader.first(_ERASURE, customer_id=customer_id)
    if row is None or row["state"] == "done":
        return None
    words: list[str] = msgspec.json.decode(row["words"])
    person = Person(customer_id, words[0])
    try:
        await _forget_at_gateways(services, customer_id)
        await let_plugins_forget(services, person)
        for held in sorted(services.personal_data, key=lambda one: one.leads):
            if is_touched(held) and held.table.name not in ("customers", "erasures"):
                await _blank_table(services, held, person, words)
    except (StorefrontError, Stale) as error:
        # Its kind alone: what a gateway says may name somebody.
        await _note(services, customer_id, {"last_error": type(error).__name__})
        raise
    now = services.clock.now()
    await _note(services, customer_id, {"state": "done", "words": None, "last_error": None, "done_at": now})
    await services.engine.scrub()
    log.info("customer_erased", customer=customer_id)
    return None


async def _forget_at_gateways(services: Services, customer_id: str) -> None:
    """Let each gateway forget the saved methods, and the customer where it can: nothing can be charged any more."""
    for method in await services.reader.all(_METHODS, customer_id=customer_id):
        await keeper(services, method["gateway"]).forget_method(method["reference"])
        plan, now = Plan(actor=ACTOR, anchors={customer_id}), services.clock.now()
        plan.add(Change("payment_methods", (method["id"],), customer_id, {}, {"forgotten_at": now}))
        await services.engine.commit(plan)
    for payer in await services.reader.all(_PAYERS, customer_id=customer_id):
        gateway = services.gateway(payer["gateway"])
        if isinstance(gateway, ForgetsPayers):
            await gateway.forget_payer(payer["reference"])


async def _blank_table(services: Services, held: Held, person: Person, words: Sequence[str]) -> None:
    async with (
        services.reader.connect() as connection,
        connection.stream(erased_rows(held, person), execution_options={"yield_per": ROWS_AT_ONCE}) as found,
    ):
        async for page in found.mappings().partitions():
            plan = Plan(actor=ACTOR, anchors={person.id, *held.also})
            steps: list[Step] = [step for row in page if (step := step_for(held, row, words)) is not None]
            plan.anchors.update(anchor for row in page if (anchor := held.anchor(row)) is not None)
            plan.add(*steps)
            if steps:
                await services.engine.commit(plan)


async def _note(services: Services, customer_id: str, changes: Mapping[str, Any]) -> None:
    plan = Plan(actor=ACTOR, anchors={customer_id})
    plan.add(Change("erasures", (customer_id,), customer_id, {"state": "erasing"}, changes))
    await services.engine.commit(plan)
