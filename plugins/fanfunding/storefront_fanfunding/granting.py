"""What a tip's tier gives its fan of the game: promised when the tip is made, given in the commit that pays for it.

Only what the operator's ``may_grant`` says can be given, so much per tip, and so much per creator and day (UTC). The
day is counted in that very commit, under the anchor that numbers the creator's tips: so however many come at once, no
more is given. What is over the limit, or owned already, is not given, and the tip is none the less.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from storefront.core.accounts import issuance
from storefront.core.clock import DAY_MS
from storefront.core.commit.apply import LateView
from storefront.core.commit.item_terms import COUNTED
from storefront.core.commit.plan import (
    Count,
    Deposit,
    Emit,
    GrantEntitlement,
    GrantItem,
    Insert,
    Key,
    Late,
    LotTerms,
    OpenEntry,
    Plan,
    Step,
)
from storefront.core.commit.reads import item_key, reads_of
from storefront.core.config.model import Offer
from storefront.core.errors import StorefrontError
from storefront.core.ids import new_id
from storefront.core.kinds import Fulfilment, Line
from storefront.core.money import Money
from storefront.core.services import Services
from storefront.core.unpacking import give
from storefront_fanfunding.accounts import queue_anchor
from storefront_fanfunding.config import Allowed
from storefront_fanfunding.rows import GRANTS, value_of

GRANT = "grant"
GIVEN, REFUSED, TAKEN = "given", "refused", "taken"


class Goods(msgspec.Struct, frozen=True):
    """What a grant gives: SKU -> (quantity, how many may be owned), asset -> amount, right -> value."""

    items: dict[str, tuple[int, int | None]] = {}
    credits: dict[str, int] = {}
    rights: dict[str, bool | int | str] = {}


class Promise(msgspec.Struct, frozen=True):
    """What a tip is to give of one offer, and the operator's limits then."""

    sku: str
    quantity: int
    per_tip: int
    per_day: int
    goods: Goods


def promises(
    services: Services, allowed: Mapping[str, Allowed], wanted: Mapping[str, int], *, about: str, customer_id: str
) -> list[Promise]:
    """Return what is promised of what a tier or a goal names (SKU -> quantity): that alone which may be given."""
    found = []
    for sku, quantity in wanted.items():
        limits, offer = allowed.get(sku), services.catalogs.active.offers.get(sku)
        if limits is not None and offer is not None:
            given = min(quantity, limits.per_tip)
            goods = _goods_of(services, offer, given, about=about, customer_id=customer_id)
            if goods is not None:
                found.append(Promise(sku, given, limits.per_tip, limits.per_day, goods))
    return found


def _goods_of(services: Services, offer: Offer, quantity: int, *, about: str, customer_id: str) -> Goods | None:
    """Ask an offer's kind what it gives; None if that is more than counted items, currency and lasting rights."""
    plan, nothing = Plan(actor="plugin:fanfunding"), Money(0, next(iter(offer.prices)))
    asked = Fulfilment(plan, about, customer_id, about, None, None, services.clock.now(), "grant")
    try:
        give(services.catalogs.active, services.kinds, Line(offer, quantity, nothing), asked)
    except (StorefrontError, KeyError):
        return None
    goods = Goods({}, {}, {})
    for step in plan.list:
        if isinstance(step, GrantItem) and step.terms == COUNTED:
            before = goods.items.get(step.sku, (0, None))[0]
            goods.items[step.sku] = (before + step.quantity, step.at_most)
        elif isinstance(step, Deposit) and step.terms.expires_at is None:
            goods.credits[step.asset] = goods.credits.get(step.asset, 0) + step.amount
        elif isinstance(step, GrantEntitlement) and step.expires_at is None:
            goods.rights[step.key] = step.value
        else:
            return None
    return goods


@dataclass(frozen=True, slots=True)
class Granting:
    """One promise to one fan, as a commit decides it: ``row`` tells of it, ``counter`` counts its day.

    ``named``: the row's columns that say what it is because of.
    """

    promise: Promise
    steps: tuple[Step, ...]
    row: Key
    counter: Key
    day: int
    named: Mapping[str, Any]

    def has_room(self, view: LateView) -> bool:
        """Tell whether the day has room for it."""
        return value_of(view.row(self.counter)) + self.promise.quantity <= self.promise.per_day


