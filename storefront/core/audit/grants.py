"""L10, E1, A2 of what is given and taken by hand: it has its entry, its reason and actor, and its audit row."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, and_, case, func, literal, or_, select, union_all

from storefront.core.adjusting import KIND as ADJUSTMENT
from storefront.core.audit.check import Check, Violation, each_row
from storefront.core.names import owner_of
from storefront.core.tables import audit_actions, entitlements, entries, grants, item_movements, reversals, transfers

_GRANT = "grant_"
_ACTIONS = ("grant.made", "purchase.refunded", "wallet.adjusted")


class _Facts(msgspec.Struct):
    reason: str = ""


@cache
def _select_grants_point_to_entries() -> tuple[Select[Any], Select[Any]]:
    issuance = literal("platform:issuance:") + grants.c.asset
    receivable = literal("platform:receivable:") + grants.c.asset
    owner = literal("customer:") + grants.c.customer_id
    given = and_(
        transfers.c.source == issuance,
        or_(transfers.c.destination == owner + ":" + grants.c.asset, transfers.c.destination == receivable),
    )
    struck_off = and_(
        transfers.c.source == owner + literal(":debt:") + grants.c.asset, transfers.c.destination == issuance
    )
    amount = func.coalesce(func.sum(case((given, transfers.c.amount), else_=0)), 0)
    is_more_than_that = or_(
        func.count(transfers.c.position) != func.count(case((or_(given, struck_off), 1))),
        func.count(transfers.c.position) > 3,
        func.count(transfers.c.position) == 0,
    )
    statement = (
        select(grants.c.id, grants.c.amount, grants.c.asset, grants.c.entry_id, entries.c.about,
               amount.label("given"), func.count(transfers.c.position).label("transfers"))
        .join(entries, entries.c.id == grants.c.entry_id, isouter=True)
        .join(transfers, transfers.c.entry_id == entries.c.id, isouter=True)
        .group_by(grants.c.id, entries.c.id)
        .having(or_(
            and_(grants.c.asset.is_not(None),
                 or_(entries.c.id.is_(None), amount != grants.c.amount, is_more_than_that)),
            and_(grants.c.entry_id.is_not(None),
                 or_(entries.c.id.is_(None), entries.c.about != grants.c.id, entries.c.kind != "grant")),
        ))
    )  # fmt: skip
    stray = (
        select(entries.c.id, entries.c.about)
        .join(grants, and_(grants.c.id == entries.c.about, grants.c.entry_id == entries.c.id), isouter=True)
        .where(entries.c.kind == "grant", grants.c.id.is_(None))
    )
    return statement, stray


def grants_point_to_entries(connection: Connection) -> Iterator[Violation]:
    """L10: a granted amount goes from issuance to the customer, in an entry about that grant alone.

    It is one transfer; where it paid off a debt, a part of it went to the receivable and was struck off.
    """
    statement, stray = _select_grants_point_to_entries()
    for row in each_row(connection, statement):
        fault = f"names the entry {row.entry_id}, which is about {row.about or 'nothing: it does not exist'}"
        if row.entry_id is None:
            fault = f"gave {row.amount} {row.asset}, but names no entry"
        elif row.about == row.id:
            fault = f"says {row.amount} {row.asset}, its entry gave {int(row.given)} in {row.transfers} transfers"
        yield Violation("L10-grants", (row.id,), f"grant {row.id} {fault}")
    for row in each_row(connection, stray):
        message = f"entry {row.id} grants something for {row.about}, which is no grant of that entry"
        yield Violation("L10-grants", (row.id,), message)
    yield from _reasons_in_entries(connection)


@cache
def _select_reasons_in_entries() -> Select[Any]:
    return (
        select(grants.c.id, grants.c.reason, entries.c.facts)
        .join(entries, entries.c.id == grants.c.entry_id)
        .where(entries.c.about == grants.c.id)
    )


def _reasons_in_entries(connection: Connection) -> Iterator[Violation]:
    """The entry, which is sealed, keeps the reason that the grant states."""
    for row in each_row(connection, _select_reasons_in_entries()):
        said = msgspec.json.decode(row.facts or "{}", type=_Facts).reason
        if said != row.reason:
            message = f"grant {row.id} was made because of {row.reason!r}, its entry says {said!r}"
            yield Violation("L10-grants", (row.id,), message)


@cache
def _select_grants_say_why() -> tuple[Select[Any], Select[Any]]:
    unnamed = select(grants.c.id).where(or_(grants.c.reason == "", grants.c.actor == ""))
    goods = union_all(
        select(entitlements.c.id, entitlements.c.customer_id, entitlements.c.source_id.label("grant_id"))
        .where(entitlements.c.source_type == "grant"),
        select(item_movements.c.id, item_movements.c.customer_id, item_movements.c.about)
        .where(item_movements.c.about.startswith(_GRANT, autoescape=True)),
    ).subquery("goods")  # fmt: skip
    is_theirs = or_(
        grants.c.customer_id == goods.c.customer_id,
        owner_of(grants.c.customer_id) == owner_of(goods.c.customer_id),
    )
    same = and_(grants.c.id == goods.c.grant_id, is_theirs)
    statement = select(goods).select_from(goods).join(grants, same, isouter=True).where(grants.c.id.is_(None))
    return unnamed, statement


def grants_say_why(connection: Connection) -> Iterator[Violation]:
    """E1: a grant names a reason and an actor, and goods that name a grant have one, for that customer."""
    unnamed, statement = _select_grants_say_why()
    for row in each_row(connection, unnamed):
        yield Violation("E1-grants", (row.id,), f"grant {row.id} does not say why, or by whom")
    for row in each_row(connection, statement):
        message = f"{row.id} was given to {row.customer_id} by the grant {row.grant_id}, which does not exist"
        yield Violation("E1-grants", (row.id, row.grant_id), message)


@cache
def _select_done_by_hand() -> tuple[Select[Any], Select[Any]]:
    done = union_all(
        select(literal("grant.made").label("action"), grants.c.id, grants.c.actor),
        select(literal("purchase.refunded"), reversals.c.id, reversals.c.actor).where(reversals.c.cause != "dispute"),
        select(literal("wallet.adjusted"), entries.c.about, entries.c.actor).where(entries.c.kind == ADJUSTMENT),
    ).subquery("done")
    same = and_(audit_actions.c.action == done.c.action, audit_actions.c.about == done.c.id)
    by_actor = func.coalesce(func.sum(case((audit_actions.c.actor == done.c.actor, 1), else_=0)), 0)
    unrecorded = (
        select(done.c.action, done.c.id, done.c.actor, func.count(audit_actions.c.id).label("rows"),
               by_actor.label("by_actor"))
        .join(audit_actions, same, isouter=True)
        .group_by(done.c.action, done.c.id, done.c.actor)
        .having(or_(func.count(audit_actions.c.id) != 1, by_actor != 1))
    )  # fmt: skip
    baseless = (
        select(audit_actions.c.id, audit_actions.c.action, audit_actions.c.about)
        .join(done, same, isouter=True)
        .where(audit_actions.c.action.in_(_ACTIONS), done.c.id.is_(None))
    )
    return unrecorded, baseless


def what_was_done_by_hand_has_audit_rows(connection: Connection) -> Iterator[Violation]:
    """A2: each grant, adjustment and refund has exactly one audit row by the same actor, each such row its object."""
    unrecorded, baseless = _select_done_by_hand()
    for row in each_row(connection, unrecorded):
        message = f"{row.id} was made by {row.actor}, but has {row.rows} audit rows, {int(row.by_actor)} of them theirs"
        yield Violation("A2-credits", (row.id,), message)
    for row in each_row(connection, baseless):
        message = f"audit row {row.id} says {row.action} of {row.about}, which does not exist"
        yield Violation("A2-credits", (row.id, row.about), message)


CHECKS = (
    Check("L10-grants", "Every grant points to the entry that gave it, and back", grants_point_to_entries),
    Check("E1-grants", "Every grant says why, and goods of a grant have one", grants_say_why),
    Check(
        "A2-credits",
        "Every grant, adjustment and refund has a record of who made it",
        what_was_done_by_hand_has_audit_rows,
    ),
)
