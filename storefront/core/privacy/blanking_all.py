"""The job behind an erasure: blanks what is left of a customer, table by table, gateways last; resumed where it ended.

What fails is told by ``last_error`` of the erasure and tried again; nothing that was blanked comes back.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import structlog
from sqlalchemy import bindparam, select

from storefront.core.clock import MINUTE_MS
from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Change, Plan, Step
from storefront.core.errors import StorefrontError
from storefront.core.gateways import ForgetsPayers, SavesMethods
from storefront.core.jobs import Again
from storefront.core.privacy.blanking import erased_rows, is_touched, step_for
from storefront.core.privacy.obstacles import let_plugins_forget
from storefront.core.privacy.register import Held, Person
from storefront.core.reading import Query
from storefront.core.services import Services
from storefront.core.tables import erasures, inbox, payers, payment_methods

ROWS_AT_ONCE = 100
ACTOR = "erasure"
SCRUB_AGAIN_MS = MINUTE_MS
"""How long a reader is left to let go of the log before it is emptied again."""
_BY_THE_TOMBSTONE = ("customers", "erasures")
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
    if row is None:
        return None
    if row["state"] != "done":
        names: dict[str, str] = msgspec.json.decode(row["words"])
        former = tuple(Person(one, name) for one, name in names.items() if one != customer_id)
        person = Person(customer_id, names[customer_id], former)
        try:
            await _blank(services, person)
        except (StorefrontError, Stale) as error:
            # Its kind alone: what a gateway says may name somebody.
            await _note(services, [person], {"last_error": type(error).__name__})
            raise
        done = {"state": "done", "words": None, "last_error": None, "done_at": services.clock.now()}
        await _note(services, person.everyone, done)
        log.info("customer_erased", customer=customer_id)
    if not await services.engine.scrub():
        return Again(services.clock.now() + SCRUB_AGAIN_MS)
    return None


async def _blank(services: Services, person: Person) -> None:
    """Blank what is here, however it goes with the gateways; then let those forget, and what was known by them goes."""
    words = [one.external_id for one in person.everyone]
    touched = [held for held in services.personal_data if is_touched(held) and held.table.name not in _BY_THE_TOMBSTONE]
    for one in person.everyone:
        await let_plugins_forget(services, one)
    for held in (held for held in touched if not held.leads):
        await _blank_table(services, held, person, words)
    for one in person.everyone:
        await _forget_at_gateways(services, one.id)
    # Once more what gateways told, for they may tell of this as well, while it is still known whose it is.
    for held in (*(held for held in touched if held.table is inbox), *(held for held in touched if held.leads)):
        await _blank_table(services, held, person, words)


async def _forget_at_gateways(services: Services, customer_id: str) -> None:
    """Let each gateway forget the saved methods, and the customer where it can: nothing can be charged any more.

    A gateway that the shop has no more can neither charge nor be asked: only its rows are forgotten.
    """
    for method in await services.reader.all(_METHODS, customer_id=customer_id):
        gateway = services.gateways.get(method["gateway"])
        if isinstance(gateway, SavesMethods):
            await gateway.forget_method(method["reference"])
        plan, now = _plan(customer_id), services.clock.now()
        plan.add(Change("payment_methods", (method["id"],), customer_id, {}, {"forgotten_at": now}))
        await services.engine.commit(plan)
    for payer in await services.reader.all(_PAYERS, customer_id=customer_id):
        gateway = services.gateways.get(payer["gateway"])
        if isinstance(gateway, ForgetsPayers):
            await gateway.forget_payer(payer["reference"])


def _plan(*anchors: str) -> Plan:
    return Plan(actor=ACTOR, anchors=set(anchors), is_erasure=True)


async def _blank_table(services: Services, held: Held, person: Person, words: Sequence[str]) -> None:
    async with (
        services.reader.connect() as connection,
        connection.stream(erased_rows(held, person), execution_options={"yield_per": ROWS_AT_ONCE}) as found,
    ):
        async for page in found.mappings().partitions():
            plan = _plan(person.id, *held.also)
            steps: list[Step] = [step for row in page if (step := step_for(held, row, words)) is not None]
            plan.anchors.update(anchor for row in page if (anchor := held.anchor(row)) is not None)
            plan.add(*steps)
            if steps:
                await services.engine.commit(plan)


async def _note(services: Services, people: Sequence[Person], changes: Mapping[str, Any]) -> None:
    plan = _plan(*(one.id for one in people))
    for one in people:
        plan.add(Change("erasures", (one.id,), one.id, {"state": "erasing"}, changes))
    await services.engine.commit(plan)
