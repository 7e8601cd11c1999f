"""I1, I3, I4: one effect per key, no answer without its effect, and no gateway payment used twice."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Row, Select, and_, func, literal, or_, select

from storefront.core.audit.check import Check, Violation, each_row
from storefront.core.tables import (
    claims,
    customers,
    entitlements,
    entries,
    grants,
    holds,
    idempotency,
    item_movements,
    items,
    payments,
    purchases,
    reversals,
)

# Prefix of an object's id -> where such objects are kept.
_OBJECTS: tuple[tuple[str, Column[str]], ...] = (
    ("pur_", purchases.c.id),
    ("pay_", payments.c.id),
    ("cus_", customers.c.id),
    ("ent_", entries.c.id),
    ("hold_", holds.c.id),
    ("con_", item_movements.c.about),
    ("itm_", items.c.id),
    ("entl_", entitlements.c.id),
    ("grant_", grants.c.id),
    ("rev_", reversals.c.id),
)
_MADE_BY_ONE_KEY = ("pur_", "hold_", "grant_")


@cache
def _select_keys_have_one_effect() -> tuple[Select[Any], Select[Any]]:
    unmarked = select(idempotency).where(func.length(idempotency.c.fingerprint) == 0)
    shared = (
        select(idempotency.c.operation, idempotency.c.object_id, func.count().label("count"))
        .where(or_(*(idempotency.c.object_id.startswith(prefix, autoescape=True) for prefix in _MADE_BY_ONE_KEY)),
               ~idempotency.c.operation.contains("{", autoescape=True), _has_effect())
        .group_by(idempotency.c.operation, idempotency.c.object_id)
        .having(func.count() > 1)
    )  # fmt: skip
    return unmarked, shared


def keys_have_one_effect(connection: Connection) -> Iterator[Violation]:
    """I1: a key has a fingerprint, and no two keys of a creating operation made the same object.

    That a (caller, operation, key) has one fingerprint is the table's primary key. Operations upon an
    existing object carry ``{`` in their name (``POST /v1/purchases/{id}/cancel``) and may share it.
    """
    unmarked, shared = _select_keys_have_one_effect()
    for row in each_row(connection, unmarked):
        yield Violation("I1", (row.caller, row.key), f"{_name(row)} has no fingerprint of its body")
    for row in each_row(connection, shared):
        message = f"{row.count} keys of {row.operation} claim to have made {row.object_id}"
        yield Violation("I1", (row.object_id,), message)


@cache
def _select_answers_have_effects() -> tuple[Select[Any], Select[Any]]:
    unanswered = select(idempotency).where(
        idempotency.c.state == "answered",
        or_(idempotency.c.status.is_(None), idempotency.c.body.is_(None), ~idempotency.c.status.between(200, 599)),
    )
    nameless = select(idempotency).where(idempotency.c.state == "open", idempotency.c.object_id.is_(None))
    return unanswered, nameless


def answers_have_effects(connection: Connection) -> Iterator[Violation]:
    """I3: an answered key has its status and bytes; an open or successful one names an object that exists."""
    unanswered, nameless = _select_answers_have_effects()
    for row in each_row(connection, unanswered):
        yield Violation("I3", (row.caller, row.key), f"{_name(row)} is answered, but has no status and body to repeat")
    for row in each_row(connection, nameless):
        yield Violation("I3", (row.caller, row.key), f"{_name(row)} is open, but names nothing that is under way")
    for missing in _select_missing_objects():
        for row in each_row(connection, missing):
            message = f"{_name(row)} is {row.state} for {row.object_id}, which does not exist"
            yield Violation("I3", (row.caller, row.key, row.object_id), message)


@cache
def _select_missing_objects() -> tuple[Select[Any], ...]:
    """Return what tells the keys that name an object that does not exist, one statement for each kind of object."""
    return tuple(
        select(idempotency).where(
            idempotency.c.object_id.startswith(prefix, autoescape=True),
            _has_effect(),
            idempotency.c.object_id.not_in(select(column)),
        )
        for prefix, column in _OBJECTS
    )


def _has_effect() -> ColumnElement[bool]:
    """Open, or answered with success; a stored refusal made nothing."""
    return or_(idempotency.c.state == "open", idempotency.c.status.between(200, 299))


def _name(row: Row[Any]) -> str:
    return f"key {row.key} of {row.caller} for {row.operation}"


@cache
def _select_named_twice(column: Column[Any]) -> Select[Any]:
    return (
        select(payments.c.gateway, column.label("reference"), func.count().label("count"))
        .where(column.is_not(None))
        .group_by(payments.c.gateway, column)
        .having(func.count() > 1)
    )


@cache
def _select_gateway_payments_count_once() -> Select[Any]:
    claim = literal("payment:") + payments.c.gateway + ":" + payments.c.gateway_payment
    return (
        select(payments.c.id, payments.c.gateway, payments.c.gateway_payment)
        .join(claims, and_(claims.c.key == claim, claims.c.about == payments.c.purchase_id), isouter=True)
        .where(payments.c.state == "received", claims.c.key.is_(None))
    )


def gateway_payments_count_once(connection: Connection) -> Iterator[Violation]:
    """I4: one gateway object pays for one payment of ours, and a claim keeps it so when keys are long gone."""
    for column, noun in ((payments.c.gateway_ref, "checkout"), (payments.c.gateway_payment, "payment")):
        for row in each_row(connection, _select_named_twice(column)):
            message = f"{row.count} payments name the {noun} {row.reference} of {row.gateway} as theirs"
            yield Violation("I4", (row.reference,), message)
    for row in each_row(connection, _select_gateway_payments_count_once()):
        message = f"payment {row.id} is received, but no claim keeps {row.gateway_payment} from paying again"
        yield Violation("I4", (row.id,), message)


CHECKS = (
    Check("I1", "Every idempotency key has one effect", keys_have_one_effect),
    Check("I3", "No answer without its effect", answers_have_effects),
    Check("I4", "No gateway payment is used twice", gateway_payments_count_once),
)
