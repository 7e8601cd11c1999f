"""L1, L5, L7: entries and their transfers, reversing entries, and where every virtual unit went.

That all accounts of an asset sum to zero needs no check of its own: a transfer states one amount, its
source and its destination, and L1 proves that both accounts exist and have its asset.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Subquery, and_, case, func, or_, select
from sqlalchemy.orm import aliased

from storefront.core.audit.check import Check, Violation, each_row, movements
from storefront.core.names import account_now
from storefront.core.tables import accounts, entries, transfers

_OWING = ("debt", "receivable")
"""Roles of accounts that say who owes what: they hold no value, and stand against each other (L2-debts)."""
_WHERE_VIRTUAL_VALUE_GOES = {"issuance": "issued", "sink": "spent", "breakage": "expired", "exchange": "converted"}


@cache
def _select_entries_move_value() -> tuple[Select[Any], Select[Any]]:
    empty = select(entries.c.id, entries.c.kind).where(
        ~select(transfers.c.entry_id).where(transfers.c.entry_id == entries.c.id).exists()
    )
    source, destination = accounts.alias("source_account"), accounts.alias("destination_account")
    broken = (
        select(
            transfers,
            source.c.asset.label("source_asset"),
            destination.c.asset.label("destination_asset"),
            entries.c.id.label("known_entry"),
        )
        .join(source, source.c.id == transfers.c.source, isouter=True)
        .join(destination, destination.c.id == transfers.c.destination, isouter=True)
        .join(entries, entries.c.id == transfers.c.entry_id, isouter=True)
        .where(
            or_(
                transfers.c.amount < 1,
                transfers.c.source == transfers.c.destination,
                func.coalesce(source.c.asset, "") != transfers.c.asset,
                func.coalesce(destination.c.asset, "") != transfers.c.asset,
                entries.c.id.is_(None),
            )
        )
    )
    return empty, broken


def entries_move_value(connection: Connection) -> Iterator[Violation]:
    """L1: every entry has a transfer; every transfer is positive, between two accounts of its asset."""
    empty, broken = _select_entries_move_value()
    for row in each_row(connection, empty):
        yield Violation("L1", (row.id,), f"entry {row.id} ({row.kind}) has no transfer")
    for row in each_row(connection, broken):
        yield Violation("L1", (row.entry_id,), f"transfer {row.position} of entry {row.entry_id} {_fault(row)}")


def _fault(row: Row[Any]) -> str:
    if row.known_entry is None:
        return "belongs to no entry"
    if row.amount < 1:
        return f"moves {row.amount} {row.asset}; it must be 1 or more"
    if row.source == row.destination:
        return f"moves {row.asset} from {row.source} to itself"
    for account, asset in ((row.source, row.source_asset), (row.destination, row.destination_asset)):
        if asset is None:
            return f"names the account {account}, which does not exist"
        if asset != row.asset:
            return f"moves {row.asset}, but the account {account} is kept in {asset}"
    raise AssertionError("a row that the query found has one of these faults")


@cache
def _select_reversals_stay_within() -> Select[Any]:
    original = aliased(entries, name="original")
    return (
        select(entries.c.id, entries.c.reverses, entries.c.commit_no, original.c.id.label("found"),
               original.c.reverses.label("again"), original.c.commit_no.label("original_commit_no"))
        .join(original, original.c.id == entries.c.reverses, isouter=True)
        .where(
            entries.c.reverses.is_not(None),
            or_(
                original.c.id.is_(None),
                original.c.reverses.is_not(None),
                original.c.commit_no > entries.c.commit_no,
            ),
        )
    )  # fmt: skip


def reversals_stay_within(connection: Connection) -> Iterator[Violation]:
    """L5: a reversing entry names one earlier original, is not reversed itself, and gives back no more."""
    for row in each_row(connection, _select_reversals_stay_within()):
        fault = "which is itself a reversal"
        if row.found is None:
            fault = "which does not exist"
        elif row.again is None:
            fault = f"which was committed after it ({row.original_commit_no} after {row.commit_no})"
        yield Violation("L5", (row.id, row.reverses), f"entry {row.id} reverses {row.reverses}, {fault}")
    yield from _reversed_too_much(connection)


@cache
def _select_reversed_too_much() -> Select[Any]:
    owing = select(accounts.c.id).where(accounts.c.role.in_(_OWING))
    given, back = movements("given"), movements("back")
    given_to, back_from = account_now(given.c.account), account_now(back.c.account)
    originals = (
        select(given.c.entry_id, given_to.label("account"), _into(given).label("into"), _out_of(given).label("out_of"))
        .where(given.c.entry_id.in_(select(entries.c.reverses).where(entries.c.reverses.is_not(None))))
        .group_by(given.c.entry_id, given_to)
        .subquery("originals")
    )
    undone = (
        select(entries.c.reverses, back_from.label("account"), _into(back).label("into"), _out_of(back).label("out_of"))
        .select_from(entries)
        .join(back, back.c.entry_id == entries.c.id)
        .where(entries.c.reverses.is_not(None))
        .group_by(entries.c.reverses, back_from)
        .subquery("undone")
    )
    return (
        select(originals.c.entry_id, originals.c.account,
               (originals.c.into - originals.c.out_of).label("amount"), (undone.c.into - undone.c.out_of).label("back"))
        .join(undone, and_(undone.c.reverses == originals.c.entry_id, undone.c.account == originals.c.account))
        .where(
            or_(undone.c.into > originals.c.out_of, undone.c.out_of > originals.c.into),
            originals.c.account.not_in(owing),
        )
    )  # fmt: skip


def _reversed_too_much(connection: Connection) -> Iterator[Violation]:
    """Compare per account, both ways; accounts that the original did not touch (written off) are free.

    So are debts: an original that paid one off may leave a larger one when it is undone.
    """
    for row in each_row(connection, _select_reversed_too_much()):
        yield Violation(
            "L5",
            (row.entry_id, row.account),
            f"entry {row.entry_id} moved {int(row.amount)} on {row.account}, its reversals moved {int(row.back)}",
        )


def _into(moved: Subquery) -> ColumnElement[int]:
    return func.sum(case((moved.c.amount > 0, moved.c.amount), else_=0))


def _out_of(moved: Subquery) -> ColumnElement[int]:
    return func.sum(case((moved.c.amount < 0, -moved.c.amount), else_=0))


@cache
def _select_virtual_value_is_accounted_for() -> Select[Any]:
    moved = movements()
    place = case(
        *[(accounts.c.role == role, word) for role, word in _WHERE_VIRTUAL_VALUE_GOES.items()],
        (accounts.c.role.in_(_OWING), "owed"),
        (accounts.c.owner.startswith("creator:"), "passed on"),
        (accounts.c.guarded == 1, "held"),
        else_=accounts.c.id,
    )
    issued = select(accounts.c.asset).where(
        or_(accounts.c.role == "issuance", and_(accounts.c.role == "exchange", accounts.c.owner == "platform"))
    )
    return (
        select(accounts.c.asset, place.label("place"), func.sum(moved.c.amount).label("amount"))
        .join(accounts, accounts.c.id == moved.c.account)
        .where(accounts.c.asset.in_(issued))
        .group_by(accounts.c.asset, place)
        .order_by(accounts.c.asset)
    )


def virtual_value_is_accounted_for(connection: Connection) -> Iterator[Violation]:
    """L7: what customers hold of a virtual asset = issued − spent − expired. What creators got was spent before.

    An asset is virtual if it was ever issued, or converted by the platform. What customers hold is taken from
    their transfers; that the kept balances say the same is L2.
    """
    places: dict[str, dict[str, int]] = {}
    for row in each_row(connection, _select_virtual_value_is_accounted_for()):
        places.setdefault(row.asset, {})[row.place] = int(row.amount)
    for asset, amounts in places.items():
        held = amounts.pop("held", 0)
        issued_amount = -amounts.pop("issued", 0)
        spent, expired = amounts.pop("spent", 0), amounts.pop("expired", 0)
        converted = amounts.pop("converted", 0)
        amounts.pop("owed", 0)
        spent += amounts.pop("passed on", 0)
        left = issued_amount - spent - expired - converted
        if held != left:
            elsewhere = ", ".join(f"{account} has {amount}" for account, amount in amounts.items() if amount)
            yield Violation(
                "L7",
                (asset, *amounts),
                f"customers hold {held} {asset}, but {issued_amount} issued − {spent} spent − {expired} expired "
                + (f"− {converted} converted " if converted else "")
                + f"= {left}; {elsewhere}",
            )


CHECKS = (
    Check("L1", "Every entry moves value, between two accounts of one asset", entries_move_value, is_deep=False),
    Check("L5", "A reversal names one original and gives back no more", reversals_stay_within, is_deep=False),
    Check("L7", "Virtual value held = issued − spent − expired", virtual_value_is_accounted_for, is_deep=False),
)
