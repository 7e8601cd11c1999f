"""What the simulated shop sells."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Offer:
    """``weight``: how much of it is sold; ``from_day``: since when."""

    sku: str
    kind: str
    amount: int
    weight: float
    from_day: int = 0


BY_CARD = (
    Offer("gems-100", "currency_pack", 99, 14),
    Offer("gems-500", "currency_pack", 499, 20),
    Offer("gems-1200", "currency_pack", 999, 14),
    Offer("gems-2500", "currency_pack", 1999, 7),
    Offer("gems-7000", "currency_pack", 4999, 2.5),
    Offer("gems-15000", "currency_pack", 9999, 0.8),
    Offer("battle-pass", "item", 1299, 7),
    Offer("founder-edition", "item", 7999, 0.5),
    Offer("winter-bundle", "bundle", 2499, 3, 60),
    Offer("summer-bundle", "bundle", 2999, 3, 160),
    Offer("tip-small", "tip", 300, 8),
    Offer("tip-large", "tip", 2500, 2),
    Offer("tier-supporter", "subscription", 599, 8),
)
BY_WALLET = (
    Offer("potion", "item", 15, 25),
    Offer("chest", "container", 120, 25),
    Offer("sword", "item", 240, 12),
    Offer("mount", "item", 900, 5),
    Offer("castle", "item", 3200, 1),
    Offer("autumn-skin", "item", 450, 6, 230),
)
GIFTS = (
    Offer("gift-tier", "subscription", 599, 8),
    Offer("gift-pass", "item", 1299, 4),
    Offer("gift-skin", "item", 450, 6),
    Offer("gift-mount", "item", 1999, 1),
)
DEAR = ("gems-7000", "gems-15000", "founder-edition", "gems-2500")
CHEAP = ("gems-100", "tip-small", "gems-500")
