"""Lists of the ledger: its entries and transfers, what customers passed on to each other, and holds."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select

from storefront.core.exporting.columns import Context, document, integer, money, text, time
from storefront.core.exporting.lists import Export, equals, with_customer
from storefront.core.reading import Row
from storefront.core.tables import (
    customer_transfers,
    customers,
    entries,
    holds,
    transfers,
)

_TO = customers.alias("to_customer")


def ledger_lists() -> Sequence[Export]:
    """Return the lists of what moved, and what was set aside."""
    return [_entries(), _postings(), _transfers(), _holds()]


def _entries() -> Export:
    return Export(
        name="entries",
        title="Every entry of the ledger",
        scope="audit:read",
        statement=select(entries),
        order=(entries.c.commit_no, entries.c.id),
        at=entries.c.occurred_at,
        filters={"kind": equals(entries.c.kind)},
        columns=(
            text("id"),
            integer("commit_no"),
            text("kind"),
            text("about"),
            text("actor"),
            text("reverses"),
            time("occurred_at"),
            time("recorded_at"),
        ),
    )


def _postings() -> Export:
    entry = (entries.c.commit_no, entries.c.kind, entries.c.about, entries.c.actor, entries.c.occurred_at)
    return Export(
        name="postings",
        title="Every transfer of the ledger, from the account that is debited to the one that is credited",
        scope="audit:read",
        statement=select(transfers, *entry).join(entries, entries.c.id == transfers.c.entry_id),
        order=(entries.c.commit_no, entries.c.id, transfers.c.position),
        at=entries.c.occurred_at,
        filters={"kind": equals(entries.c.kind), "asset": equals(transfers.c.asset)},
        columns=(
            text("entry", "entry_id"),
            integer("position"),
            integer("commit_no"),
            text("kind"),
            text("about"),
            text("debit", "source"),
            text("credit", "destination"),
            *money("amount", currency="asset"),
            text("actor"),
            time("occurred_at"),
        ),
    )


def _transfers() -> Export:
    statement = with_customer(customer_transfers, _TO.c.external_id.label("to_customer"))
    return Export(
        name="transfers",
        title="What customers passed on to each other",
        scope="customers:read",
        statement=statement.join(_TO, _TO.c.id == customer_transfers.c.recipient_id),
        order=(customer_transfers.c.id,),
        at=customer_transfers.c.created_at,
        owner=customer_transfers.c.customer_id,
        filters={"asset": equals(customer_transfers.c.asset)},
        columns=(
            text("id"),
            text("from", "customer"),
            text("to", "to_customer"),
            *money("amount", currency="asset"),
            *money("fee", currency="asset", shows=False),
            text("sku"),
            integer("quantity"),
            document("instances"),
            text("actor"),
            time("created_at"),
        ),
    )


def _holds() -> Export:
    return Export(
        name="holds",
        title="What was set aside in wallets, and what became of it",
        scope="holds:read",
        statement=with_customer(holds),
        order=(holds.c.id,),
        at=holds.c.created_at,
        owner=holds.c.customer_id,
        filters={"state": _hold_in_state, "asset": equals(holds.c.asset)},
        columns=(
            text("id"),
            text("customer"),
            *money("amount", currency="asset"),
            *money("captured", currency="asset", shows=False),
            text("state", take=lambda row, context: "expired" if _is_over(row, context) else row["state"]),
            text("reason"),
            time("expires_at"),
            time("created_at"),
            time("closed_at", take=_hold_closed_at),
        ),
    )


def _hold_in_state(state: str, context: Context) -> ColumnElement[bool]:
    """Ask for holds as they read: one whose time is over is expired, also before its job has run."""
    is_open = holds.c.state == "open"
    if state == "open":
        return and_(is_open, holds.c.expires_at > context.now)
    if state == "expired":
        return or_(holds.c.state == state, and_(is_open, holds.c.expires_at <= context.now))
    return holds.c.state == state


def _is_over(row: Row, context: Context) -> bool:
    return bool(row["state"] == "open" and row["expires_at"] <= context.now)


def _hold_closed_at(row: Row, context: Context) -> Any:
    return row["expires_at"] if _is_over(row, context) else row["closed_at"]
