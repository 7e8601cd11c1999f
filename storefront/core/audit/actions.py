"""A2: what a privileged person did, against the record that it was done."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import Column, Connection, Row, Select, select

from storefront.core.api_keys import key_fingerprint
from storefront.core.audit.check import Check, Violation, each_row
from storefront.core.audit.redactions import Redactions
from storefront.core.tables import api_keys, audit_actions, grants, reversals
from storefront.core.tables_operators import operators

_OF_ROLES = ("operator.added", "operator.role_changed", "operator.ended", "operator.taken_back")
_GIVEN = (grants.c.asset, grants.c.amount, grants.c.sku, grants.c.quantity, grants.c.reason)


@cache
def _select_keys_were_made_by_someone() -> Select[Any]:
    ended = select(audit_actions.c.about).where(audit_actions.c.action == "key.revoked")
    return select(api_keys.c.id, api_keys.c.name).where(api_keys.c.revoked_at.is_(None), api_keys.c.id.in_(ended))


def keys_were_made_by_someone(connection: Connection) -> Iterator[Violation]:
    """A2: every API key has an audit row for its making, and for its end if it was revoked.

    The demo keys are constants of the program: nobody made them.
    """
    for action, happened in (("created", api_keys.c.created_at), ("revoked", api_keys.c.revoked_at)):
        for row in each_row(connection, _select_unrecorded(action, happened)):
            yield Violation("A2", (row.id,), f"key {row.id} ({row.name}) was {action}, but no audit row says by whom")
    for row in each_row(connection, _select_keys_were_made_by_someone()):
        yield Violation("A2", (row.id,), f"key {row.id} ({row.name}) was revoked, and opens doors again")


def records_tell_what_is_so(connection: Connection) -> Iterator[Violation]:
    """A2-facts: what a record says of a key, a grant or a refund is what its row says."""
    redactions = Redactions(connection)
    for row, facts in _records(connection, "key.created", api_keys.c.id, *api_keys.c):
        so = {"kind": row.kind, "scopes": msgspec.json.decode(row.scopes)}
        if "fingerprint" in facts:  # records of the first releases have none
            so["fingerprint"] = key_fingerprint(row.kind, row.name, row.hash, so["scopes"], row.expires_at)
        yield from _differences(row, facts, so, redactions)
    for row, facts in _records(connection, "grant.made", grants.c.id, *_GIVEN):
        told = {column.name: getattr(row, column.name) for column in _GIVEN}
        yield from _differences(
            row, facts, {name: value for name, value in told.items() if value is not None}, redactions
        )
    for row, facts in _records(
        connection, "purchase.refunded", reversals.c.id, reversals.c.purchase_id, reversals.c.reason
    ):
        yield from _differences(row, facts, {"purchase": row.purchase_id, "reason": row.reason}, redactions)


def roles_were_given_by_someone(connection: Connection) -> Iterator[Violation]:
    """A2-roles: an operator has the role that the last record about it gives, and is ended if the last one says so."""
    for row in each_row(connection, select(operators.c.id, operators.c.login, operators.c.role, operators.c.ended_at)):
        told, ended = _last_told(connection, row.id)
        if told != row.role:
            by = f"the last record gives {told}" if told else "no record gives any role"
            yield Violation("A2-roles", (row.id,), f"operator {row.id} has the role {row.role}, but {by}")
        if ended != (row.ended_at is not None):
            is_so, says = ("may sign in", "they have ended") if ended else ("has ended", "they have not")
            yield Violation("A2-roles", (row.id,), f"operator {row.id} {is_so}, but the records say that {says}")


def _last_told(connection: Connection, operator_id: str) -> tuple[str | None, bool]:
    """Return the role, and whether they have ended, as the records of one operator have it."""
    mine = audit_actions.c.about == operator_id, audit_actions.c.action.in_(_OF_ROLES)
    records = select(audit_actions.c.action, audit_actions.c.facts).where(*mine)
    role, ended = None, False
    for record in connection.execute(records.order_by(audit_actions.c.recorded_at, audit_actions.c.id)):
        facts = msgspec.json.decode(record.facts, type=dict[str, Any])
        role = facts.get("to") or facts.get("role") or role
        ended = {"operator.ended": True, "operator.taken_back": False}.get(record.action, ended)
    return role, ended


@cache
def _select_unrecorded(action: str, happened: Column[Any]) -> Select[Any]:
    recorded = select(audit_actions.c.about).where(audit_actions.c.action == f"key.{action}")
    return select(api_keys.c.id, api_keys.c.name).where(
        happened.is_not(None),
        ~api_keys.c.id.startswith("key_demo_", autoescape=True),
        api_keys.c.id.not_in(recorded),
    )


@cache
def _select_records(action: str, about: Column[str], *columns: Column[Any]) -> Select[Any]:
    return (
        select(audit_actions.c.id.label("record"), audit_actions.c.about, audit_actions.c.facts, *columns)
        .join(about.table, about == audit_actions.c.about)
        .where(audit_actions.c.action == action)
        .order_by(audit_actions.c.id)
    )


def _records(
    connection: Connection, action: str, about: Column[str], *columns: Column[Any]
) -> Iterator[tuple[Row[Any], Mapping[str, Any]]]:
    for row in each_row(connection, _select_records(action, about, *columns)):
        yield row, msgspec.json.decode(row.facts, type=dict[str, Any])


def _differences(
    row: Row[Any], facts: Mapping[str, Any], so: Mapping[str, Any], redactions: Redactions
) -> Iterator[Violation]:
    for name in {**so, **facts}:
        if facts.get(name) != so.get(name) and not redactions.excuse(name, facts.get(name), so.get(name)):
            said, is_so = (json.dumps(found.get(name), ensure_ascii=False) for found in (facts, so))
            message = f"record {row.record} says of {row.about}: {name} is {said}, the books say {is_so}"
            yield Violation("A2-facts", (row.record, row.about), message)
            return


CHECKS = (
    Check("A2", "Every key has a record of who made and revoked it", keys_were_made_by_someone),
    Check("A2-roles", "Operators have the roles that records gave them", roles_were_given_by_someone),
    Check("A2-facts", "Records of keys, grants and refunds say what the books say", records_tell_what_is_so),
)
