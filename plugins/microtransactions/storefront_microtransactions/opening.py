"""Opening containers: the seed that is committed to beforehand, the command, and openings as JSON."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import bindparam, select

from storefront.core.accounts import issuance
from storefront.core.catalog import Catalog
from storefront.core.clock import iso
from storefront.core.commit.outcome import Answer, Outcome, Stale
from storefront.core.commit.plan import (
    Deposit,
    Insert,
    Late,
    LotTerms,
    Plan,
    Step,
    TakeItem,
)
from storefront.core.commit.reads import reads_of
from storefront.core.config.model import Offer
from storefront.core.containers import OpenRequest
from storefront.core.errors import Conflict, FieldError, Invalid, NotFound, Unavailable
from storefront.core.idempotency import answered_before
from storefront.core.ids import is_id, new_id
from storefront.core.kinds import Fulfilment, Line
from storefront.core.money import Money
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront.core.unpacking import give
from storefront_microtransactions.containers import KIND, Container, gave_of
from storefront_microtransactions.drawing import commitment_of
from storefront_microtransactions.giving import ENTRY, TOLD, Opening
from storefront_microtransactions.tables import openings, seeds

LATE = "microtransactions.open_container"
SEED_BYTES = 32
TIMES_DECIDED = 5
# The seed itself is no part of this: what is secret is read by the commit alone.
_NEXT = Query(
    select(seeds.c.number, seeds.c.commitment).where(
        seeds.c.customer_id == bindparam("customer_id"), seeds.c.sku == bindparam("sku")
    )
)
_OPENING = Query(select(openings).where(openings.c.id == bindparam("id")))


class OddsChanged(Conflict):
    code = "odds_changed"
    title = "The odds have changed since they were shown"


async def open_one(services: Services, wanted: OpenRequest) -> tuple[Answer, bool]:
    """Open a container, once per idempotency key; return the answer and whether it is a replay.

    Raises:
        NotFound: there is no such container in the catalog.
        OddsChanged: the customer was shown others; nothing was written.
        NotEnoughItems: they have none; nothing was written.
    """
    return await answered_before(services.reader, wanted.idempotency, _open_one(services, wanted))


async def _open_one(services: Services, wanted: OpenRequest) -> tuple[Answer, bool]:
    catalog = services.catalogs.active
    container = Container.of(need_container(catalog, wanted.sku))
    if wanted.odds_version not in (None, catalog.version):
        raise OddsChanged("Read the odds again.", expected=wanted.odds_version, odds_version=catalog.version)
    await next_opening(services, wanted.customer_id, wanted.sku)  # there is a seed, and it was committed to
    external_id = await services.customers.external_id(wanted.customer_id)
    for _ in range(TIMES_DECIDED):
        plan = _plan(services, catalog, container, wanted)
        plan.answer = lambda outcome: _answer(outcome, container, external_id)
        try:
            outcome = await services.engine.commit(plan)
        except Stale:
            continue
        assert outcome.answer is not None
        return outcome.answer, outcome.is_replay
    raise Unavailable("Too much is changing at once; try again.")


def _plan(services: Services, catalog: Catalog, container: Container, wanted: OpenRequest) -> Plan:
    customer_id, opening_id, seed = wanted.customer_id, new_id("open"), secrets.token_bytes(SEED_BYTES)
    plan = Plan(
        actor=wanted.idempotency.caller,
        anchors={customer_id},
        idempotency=wanted.idempotency,
        object_id=opening_id,
    )
    entry_id = plan.entry("container.opened", about=opening_id, anchor=customer_id, label=ENTRY)
    plan.add(TakeItem(customer_id, container.sku, 1, opening_id, cause="opened"))
    opening = Opening(
        id=opening_id,
        customer_id=customer_id,
        container=container,
        client_seed=wanted.client_seed,
        odds_version=catalog.version,
        next_seed=seed,
        next_commitment=commitment_of(seed),
        entry_id=entry_id,
        assets=frozenset(catalog.assets),
        goods=_goods(services, catalog, container, plan, opening_id),
    )
    plan.add(Late(LATE, tuple(_reads(opening)), {"opening": opening}))
    return plan


def _goods(
    services: Services, catalog: Catalog, container: Container, plan: Plan, opening_id: str
) -> Mapping[str, tuple[Step, ...]]:
    """Return the steps by which each thing that may come out is given; the plan learns the anchors they need."""
    found: dict[str, tuple[Step, ...]] = {}
    (customer_id,) = plan.anchors
    for drop in (*container.drops, *container.guaranteed):
        for name in drop.gives:
            if name in catalog.assets or name in found:
                continue
            offer = catalog.offer(name)
            scratch = Plan(actor=plan.actor, anchors={customer_id})
            goods = Fulfilment(
                scratch, opening_id, customer_id, opening_id, None, None, services.clock.now(), source_type="opening"
            )
            give(catalog, services.kinds, Line(offer, 1, Money(0, next(iter(offer.prices)))), goods)
            found[name] = tuple(scratch.list)
            plan.anchors |= scratch.anchors
    return found


def _reads(opening: Opening) -> Sequence[Any]:
    """Name the rows that drawing and giving may need, whatever comes out."""
    customer_id = opening.customer_id
    drops = (*opening.container.drops, *opening.container.guaranteed)
    assets = {name for drop in drops for name in (*drop.gives, *drop.instead) if name in opening.assets}
    steps = [step for several in opening.goods.values() for step in several]
    steps += [Deposit(ENTRY, customer_id, asset, 1, issuance(asset), LotTerms("reward")) for asset in sorted(assets)]
    return [opening.seed_key, *(key for step in steps for key in reads_of(step))]


def need_container(catalog: Catalog, sku: str) -> Offer:
    """Return a container's offer; raises ``NotFound``."""
    offer = catalog.offers.get(sku)
    if offer is None or offer.kind != KIND:
        raise NotFound("There is no such container.")
    return offer


