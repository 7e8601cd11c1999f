"""A contribution becomes a tip that no purchase paid: numbered, shown, counted; its creator has the money already."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from storefront.core.commit.apply import LateView
from storefront.core.commit.outcome import Taken
from storefront.core.commit.plan import Count, Emit, Insert, Late, Plan, Step, Steps
from storefront.core.customers import Newcomer, introduce, is_introduced
from storefront.core.errors import Invalid, Unavailable
from storefront.core.services import Services
from storefront_fanfunding.accounts import queue_anchor
from storefront_fanfunding.admitting import admit, block_key, pace_key
from storefront_fanfunding.creators import Creator, creator_id
from storefront_fanfunding.guests import meet_guest
from storefront_fanfunding.importing.contributions import Contribution
from storefront_fanfunding.rows import ALERTS, PAID, TIPS, counter_key, tip_key, value_of
from storefront_fanfunding.settling import alert_row, event_payload
from storefront_fanfunding.wording import LONGEST_NAME, cleaned, name_of

IMPORT = "import_tip"
TIMES_DECIDED = 5


async def take(services: Services, creator: Creator, source: str, given: Contribution) -> str:
    """Take a contribution in, once however often it is told of; return the id of its tip.

    Raises:
        Unavailable: all is changing at once; it is told of again.
    """
    identity = await creator_id(services, creator.name)
    whose = given.fan or f"{given.id} alone"
    for _ in range(TIMES_DECIDED):
        met = await meet_guest(services, f"{source}:{whose.strip().casefold()}")
        fan = met.id if isinstance(met, Newcomer) else met
        row = _tip_row(services, creator, given, identity=identity, fan=fan, source=source)
        plan = Plan(actor=f"importer:{source}", anchors={fan, queue_anchor(identity)})
        if isinstance(met, Newcomer):
            introduce(plan, met, services.clock.now())
        reads = (tip_key(row["id"], fan), counter_key("tips", identity), counter_key("alerts", identity),
                 block_key(identity, fan), pace_key(identity))  # fmt: skip
        plan.add(Late(f"fanfunding.{IMPORT}", reads, {"row": row}))
        try:
            await services.engine.commit(plan)
        except Taken as taken:
            if not is_introduced(taken):
                raise
            continue  # another message of the same fan has just made them
        return str(row["id"])
    raise Unavailable("Too much is changing at once; try again.")


def import_step(view: LateView, facts: Mapping[str, Any]) -> Sequence[Step]:
    """Late step: number a contribution and its alert; one that is here already changes nothing."""
    row, now = facts["row"], view.moment.now
    if view.row(tip_key(row["id"], row["customer_id"])) is not None:
        return ()
    creator, anchor = row["creator_id"], queue_anchor(row["creator_id"])
    tips, alerts = counter_key("tips", creator), counter_key("alerts", creator)
    number, place = value_of(view.row(tips)) + 1, value_of(view.row(alerts)) + 1
    steps = Steps()
    written = {
        **row,
        **admit(view, steps, row),
        "sequence": number,
        "paid_at": now,
        "created_at": now,
        "updated_at": now,
    }
    told = event_payload(written)
    steps.add(
        Count(str(tips.id[0]), anchor, 1),
        Count(str(alerts.id[0]), anchor, 1),
        Insert(TIPS, (row["id"],), row["customer_id"], written),
        Insert(ALERTS, (creator, place), anchor, alert_row(creator, place, written, now)),
        Emit(anchor, "tip.paid", row["id"], told),
    )
    if written["is_held"]:
        steps.add(Emit(anchor, "tip.held", row["id"], {**told, "held_for": written["held_for"]}))
    return steps.list


def _tip_row(
    services: Services, creator: Creator, given: Contribution, *, identity: str, fan: str, source: str
) -> dict[str, Any]:
    """Return a contribution as a tip's row: nothing of it is earned here, for the shop never had it."""
    now, currency, amount = services.clock.now(), given.amount.currency, given.amount.amount_minor
    tiered = creator.tier_of(given.amount)
    name, message = _name(given.name), cleaned(given.message, tiered.max_chars)
    held_for = creator.holds_for(name or "", message)
    own = f"{source}:{identity}:{given.id}"
    return {
        "id": f"tip_{hashlib.sha256(own.encode()).hexdigest()[:26]}",
        "creator_id": identity,
        "customer_id": fan,
        "purchase_id": own,
        "source": source,
        "name": name or "",
        "message": message,
        "is_anonymous": int(name is None),
        "is_held": int(held_for is not None),
        "held_for": held_for,
        "is_name_only": 0,
        "is_settled": 1,
        "max_per_minute": creator.max_per_minute,
        "sender": None,
        "currency": currency,
        "amount": amount,
        "total": amount,
        "tier": tiered.tier,
        "rates": msgspec.json.encode(creator.settings.rates.get(currency, {})).decode(),
        "share": 0,
        "hold_ms": 0,
        "state": PAID,
        "sequence": None,
        "earned": 0,
        "reserved": 0,
        "back_amount": 0,
        "returned": 0,
        "back_earned": 0,
        "created_at": now,
        "updated_at": now,
        "paid_at": None,
        "release_at": None,
    }


def _name(told: str | None) -> str | None:
    """Return a name as it can be shown; None of one that cannot."""
    if told is None:
        return None
    try:
        return name_of(cleaned(told, LONGEST_NAME))
    except Invalid:
        return None