def giving(goods: Goods, *, about: str, source: str, customer_id: str, sku: str, entry_id: str) -> list[Step]:
    """Return the steps that give goods because of a tip or a goal; currency in an entry of its own."""
    steps: list[Step] = [
        GrantItem(customer_id, item, quantity, about, at_most=most) for item, (quantity, most) in goods.items.items()
    ]
    if goods.credits:
        steps.append(OpenEntry(entry_id, entry_id, f"{source}.granted", about, customer_id))
    for asset, amount in goods.credits.items():
        steps.append(Deposit(entry_id, customer_id, asset, amount, issuance(asset), LotTerms(source="granted")))
    for key, value in goods.rights.items():
        steps.append(GrantEntitlement(customer_id, key, value, source_type=source, source_id=about, sku=sku))
    return steps


def day_counter(creator_id: str, sku: str, day: int) -> Key:
    """Name what counts how much of an offer a creator's tips and goals gave on a day."""
    return Key("counters", (f"fanfunding:granted:{creator_id}:{sku}:{day}",), queue_anchor(creator_id))


def add_grants(plan: Plan, told: Sequence[Any], *, tip_id: str, creator_id: str, customer_id: str, now: int) -> None:
    """Add to the plan of a tip's purchase what it promised (``told``: as in the purchase's details)."""
    day = now // DAY_MS
    for promise in msgspec.convert(told, list[Promise]):
        steps = giving(promise.goods, about=tip_id, source="tip", customer_id=customer_id, sku=promise.sku,
                       entry_id=new_id("ent"))  # fmt: skip
        granting = Granting(
            promise=promise,
            steps=tuple(steps),
            row=Key(GRANTS, (tip_id, promise.sku), customer_id),
            counter=day_counter(creator_id, promise.sku, day),
            day=day,
            named={"tip_id": tip_id, "creator_id": creator_id, "per_tip": promise.per_tip},
        )
        reads = (granting.row, granting.counter, *(key for step in steps for key in reads_of(step)))
        plan.add(Late(f"fanfunding.{GRANT}", reads, {"granting": granting}))


def grant_step(view: LateView, facts: Mapping[str, Any]) -> Sequence[Step]:
    """Late step: give what a tip promised, if the day has room for it and its fan too. It is given once."""
    granting: Granting = facts["granting"]
    steps, is_given = decide_grant(view, granting)
    if not is_given:
        return steps
    told = {name: granting.named[name] for name in ("tip_id", "creator_id")}
    told |= {"sku": granting.promise.sku, "quantity": granting.promise.quantity}
    return (*steps, Emit(str(granting.row.anchor), "tip.granted", told["tip_id"], told))


def decide_grant(view: LateView, granting: Granting) -> tuple[Sequence[Step], bool]:
    """Return the steps of a grant, and whether it is given; nothing, if that was decided before."""
    promise, row, counter = granting.promise, granting.row, granting.counter
    if view.row(row) is not None:
        return (), False
    customer_id, now = str(row.anchor), view.moment.now
    has_room = granting.has_room(view)
    is_given = has_room and not any(
        most is not None and value_of(view.row(item_key(customer_id, sku)), "quantity") + quantity > most
        for sku, (quantity, most) in promise.goods.items.items()
    )
    steps = granting.steps if is_given else ()
    entry_ids = [step.entry_id for step in steps if isinstance(step, OpenEntry)]
    written = {
        **granting.named,
        "sku": promise.sku,
        "customer_id": customer_id,
        "quantity": promise.quantity,
        "day": granting.day,
        "per_day": promise.per_day,
        "state": GIVEN if is_given else REFUSED,
        "goods": msgspec.json.encode(promise.goods).decode(),
        "entries": msgspec.json.encode(entry_ids).decode(),
        "created_at": now,
        "updated_at": now,
    }
    insert = Insert(row.table, row.id, customer_id, written)
    if not is_given:
        return (insert,), False
    return (*steps, Count(str(counter.id[0]), str(counter.anchor), promise.quantity), insert), True
