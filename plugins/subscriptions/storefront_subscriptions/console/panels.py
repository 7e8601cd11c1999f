"""What other pages of the console say of memberships: a customer's, and the one that a purchase has paid."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select

from storefront.core.reading import Row
from storefront.pages.lists import offer_title, spoken
from storefront.panels import Asking, Cell, Column, Line, Lines, Section, Table
from storefront.panels import Row as TableRow
from storefront_subscriptions.console.words import PATH, a_month, badge, next_date, next_of, price, wording_of
from storefront_subscriptions.gifts import gift_of
from storefront_subscriptions.reacting import subscription_of
from storefront_subscriptions.rows import FINALS, INVOICES, OF_CUSTOMER, need
from storefront_subscriptions.tables import changes


async def of_customer(asking: Asking, customer_id: str) -> Sequence[Section]:
    """Return a customer's subscriptions, newest first, also those that are over."""
    wording, rows = wording_of(asking), []
    for row in await asking.services.reader.all(OF_CUSTOMER, customer_id=customer_id):
        rows.append(
            TableRow(
                (
                    Cell(await wording.title(row), hint=price(asking, row)),
                    badge(row),
                    Cell(a_month(asking, row), is_strong=True),
                    next_date(row),
                ),
                url=f"{PATH}/{row['id']}",
            )
        )
    columns = (Column("Tier"), Column("Standing"), Column("A month", is_number=True), Column("Next"))
    return [Table("Memberships", columns, rows)] if rows else []


async def of_purchase(asking: Asking, purchase_id: str) -> Sequence[Section]:
    """Return the membership and the period, change or gift that a purchase pays for; of other purchases, nothing."""
    services = asking.services
    gift, subscription_id = await gift_of(services, purchase_id), await subscription_of(services, purchase_id)
    if gift is not None:
        subscription_id = gift["subscription_id"]
    if subscription_id is None:
        if gift is None:
            return []
        return [Lines("Membership, as a gift", _given(gift), hint="It waits for a plan that can take it.")]
    row = await need(services, subscription_id)
    title = await wording_of(asking).title(row)
    lines = [Line("Plan", title, url=f"{PATH}/{row['id']}")]
    lines += _given(gift) if gift is not None else await _paid(asking, row, purchase_id)
    lines.append(Line.when("Next", next_of(row)[0], otherwise=spoken(next_of(row)[1])))
    return [Lines("Membership", lines, badge=badge(row))]


def _given(gift: Mapping[str, Any]) -> list[Line]:
    return [Line("Periods given", str(gift["periods"])), Line("Not begun yet", str(gift["remaining"]))]


async def _paid(asking: Asking, row: Row, purchase_id: str) -> list[Line]:
    """Return what of a subscription a purchase pays, or was to pay."""
    services = asking.services
    for invoice in await services.reader.all(INVOICES, subscription_id=row["id"]):
        if purchase_id in (invoice["purchase_id"], invoice["failed_purchase_id"]):
            number = "Trial" if invoice["period"] < 0 else str(invoice["period"] + 1)
            return [
                Line("Period", number),
                Line.when("From", invoice["period_start"]),
                Line.when("Until", invoice["period_end"]),
                Line("Invoice", spoken(invoice["state"])),
            ]
    of_it = changes.c.subscription_id == row["id"]
    found = await services.reader.scan(select(changes).where(of_it, changes.c.purchase_id == purchase_id))
    if found:
        change = found[0]
        words = f"{offer_title(asking, change['old_sku'])} to {offer_title(asking, change['sku'])}"
        return [Line("Change", words), Line.when("At", change["at"]), Line("State", spoken(change["state"]))]
    finals = await services.reader.all(FINALS, subscription_id=row["id"])
    is_final = any(purchase_id in (one["purchase_id"], one["failed_purchase_id"]) for one in finals)
    return [Line("Pays", "what was used last" if is_final else "an earlier attempt")]
