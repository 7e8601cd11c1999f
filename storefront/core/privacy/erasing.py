"""Erasing a customer: refused while anything is under way, then one commit from which on they were never here.

That commit writes the tombstone: the game's id gives way to a random mark, and nothing begins for our id any more. It
plans the job that blanks everything else (``blanking_all.py``), so a crash in between loses nothing.
"""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import bindparam, func, select

from storefront.core.adjusting import Adjustment, adjust
from storefront.core.clock import iso
from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Change, Insert, Plan, Remove, Unmoved
from storefront.core.errors import Conflict, NotFound, Unavailable
from storefront.core.idempotency import idempotency_key
from storefront.core.privacy.blanking import erased_rows, is_touched, what_is_left
from storefront.core.privacy.exporting import find_person
from storefront.core.privacy.obstacles import Obstacle, obstacles_of, wind_up
from storefront.core.privacy.register import Held, Person, rows_about
from storefront.core.privileged import record_action
from storefront.core.reading import PointReader, Query, Row
from storefront.core.redaction import redact_text
from storefront.core.services import Services
from storefront.core.tables import accounts, anchors, customers, erasures, setups

JOB = "erasure.blank"
ERASED = "customer.erased"
OPERATION = "erase: forfeit"
TIMES_DECIDED = 5
MARK = "erased:"
_CUSTOMER = Query(select(customers).where(customers.c.id == bindparam("id")))
_ERASURE = Query(select(erasures).where(erasures.c.customer_id == bindparam("customer_id")))
_ASKED = Query(select(erasures).where(erasures.c.request == bindparam("request")).order_by(erasures.c.customer_id))
_VERSION = Query(select(anchors.c.version).where(anchors.c.id == bindparam("id")))
_SETUPS = Query(select(setups.c.id).where(setups.c.customer_id == bindparam("customer_id"), setups.c.state == "open"))
_WALLETS = Query(
    select(accounts.c.asset, accounts.c.balance).where(
        accounts.c.owner == bindparam("owner"), accounts.c.role == "wallet", accounts.c.balance > 0
    )
)


class ErasureRefused(Conflict):
    """Something is under way, or value is left; the facts say what, and how it is brought to its end."""

    code = "erasure_refused"
    title = "This customer cannot be erased yet"


@dataclass(frozen=True, slots=True)
class ErasureRequest:
    """Whom to erase (by the game's id or ours), why, and what may be done on the way.

    ``key``: a retry under it is the same erasure, also where the name is somebody else's by then. ``ends``: what can be
    ended is ended. ``forfeits``: what is left in their wallets is taken out of the world.
    """

    named: str
    ground: str
    actor: str
    key: str
    ends: bool = False
    forfeits: bool = False

    @property
    def request(self) -> str:
        """What is kept of the key, which may be anything."""
        return hashlib.sha256(f"{len(self.actor)}:{self.actor}:{self.key}".encode()).hexdigest()


async def preview_erasure(services: Services, named: str) -> dict[str, Any]:
    """Tell what an erasure would do now, and what stands in its way; nothing is written.

    Raises:
        NotFound: nobody is called so, or not any more.
        ErasureRefused: they were merged into somebody.
    """
    person = await _find(services, named)
    known = await services.reader.first(_ERASURE, customer_id=person.id)
    if known is not None:
        return describe_erasure(known)
    wallets = await _wallets(services.reader, person.id)
    obstacles = await obstacles_of(services, services.reader, person.id)
    counts = {str(held.table.name): await _left_in(services, held, person) for held in services.personal_data}
    return {
        "id": person.id,
        "state": "possible" if not obstacles and not wallets else "refused",
        "obstacles": [one.to_json() for one in obstacles],
        "wallets": wallets,
        "erases": {name: many for name, many in counts.items() if many},
        "keeps": await what_is_kept(services, person),
        "undeclared": list(services.undeclared_tables),
    }


async def erase(services: Services, wanted: ErasureRequest) -> dict[str, Any]:
    """Erase a customer with all who were merged into them, and return how far that has come.

    Safe to repeat by our own id, or under the same key.

    Raises:
        NotFound: nobody is called so, or not any more.
        ErasureRefused: something is under way, or they were merged into somebody; what was ended stays ended.
        PluginAway: a plugin did not answer; nothing was erased.
    """
    asked = await services.reader.first(_ASKED, request=wanted.request)
    if asked is not None:
        return describe_erasure(asked)
    person = await _find(services, wanted.named)
    known = await services.reader.first(_ERASURE, customer_id=person.id)
    if known is not None:
        return describe_erasure(known)
    if wanted.ends:
        await wind_up(services, person.id, wanted.actor)
    if wanted.forfeits:
        await _forfeit(services, person, wanted)
    for _ in range(TIMES_DECIDED):
        plan = await _decide(services, await _find(services, person.id), wanted)
        try:
            await services.engine.commit(plan)
        except Stale:
            continue
        return await show_erasure(services, person.id)
    raise Unavailable("Too much is changing at once; try again.")


async def _find(services: Services, named: str) -> Person:
    """Return whom to erase. Whoever was merged is part of another now, who is not erased by a name of old."""
    person = await find_person(services, named)
    if named in (person.id, person.external_id):
        return person
    how = f"they are {person.external_id} now: erase {person.external_id}, and all that was theirs goes with it"
    raise _refusal([Obstacle("merge", person.id, how)], {})


