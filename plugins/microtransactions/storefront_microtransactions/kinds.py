"""What the offers of this plugin give when they are bought; containers stand in ``container_kind.py``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storefront.core.commit.plan import ItemTerms
from storefront.core.config.model import Offer
from storefront.core.errors import FieldError, Invalid
from storefront.core.kinds import Content, Fulfilment, JsonSchema, Line, Reversal, Use
from storefront_microtransactions.config import BUNDLE, CURRENCY_PACK, ITEM
from storefront_microtransactions.durations import to_ms


@dataclass(frozen=True, slots=True)
class CurrencyPack:
    """A pack of virtual currency: every unit bought credits ``contents``, and ``bonus`` as a lot of its own."""

    name: str = "currency_pack"
    heeds_exact_amount: bool = True

    @property
    def schema(self) -> JsonSchema:
        return CURRENCY_PACK

    def describe(self, offer: Offer) -> Mapping[str, Any]:
        contents = [{"asset": asset, "amount": amount} for asset, amount in self.credits(offer).items()]
        lasts = offer.part.get("bonus_expires_after")
        return {"contents": contents, "bonus": amounts(offer, "bonus"), "bonus_expires_after": lasts}

    def credits(self, offer: Offer) -> Mapping[str, int]:
        total = amounts(offer, "contents")
        for asset, amount in amounts(offer, "bonus").items():
            total[asset] = total.get(asset, 0) + amount
        return total

    def check(self, line: Line) -> None:
        """Any number of packs may be bought."""

    def fulfil(self, line: Line, goods: Fulfilment) -> None:
        for asset, amount in _contents(line).items():
            goods.credit(asset, amount * line.quantity)
        lasts, priority = line.offer.part.get("bonus_expires_after"), line.offer.part.get("bonus_priority", 100)
        assert isinstance(priority, int), "the schema says so"
        expires_at = goods.now + to_ms(lasts) if isinstance(lasts, str) else None
        for asset, amount in amounts(line.offer, "bonus").items():
            goods.credit(asset, amount * line.quantity, source="granted", expires_at=expires_at, priority=priority)

    def reverse(self, line: Line, goods: Reversal) -> None:
        for asset, amount in _contents(line).items():
            goods.take_credit(asset, amount * line.quantity)
        for asset, amount in amounts(line.offer, "bonus").items():
            goods.take_credit(asset, amount * line.quantity, source="granted")


@dataclass(frozen=True, slots=True)
class Item:
    """A thing: ``durable`` is owned once, ``consumable`` is counted and used up, ``timed`` lasts for a while.

    ``customers_may_consume``: its owner may use it up, not only the game's server.
    """

    customers_may_consume: bool = True
    name: str = "item"

    @property
    def schema(self) -> JsonSchema:
        return ITEM

    def describe(self, offer: Offer) -> Mapping[str, Any]:
        return {
            "type": offer.part["type"],
            "duration": offer.part.get("duration"),
            "max_count": self.most_owned(offer),
            "on_full": offer.part.get("on_full", "reject"),
            "unique": bool(offer.part.get("unique", False)),
            "art": offer.part.get("art"),
            "contents": [{"sku": offer.sku, "quantity": 1}],
        }

    def use_of(self, offer: Offer) -> Use | None:
        return Use.CONSUME if self.customers_may_consume and offer.part["type"] == "consumable" else None

    def terms(self, offer: Offer) -> ItemTerms:
        """Return whether its time runs out, and whether its units are things of their own."""
        lasts = offer.part.get("duration")
        is_unique = bool(offer.part.get("unique", False))
        if not isinstance(lasts, str):
            return ItemTerms(is_unique=is_unique)
        return ItemTerms(span=to_ms(lasts), rights=tuple(offer.grants), is_unique=is_unique)

    def most_owned(self, offer: Offer) -> int | None:
        if offer.part["type"] == "durable":
            return 1
        most = offer.part.get("max_count")
        return most if isinstance(most, int) else None

    def clips_at(self, offer: Offer) -> int | None:
        return self.most_owned(offer) if offer.part.get("on_full") == "clip" else None

    def ends_with(self, offer: Offer) -> str | None:
        return offer.sku if offer.part["type"] == "timed" else None

    def check(self, line: Line) -> None:
        """Refuse several of what can be owned once."""
        if line.offer.part["type"] == "durable" and line.quantity != 1:
            raise Invalid(
                f"{line.offer.sku} can be owned once.",
                errors=[FieldError("/quantity", f"must be 1: {line.offer.sku} is owned once")],
            )

    def fulfil(self, line: Line, goods: Fulfilment) -> None:
        offer = line.offer
        goods.give_item(offer.sku, line.quantity, at_most=self.most_owned(offer), terms=self.terms(offer))

    def reverse(self, line: Line, goods: Reversal) -> None:
        goods.take_item(line.offer.sku, line.quantity, terms=self.terms(line.offer))


@dataclass(frozen=True, slots=True)
class Bundle:
    """Other offers at one price. What is in it is given, priced and taken back by the core."""

    name: str = "bundle"

    @property
    def schema(self) -> JsonSchema:
        return BUNDLE

    def describe(self, offer: Offer) -> Mapping[str, Any]:
        return {
            "contents": [{"sku": one.sku, "quantity": one.quantity} for one in self.contents(offer)],
            "art": offer.part.get("art"),
        }

    def contents(self, offer: Offer) -> Sequence[Content]:
        listed = offer.part["contents"]
        assert isinstance(listed, Sequence), "the schema says so"
        return [Content(one["sku"], one.get("quantity", 1), one.get("worth", {})) for one in listed]

    def check(self, line: Line) -> None:
        """Each of its contents is checked by its own kind."""

    def fulfil(self, line: Line, goods: Fulfilment) -> None:
        """Its contents are given by their own kinds."""

    def reverse(self, line: Line, goods: Reversal) -> None:
        """Its contents are asked back by their own kinds."""


def _contents(line: Line) -> dict[str, int]:
    """Return what one unit puts into the wallet: of an exact top-up as much as was bought."""
    contents, exact = amounts(line.offer, "contents"), line.exact_amount
    return contents if exact is None else dict.fromkeys(contents, exact)


def amounts(offer: Offer, key: str) -> dict[str, int]:
    """Return a part of the offer that maps assets to amounts; its schema has checked it."""
    found = offer.part.get(key, {})
    assert isinstance(found, Mapping), "the schema says so"
    return dict(found)
