"""Lists of what customers have and how they came by it: wallets, lots, grants, rights, items."""

from collections.abc import Sequence

from sqlalchemy import and_, func, select

from storefront.core.exporting.columns import document, flag, integer, money, text, time
from storefront.core.exporting.lists import Export, equals, with_customer
from storefront.core.tables import (
    accounts,
    auto_top_ups,
    customers,
    debts,
    entitlements,
    grants,
    item_instances,
    items,
    lots,
)


def holding_lists() -> Sequence[Export]:
    """Return the lists of what customers have."""
    return [_customers(), _wallets(), _lots(), _grants(), _entitlements(), _items(), _instances(), _auto_top_ups()]


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
