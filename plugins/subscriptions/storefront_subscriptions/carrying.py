"""What is carried from one invoice of a family to the next: owed if positive, credit if negative; each movement once.

All of it is decided inside the commit, by a late step that sees the balance as it is then.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, select

from storefront.core.commit.apply import LateAnswer, LateView
from storefront.core.commit.plan import Change, Insert, Key, Late
from storefront.core.reading import Query
from storefront.core.services import Services
from storefront_subscriptions.rows import Outdated
from storefront_subscriptions.tables import carried

CARRY = "carry"
KEPT, TAKEN, GIVEN_BACK, CLAWED = "kept", "taken", "given_back", "clawed"
_CARRIED = Query(
    select(carried.c.amount).where(
        carried.c.customer_id == bindparam("customer_id"),
        carried.c.family == bindparam("family"),
        carried.c.currency == bindparam("currency"),
    )
)


async def read_carried(services: Services, customer_id: str, family: str, currency: str) -> int:
    """Return what a customer's next invoice takes over: owed if positive, credit if negative (minor units)."""
    row = await services.reader.first(_CARRIED, customer_id=customer_id, family=family, currency=currency)
    return 0 if row is None else int(row["amount"])


def carry(
    row: Mapping[str, Any], currency: str, amount: int, *, about: str, cause: str, seen: int | None = None
) -> Late:
    """Return the step that adds ``amount`` to what is carried, once for ``about`` and ``cause``.

    ``row`` is of the subscription. With ``seen`` the balance must still be that, else the plan is refused
    (``Outdated``) and is to be decided again. Credit that is clawed back is taken as far as it is there.
    """
    customer_id, family = row["customer_id"], row["family"]
    place = Key("subscriptions_carried", (customer_id, family, currency), customer_id)
    moved = Key("subscriptions_carries", (about, cause), customer_id)
    facts = {"place": place, "moved": moved, "amount": amount, "seen": seen}
    return Late(f"subscriptions.{CARRY}", (place, moved), facts)


def carry_step(view: LateView, facts: Mapping[str, Any]) -> LateAnswer:
    place, moved, amount = facts["place"], facts["moved"], facts["amount"]
    customer_id, family, currency = place.id
    found = view.row(place)
    before = 0 if found is None else found["amount"]
    if facts["seen"] not in (None, before):
        return Outdated("What is carried to the next invoice has changed.")
    about, cause = moved.id
    if cause == CLAWED:
        amount = min(amount, max(0, -before))
    if amount == 0 or view.row(moved) is not None:
        return ()
    entry = {"about": about, "cause": cause, "customer_id": customer_id, "family": family, "currency": currency,
             "amount": amount, "created_at": view.moment.now}  # fmt: skip
    balance = {"customer_id": customer_id, "family": family, "currency": currency, "amount": before + amount}
    return (
        Insert("subscriptions_carries", moved.id, customer_id, entry),
        Insert(place.table, place.id, customer_id, balance)
        if found is None
        else Change(place.table, place.id, customer_id, {"amount": before}, {"amount": before + amount}),
    )
