"""Tax on sales for real money: how much of a price it is, and how it is booked apart from revenue.

Integers only. The tax of a line is rounded **half up** to the currency's smallest unit; what rounding leaves
is the seller's (net = price - tax), so net + tax is always what the buyer pays. The tax stands on the
purchase's lines from the quote on, at the price that is locked; whoever books or gives back reads it there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from storefront.core.accounts import Account, revenue, tax
from storefront.core.commit.plan import Plan, Transfer
from storefront.core.config.model_tax import PARTS_PER_MILLION, TaxRate
from storefront.core.money import Money
from storefront.core.unpacking import with_shared_tax

TAX = "tax"
GATEWAY_TAX = "Tax"
"""What the gateway's own tax is called on receipts: it tells amounts by jurisdiction, not their names."""


@dataclass(frozen=True, slots=True)
class TaxLine:
    """The tax on a price: ``base`` without it, ``amount`` of it. ``is_included``: the listed price holds it already.

    ``tax_class`` and ``percent`` are None where the gateway worked it out.
    """

    jurisdiction: str
    name: str
    tax_class: str | None
    percent: str | None
    is_included: bool
    base: Money
    amount: Money

    @property
    def title(self) -> str:
        return self.name if self.percent is None else f"{self.name} {self.percent}%"

    def to_json(self) -> dict[str, Any]:
        """Return the line as it stands on quotes, purchases and receipts."""
        return {
            "type": TAX,
            "title": self.title,
            "jurisdiction": self.jurisdiction,
            "name": self.name,
            "class": self.tax_class,
            "percent": self.percent,
            "included": self.is_included,
            "base": self.base.to_json(),
            "total": self.amount.to_json(),
        }


def tax_line(price: Money, rate: TaxRate, *, is_included: bool) -> TaxLine:
    """Return the tax on one line's price by a rate: inside the price, or on top of it."""
    parts, currency = rate.parts_per_million, price.currency
    whole = PARTS_PER_MILLION + parts if is_included else PARTS_PER_MILLION
    amount = Money(_half_up(price.amount_minor * parts, whole), currency)
    base = price - amount if is_included else price
    return TaxLine(rate.country, rate.name, rate.tax_class, rate.percent, is_included, base, amount)


def _half_up(numerator: int, denominator: int) -> int:
    """Divide non-negative integers; a half goes up."""
    return (2 * numerator + denominator) // (2 * denominator)


def taxes_of(lines: str) -> tuple[TaxLine, ...]:
    """Return the tax lines of a purchase's stored lines (JSON)."""
    if f'"{TAX}"' not in lines:
        return ()
    return tuple(_read(line) for line in msgspec.json.decode(lines) if line["type"] == TAX)


def _read(line: Mapping[str, Any]) -> TaxLine:
    return TaxLine(
        line["jurisdiction"],
        line["name"],
        line["class"],
        line["percent"],
        line["included"],
        Money(line["base"]["amount"], line["base"]["currency"]),
        Money(line["total"]["amount"], line["total"]["currency"]),
    )


def owed(taxes: Sequence[TaxLine]) -> dict[str, int]:
    """Return ``jurisdiction -> minor units``; zero-rated ones are left out."""
    found: dict[str, int] = {}
    for line in taxes:
        if line.amount.amount_minor:
            found[line.jurisdiction] = found.get(line.jurisdiction, 0) + line.amount.amount_minor
    return found


def lines_with_gateway_tax(lines: str, total: Money, taxes: Mapping[str, int]) -> str:
    """Return a purchase's lines (JSON) with the tax that the gateway found in its payment.

    ``taxes``: jurisdiction -> minor units, all of it inside ``total``. To be stored on the purchase in the commit that
    receives the payment, before ``book_revenue`` reads it. Lines that carry tax already, and no tax, change nothing.

    Raises:
        ValueError: more tax than there is money.
    """
    taxes = {jurisdiction: amount for jurisdiction, amount in taxes.items() if amount}
    if not taxes or taxes_of(lines):
        return lines
    net = total.amount_minor - sum(taxes.values())
    if net < 0 or min(taxes.values()) < 0:
        raise ValueError(f"taxes of {taxes} are not inside {total}")
    told = []
    for jurisdiction, amount in sorted(taxes.items()):
        base, owed_there = Money(net, total.currency), Money(amount, total.currency)
        told.append(TaxLine(jurisdiction, GATEWAY_TAX, None, None, True, base, owed_there).to_json())
    shared = with_shared_tax(msgspec.json.decode(lines), sum(taxes.values()))
    return msgspec.json.encode([*shared, *told]).decode()


def book_revenue(
    plan: Plan, purchase: Mapping[str, Any], source: Account, total: Money, *, entry: str = "entry"
) -> None:
    """Move what was paid for a purchase to revenue, and the tax on its lines to its jurisdictions.

    ``source`` is where the money is: the gateway's clearing, or what stands unapplied.
    """
    anchor, rest = purchase["customer_id"], total.amount_minor
    for jurisdiction, amount in owed(taxes_of(purchase["lines"])).items():
        plan.add(Transfer(entry, source, tax(jurisdiction, total.currency), amount, anchor))
        rest -= amount
    if rest:
        plan.add(Transfer(entry, source, revenue(total.currency), rest, anchor))


def tax_beside(purchase: Mapping[str, Any], amount: int, *, before: int, returned: Mapping[str, int]) -> dict[str, int]:
    """Return ``jurisdiction -> tax`` in a part of a purchase's price that goes back, beside other parts.

    ``before`` is what the other parts sum up to (minor units), ``returned`` the tax that went back with them. Parts
    may end in any order and be booked back: what is given back last brings the rest of the tax along.
    """
    shares, left = {}, amount
    for jurisdiction, due in tax_of_part(purchase, before + amount).items():
        share = min(max(0, due - returned.get(jurisdiction, 0)), left)
        if share:
            shares[jurisdiction] = share
        left -= share
    return shares


def tax_of_part(purchase: Mapping[str, Any], amount: int) -> dict[str, int]:
    """Return ``jurisdiction -> tax`` in so much of a purchase's price (minor units), half up.

    Where there are several jurisdictions, one is given back after the other, by name.
    """
    due = owed(taxes_of(purchase["lines"]))
    whole = sum(due.values())
    if not whole:
        return {}
    left, shares = _half_up(whole * amount, purchase["total"]), {}
    for jurisdiction, tax_there in sorted(due.items()):
        shares[jurisdiction] = min(left, tax_there)
        left -= shares[jurisdiction]
    return shares
