"""Bundles: an offer of other offers, unpacked in the commit that sells it, its price shared out to what is in it.

What was paid (adjusted, with its tax) is shared in proportion to what the contents cost on their own, or are said to be
worth there, in the asset that pays and by the prices of the buyer's country. Each share is rounded down, and what
rounding leaves goes to the first that is worth anything, so the shares always sum to the whole. They stand on the
purchase's lines, at the price that is locked; what is given by them takes its cost from there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from storefront.core.catalog import Catalog, text_in
from storefront.core.commit.plan import EndOf
from storefront.core.config.model import Offer
from storefront.core.kinds import Bundles, Fulfilment, GrantsRights, Lasts, Line, OfferKind, Reversal, Reverses, kind_as
from storefront.core.money import Money, split_named
from storefront.core.prices import list_price

COMPONENT = "component"
Kinds = Mapping[str, OfferKind]


@dataclass(frozen=True, slots=True)
class Part:
    """One offer in a bundle: ``quantity`` of it in one unit, ``worth`` of those in the asset that pays."""

    offer: Offer
    quantity: int
    worth: int


def parts_of(catalog: Catalog, kinds: Kinds, offer: Offer, asset: str, country: str | None = None) -> Sequence[Part]:
    """Return what one unit of an offer holds, bundles in it taken apart; empty if it is no bundle.

    What it is worth is asked of the price list of ``country``, and of the general one for what has no price there.
    """
    kind = kind_as(kinds.get(offer.kind), Bundles)
    if kind is None:
        return ()
    found: dict[str, Part] = {}
    for content in kind.contents(offer):
        inner = catalog.offer(content.sku)
        price = list_price(catalog, inner, asset, country)
        worth = content.quantity * content.worth.get(asset, inner.prices.get(asset, 0) if price is None else price)
        within = parts_of(catalog, kinds, inner, asset, country) or (Part(inner, 1, 0),)
        shares = _shares(worth, within)
        for part in within:
            known = found.get(part.offer.sku, Part(part.offer, 0, 0))
            quantity = known.quantity + content.quantity * part.quantity
            found[part.offer.sku] = replace(known, quantity=quantity, worth=known.worth + shares[part.offer.sku])
    return tuple(found.values())


def _shares(total: int, parts: Sequence[Part]) -> dict[str, int]:
    """Share an amount out to parts by their worth; by their number if none is worth anything."""
    weights = {part.offer.sku: part.worth for part in parts}
    if not any(weights.values()):
        weights = {part.offer.sku: part.quantity for part in parts}
    first = next(sku for sku, weight in weights.items() if weight)
    return split_named(total, weights, remainder=first)


def unpack(catalog: Catalog, kinds: Kinds, line: Line, paid: Mapping[str, int] | None = None) -> Sequence[Line]:
    """Return the lines of what a line holds, each with its share of what was paid; the line itself if no bundle.

    ``paid`` (SKU -> minor units) are the shares that a purchase's lines tell; without them, or if they are not those of
    all of it, general prices share it out.
    """
    parts = parts_of(catalog, kinds, line.offer, line.total.currency)
    if not parts:
        return (line,)
    shares = dict(paid or {})
    if shares.keys() != {part.offer.sku for part in parts} or sum(shares.values()) != line.total.amount_minor:
        shares = _shares(line.total.amount_minor, parts)
    return [
        Line(part.offer, part.quantity * line.quantity, Money(shares[part.offer.sku], line.total.currency))
        for part in parts
    ]


def give(
    catalog: Catalog, kinds: Kinds, line: Line, goods: Fulfilment, *, paid: Mapping[str, int] | None = None
) -> None:
    """Add all that a line gives: what its kind fulfils, or those of its contents, and the rights of each offer.

    ``paid`` is what ``unpack`` says of it.
    """
    for part in unpack(catalog, kinds, line, paid):
        share = goods if part is line else replace(goods, cost=None if goods.cost is None else part.total)
        kinds[part.offer.kind].fulfil(part, share)
        if part is not line:
            _grant_rights(kinds, part.offer, share)
    _grant_rights(kinds, line.offer, goods)


def _grant_rights(kinds: Kinds, offer: Offer, goods: Fulfilment) -> None:
    if offer.grants and kind_as(kinds[offer.kind], GrantsRights) is not None:
        return
    lasts = kind_as(kinds[offer.kind], Lasts) if offer.grants else None
    ends_with = None if lasts is None else lasts.ends_with(offer)
    for key, value in offer.grants.items():
        goods.grant(key, value, sku=offer.sku, expires_at=None if ends_with is None else EndOf(ends_with))


def check_parts(catalog: Catalog, kinds: Kinds, line: Line) -> None:
    """Let the kind of each part refuse what cannot be meant: two of what is owned once."""
    kinds[line.offer.kind].check(line)
    for part in unpack(catalog, kinds, line):
        if part is not line:
            kinds[part.offer.kind].check(part)


def ask_parts_back(kinds: Kinds, lines: Sequence[Line], goods: Reversal) -> str | None:
    """Ask back what lines gave; return the first kind whose goods cannot be taken back, if there is one."""
    unable = None
    for line in (line for line in lines if line.quantity):
        kind = kind_as(kinds.get(line.offer.kind), Reverses)
        if kind is not None:
            kind.reverse(line, goods)
        else:
            unable = unable or line.offer.kind
    return unable


def component_lines(
    catalog: Catalog, kinds: Kinds, line: Line, *, country: str | None, listed: Money, tax: int, on_top: int
) -> list[dict[str, Any]]:
    """Return the lines of a bundle's contents as they stand on quotes, purchases and receipts; none for others.

    ``line.total`` is what is paid for all of it, ``listed`` its list price, ``tax`` the tax in or on it, of which
    ``on_top`` is added to the price; ``country`` is whose prices share it out. Each member of the lines sums up to
    that of the whole, to the unit.
    """
    parts = parts_of(catalog, kinds, line.offer, line.total.currency, country)
    if not parts:
        return []
    paid, prices = (_shares(amount, parts) for amount in (line.total.amount_minor, listed.amount_minor))
    taxes, tops = _by_paid(tax, paid), _by_paid(on_top, paid)
    currency = line.total.currency
    return [
        {
            "type": COMPONENT,
            "sku": part.offer.sku,
            "kind": part.offer.kind,
            "title": text_in(part.offer.title, None, catalog.default_language) or part.offer.sku,
            "quantity": part.quantity * line.quantity,
            "price": Money(prices[part.offer.sku], currency).to_json(),
            "adjustment": {
                "amount": paid[part.offer.sku] - tops[part.offer.sku] - prices[part.offer.sku],
                "currency": currency,
            },
            "tax": Money(taxes[part.offer.sku], currency).to_json(),
            "total": Money(paid[part.offer.sku], currency).to_json(),
        }
        for part in parts
    ]


def _by_paid(amount: int, paid: Mapping[str, int]) -> dict[str, int]:
    """Share out tax by what was paid for each part."""
    if not any(paid.values()):
        return dict.fromkeys(paid, 0)
    first = next(sku for sku, share in paid.items() if share)
    return split_named(amount, paid, remainder=first)


def with_shared_tax(lines: Sequence[dict[str, Any]], tax: int) -> list[dict[str, Any]]:
    """Return a purchase's lines with a tax, that the gateway found in what was paid, shared out to its components."""
    paid = {line["sku"]: line["total"]["amount"] for line in lines if line["type"] == COMPONENT}
    if not paid:
        return list(lines)
    shares = _by_paid(tax, paid)
    return [
        {**line, "tax": {**line["tax"], "amount": shares[line["sku"]]}} if line["type"] == COMPONENT else line
        for line in lines
    ]
