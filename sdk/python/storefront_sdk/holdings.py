"""What a customer has, may do, and was given."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from storefront_sdk.documents import Document


@dataclass(frozen=True, slots=True)
class Grant:
    """What was given by hand: ``amount`` of an ``asset``, or ``quantity`` of the goods of ``sku``."""

    id: str
    customer: str
    reason: str
    asset: str | None = None
    amount: int | None = None
    sku: str | None = None
    quantity: int | None = None
    is_replay: bool = field(default=False, compare=False)
    raw: Document = field(repr=False, compare=False, default_factory=dict)

    @classmethod
    def of(cls, document: Document, *, is_replay: bool = False) -> "Grant":
        return cls(
            document["id"],
            document["customer"]["id"],
            document["reason"],
            document["asset"],
            document["amount"],
            document["sku"],
            document["quantity"],
            is_replay,
            document,
        )


@dataclass(frozen=True, slots=True)
class Hold:
    """Funds set aside: ``state`` is ``open``, ``captured``, ``released`` or ``expired``."""

    id: str
    customer: str
    asset: str
    amount: int
    captured: int
    state: str
    reason: str
    expires_at: str
    is_replay: bool = False
    raw: Document = field(repr=False, compare=False, default_factory=dict)

    @property
    def is_open(self) -> bool:
        """Tell whether it still held its funds when this was answered."""
        return self.state == "open"

    @classmethod
    def of(cls, document: Document, *, is_replay: bool = False) -> "Hold":
        return cls(
            document["id"],
            document["customer"]["id"],
            document["asset"],
            document["amount"],
            document["captured"],
            document["state"],
            document["reason"],
            document["expires_at"],
            is_replay,
            document,
        )


@dataclass(frozen=True, slots=True)
class Wallet:
    """A balance in the smallest unit: ``available`` can be spent, ``owed`` is what the next credits pay off first."""

    balance: int = 0
    available: int = 0
    held: int = 0
    frozen: int = 0
    raw: Document = field(repr=False, compare=False, default_factory=dict)
    owed: int = 0
    blocks_spending: bool = False

    @classmethod
    def of(cls, document: Document) -> "Wallet":
        held, frozen = document.get("held", 0), document.get("frozen", 0)
        owed, blocks_spending = document.get("owed", 0), document.get("block_spending", False)
        return cls(document["balance"], document["available"], held, frozen, document, owed, blocks_spending)


@dataclass(frozen=True, slots=True)
class Item:
    """An inventory line; ``number`` is there where every unit is a thing of its own, called ``instance``."""

    sku: str
    quantity: int
    expires_at: str | None = None
    raw: Document = field(repr=False, compare=False, default_factory=dict)
    instance: str | None = None
    number: int | None = None

    @classmethod
    def of(cls, document: Document) -> "Item":
        instance, number = document.get("instance"), document.get("number")
        return cls(document["sku"], document["quantity"], document.get("expires_at"), document, instance, number)


@dataclass(frozen=True, slots=True)
class Opening:
    """What came out of a container: ``items`` SKU -> quantity, ``credits`` asset -> amount."""

    id: str
    sku: str
    number: int
    items: dict[str, int]
    credits: dict[str, int]
    remaining: int | None = None
    is_replay: bool = False
    raw: Document = field(repr=False, compare=False, default_factory=dict)

    @classmethod
    def of(cls, document: Document, *, is_replay: bool = False) -> "Opening":
        gave = document["gave"]
        return cls(
            document["id"],
            document["sku"],
            document["number"],
            {item["sku"]: item["quantity"] for item in gave["items"]},
            {credit["asset"]: credit["amount"] for credit in gave["credits"]},
            document.get("remaining"),
            is_replay,
            document,
        )


@dataclass(frozen=True, slots=True)
class Check:
    """Whether a customer may do something, and why; ``offers`` are the SKUs that would help."""

    allowed: bool
    reason: str
    remaining: int | None = None
    value: Any = None
    offers: tuple[str, ...] = ()
    raw: Document = field(repr=False, compare=False, default_factory=dict)

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
    raw: Document = field(repr=False, compare=False, default_factory=dict)

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
