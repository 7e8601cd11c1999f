"""The catalog and the customer state as the API answers them, read into values that the page can reckon with.

The documents come from our own API, so nothing is checked twice here: only the fields that the page shows
are read, and fields that a later plugin adds are passed over.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from storefront.core.money import Money
from storefront.design.art import KINDS, kind_of
from storefront.design.money import is_real

_CODE = "promo_code"


@dataclass(frozen=True, slots=True)
class Content:
    """A part of an offer: so much of a virtual currency, or so many of another offer's item."""

    quantity: int
    asset: str | None = None
    sku: str | None = None


@dataclass(frozen=True, slots=True)
class Chance:
    """What may come out of a container: name (a SKU or asset) -> how many, and how likely that is; None: always.

    ``instead`` is for who can own no more of it.
    """

    gives: Mapping[str, int]
    percent: str | None
    instead: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Choice:
    """What a buyer may pay who pays what they want: minor units."""

    least: int
    suggested: int
    most: int


@dataclass(frozen=True, slots=True)
class Discount:
    """The promo code that has made a price cheaper, and what it was without."""

    code: str
    list_price: Money


@dataclass(frozen=True, slots=True)
class Limit:
    """How often something can be bought: ``per`` customer or global; ``left`` is None where nobody is told."""

    per: str
    count: int
    window: str
    left: int | None


@dataclass(frozen=True, slots=True)
class Offer:
    """One offer of ``GET /v1/catalog``.

    ``contents`` are given there as a list of ``{sku, quantity}`` and ``{asset, amount}``, bonus included; an item that
    contains nothing but itself has none here. ``bonus`` (``asset -> amount``) is how much of that comes on top.
    ``lasts`` is a duration (``30d``), ``chances`` are what comes out of a container, in so many ``draws``.
    ``discounts`` (``currency -> discount``) are of prices that a promo code has made cheaper.
    Prices with an interval belong to a membership, not to a shelf.
    ``picture`` is the address of the shop's own. ``use`` is what its owner may do with it here: ``consume``, ``open``.
    ``list_prices`` are the prices without the sale that is on, ``choices`` what the buyer chooses,
    both by asset; ``sale_until`` and ``sale_label`` are of the sale.
    """

    sku: str
    title: str
    description: str
    art: str
    prices: tuple[Money, ...]
    contents: tuple[Content, ...]
    bonus: Mapping[str, int]
    consumable: bool
    featured: bool
    badge: str | None
    real_price: Money | None
    limits: tuple[Limit, ...]
    available_from: datetime | None
    available_until: datetime | None
    lasts: str | None = None
    chances: tuple[Chance, ...] = ()
    draws: int = 1
    has_numbers: bool = False
    list_prices: Mapping[str, Money] = field(default_factory=dict)
    choices: Mapping[str, Choice] = field(default_factory=dict)
    sale_until: datetime | None = None
    sale_label: str | None = None
    discounts: Mapping[str, "Discount"] = field(default_factory=dict)
    picture: str | None = None
    use: str | None = None

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Offer":
        sku: str = document["sku"]
        art = document.get("art")
        reduced = [price for price in document.get("prices", ()) if "list_price" in price]
        return cls(
            sku=sku,
            title=document["title"],
            description=document.get("description") or "",
            art=art if art in KINDS else kind_of(sku),
            prices=tuple(_money(price) for price in document.get("prices", ()) if "interval" not in price),
            contents=tuple(_content(part) for part in document.get("contents") or () if part.get("sku") != sku),
            bonus=document.get("bonus") or {},
            consumable=document.get("type") == "consumable",
            featured=bool(document.get("featured", False)),
            badge=document.get("badge"),
            real_price=_money(document["real_price"]) if document.get("real_price") else None,
            limits=tuple(
                Limit(one["per"], one["count"], one["window"], one.get("left")) for one in document.get("limits") or ()
            ),
            available_from=_instant(document.get("available_from")),
            available_until=_instant(document.get("available_until")),
            lasts=document.get("duration"),
            chances=tuple(_chances(document.get("odds") or {})),
            draws=(document.get("odds") or {}).get("draws", 1),
            has_numbers=bool(document.get("unique", False)),
            list_prices={one["currency"]: _money(one["list_price"]) for one in reduced},
            choices={one["currency"]: _choice(one) for one in document.get("prices", ()) if "pay_what_you_want" in one},
            sale_until=_instant(reduced[0]["sale_until"]) if reduced else None,
            sale_label=reduced[0]["sale_label"] if reduced else None,
            discounts={price["currency"]: _discount(price) for price in document.get("prices", ()) if _CODE in price},
            picture=document.get("picture"),
            use=document.get("use"),
        )

    def exhausted(self, per: str) -> Limit | None:
        """Return the limit of ``per`` (``customer``, ``global``) that lets nothing more be bought now, if one does."""
        return next((limit for limit in self.limits if limit.per == per and limit.left == 0), None)

    @property
    def pack(self) -> Content | None:
        """What it fills the wallet with, when it holds one virtual currency, nothing else, and costs money."""
        if len(self.contents) == 1 and self.contents[0].asset and self.real_prices:
            return self.contents[0]
        return None

    @property
    def real_prices(self) -> tuple[Money, ...]:
        return tuple(price for price in self.prices if is_real(price.currency))

    @property
    def virtual_prices(self) -> tuple[Money, ...]:
        return tuple(price for price in self.prices if not is_real(price.currency))


