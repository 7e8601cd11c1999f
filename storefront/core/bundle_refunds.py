"""Refunds of bundles, by line: which of the contents go back, and what of the price was theirs.

What each of the contents cost stands on the purchase's lines (``component``). So many units of one are given back for
the difference of two whole shares, so that all parts of it, in any order, sum up to what it cost, to the unit.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from storefront.core.catalog import Catalog
from storefront.core.errors import FieldError, Invalid, Refused
from storefront.core.kinds import Line
from storefront.core.money import Money, split_named
from storefront.core.reading import Row
from storefront.core.refunds import RefundRequest, TakenBack, TakenLine, taken_back
from storefront.core.unpacking import COMPONENT


class RefundTooLarge(Refused):
    code = "refund_too_large"
    title = "There is not that much left to refund"


@dataclass(frozen=True, slots=True)
class Component:
    """One of a bundle's contents as it was sold: how many in all, and what they cost of it."""

    sku: str
    quantity: int
    total: int


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a purchase: money, units of the offer, and of a bundle's contents, each with its part of the money."""

    amount: int
    quantity: int
    lines: tuple[TakenLine, ...] = ()
    is_all: bool = False


def components_of(purchase: Row) -> Mapping[str, Component]:
    """Return ``sku -> component`` of a purchase's stored lines; empty if it was no bundle."""
    if f'"{COMPONENT}"' not in purchase["lines"]:
        return {}
    lines = msgspec.json.decode(purchase["lines"])
    found = [
        Component(line["sku"], line["quantity"], line["total"]["amount"]) for line in lines if line["type"] == COMPONENT
    ]
    return {one.sku: one for one in found}


def units_back(before: Iterable[Row]) -> Counter[str]:
    """Return ``sku -> units`` of a bundle's contents that these reversals took back."""
    found: Counter[str] = Counter()
    for row in before:
        for line in taken_back(row).lines:
            found[line.sku] += line.quantity
    return found


def named_by(purchase: Row, asked: RefundRequest) -> tuple[Mapping[str, int] | None, int | None]:
    """Read the units that a refund names as (units of components, units of the offer itself).

    Raises:
        Invalid: it names what the purchase does not hold, or one twice, or lines and a quantity.
    """
    wanted = asked.lines
    if not wanted:
        return None, asked.quantity
    if asked.quantity is not None:
        raise Invalid("Lines say how many.", errors=[FieldError("/quantity", "must be absent where lines are named")])
    components = components_of(purchase)
    known = list(components) or [purchase["sku"]]
    units: dict[str, int] = {}
    for at, (sku, quantity) in enumerate(wanted):
        if sku not in known or sku in units:
            problem = "is named twice" if sku in units else f"must be one of {', '.join(known)}"
            raise Invalid(
                f"The purchase has no such line: {sku} {problem}.", errors=[FieldError(f"/lines/{at}/sku", problem)]
            )
        units[sku] = quantity
    return (units, None) if components else (None, units.get(purchase["sku"]))


