"""Customers: one look answers who they are, what they have, what they bought, and what others noted."""

from storefront.console.forms import text
from storefront.console.pages.customer_acts import acts, forms, noted
from storefront.console.pages.customer_parts import CUSTOMERS as PATH
from storefront.console.pages.customer_parts import facts, lots, owned, wallets, warnings
from storefront.console.pages.customer_privacy import MERGED
from storefront.console.pages.customer_privacy import pages as privacy_pages
from storefront.console.pages.purchases import row_of
from storefront.console.returning import MOST, WITHIN, back_to, leading_back
from storefront.console.words import at, link, money, spoken
from storefront.core.exporting.lists import Narrowed
from storefront.core.history import wallet_history
from storefront.core.operating.customers import show_customer
from storefront.core.operating.searching import find_customers, matching_customers
from storefront.panels import (
    Asking,
    Cell,
    Column,
    ConsolePage,
    Link,
    PageView,
    Row,
    Search,
    Section,
    ShownList,
    Table,
)

SHOWN = 25
MOST_HISTORY = 20


async def show_list(asking: Asking) -> PageView:
    """Show customers, newest first, or those whose id begins with what was typed."""
    query = asking.query
    found = await find_customers(asking.services, query.get("q", "").strip(), limit=SHOWN, after=query.get("after"))
    rows = [
        Row(
            (
                Cell(one["customer"], is_name=True, hint="" if one["now"] is None else f"now {one['now']}"),
                Cell(one["id"], is_code=True),
                Cell(one["country"] or "–"),
                Cell.when(at(one["created_at"])),
            ),
            url=leading_back(f"{PATH}/{one['id']}", query),
        )
        for one in found["data"]
    ]
    older = None if found["next"] is None else link(PATH, query, after=found["next"])
    newest = link(PATH, query, after=None) if query.get("after") else None
    columns = (Column("Customer"), Column("Our id"), Column("Country"), Column("Since"))
    empty = "Nobody is called so." if query.get("q") else "Nobody yet. Customers come with their first session."
    table = Table("Customers", columns, rows, empty=empty, older=older, newer=newest, name="customers")
    return PageView("Customers", [table], search=Search("The game's id or ours", query.get("q", "")))


async def narrow(asking: Asking) -> Narrowed:
    """Return which customers the list shows; whom it was searched for is not told."""
    text = asking.query.get("q", "").strip()
    return Narrowed([matching_customers(text)], {"q": "searched"}) if text else Narrowed()


async def show_one(asking: Asking) -> PageView:
    """Show one customer whole."""
    services = asking.services
    whole = await show_customer(services, asking.path["id"])
    customer_id, state = whole["id"], whole["state"]
    sections: list[Section] = [*warnings(asking, whole), wallets(asking, customer_id, state)]
    sections += [*await lots(asking, customer_id), owned(asking, state)]
    sections.extend(await asking.parts("customer", customer_id))
    rows = [row_of(asking, {**one, "customer": whole["customer"]}) for one in whole["purchases"]]
    columns = (Column("When"), Column("Customer"), Column("Bought"), Column("Amount", is_number=True), Column("Status"))
    more = Link("All their purchases", f"/console/purchases?q={customer_id}")
    sections.append(Table("Bought last", columns, rows, empty="Nothing yet.", more=more))
    beside: list[Section] = [facts(asking, whole), *forms(asking, customer_id), *await noted(asking, customer_id)]
    back = back_to(PATH, "Customers", asking.query)
    return PageView(whole["customer"], sections, detail=beside, hint=f"Customer {customer_id}", back=back)


async def show_wallet(asking: Asking) -> PageView:
    """Show the history of one wallet."""
    services, customer_id, asset = asking.services, asking.path["id"], asking.path["asset"]
    name = await services.customers.external_id(customer_id)
    page = await wallet_history(services, customer_id, asset, limit=MOST_HISTORY, after=asking.query.get("after"))
    rows = [
        Row(
            (
                Cell.when(at(one["occurred_at"])),
                Cell(spoken(one["kind"]), hint=one["about"]),
                Cell(money(asking, one["amount"], asset), is_strong=True),
                Cell(one["entry"], url=f"/console/books/{one['entry']}", is_code=True),
            )
        )
        for one in page["data"]
    ]
    here = f"{PATH}/{customer_id}/wallets/{asset}"
    older = None if page["next"] is None else link(here, {}, after=page["next"])
    columns = (Column("When"), Column("What"), Column("Amount", is_number=True), Column("Entry"))
    table = Table(
        f"{spoken(asset)} in and out", columns, rows, older=older, newer=here if asking.query.get("after") else None
    )
    return PageView(f"{spoken(asset)} of {name}", [table], hint=f"Customer {customer_id}")


def pages() -> list[ConsolePage]:
    """Return the pages of customers."""
    query = {"q": text(200), "after": text(40)}
    return [
        ConsolePage(
            PATH,
            "Customers",
            "customers:read",
            show_list,
            group="main",
            icon="users",
            query=query,
            takes_out=ShownList("customers", narrow),
        ),
        ConsolePage(
            f"{PATH}/{{id}}",
            "Customer",
            "customers:read",
            show_one,
            acts=acts(),
            says=MERGED,
            query={WITHIN: text(MOST)},
        ),
        ConsolePage(
            f"{PATH}/{{id}}/wallets/{{asset}}", "Wallet", "customers:read", show_wallet, query={"after": text(60)}
        ),
        *privacy_pages(),
    ]