async def next_opening(services: Services, customer_id: str, sku: str) -> dict[str, Any]:
    """Return number and commitment of a customer's next opening; the first time, its seed is made."""
    row = await services.reader.first(_NEXT, customer_id=customer_id, sku=sku)
    if row is None:
        await _make_first_seed(services, customer_id, sku)
        row = await services.reader.first(_NEXT, customer_id=customer_id, sku=sku)
        assert row is not None, "it was just made, or was there already"
    return {"number": row["number"], "commitment": row["commitment"]}


async def _make_first_seed(services: Services, customer_id: str, sku: str) -> None:
    seed = secrets.token_bytes(SEED_BYTES)
    row = {
        "customer_id": customer_id,
        "sku": sku,
        "number": 1,
        "seed": seed.hex(),
        "commitment": commitment_of(seed),
        "run_key": None,
        "run_times": 0,
        "made_at": services.clock.now(),
    }
    plan = Plan(actor="plugin:microtransactions", anchors={customer_id})
    plan.add(Insert("microtransactions_seeds", (customer_id, sku), customer_id, row, once=True))
    await services.engine.commit(plan)


def _answer(outcome: Outcome, container: Container, external_id: str) -> Answer:
    row = outcome.results[TOLD]
    change = outcome.customer_change(row["customer_id"])
    body = {
        **opening_json(row, container, external_id),
        "remaining": outcome.results[f"left:{row['sku']}"],
        "next": {"number": row["number"] + 1, "commitment": row["next_commitment"]},
        "customer": {"id": external_id, **change},
    }
    return Answer(201, msgspec.json.encode(body))


def opening_json(row: Row, container: Container, external_id: str) -> dict[str, Any]:
    """Return an opening with all that its draw can be computed from again; ``container`` is of its odds version."""
    gave = gave_of(row)
    run = None if row["run_key"] is None else msgspec.json.decode(row["run_key"])
    drawn = msgspec.json.decode(row["drawn"])
    return {
        "id": row["id"],
        "customer": {"id": external_id},
        "sku": row["sku"],
        "number": row["number"],
        "drawn": [
            {"drop": drop, "left_out": left_out, "gives": dict(container.drops[drop].gives)} for drop, left_out in drawn
        ],
        "gave": {
            "items": [{"sku": sku, "quantity": one.quantity} for sku, one in gave.items.items()],
            "credits": [{"asset": asset, "amount": amount} for asset, amount in gave.credits.items()],
            "withheld": [{"sku": sku, "quantity": quantity} for sku, quantity in gave.withheld.items()],
        },
        "seed": row["seed"],
        "commitment": row["commitment"],
        "client_seed": row["client_seed"],
        "run": {"gives": run, "times": row["run_times"]},
        "odds_version": row["odds_version"],
        "odds": container.odds(),
        "opened_at": iso(row["opened_at"]),
    }


async def describe_opening(services: Services, row: Row) -> dict[str, Any]:
    """Return an opening's row as JSON, with the odds of its version."""
    catalog = await services.catalogs.version(row["odds_version"])
    container = Container.of(catalog.offer(row["sku"]))
    return opening_json(row, container, await services.customers.external_id(row["customer_id"]))


async def show_opening(services: Services, opening_id: str, *, owner: str | None) -> dict[str, Any]:
    """Return an opening as JSON; another customer's answers like a missing one (``NotFound``)."""
    row = await services.reader.first(_OPENING, id=opening_id)
    if row is None or (owner is not None and row["customer_id"] != owner):
        raise NotFound("There is no such opening.")
    return await describe_opening(services, row)


async def list_openings(services: Services, customer_id: str, *, limit: int, after: str | None) -> dict[str, Any]:
    """Return one page of a customer's openings, newest first: ``{"data": […], "next"}``."""
    statement = select(openings).where(openings.c.customer_id == customer_id).order_by(openings.c.id.desc())
    if after is not None:
        if not is_id(after, "open"):
            words = "is not a cursor of this list"
            raise Invalid("This is not a cursor of this list.", errors=[FieldError("/after", words)])
        statement = statement.where(openings.c.id < after)
    rows = await services.reader.scan(statement.limit(limit + 1))
    shown = [await describe_opening(services, row) for row in rows[:limit]]
    return {"data": shown, "next": str(rows[limit - 1]["id"]) if len(rows) > limit else None}
