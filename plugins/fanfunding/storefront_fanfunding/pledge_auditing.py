"""What ``audit verify --deep`` checks of pledges (P5): charged once at most, when they are due, set aside till then."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, and_, case, func, or_, select

from storefront.core.audit import Check, Violation
from storefront.core.audit.check import each_row
from storefront.core.tables import holds, purchases, reversals
from storefront_fanfunding.campaigns import (
    ACTOR,
    CHARGING,
    COLLECTED,
    COLLECTING,
    FAILED,
    MISSED,
    OPEN,
    REACHED,
    REFUNDED,
    RELEASED,
)
from storefront_fanfunding.config import SKU, WHOLE
from storefront_fanfunding.pledge_tables import campaigns, pledges
from storefront_fanfunding.tables import tips

_PAID = (COLLECTED, REFUNDED)
_CHARGED = (CHARGING, COLLECTED, FAILED, REFUNDED)
_CAMPAIGN = and_(campaigns.c.creator_id == pledges.c.creator_id, campaigns.c.goal == pledges.c.goal)


class _Details(msgspec.Struct):
    pledge: str | None = None
    tip: str | None = None


def _charges(connection: Connection) -> Iterator[tuple[str, str | None, Row[Any]]]:
    """Return pledge, tip and row of each purchase that was made for a pledge."""
    statement = select(purchases.c.id, purchases.c.status, purchases.c.created_at, purchases.c.details).where(
        purchases.c.sku == SKU, purchases.c.details.like('%"pledge"%')
    )
    for row in each_row(connection, statement.order_by(purchases.c.id)):
        told = msgspec.json.decode(row.details, type=_Details)
        if told.pledge is not None:
            yield told.pledge, told.tip, row


def pledges_are_charged_once(connection: Connection) -> Iterator[Violation]:
    """P5-once: a pledge that is collected has one completed purchase, of its own tip and amount; any other has none."""
    paid: dict[str, list[tuple[str, str | None]]] = {}
    for pledge, tip, row in _charges(connection):
        if row.status == "completed":
            paid.setdefault(pledge, []).append((row.id, tip))
    given = (tips.c.amount.label("given"), tips.c.currency.label("given_in"), tips.c.customer_id.label("giver"))
    statement = select(pledges, *given).join(tips, tips.c.id == pledges.c.tip_id, isouter=True)
    for row in each_row(connection, statement):
        found = paid.pop(row.id, [])
        if len(found) != int(row.state in _PAID):
            message = f"pledge {row.id} is {row.state}, and {len(found)} purchases paid it"
            yield Violation("P5-once", (row.id,), message)
        elif found and (found[0], row.given, row.given_in, row.giver) != (
            (row.purchase_id, row.tip_id), row.amount, row.currency, row.customer_id,
        ):  # fmt: skip
            message = f"pledge {row.id} is of {row.amount} {row.currency}; {found[0][0]} gave {row.given}"
            yield Violation("P5-once", (row.id, found[0][0]), message)
    for pledge, found in paid.items():
        yield Violation("P5-once", (pledge,), f"{found[0][0]} paid for a pledge that is not there")


def nothing_is_charged_before_it_is_due(connection: Connection) -> Iterator[Violation]:
    """P5-due: a goal is reached or missed by what was pledged at its deadline; if reached, it is charged after that."""
    closed: dict[tuple[str, str], Row[Any]] = {}
    for row in each_row(connection, select(campaigns)):
        closed[row.creator_id, row.goal] = row
        if row.state == COLLECTING:
            continue
        due = (row.pledged < row.target, True)
        if (row.state == MISSED, (row.closed_at or 0) >= row.deadline) != due:
            message = f"goal {row.goal} is {row.state} by {row.pledged} of {row.target}, since {row.closed_at}"
            yield Violation("P5-due", (row.creator_id, row.goal), message)
    of = {row.id: closed.get((row.creator_id, row.goal)) for row in each_row(connection, select(pledges))}
    for pledge, _, row in _charges(connection):
        campaign = of.get(pledge)
        is_due = campaign is not None and campaign.state not in (COLLECTING, MISSED)
        if not is_due or campaign is None or row.created_at < campaign.deadline:
            yield Violation("P5-due", (row.id,), f"{row.id} charged pledge {pledge}, which was not due")


def wallets_have_set_it_aside(connection: Connection) -> Iterator[Violation]:
    """P5-holds: what stands of a wallet's pledge is set aside, by a hold of its own; what is over is free or taken.

    A hold may end by itself, long after the deadline.
    """
    statement = select(pledges, holds.c.state.label("held"), holds.c.amount.label("set_aside"),
                       holds.c.asset, holds.c.customer_id.label("whose"), holds.c.actor).join(
        holds, holds.c.id == pledges.c.hold_id, isouter=True).where(
        or_(pledges.c.pay_with == "wallet", pledges.c.hold_id.is_not(None)))  # fmt: skip
    allowed = {OPEN: ("open", "expired"), CHARGING: ("open", "expired"), COLLECTED: ("captured", "expired"),
               REFUNDED: ("captured", "expired")}  # fmt: skip
    for row in each_row(connection, statement):
        same = (row.set_aside, row.asset, row.whose, row.actor) == (row.amount, row.currency, row.customer_id, ACTOR)
        if not same or row.held not in allowed.get(row.state, ("released", "expired")):
            message = f"pledge {row.id} is {row.state}, and its hold {row.held or 'is not there'} of {row.set_aside}"
            yield Violation("P5-holds", (row.id,), message)
    owned = select(pledges.c.hold_id).where(pledges.c.hold_id.is_not(None))
    for row in each_row(connection, select(holds.c.id).where(holds.c.actor == ACTOR, holds.c.id.not_in(owned))):
        yield Violation("P5-holds", (row.id,), f"hold {row.id} stands for no pledge")


def campaigns_add_up(connection: Connection) -> Iterator[Violation]:
    """P5-sums: a goal says what its open pledges come to, then what they did at the deadline, and what was collected;
    with too little of that it has failed, and each pledge that is given back has its reversal."""
    is_counted = or_(pledges.c.state == OPEN, pledges.c.state == RELEASED, pledges.c.state.in_(_CHARGED))
    is_paid = pledges.c.state.in_(_PAID)
    statement = (
        select(campaigns,
               func.coalesce(func.sum(case((is_counted, pledges.c.worth), else_=0)), 0).label("sum"),
               func.coalesce(func.sum(case((is_counted, 1), else_=0)), 0).label("many"),
               func.coalesce(func.sum(case((is_paid, pledges.c.worth), else_=0)), 0).label("paid"))
        .join(pledges, _CAMPAIGN, isouter=True)
        .group_by(*campaigns.c)
    )  # fmt: skip
    for row in each_row(connection, statement):
        if (row.pledged, row.backers) != (int(row.sum), int(row.many)):
            message = f"goal {row.goal} says {row.pledged} of {row.backers}; its pledges are {row.sum} of {row.many}"
            yield Violation("P5-sums", (row.creator_id, row.goal), message)
        if row.state not in (COLLECTED, FAILED):
            continue
        is_failed = int(row.paid) * WHOLE < row.target * row.min_collected
        if (row.collected, row.state == FAILED) != (int(row.paid), is_failed):
            message = f"goal {row.goal} is {row.state} by {row.collected}; {row.paid} of {row.target} were collected"
            yield Violation("P5-sums", (row.creator_id, row.goal), message)
    back = select(reversals.c.id).where(reversals.c.purchase_id == pledges.c.purchase_id).exists()
    lost = select(pledges.c.id).where(pledges.c.state == REFUNDED, pledges.c.reason == "too_little_collected", ~back)
    for row in each_row(connection, lost):
        yield Violation("P5-sums", (row.id,), f"pledge {row.id} is refunded, and nothing went back")
    held = select(pledges.c.id, campaigns.c.state).join(campaigns, _CAMPAIGN)
    for row in each_row(connection, held.where(pledges.c.state == REFUNDED, campaigns.c.state != FAILED)):
        yield Violation("P5-sums", (row.id,), f"pledge {row.id} is refunded, and its goal {row.state}")
    stays = held.where(or_(
        and_(pledges.c.state.in_((CHARGING, *_PAID)), campaigns.c.state.not_in((REACHED, COLLECTED, FAILED))),
        and_(pledges.c.state == RELEASED, campaigns.c.state != MISSED),
    ))  # fmt: skip
    for row in each_row(connection, stays):
        yield Violation("P5-sums", (row.id,), f"pledge {row.id} stands as its goal, {row.state}, does not")


PLEDGE_CHECKS: Sequence[Check] = (
    Check("P5-once", "Each pledge is charged once at most, as a tip of its amount", pledges_are_charged_once),
    Check("P5-due", "Nothing is charged before the deadline, or below the target", nothing_is_charged_before_it_is_due),
    Check("P5-holds", "Wallets' pledges are set aside as long as they stand", wallets_have_set_it_aside),
    Check("P5-sums", "Goals say what their pledges come to, and what was collected", campaigns_add_up),
)
