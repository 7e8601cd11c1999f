"""What the account page is made of, read from the books: subscriptions, their invoices, methods, purchases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import or_, select

from storefront.core.gateways import SavesMethods
from storefront.core.payment_methods import list_methods
from storefront.core.purchasing import PAYER_IS_DONE, Status, read_payment, read_purchase
from storefront.core.quotes import WALLET
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront.core.tables import purchases
from storefront_subscriptions.asking import read_next
from storefront_subscriptions.cards import charged_method
from storefront_subscriptions.carrying import read_carried
from storefront_subscriptions.crediting import read_ahead
from storefront_subscriptions.credits import Clock
from storefront_subscriptions.gifts import waiting_gifts
from storefront_subscriptions.looking_after import change_of
from storefront_subscriptions.period_lines import lines_of_period
from storefront_subscriptions.rows import OF_CUSTOMER, OPEN, OVER, PAUSED, need_invoice, pause_of
from storefront_subscriptions.usage_lines import charges_usage, usage_due

SHOWN_INVOICES = 12
_LISTED = (Status.PENDING, Status.IN_REVIEW, Status.PAID, Status.COMPLETED)


@dataclass(frozen=True, slots=True)
class Standing:
    """One subscription that is not over, as it stands.

    ``due`` is what its open invoice asks, tax and all if that is known, or what going on out of a pause asks, before
    tax; ``pay_url`` where its payer pays or confirms it. ``change`` is the one that is agreed to, ``change_url`` where
    that is paid. ``carried`` as in ``carrying.py``. ``method`` is the saved one that is charged next. ``credits`` are
    granted next, and when. ``ahead`` is the subscription by the terms of its next period. ``pause`` is the one that it
    is in, or that is to come. ``waiting`` are gifts that it cannot take now. ``asks_at_end``: whether what is used last
    is charged once it has ended.
    """

    row: Row
    invoice: Row
    due: int
    pay_url: str | None
    change: Row | None
    change_url: str | None
    carried: int
    method: Mapping[str, Any] | None
    ahead: Row
    credits: Sequence[tuple[Clock, int, int]] = ()
    pause: Row | None = None
    waiting: Sequence[Row] = ()
    asks_at_end: bool = False

    @property
    def is_given(self) -> bool:
        """Tell whether somebody else has paid for the present period, or for coming ones."""
        return bool(self.row["gifted"] or self.invoice["gift_id"] is not None)

    @property
    def is_paid_in_money(self) -> bool:
        return bool(self.row["pay_with"] != WALLET and self.row["price"] > 0)


async def read_standings(services: Services, customer_id: str, *, asks_at_end: bool = False) -> list[Standing]:
    """Return a customer's subscriptions that are not over, the newest first.

    ``asks_at_end``: whether the shop asks with a final invoice for what was used last.
    """
    methods = await list_methods(services, customer_id)
    rows = await services.reader.all(OF_CUSTOMER, customer_id=customer_id)
    found = [await read_standing(services, row, methods) for row in rows if row["billing_state"] not in OVER]
    if not asks_at_end:
        return found
    return [replace(one, asks_at_end=await charges_usage(services, one.row)) for one in found]


async def read_standing(services: Services, row: Row, methods: Sequence[Mapping[str, Any]]) -> Standing:
    """Return one subscription that is not over; ``methods`` are its customer's."""
    invoice, change = await need_invoice(services, row["invoice_id"]), await change_of(services, row)
    due, pay_url = invoice["total"], None
    if invoice["state"] == OPEN and invoice["purchase_id"] is not None:
        due = (await read_purchase(services, invoice["purchase_id"]))["total"]
        pay_url = await payer_url(services, invoice["purchase_id"])
    ahead = await read_next(services, row)
    if row["billing_state"] == PAUSED:
        lines, _, _ = await lines_of_period(services, ahead, usage=await usage_due(services, row, ahead["currency"]))
        due = 0 if row["gifted"] else sum(amount for _, amount in lines)
    change_url = None
    if change is not None and change["state"] == OPEN and change["purchase_id"] is not None:
        change_url = await payer_url(services, change["purchase_id"])
    carried = await read_carried(services, row["customer_id"], row["family"], row["currency"])
    credits, method = await read_ahead(services, row), charged_method(methods, row)
    given = await waiting_gifts(services, row["customer_id"])
    waiting = [one for one in given if one["family"] == row["family"]]
    held = await pause_of(services, row)
    return Standing(row, invoice, due, pay_url, change, change_url, carried, method, ahead, credits, held, waiting)


async def payer_url(services: Services, purchase_id: str) -> str | None:
    """Return where the payer of a purchase pays or confirms it, as long as that is waited for."""
    purchase, payment = await read_purchase(services, purchase_id), await read_payment(services, purchase_id)
    is_open = purchase["status"] == Status.PENDING and purchase["payment_state"] not in PAYER_IS_DONE
    return payment["redirect_url"] if payment is not None and is_open else None


def keeper_of(services: Services, standings: Sequence[Standing]) -> str | None:
    """Return the gateway that keeps the customer's methods: of what they pay for, else the shop's default."""
    names = [one.row["pay_with"] for one in standings if one.is_paid_in_money] + [services.default_gateway]
    return next((name for name in names if isinstance(services.gateways.get(name), SavesMethods)), None)


async def read_purchases(services: Services, customer_id: str, *, before: str | None) -> tuple[Sequence[Row], bool]:
    """Return what a customer paid or is to pay in money, and periods from the wallet; and whether there is more."""
    statement = (
        select(purchases)
        .where(
            purchases.c.customer_id == customer_id,
            purchases.c.status.in_(_LISTED),
            purchases.c.total > 0,
            or_(purchases.c.pay_with != WALLET, purchases.c.bill.is_not(None)),
        )
        .order_by(purchases.c.id.desc())
        .limit(SHOWN_INVOICES + 1)
    )
    if before is not None:
        statement = statement.where(purchases.c.id < before)
    rows = await services.reader.scan(statement)
    return rows[:SHOWN_INVOICES], len(rows) > SHOWN_INVOICES