async def show_erasure(services: Services, customer_id: str) -> dict[str, Any]:
    """Return how far an erasure has come; raises ``NotFound``."""
    row = await services.reader.first(_ERASURE, customer_id=customer_id)
    if row is None:
        raise NotFound("There is no such erasure.")
    return describe_erasure(row)


def describe_erasure(row: Row) -> dict[str, Any]:
    return {
        "id": row["customer_id"],
        "state": row["state"],
        "begun_at": iso(row["begun_at"]),
        "done_at": None if row["done_at"] is None else iso(row["done_at"]),
        "last_error": row["last_error"],
    }


async def what_is_kept(services: Services, person: Person) -> list[dict[str, Any]]:
    """Return what stays by law: ``[{table, columns, rows, why}]``."""
    found = []
    for held in services.personal_data:
        if held.whose is None or not held.kept:
            continue
        rows = await services.reader.scan(
            select(func.count()).select_from(held.table).where(rows_about(held.whose, held.table, person))
        )
        many = next(iter(rows[0].values()))
        if many:
            found.append({"table": str(held.table.name), "columns": held.kept.split(), "rows": many, "why": held.why})
    return found


async def _left_in(services: Services, held: Held, person: Person) -> int:
    """Count the rows that an erasure would remove or blank."""
    if not is_touched(held):
        return 0
    rows = await services.reader.scan(erased_rows(held, person))
    words = [one.external_id for one in person.everyone]
    return sum(1 for row in rows if what_is_left(held, row, words))


async def _wallets(reader: PointReader, customer_id: str) -> dict[str, int]:
    rows = await reader.all(_WALLETS, owner=f"customer:{customer_id}")
    return {row["asset"]: row["balance"] for row in rows}


async def _forfeit(services: Services, person: Person, wanted: ErasureRequest) -> None:
    """Take what is free in each wallet out by hand, once however often it is asked."""
    state = await services.states.document(person.id)
    for asset, held in state["wallets"].items():
        amount = held["available"]
        if amount > 0 and services.catalogs.active.is_virtual(asset):
            terms = {"customer": person.id, "asset": asset, "amount": amount, "version": state["version"]}
            key = idempotency_key(wanted.actor, OPERATION, f"{person.id}:{asset}:{state['version']}", terms)
            await adjust(services, Adjustment(key, person.id, asset, amount, "forfeited with an erasure"))


async def _decide(services: Services, person: Person, wanted: ErasureRequest) -> Plan:
    """Return the plan of the tombstone; it is stale if anything happens to the customer meanwhile."""
    reader = services.reader
    plan = Plan(actor=wanted.actor, anchors={one.id for one in person.everyone}, is_erasure=True)
    for one in person.everyone:
        anchor = await reader.first(_VERSION, id=one.id)
        plan.add(Unmoved(one.id, 0 if anchor is None else anchor["version"]))
    row = await reader.first(_CUSTOMER, id=person.id)
    if row is None or row["erased_at"] is not None:
        raise NotFound("There is no such customer.")
    obstacles, wallets = await obstacles_of(services, reader, person.id), await _wallets(reader, person.id)
    if obstacles or wallets:
        raise _refusal(obstacles, wallets)
    now, wall = services.clock.now(), services.clock.wall()
    for one in person.everyone:
        _bury(plan, one, {**_row(one, person, wanted), "begun_at": now, "ended_sessions_at": wall}, now)
    for setup in await reader.all(_SETUPS, customer_id=person.id):
        plan.add(Change("setups", (setup["id"],), person.id, {"state": "open"}, {"state": "closed", "updated_at": now}))
    plan.schedule(JOB, anchor=person.id, unique_key=f"{JOB}:{person.id}", due_at=now, now=now,
                  payload={"customer_id": person.id})  # fmt: skip
    plan.emit(ERASED, anchor=person.id, subject=person.id, payload={"id": person.id})
    facts = {"ground": redact_text(wanted.ground)}
    record_action(plan, ERASED, actor=wanted.actor, about=person.id, facts=facts, now=now, wall=wall)
    return plan


def _bury(plan: Plan, one: Person, row: Mapping[str, Any], now: int) -> None:
    """Take a customer's name away, and write the row by which nothing begins for them any more."""
    blank: Mapping[str, Any] = {"external_id": f"{MARK}{secrets.token_hex(16)}", "country": None, "erased_at": now}
    plan.add(Change("customers", (one.id,), one.id, {"external_id": one.external_id}, blank))
    plan.add(Remove("claims", (f"customer:{one.external_id}",), None))
    plan.add(Insert("erasures", (one.id,), one.id, row))


def _row(one: Person, person: Person, wanted: ErasureRequest) -> dict[str, Any]:
    """Return the row of one of a person's names; the job goes by that of who they are now."""
    names = {each.id: each.external_id for each in person.everyone}
    return {
        "customer_id": one.id,
        "state": "erasing",
        "actor": wanted.actor,
        "request": wanted.request if one is person else None,
        "words": msgspec.json.encode(names).decode() if one is person else None,
        "last_error": None,
        "done_at": None,
    }


def _refusal(obstacles: Sequence[Obstacle], wallets: Mapping[str, int]) -> ErasureRefused:
    words = [f"{one.what} {one.id}: {one.how}" for one in obstacles]
    words += [
        f"{amount} {asset} are in the wallet: let them be spent, or forfeit them" for asset, amount in wallets.items()
    ]
    return ErasureRefused(
        f"{len(words)} things are in the way: {'; '.join(words[:10])}.",
        obstacles=[one.to_json() for one in obstacles],
        wallets=dict(wallets),
    )