@dataclass(frozen=True, slots=True)
class Unit:
    """One of several units that are told apart: the id of the thing, and its number."""

    instance: str
    number: int


@dataclass(frozen=True, slots=True)
class Holding:
    """One line of the customer's inventory; instances of one SKU are added up.

    ``units`` are those of it with numbers that can be used now, ``counted`` how many without can be.
    """

    sku: str
    quantity: int
    frozen: bool
    expires_at: datetime | None
    counted: int = 0
    units: tuple[Unit, ...] = ()

    @property
    def usable(self) -> int:
        """How many can be used now."""
        return self.counted + len(self.units)


def read_offers(catalog: Mapping[str, Any]) -> list[Offer]:
    """All offers with a price, in the catalog's order."""
    offers = (Offer.from_json(document) for document in catalog["offers"])
    return [offer for offer in offers if offer.prices]


def read_wallets(state: Mapping[str, Any]) -> dict[str, int]:
    """``asset -> what can be spent now``, in minor units."""
    return {asset: wallet["available"] for asset, wallet in state.get("wallets", {}).items()}


def read_holdings(state: Mapping[str, Any]) -> dict[str, Holding]:
    """``sku -> holding``, in the state's order; the last expiry counts, frozen only if all of it is."""
    holdings: dict[str, Holding] = {}
    for item in state.get("items", ()):
        sku, expires_at = item["sku"], _instant(item.get("expires_at"))
        before = holdings.get(sku)
        ends = [before.expires_at, expires_at] if before else [expires_at]
        is_frozen, number = bool(item.get("frozen")), item.get("number")
        counted = 0 if is_frozen or number is not None else item["quantity"]
        units = () if is_frozen or number is None else (Unit(item["instance"], number),)
        holdings[sku] = Holding(
            sku=sku,
            quantity=item["quantity"] + (before.quantity if before else 0),
            frozen=is_frozen and (before is None or before.frozen),
            expires_at=None if None in ends else max(end for end in ends if end is not None),
            counted=counted + (before.counted if before else 0),
            units=(*(before.units if before else ()), *units),
        )
    return holdings


def _chances(odds: Mapping[str, Any]) -> Iterator[Chance]:
    for drop in odds.get("guaranteed", ()):
        yield Chance(drop["gives"], None, drop.get("instead") or {})
    for drop in odds.get("drops", ()):
        yield Chance(drop["gives"], drop["percent"], drop.get("instead") or {})


def _choice(price: Mapping[str, Any]) -> Choice:
    terms = price["pay_what_you_want"]
    return Choice(terms["min"], terms["suggested"], terms["max"])


def _discount(price: Mapping[str, Any]) -> Discount:
    return Discount(price[_CODE], Money(price["list_amount"], price["currency"]))


def _money(document: Mapping[str, Any]) -> Money:
    return Money(document["amount"], document["currency"])


def _content(part: Mapping[str, Any]) -> Content:
    if "sku" in part:
        return Content(quantity=part.get("quantity", 1), sku=part["sku"])
    return Content(quantity=part["amount"], asset=part["asset"])


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
