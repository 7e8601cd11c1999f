"""What the server answers, as frozen values. Unknown members are kept in ``raw`` and otherwise ignored."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Document = Mapping[str, Any]


class Money(NamedTuple):
    """An amount in the smallest unit: ``Money(499, "USD")`` is 4.99 dollars."""

    amount: int
    currency: str

    @classmethod
    def of(cls, document: Document) -> "Money":
        return cls(document["amount"], document["currency"])


@dataclass(frozen=True, slots=True)
class Session:
    """A customer's session: ``token`` goes to the game's client; ``expires_at`` is RFC 3339."""

    token: str
    customer: str
    expires_at: str
    raw: Document = field(repr=False, default_factory=dict)

    @classmethod
    def of(cls, document: Document) -> "Session":
        return cls(document["token"], document["customer"], document["expires_at"], document)


@dataclass(frozen=True, slots=True)
class Offer:
    """One thing on sale; ``prices`` are alternatives."""

    sku: str
    kind: str
    title: str
    prices: tuple[Money, ...]
    raw: Document = field(repr=False, default_factory=dict)

    @classmethod
    def of(cls, document: Document) -> "Offer":
        prices = tuple(Money.of(price) for price in document["prices"])
        return cls(document["sku"], document["kind"], document["title"], prices, document)


@dataclass(frozen=True, slots=True)
class Quote:
    """What something would cost now."""

    sku: str
    quantity: int
    total: Money
    pay_with: str
    raw: Document = field(repr=False, default_factory=dict)

    @classmethod
    def of(cls, document: Document) -> "Quote":
        total = Money.of(document["total"])
        return cls(document["sku"], document["quantity"], total, document["pay_with"], document)


@dataclass(frozen=True, slots=True)
class Purchase:
    """A purchase; while it is ``pending`` the buyer pays at ``redirect_url``."""

    id: str
    sku: str
    quantity: int
    status: str
    total: Money
    redirect_url: str | None
    raw: Document = field(repr=False, default_factory=dict)

    @property
    def is_completed(self) -> bool:
        return self.status == "completed"

    @classmethod
    def of(cls, document: Document) -> "Purchase":
        return cls(
            document["id"],
            document["sku"],
            document["quantity"],
            document["status"],
            Money.of(document["total"]),
            document["payment"].get("redirect_url"),
            document,
        )


@dataclass(frozen=True, slots=True)
class Wallet:
    """A balance in the smallest unit; ``available`` is what can be spent now."""

    balance: int = 0
    available: int = 0
    raw: Document = field(repr=False, default_factory=dict)

    @classmethod
    def of(cls, document: Document) -> "Wallet":
        return cls(document["balance"], document["available"], document)


@dataclass(frozen=True, slots=True)
class Item:
    """An inventory line."""

    sku: str
    quantity: int
    raw: Document = field(repr=False, default_factory=dict)

    @classmethod
    def of(cls, document: Document) -> "Item":
        return cls(document["sku"], document["quantity"], document)


@dataclass(frozen=True, slots=True)
class Check:
    """Whether a customer may do something, and why."""

    allowed: bool
    reason: str
    remaining: int | None = None
    value: Any = None
    offers: tuple[str, ...] = ()
    raw: Document = field(repr=False, default_factory=dict)

    @classmethod
    def of(cls, document: Document) -> "Check":
        return cls(
            document["allowed"],
            document["reason"],
            document.get("remaining"),
            document.get("value"),
            tuple(document.get("offers", ())),
            document,
        )


@dataclass(frozen=True, slots=True)
class CustomerState:
    """Everything a client needs of its customer, at one version."""

    customer: str
    version: int
    wallets: Mapping[str, Wallet]
    items: tuple[Item, ...]
    entitlements: Mapping[str, Document]
    raw: Document = field(repr=False, default_factory=dict)

    @classmethod
    def of(cls, document: Document) -> "CustomerState":
        return cls(
            document["customer"],
            document["version"],
            {asset: Wallet.of(wallet) for asset, wallet in document["wallets"].items()},
            tuple(Item.of(item) for item in document["items"]),
            document["entitlements"],
            document,
        )


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened; ``cursor`` is where to go on after it."""

    id: str
    type: str
    subject: str
    data: Document
    cursor: str
    raw: Document = field(repr=False, default_factory=dict)
