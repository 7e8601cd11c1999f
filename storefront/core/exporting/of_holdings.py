"""Lists of what customers have and how they came by it: wallets, entries, holds, grants, rights, usage."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select

from storefront.core.config.model_usage import show_decimal
from storefront.core.exporting.columns import Context, decimal, document, flag, integer, money, text, time
from storefront.core.exporting.lists import Export, equals, with_customer
from storefront.core.reading import Row
from storefront.core.tables import (
    accounts,
    auto_top_ups,
    customer_transfers,
    customers,
    debts,
    entitlements,
    entries,
    experiment_exposures,
    grants,
    holds,
    item_instances,
    items,
    lots,
    transfers,
    usage_lines,
    usage_windows,
)
from storefront.core.usage.reading import PICO_PLACES, quantity_text

_TO = customers.alias("to_customer")


def holding_lists() -> Sequence[Export]:
    """Return the lists of what customers have."""
    return [
        *(_customers(), _wallets(), _lots(), _entries(), _postings(), _transfers(), _holds(), _grants()),
        *(_entitlements(), _items(), _instances(), _auto_top_ups(), _usage(), _usage_lines(), _exposures()),
    ]


def _customers() -> Export:
    return Export(
        name="customers",
        title="Every customer by the game's id",
        scope="customers:read",
        statement=select(customers),
        order=(customers.c.id,),
        at=customers.c.created_at,
        owner=customers.c.id,
        columns=(text("id"), text("customer", "external_id"), text("country"), time("created_at")),
    )


def _wallets() -> Export:
    pinned = (
        select(lots.c.account, func.sum(lots.c.held).label("held"), func.sum(lots.c.frozen).label("frozen"))
        .where(lots.c.remaining > 0)
        .group_by(lots.c.account)
        .subquery()
    )
    statement = (
        select(
            accounts.c.id, accounts.c.asset, accounts.c.balance, customers.c.external_id.label("customer"),
            func.coalesce(pinned.c.held, 0).label("held"), func.coalesce(pinned.c.frozen, 0).label("frozen"),
            func.coalesce(debts.c.amount, 0).label("owed"),
        )
        .join(customers, customers.c.id == func.substr(accounts.c.owner, 10))
        .join(pinned, pinned.c.account == accounts.c.id, isouter=True)
        .join(debts, and_(debts.c.customer_id == customers.c.id, debts.c.asset == accounts.c.asset), isouter=True)
        .where(accounts.c.role == "wallet")
    )  # fmt: skip
    return Export(
        name="wallets",
        title="What lies in each wallet: in all, held, frozen, and owed",
        scope="customers:read",
        statement=statement,
        order=(accounts.c.id,),
        owner=customers.c.id,
        filters={"asset": equals(accounts.c.asset)},
        columns=(
            text("account", "id"),
            text("customer"),
            *money("balance", currency="asset"),
            *money("held", currency="asset", shows=False),
            *money("frozen", currency="asset", shows=False),
            *money("owed", currency="asset", shows=False),
        ),
    )


def _lots() -> Export:
    statement = (
        select(lots, accounts.c.asset, customers.c.external_id.label("customer"))
        .join(accounts, accounts.c.id == lots.c.account)
        .join(customers, customers.c.id == func.substr(accounts.c.owner, 10))
    )
    return Export(
        name="lots",
        title="The credits that wallets are made of, with what each cost and what is left of it",
        scope="customers:read",
        statement=statement,
        order=(lots.c.id,),
        at=lots.c.opened_at,
        owner=customers.c.id,
        filters={"asset": equals(accounts.c.asset)},
        columns=(
            text("id"),
            text("customer"),
            text("source"),
            text("payment"),
            *money("amount", currency="asset"),
            *money("remaining", currency="asset", shows=False),
            *money("held", currency="asset", shows=False),
            *money("frozen", currency="asset", shows=False),
            *money("cost", "cost_amount", currency="cost_currency"),
            integer("priority"),
            time("opened_at"),
            time("expires_at"),
        ),
    )


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


def _grants() -> Export:
    return Export(
        name="grants",
        title="What was given for nothing, by whom and why",
        scope="customers:read",
        statement=with_customer(grants),
        order=(grants.c.id,),
        at=grants.c.created_at,
        owner=grants.c.customer_id,
        filters={"asset": equals(grants.c.asset)},
        columns=(
            text("id"),
            text("customer"),
            *money("amount", currency="asset"),
            text("sku"),
            integer("quantity"),
            text("reason"),
            text("actor"),
            time("expires_at"),
            time("created_at"),
        ),
    )


def _entitlements() -> Export:
    return Export(
        name="entitlements",
        title="Rights of customers, each by what gave it",
        scope="customers:read",
        statement=with_customer(entitlements),
        order=(entitlements.c.customer_id, entitlements.c.key, entitlements.c.source_id),
        at=entitlements.c.granted_at,
        owner=entitlements.c.customer_id,
        filters={"kind": equals(entitlements.c.source_type)},
        columns=(
            text("id"),
            text("customer"),
            text("key"),
            text("source_type"),
            text("source", "source_id"),
            text("sku"),
            document("value"),
            flag("frozen", take=lambda row, _: row["frozen_by"] is not None),
            time("granted_at"),
            time("expires_at"),
            time("ended_at"),
        ),
    )


def _items() -> Export:
    return Export(
        name="inventory",
        title="What lies in customers' inventories",
        scope="customers:read",
        statement=with_customer(items).where(items.c.quantity > 0),
        order=(items.c.customer_id, items.c.sku),
        at=items.c.granted_at,
        owner=items.c.customer_id,
        columns=(
            text("instance", "id"),
            text("customer"),
            text("sku"),
            integer("quantity"),
            integer("frozen"),
            flag("unique", "is_unique"),
            time("granted_at"),
            time("expires_at"),
        ),
    )


def _instances() -> Export:
    return Export(
        name="item-instances",
        title="Items of which every one is a thing of its own, by their serial numbers",
        scope="customers:read",
        statement=with_customer(item_instances),
        order=(item_instances.c.id,),
        at=item_instances.c.granted_at,
        owner=item_instances.c.customer_id,
        columns=(
            text("instance", "id"),
            text("customer"),
            text("sku"),
            integer("number"),
            text("about"),
            flag("frozen", take=lambda row, _: row["frozen_by"] is not None),
            time("granted_at"),
            time("taken_at"),
        ),
    )


def _auto_top_ups() -> Export:
    return Export(
        name="auto-top-ups",
        title="Automatic top-ups that customers agreed to",
        scope="customers:read",
        statement=with_customer(auto_top_ups),
        order=(auto_top_ups.c.customer_id, auto_top_ups.c.asset),
        at=auto_top_ups.c.created_at,
        owner=auto_top_ups.c.customer_id,
        filters={"state": equals(auto_top_ups.c.state), "asset": equals(auto_top_ups.c.asset)},
        columns=(
            text("id"),
            text("customer"),
            text("state"),
            text("reason"),
            *money("below", currency="asset"),
            text("sku"),
            integer("quantity"),
            text("payment_method", "method"),
            text("gateway"),
            *money("at_most"),
            *money("daily_cap", shows=False),
            integer("failures"),
            time("retry_at"),
            text("consent", "agreed_text"),
            time("agreed_at"),
            time("created_at"),
        ),
    )


def _usage() -> Export:
    return Export(
        name="usage",
        title="What meters counted, hour by hour",
        scope="usage:read",
        statement=with_customer(usage_windows),
        order=(usage_windows.c.customer_id, usage_windows.c.meter, usage_windows.c.start),
        at=usage_windows.c.start,
        owner=usage_windows.c.customer_id,
        filters={"kind": equals(usage_windows.c.meter)},
        columns=(
            text("customer"),
            text("meter"),
            time("start"),
            integer("events"),
            decimal("quantity", take=lambda row, _: quantity_text(int(row["quantity"]))),
        ),
    )


def _usage_lines() -> Export:
    return Export(
        name="usage-lines",
        title="What closed periods of usage came to",
        scope="usage:read",
        statement=with_customer(usage_lines),
        order=(usage_lines.c.id,),
        at=usage_lines.c.created_at,
        owner=usage_lines.c.customer_id,
        filters={"kind": equals(usage_lines.c.kind)},
        columns=(
            text("id"),
            text("customer"),
            text("feature"),
            text("kind"),
            integer("number"),
            time("period_start", "start"),
            time("period_end", "ends_at"),
            decimal("quantity", take=lambda row, _: quantity_text(int(row["quantity"]))),
            decimal("cost", take=lambda row, _: show_decimal(int(row["cost"]), PICO_PLACES)),
            *money("amount"),
            time("created_at"),
        ),
    )


def _exposures() -> Export:
    return Export(
        name="experiment-exposures",
        title="Who was shown which variant of an experiment",
        scope="operations:read",
        statement=with_customer(experiment_exposures),
        order=(experiment_exposures.c.experiment, experiment_exposures.c.customer_id),
        at=experiment_exposures.c.exposed_at,
        owner=experiment_exposures.c.customer_id,
        columns=(text("experiment"), text("customer"), text("variant"), time("exposed_at")),
    )
