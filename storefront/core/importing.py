"""Opening balances: what customers had elsewhere, each granted once, however often it is sent.

A row is named by its own reference, or else by its customer and asset within one import. That name is a claim
in the books, taken in the commit that grants: an import that was cut short is simply sent again.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, func, select

from storefront.core.accounts import wallet
from storefront.core.clock import iso
from storefront.core.commit.outcome import Overloaded, Stale, Taken
from storefront.core.commit.plan import Claim, Plan
from storefront.core.errors import Conflict, Unavailable
from storefront.core.granting import add_grant
from storefront.core.money import MAX_AMOUNT
from storefront.core.reading import Query
from storefront.core.services import Services
from storefront.core.tables import accounts, claims, customers, entries, grants, transfers

AT_ONCE = 200
"""Plans under way together: enough to fill the engine's batches, and room left for those who buy meanwhile."""
_TRIES = 30
_GRANT = Query(select(grants).where(grants.c.id == bindparam("id")))


class ImportedBefore(Conflict):
    code = "imported_before"
    title = "This was imported before, with other values"


@dataclass(frozen=True, slots=True)
class OpeningBalance:
    """One row: ``amount`` of a virtual asset in its smallest unit; ``expires_at`` is business time (ms)."""

    line: int
    customer: str
    asset: str
    amount: int
    expires_at: int | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a row: its grant, and whether it was granted just now or by an earlier run."""

    line: int
    grant_id: str
    is_new: bool


async def import_balances(
    services: Services, rows: Sequence[OpeningBalance], *, import_id: str, reason: str, actor: str
) -> list[Imported]:
    """Grant each row once, many at a time; safe to call again with the same rows.

    Raises:
        ImportedBefore: a row was granted before with another amount, asset, customer or end. Others may be granted.
    """
    places = asyncio.Semaphore(AT_ONCE)

    async def one(row: OpeningBalance) -> Imported:
        async with places:
            return await _import(services, row, import_id, reason, actor)

    # Each runs to its end: what one row refuses keeps no other from being granted.
    results = await asyncio.gather(*(one(row) for row in rows), return_exceptions=True)
    done = []
    for result in results:
        if isinstance(result, BaseException):
            raise result
        done.append(result)
    return done


async def _import(services: Services, row: OpeningBalance, import_id: str, reason: str, actor: str) -> Imported:
    for attempt in range(_TRIES):
        try:
            return await _grant_once(services, row, import_id, reason, actor)
        except (Stale, Overloaded) as busy:
            wait = busy.retry_after_seconds if isinstance(busy, Overloaded) else 0
            await asyncio.sleep(wait if attempt else 0)
    raise Unavailable("The shop is too busy to import; run the same import again, it continues where it stopped.")


async def _grant_once(services: Services, row: OpeningBalance, import_id: str, reason: str, actor: str) -> Imported:
    customer_id = await services.customers.ensure(row.customer, actor=actor)
    plan = Plan(actor=actor, anchors={customer_id})
    grant_id = add_grant(
        plan,
        customer_id=customer_id,
        asset=row.asset,
        amount=row.amount,
        reason=reason,
        actor=actor,
        now=services.clock.now(),
        wall=services.clock.wall(),
        expires_at=row.expires_at,
    )
    # First of all: what was granted before is said to be so, also where it would not fit a second time.
    plan.list.insert(0, Claim(_claim(import_id, row, customer_id), grant_id))
    try:
        await services.engine.commit(plan)
    except Taken as taken:
        await _compare(services, row, customer_id, taken.holder)
        return Imported(row.line, taken.holder, is_new=False)
    return Imported(row.line, grant_id, is_new=True)


async def _compare(services: Services, row: OpeningBalance, customer_id: str, grant_id: str) -> None:
    stored = await services.reader.first(_GRANT, id=grant_id)
    assert stored is not None, "a claim of an import is taken with its grant"
    known = (stored["customer_id"], stored["asset"], stored["amount"], stored["expires_at"])
    if known != (customer_id, row.asset, row.amount, row.expires_at):
        ends = "" if stored["expires_at"] is None else f" until {iso(stored['expires_at'])}"
        raise ImportedBefore(
            f"Line {row.line}: was imported before as {stored['amount']} {stored['asset']}{ends} ({grant_id}), and "
            "what was granted never changes. Was it too little, grant the rest (POST /v1/grants); was it too much, "
            "take the difference by a hold that is captured (POST /v1/holds)."
        )


def overfull(connection: Connection, rows: Sequence[OpeningBalance], *, import_id: str) -> list[tuple[int, str]]:
    """Find the rows that would fill a wallet past what it takes: (line, message), nothing if all of them fit.

    Rows that an earlier run has granted stand in the balance already, and do not count again.
    """
    found = []
    filled: dict[tuple[str, str], int] = {}
    for first in range(0, len(rows), AT_ONCE):
        page = rows[first : first + AT_ONCE]
        customer_ids = _customer_ids(connection, page)
        keys = {row.line: _claim(import_id, row, customer_ids.get(row.customer, "")) for row in page}
        granted = set(connection.execute(select(claims.c.key).where(claims.c.key.in_(keys.values()))).scalars())
        ids = {wallet(customer_id, row.asset).id for row in page if (customer_id := customer_ids.get(row.customer))}
        held = select(accounts.c.id, accounts.c.balance).where(accounts.c.id.in_(ids))
        balances = {row.id: row.balance for row in connection.execute(held)}
        for row in page:
            if keys[row.line] in granted:
                continue
            place = (row.customer, row.asset)
            before = filled.get(place)
            if before is None:
                before = balances.get(wallet(customer_ids.get(row.customer, ""), row.asset).id, 0)
            filled[place] = before + row.amount
            if before <= MAX_AMOUNT < filled[place]:
                wallet_of = f"the {row.asset} of {row.customer}"
                found.append((row.line, f"fills {wallet_of} to {filled[place]}; a wallet takes {MAX_AMOUNT}"))
    return found


def _customer_ids(connection: Connection, rows: Sequence[OpeningBalance]) -> dict[str, str]:
    named = {row.customer for row in rows}
    known = select(customers.c.external_id, customers.c.id).where(customers.c.external_id.in_(named))
    return {row.external_id: row.id for row in connection.execute(known)}


def _claim(import_id: str, row: OpeningBalance, customer_id: str) -> str:
    own = f"{customer_id}:{row.asset}" if row.reference is None else f"reference:{row.reference}"
    return f"import:{import_id}:{own}"


def imported_amounts(connection: Connection, grant_ids: Sequence[str]) -> dict[str, int]:
    """Sum up, from the ledger's transfers, what grants have moved: asset -> amount."""
    moved = (
        select(transfers.c.asset, func.sum(transfers.c.amount))
        .join(entries, entries.c.id == transfers.c.entry_id)
        .join(grants, grants.c.entry_id == entries.c.id)
        .where(grants.c.id.in_(grant_ids))
        .group_by(transfers.c.asset)
    )
    return {asset: int(amount) for asset, amount in connection.execute(moved)}
