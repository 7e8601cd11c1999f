"""Python client of Storefront: buy, check entitlements, follow events."""

from storefront_sdk.blocking import BlockingStorefront
from storefront_sdk.cache import Policy
from storefront_sdk.client import StorefrontClient
from storefront_sdk.errors import (
    AlreadyOwned,
    Conflict,
    ConnectionLost,
    Forbidden,
    InsufficientFunds,
    Invalid,
    LimitReached,
    NotFound,
    NothingCached,
    OfferClosed,
    PriceChanged,
    PurchaseRefused,
    RateLimited,
    SoldOut,
    StorefrontError,
    Unauthorized,
    Unavailable,
)
from storefront_sdk.models import Check, CustomerState, Event, Item, Money, Offer, Purchase, Quote, Session, Wallet

__all__ = [
    "AlreadyOwned",
    "BlockingStorefront",
    "Check",
    "Conflict",
    "ConnectionLost",
    "CustomerState",
    "Event",
    "Forbidden",
    "InsufficientFunds",
    "Invalid",
    "Item",
    "LimitReached",
    "Money",
    "NotFound",
    "NothingCached",
    "Offer",
    "OfferClosed",
    "Policy",
    "PriceChanged",
    "Purchase",
    "PurchaseRefused",
    "Quote",
    "RateLimited",
    "Session",
    "SoldOut",
    "StorefrontClient",
    "StorefrontError",
    "Unauthorized",
    "Unavailable",
    "Wallet",
]
