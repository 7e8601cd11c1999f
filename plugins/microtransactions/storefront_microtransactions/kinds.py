"""What the offers of this plugin give when they are bought."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from storefront.core.config.model import Offer
from storefront.core.errors import FieldError, Invalid
from storefront.core.kinds import Fulfilment, JsonSchema, Line, Reversal
from storefront_microtransactions.config import CURRENCY_PACK, ITEM


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
        return {"contents": contents, "bonus": _amounts(offer, "bonus")}

    def credits(self, offer: Offer) -> Mapping[str, int]:
        total = _amounts(offer, "contents")
        for asset, amount in _amounts(offer, "bonus").items():
            total[asset] = total.get(asset, 0) + amount
        return total

    def check(self, line: Line) -> None:
        """Any number of packs may be bought."""

    def fulfil(self, line: Line, goods: Fulfilment) -> None:
        for asset, amount in _contents(line).items():
            goods.credit(asset, amount * line.quantity)
        for asset, amount in _amounts(line.offer, "bonus").items():
            goods.credit(asset, amount * line.quantity, source="granted")

    def reverse(self, line: Line, goods: Reversal) -> None:
        for asset, amount in _contents(line).items():
            goods.take_credit(asset, amount * line.quantity)
        for asset, amount in _amounts(line.offer, "bonus").items():
            goods.take_credit(asset, amount * line.quantity, source="granted")


@dataclass(frozen=True, slots=True)
class Item:
    """A thing: ``durable`` is owned once, ``consumable`` is counted and used up."""

    name: str = "item"

    @property
    def schema(self) -> JsonSchema:
        return ITEM

    def describe(self, offer: Offer) -> Mapping[str, Any]:
        return {
            "type": offer.part["type"],
            "max_count": self.most_owned(offer),
            "art": offer.part.get("art"),
            "contents": [{"sku": offer.sku, "quantity": 1}],
        }

    def most_owned(self, offer: Offer) -> int | None:
        if offer.part["type"] == "durable":
            return 1
        most = offer.part.get("max_count")
        return most if isinstance(most, int) else None

    def check(self, line: Line) -> None:
        """Refuse several of what can be owned once."""
        if line.offer.part["type"] == "durable" and line.quantity != 1:
            raise Invalid(
                f"{line.offer.sku} can be owned once.",
                errors=[FieldError("/quantity", "must be 1: this item is owned once")],
            )

    def fulfil(self, line: Line, goods: Fulfilment) -> None:
        goods.give_item(line.offer.sku, line.quantity, at_most=self.most_owned(line.offer))

    def reverse(self, line: Line, goods: Reversal) -> None:
        goods.take_item(line.offer.sku, line.quantity)


def _contents(line: Line) -> dict[str, int]:
    """Return what one unit puts into the wallet: of an exact top-up as much as was bought."""
    contents, exact = _amounts(line.offer, "contents"), line.exact_amount
    return contents if exact is None else dict.fromkeys(contents, exact)


def _amounts(offer: Offer, key: str) -> dict[str, int]:
    """Return a part of the offer that maps assets to amounts; its schema has checked it."""
    found = offer.part.get(key, {})
    assert isinstance(found, Mapping), "the schema says so"
    return dict(found)
