"""Automatic tax on a checkout session: one rate per country, picked by the buyer or known of the customer."""

from __future__ import annotations

from dataclasses import dataclass

from storefront.sandbox.currencies import THREE_DECIMAL, WHOLE_UNITS_ONLY
from storefront.sandbox.store import Body
from storefront.sandbox.world import World, new_id


@dataclass(frozen=True, slots=True)
class Rate:
    """What a country adds: ``per_mille`` of the net sum, under the name that its people use."""

    country: str
    per_mille: int
    name: str
    tax_type: str

    @property
    def percentage(self) -> float:
        return self.per_mille / 10


# The emulator's own table: standard rates, no states, no reduced rates. Any other country adds nothing.
RATES = {
    rate.country: rate
    for rate in (
        Rate("AT", 200, "Austria", "vat"),
        Rate("AU", 100, "Australia", "gst"),
        Rate("CA", 50, "Canada", "gst"),
        Rate("CH", 81, "Switzerland", "vat"),
        Rate("DE", 190, "Germany", "vat"),
        Rate("ES", 210, "Spain", "vat"),
        Rate("FR", 200, "France", "vat"),
        Rate("GB", 200, "United Kingdom", "vat"),
        Rate("IE", 230, "Ireland", "vat"),
        Rate("IN", 180, "India", "gst"),
        Rate("IT", 220, "Italy", "vat"),
        Rate("JP", 100, "Japan", "jct"),
        Rate("NL", 210, "Netherlands", "vat"),
        Rate("NO", 250, "Norway", "vat"),
        Rate("NZ", 150, "New Zealand", "gst"),
        Rate("PL", 230, "Poland", "vat"),
        Rate("SE", 250, "Sweden", "vat"),
        Rate("US", 0, "United States", "sales_tax"),
    )
}
COUNTRIES = tuple(sorted((rate.name, code) for code, rate in RATES.items()))
_EXCLUSIVE_BY_DEFAULT = ("usd", "cad")  # what Stripe infers from the currency when a price does not say


def automatic_tax(*, is_enabled: bool) -> Body:
    """The session's member of that name, before a country is known."""
    if not is_enabled:
        return {"enabled": False, "liability": None, "provider": None, "status": None}
    return {
        "enabled": True, "liability": {"type": "self"}, "provider": "stripe", "status": "requires_location_inputs"
    }  # fmt: skip


def apply_tax(world: World, session: Body, country: str) -> Body:
    """Work out the tax of an open session for a country; its lines, totals and open intent follow."""
    hidden = world.records.hidden(session["id"])
    rate = RATES.get(country) or Rate(country, 0, country, "vat")
    per_line = [_tax_line(line, rate) for line in hidden["line_items"]]
    amount_tax = sum(line["amount_tax"] for line in hidden["line_items"])
    session["amount_total"] = sum(line["amount_total"] for line in hidden["line_items"])
    session["total_details"]["amount_tax"] = amount_tax
    session["automatic_tax"]["status"] = "complete"
    if session["payment_status"] != "paid":
        session["payment_status"] = "unpaid" if session["amount_total"] else "no_payment_required"
    hidden["breakdown"] = {"discounts": [], "taxes": _breakdown(world, rate, per_line)}
    hidden["country"] = country
    world.records.save(session, hidden=hidden)
    intent = world.records.find("payment_intent", session["payment_intent"] or "")
    if intent is not None:
        world.save({**intent, "amount": session["amount_total"]})
    return session


def _tax_line(line: Body, rate: Rate) -> tuple[bool, int, int]:
    """Write one line's tax into it; answers whether it is inclusive, the tax and the sum it is of."""
    gross = line["amount_subtotal"]
    behavior = line["price"]["tax_behavior"]
    is_inclusive = behavior == "inclusive" or (
        behavior == "unspecified" and line["currency"] not in _EXCLUSIVE_BY_DEFAULT
    )
    divisor = 1000 + rate.per_mille if is_inclusive else 1000
    tax = _rounded(gross * rate.per_mille, divisor, line["currency"])
    line["amount_tax"] = tax
    line["amount_total"] = gross if is_inclusive else gross + tax
    return is_inclusive, tax, gross - tax if is_inclusive else gross


def _rounded(numerator: int, divisor: int, currency: str) -> int:
    """Half up, to the smallest step that the currency can be charged in."""
    step = 100 if currency in WHOLE_UNITS_ONLY else 10 if currency in THREE_DECIMAL else 1
    return (2 * numerator + divisor * step) // (2 * divisor * step) * step


def _breakdown(world: World, rate: Rate, lines: list[tuple[bool, int, int]]) -> list[Body]:
    taxes = []
    for is_inclusive in (False, True):
        of_kind = [(tax, base) for inclusive, tax, base in lines if inclusive == is_inclusive]
        if of_kind:
            taxes.append(
                {
                    "amount": sum(tax for tax, _ in of_kind),
                    "rate": _rate_body(world, rate, is_inclusive=is_inclusive),
                    "taxability_reason": "standard_rated" if rate.per_mille else "not_collecting",
                    "taxable_amount": sum(base for _, base in of_kind),
                }
            )
    return taxes


def _rate_body(world: World, rate: Rate, *, is_inclusive: bool) -> Body:
    return {
        "id": new_id("txr"),
        "object": "tax_rate",
        "active": False,
        "country": rate.country,
        "created": world.now,
        "description": None,
        "display_name": "Sales tax" if rate.tax_type == "sales_tax" else rate.tax_type.upper(),
        "effective_percentage": rate.percentage,
        "flat_amount": None,
        "inclusive": is_inclusive,
        "jurisdiction": rate.name,
        "jurisdiction_level": "country",
        "livemode": False,
        "metadata": {},
        "percentage": rate.percentage,
        "rate_type": "percentage",
        "state": None,
        "tax_type": rate.tax_type,
    }
