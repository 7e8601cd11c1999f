"""E1, E6, E7: what customers own, against the movements and purchases it came from."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, and_, func, literal, or_, select, union_all

from storefront.core.audit.check import Check, Violation, each_row
from storefront.core.tables import claims, customers, entitlements, item_movements, items, purchases, reversals

_PURCHASE = "pur_"
_CONSUMPTION = "con_"


class _Line(msgspec.Struct):
    type: str
    sku: str = ""
    quantity: int = 0


class _TakenLine(msgspec.Struct):
    sku: str
    quantity: int


class _TakenBack(msgspec.Struct):
    quantity: int
    lines: list[_TakenLine] = []


@cache
def _select_owned_is_what_was_given() -> tuple[Select[Any], Select[Any]]:
    moved = (
        select(item_movements.c.customer_id, item_movements.c.sku,
               func.sum(item_movements.c.quantity).label("quantity"))
        .group_by(item_movements.c.customer_id, item_movements.c.sku).subquery("moved")
    )  # fmt: skip
    same = and_(moved.c.customer_id == items.c.customer_id, moved.c.sku == items.c.sku)
    by_movements = func.coalesce(moved.c.quantity, 0)
    wrong = (
        select(items.c.customer_id, items.c.sku, items.c.quantity, by_movements.label("moved"))
        .join(moved, same, isouter=True)
        .where(items.c.quantity != by_movements)
    )
    unknown = (
        select(moved.c.customer_id, moved.c.sku, literal(0).label("quantity"), moved.c.quantity.label("moved"))
        .join(items, same, isouter=True)
        .where(items.c.sku.is_(None), moved.c.quantity != 0)
    )
    return wrong, unknown


def owned_is_what_was_given(connection: Connection) -> Iterator[Violation]:
    """E1: items = the sum of their movements; goods of a purchase need it completed and not taken back."""
    wrong, unknown = _select_owned_is_what_was_given()
    for statement in (wrong, unknown):
        for row in each_row(connection, statement):
            yield Violation(
                "E1",
                (row.customer_id, row.sku),
                f"{row.customer_id} owns {row.quantity} {row.sku}, its movements say {int(row.moved)}",
            )
    yield from _goods_of_unsettled_purchases(connection)
    yield from _owners_that_are_gone(connection)


@cache
def _select_owners_that_are_gone() -> Select[Any]:
    name = literal("customer:") + customers.c.external_id
    return (
        select(claims.c.key, claims.c.about, customers.c.external_id)
        .join(customers, customers.c.id == claims.c.about, isouter=True)
        .where(claims.c.key.startswith("customer:", autoescape=True), name.is_distinct_from(claims.c.key))
    )


def _owners_that_are_gone(connection: Connection) -> Iterator[Violation]:
    """The name that was claimed for a customer, once and for ever, is still that customer's."""
    for row in each_row(connection, _select_owners_that_are_gone()):
        found = "there is no such customer" if row.external_id is None else "goes by another name now"
        yield Violation("E1", (row.about,), f"{row.about} was made as {row.key.partition(':')[2]}, but {found}")


@cache
def _select_goods_of_unsettled_purchases() -> tuple[Select[Any], Select[Any]]:
    is_settled = and_(purchases.c.status == "completed", purchases.c.refunded != "full", purchases.c.dispute != "lost")
    rights = (
        select(entitlements.c.id, entitlements.c.key, entitlements.c.source_id, purchases.c.status,
               purchases.c.refunded, purchases.c.dispute, purchases.c.quantity, purchases.c.lines,
               entitlements.c.sku)
        .join(purchases, purchases.c.id == entitlements.c.source_id, isouter=True)
        .where(entitlements.c.source_type == "purchase", entitlements.c.ended_at.is_(None),
               or_(purchases.c.id.is_(None), ~is_settled & (purchases.c.status != "in_review")))
    )  # fmt: skip
    given = (
        select(item_movements.c.id, item_movements.c.sku, item_movements.c.about, purchases.c.status)
        .join(purchases, purchases.c.id == item_movements.c.about, isouter=True)
        .where(item_movements.c.quantity > 0, item_movements.c.about.startswith(_PURCHASE, autoescape=True),
               or_(purchases.c.id.is_(None), purchases.c.status.not_in(("completed", "in_review"))))
    )  # fmt: skip
    return rights, given


