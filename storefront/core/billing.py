"""Bills: what a plugin's own billing asks for an offer, in place of the offer's price.

A renewal, a change of tier, a year that somebody gives: their price is not what the offer costs today but what was
agreed to, for a part of a period, less what was paid before. The plugin works that out, keeps it, and buys with a
``Bill``; the purchase is one like all others (taxes, promo codes, gateways, receipts, events), and names its bill.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from storefront.core.catalog import Catalog
from storefront.core.commit.plan import Plan
from storefront.core.money import Money
from storefront.core.quotes import Adjusted, Quote, payer

BILL = "bill"
"""The key of a purchase's details that names the bill."""


@dataclass(frozen=True, slots=True)
class BillLine:
    """One line: what it is for, in words, and its amount in minor units, negative where it is taken off."""

    title: str
    amount: int


@dataclass(frozen=True, slots=True)
class Bill:
    """What is asked, and what is done in the very commit that begins its purchase.

    ``id`` is the plugin's own name of it. ``lines``: the goods first, then what is added or taken off; their sum is
    what is to be paid, before tax, and is not negative. ``catalog_version`` is the one that holds the offer as it was
    agreed to. ``begin`` gets the plan and the purchase's row; it is called again if the plan is decided again. How the
    purchase goes on, the plugin hears by its kind's ``fulfil`` and by ``purchase.*`` events. ``hold`` names what the
    plugin has set aside of the payer's wallet: from the wallet it is paid with that, and with nothing else.
    """

    id: str
    currency: str
    lines: tuple[BillLine, ...]
    catalog_version: str
    confirm_within_ms: int
    begin: Callable[[Plan, Mapping[str, Any]], None]
    details: Mapping[str, Any] = field(default_factory=dict)
    hold: str | None = None

    def __post_init__(self) -> None:
        if not self.lines or self.lines[0].amount < 0 or self.total < 0:
            raise ValueError(f"the bill {self.id} asks for less than nothing")

    @property
    def total(self) -> int:
        """What is to be paid, in minor units, before tax."""
        return sum(line.amount for line in self.lines)


def quote_of_bill(catalog: Catalog, sku: str, bill: Bill, *, pay_with: str | None, gateway: str | None) -> Quote:
    """Return what a bill asks as a quote; the offer need not be on sale any more.

    Raises:
        UnknownOffer: that catalog version has no such offer.
        Invalid: it cannot be paid that way.
    """
    offer = catalog.offer(sku)
    first, *others = bill.lines
    return Quote(
        catalog_version=catalog.version,
        offer=offer,
        quantity=1,
        unit_price=Money(first.amount, bill.currency),
        total=Money(bill.total, bill.currency),
        adjustments=tuple(Adjusted(line.title, line.amount) for line in others),
        pay_with=payer(catalog, bill.currency, pay_with, gateway),
        title=first.title,
    )


def details_of_bill(bill: Bill | None, details: Mapping[str, Any]) -> dict[str, Any]:
    """Return a purchase's details, with the bill's own where it has one."""
    return dict(details) if bill is None else {**details, **bill.details, BILL: bill.id}
