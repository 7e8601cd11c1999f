"""Whose debt it is that a family carries: what was owed first is paid first, and what is given back is owed as before.

The balance names no debtor. Its movements do, and who writes off what one subscription used must not let go of what
another one owes.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import bindparam, select

from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront_subscriptions.carrying import GIVEN_BACK
from storefront_subscriptions.tables import carried, carries

_MOVES = Query(
    select(carries)
    .where(
        carries.c.customer_id == bindparam("customer_id"),
        carries.c.family == bindparam("family"),
        carries.c.currency == bindparam("currency"),
    )
    # In one commit what is given back or kept comes before what is taken of it.
    .order_by(carries.c.created_at, carries.c.cause, carries.c.about)
)
_BALANCES = Query(
    select(carried.c.currency).where(
        carried.c.customer_id == bindparam("customer_id"),
        carried.c.family == bindparam("family"),
        carried.c.amount > 0,
    )
)
Debt = tuple[str, int]
"""Who owes it (a subscription, or the change or pause that left it), and how much (smallest units)."""


async def owed_assets(services: Services, row: Row) -> list[str]:
    """Return the assets in which the family of a subscription owes something."""
    found = await services.reader.all(_BALANCES, customer_id=row["customer_id"], family=row["family"])
    return sorted(str(one["currency"]) for one in found)


async def read_debts(services: Services, row: Row, asset: str) -> tuple[list[Debt], Mapping[str, Sequence[Debt]]]:
    """Return what the family of a subscription owes in an asset, by debtor, and what each invoice has taken of that."""
    family = {name: row[name] for name in ("customer_id", "family")}
    return debts_of(await services.reader.all(_MOVES, **family, currency=asset))


def debts_of(moves: Sequence[Row]) -> tuple[list[Debt], Mapping[str, Sequence[Debt]]]:
    """Return what is owed after movements, the oldest first, and by invoice what it has taken. Pure.

    Credit is used up before anything is owed.
    """
    debts: list[Debt] = []
    taken: dict[str, list[Debt]] = {}
    credit = 0
    for move in moves:
        about, amount = move["about"], int(move["amount"])
        if amount < 0:
            taken[about], debts = _split(debts, -amount)
            credit += -amount - owed_of(taken[about])
            continue
        back = taken.pop(about, []) if move["cause"] == GIVEN_BACK else []
        added = [*back, (about.partition(":")[0], amount - owed_of(back))]
        paid, left = _split(added, credit)
        credit -= owed_of(paid)
        debts = [*left, *debts] if back else [*debts, *left]
    return debts, taken


def owed_of(debts: Sequence[Debt], debtor: str | None = None) -> int:
    """Return what is owed, by one debtor if told."""
    return sum(amount for owner, amount in debts if debtor in (None, owner))


def _split(debts: Sequence[Debt], amount: int) -> tuple[list[Debt], list[Debt]]:
    """Split debts into the oldest of an amount, and the rest."""
    first: list[Debt] = []
    rest: list[Debt] = []
    for owner, owed in debts:
        part = min(owed, amount)
        amount -= part
        first += [(owner, part)] if part else []
        rest += [(owner, owed - part)] if owed > part else []
    return first, rest