def _goods_of_unsettled_purchases(connection: Connection) -> Iterator[Violation]:
    rights, given = _select_goods_of_unsettled_purchases()
    for row in each_row(connection, rights):
        if row.status == "completed" and row.refunded != "full" and _is_left(connection, row):
            continue  # a lost dispute about a part of the price took fewer units than were bought
        state = "does not exist"
        if row.status is not None:
            state = f"is {row.status} (refunded {row.refunded}, dispute {row.dispute})"
        message = f"entitlement {row.id} ({row.key}) is active, but its purchase {row.source_id} {state}"
        yield Violation("E1", (row.id, row.source_id), message)
    for row in each_row(connection, given):
        state = "does not exist" if row.status is None else f"is {row.status}"
        message = f"{row.sku} was given by movement {row.id}, but its purchase {row.about} {state}"
        yield Violation("E1", (row.id, row.about), message)


def _is_left(connection: Connection, right: Row[Any]) -> bool:
    """Tell whether units are left of what brought a right: of its line in a bundle, or of the offer itself."""
    taken = select(reversals.c.taken_back).where(
        reversals.c.purchase_id == right.source_id, reversals.c.state.in_(("completed", "lost"))
    )
    told = [msgspec.json.decode(row.taken_back, type=_TakenBack) for row in connection.execute(taken)]
    for line in msgspec.json.decode(right.lines, type=list[_Line]):
        if line.type == "component" and line.sku == right.sku:
            back = sum(one.quantity for taken in told for one in taken.lines if one.sku == line.sku)
            return back < line.quantity
    return sum(taken.quantity for taken in told) < int(right.quantity)


@cache
def _select_nothing_is_used_before_it_is_given() -> tuple[Select[Any], Select[Any]]:
    by_commit = (
        select(item_movements.c.customer_id, item_movements.c.sku, item_movements.c.commit_no,
               func.sum(item_movements.c.quantity).label("quantity"))
        .group_by(item_movements.c.customer_id, item_movements.c.sku, item_movements.c.commit_no)
        .subquery("by_commit")
    )  # fmt: skip
    left = func.sum(by_commit.c.quantity).over(
        partition_by=[by_commit.c.customer_id, by_commit.c.sku], order_by=by_commit.c.commit_no, rows=(None, 0)
    )
    running = select(by_commit.c.customer_id, by_commit.c.sku, by_commit.c.commit_no, left.label("left")).subquery()
    twice = (
        select(item_movements.c.about, func.count().label("count"))
        .where(item_movements.c.about.startswith(_CONSUMPTION, autoescape=True))
        .group_by(item_movements.c.about)
        .having(func.count() > 1)
    )
    return twice, select(running).where(running.c.left < 0)


def nothing_is_used_before_it_is_given(connection: Connection) -> Iterator[Violation]:
    """E6: after every commit a customer had used no more of an item than was given; each use took once."""
    twice, overused = _select_nothing_is_used_before_it_is_given()
    for row in each_row(connection, overused):
        yield Violation(
            "E6",
            (row.customer_id, row.sku),
            f"{row.customer_id} had used {-int(row.left)} {row.sku} more than were given after commit {row.commit_no}",
        )
    for row in each_row(connection, twice):
        yield Violation("E6", (row.about,), f"consumption {row.about} took items {row.count} times")


@cache
def _select_nothing_is_given_in_review() -> Select[Any]:
    sources = union_all(
        select(entitlements.c.source_id.label("purchase_id"), entitlements.c.id.label("given"))
        .where(entitlements.c.source_type == "purchase", entitlements.c.ended_at.is_(None)),
        select(item_movements.c.about, item_movements.c.id).where(item_movements.c.quantity > 0),
    ).subquery("sources")  # fmt: skip
    return (
        select(sources.c.purchase_id, sources.c.given)
        .join(purchases, purchases.c.id == sources.c.purchase_id)
        .where(purchases.c.status == "in_review")
    )


def nothing_is_given_in_review(connection: Connection) -> Iterator[Violation]:
    """E7: a purchase that waits for a person's verdict has given nothing yet."""
    for row in each_row(connection, _select_nothing_is_given_in_review()):
        message = f"purchase {row.purchase_id} is in review, but {row.given} was already given"
        yield Violation("E7", (row.purchase_id, row.given), message)


CHECKS = (
    Check("E1", "What is owned was given, and its purchase stands", owned_is_what_was_given),
    Check("E6", "Nothing was used that was not given", nothing_is_used_before_it_is_given),
    Check("E7", "A purchase in review has given nothing", nothing_is_given_in_review),
)