def share_of_bundle(
    purchase: Row,
    before: Sequence[Row],
    *,
    amount: int | None,
    quantity: int | None,
    lines: Mapping[str, int] | None,
) -> Share:
    """Return which part of a bundle a refund stands for, beside those ``before`` it (effective ones).

    ``lines`` names units of its contents; ``quantity`` whole bundles; neither means all that is left, or with an amount
    that leaves something, money alone.

    Raises:
        RefundTooLarge: so many are not left; the facts say how many are.
    """
    components, back = components_of(purchase), units_back(before)
    left = {sku: one.quantity - back[sku] for sku, one in components.items()}
    money_left = purchase["total"] - sum(row["amount"] for row in before)
    if lines is None and quantity is not None:
        lines = {sku: one.quantity // purchase["quantity"] * quantity for sku, one in components.items()}
    elif lines is None:
        lines = left if amount is None or amount >= money_left else {}
    if any(units > left[sku] for sku, units in lines.items()):
        raise RefundTooLarge(
            "Not so many of the contents are left to refund.",
            left={"amount": max(0, money_left), "currency": purchase["currency"]},
            quantity_left=0,
            lines_left=[{"sku": sku, "quantity": units} for sku, units in left.items()],
        )
    lines = {sku: units for sku, units in lines.items() if units}
    shares = {sku: _share(components[sku], back[sku], units) for sku, units in lines.items()}
    is_all = all(lines.get(sku, 0) == units for sku, units in left.items())
    if amount is None:
        amount = money_left if is_all else min(sum(shares.values()), money_left)
    units_before = sum(taken_back(row).quantity for row in before)
    whole = purchase["quantity"] - units_before if is_all else quantity or 0
    return Share(amount, whole, _with_amounts(lines, shares, amount), is_all=is_all)


def share_in_proportion(purchase: Row, before: Sequence[Row], *, amount: int, quantity: int) -> Share:
    """Return the part of a purchase that so many units are: of a bundle's contents at most what is left of each."""
    units_left = purchase["quantity"] - sum(taken_back(row).quantity for row in before)
    components = components_of(purchase)
    if not components or not quantity:
        return Share(amount, quantity, is_all=quantity > 0 and quantity == units_left)
    lines = {sku: units for sku, units in _whole_bundles(purchase, before, quantity).items() if units}
    back = units_back(before)
    shares = {sku: _share(components[sku], back[sku], units) for sku, units in lines.items()}
    return Share(amount, quantity, _with_amounts(lines, shares, amount), is_all=quantity >= units_left)


def share_with_held(purchase: Row, before: Sequence[Row], share: Share, held: TakenBack) -> Share:
    """Return a share beside those ``before`` it, and what it stands for already (``held``): no unit of that is let go.

    Of a bundle, so many whole ones as the lines hold, or all that are left if nothing of the contents is.
    """
    units_left = purchase["quantity"] - sum(taken_back(row).quantity for row in before)
    components = components_of(purchase)
    if not components:
        quantity = max(share.quantity, held.quantity)
        return Share(share.amount, quantity, is_all=quantity > 0 and quantity == units_left)
    units = {line.sku: line.quantity for line in held.lines}
    for line in share.lines:
        units[line.sku] = max(line.quantity, units.get(line.sku, 0))
    back = units_back(before)
    is_all = bool(units) and all(back[sku] + units.get(sku, 0) >= one.quantity for sku, one in components.items())
    whole = min(units.get(sku, 0) * purchase["quantity"] // one.quantity for sku, one in components.items())
    quantity = units_left if is_all else min(units_left, max(share.quantity, whole))
    shares = {sku: _share(components[sku], back[sku], number) for sku, number in units.items()}
    return Share(share.amount, quantity, _with_amounts(units, shares, share.amount), is_all=is_all)


def share_besides(share: Share, held: TakenBack) -> Share:
    """Return what of a share is not held yet."""
    units = {line.sku: line.quantity for line in held.lines}
    more = tuple(
        TakenLine(line.sku, line.quantity - units.get(line.sku, 0), line.amount)
        for line in share.lines
        if line.quantity > units.get(line.sku, 0)
    )
    return Share(share.amount, max(0, share.quantity - held.quantity), more)


def _whole_bundles(purchase: Row, before: Sequence[Row], quantity: int) -> Mapping[str, int]:
    back = units_back(before)
    units_left = purchase["quantity"] - sum(taken_back(row).quantity for row in before)
    found = {}
    for sku, one in components_of(purchase).items():
        there = one.quantity - back[sku]
        found[sku] = there if quantity >= units_left else min(there, one.quantity // purchase["quantity"] * quantity)
    return found


def as_lines(catalog: Catalog, purchase: Row, share: Share) -> Sequence[Line]:
    """Return a part of a purchase as lines to ask back: of a bundle's contents, or of the offer itself."""
    currency = purchase["currency"]
    if components_of(purchase):
        return [Line(catalog.offer(one.sku), one.quantity, Money(one.amount, currency)) for one in share.lines]
    details = msgspec.json.decode(purchase["details"])
    return [Line(catalog.offer(purchase["sku"]), share.quantity, Money(share.amount, currency), details)]


def are_back(purchase: Row, before: Sequence[Row], share: Share) -> frozenset[str]:
    """Return the SKUs of a purchase of which nothing is left with the customer after this part: their rights end."""
    components, back = components_of(purchase), units_back(before)
    for one in share.lines:
        back[one.sku] += one.quantity
    return frozenset(sku for sku, one in components.items() if back[sku] >= one.quantity)


def _share(component: Component, before: int, units: int) -> int:
    """Return what so many units cost, after ``before`` were given back: all parts sum up to the whole."""
    whole, total = component.quantity, component.total
    return total * (before + units) // whole - total * before // whole


def _with_amounts(lines: Mapping[str, int], shares: Mapping[str, int], amount: int) -> tuple[TakenLine, ...]:
    """Return the lines with their parts of what is given back: their shares, or in proportion to those."""
    if sum(shares.values()) != amount and lines:
        weights = shares if any(shares.values()) else lines
        shares = split_named(amount, weights, remainder=next(sku for sku in weights if weights[sku]))
    return tuple(TakenLine(sku, units, shares[sku]) for sku, units in lines.items())
