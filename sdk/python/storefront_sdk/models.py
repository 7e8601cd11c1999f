"""What the server answers, as frozen values.

The whole document is in ``raw``; members that this release does not know are only there. Amounts are whole
numbers in the smallest unit. Times are RFC 3339 texts in UTC. Texts such as ``status`` may take new values.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Document = Mapping[str, Any]
SETTLED = frozenset({"completed", "expired", "failed", "canceled", "rejected"})


class Money(NamedTuple):
    """An amount in the smallest unit: ``Money(499, "USD")`` is 4.99 dollars."""

    amount: int
    currency: str

    @classmethod
    def of(cls, document: Document) -> "Money":
        return cls(document["amount"], document["currency"])


@dataclass(frozen=True, slots=True)
class Session:
    """A customer's session: ``token`` goes to the game's client; ``expires_at`` is RFC 3339.

    ``links`` open the shop's pages for this customer; they carry the token too.
    """

    token: str = field(repr=False)
    customer: str
    expires_at: str
    links: Mapping[str, str] = field(repr=False, default_factory=dict)
    raw: Document = field(repr=False, compare=False, default_factory=dict)

    @classmethod
    def of(cls, document: Document) -> "Session":
        links = document.get("links", {})
        return cls(document["token"], document["customer"], document["expires_at"], links, document)


@dataclass(frozen=True, slots=True)
class Offer:
    """One thing on sale; ``prices`` are alternatives."""

    sku: str
    kind: str
    title: str
    prices: tuple[Money, ...]
    description: str | None = None
    raw: Document = field(repr=False, compare=False, default_factory=dict)

    @classmethod
    def of(cls, document: Document) -> "Offer":
        prices = tuple(Money.of(price) for price in document["prices"])
        about = document.get("description")
        return cls(document["sku"], document["kind"], document["title"], prices, about, document)

    def price(self, currency: str) -> Money | None:
        """Return the price in a currency or asset, or None if it is not sold for that."""
        return next((price for price in self.prices if price.currency == currency), None)


@dataclass(frozen=True, slots=True)
class Quote:
    """What something would cost now."""

    sku: str
    quantity: int
    total: Money
    pay_with: str
    raw: Document = field(repr=False, compare=False, default_factory=dict)

    @classmethod
    def of(cls, document: Document) -> "Quote":
        total = Money.of(document["total"])
        return cls(document["sku"], document["quantity"], total, document["pay_with"], document)


@dataclass(frozen=True, slots=True)
class Purchase:
    """A purchase as it was when the server answered; while it is ``pending`` the buyer pays at ``redirect_url``.

    ``payment_state`` is ``processing`` while a delayed method brings the money: nothing is left to pay or to cancel.
    ``failure`` is the gateway's code for why a ``failed`` one did (``authentication_failed``).

    ``is_replay``: the answer is that of an earlier request under the same idempotency key.
    """

    id: str
    customer: str
    sku: str
    quantity: int
    status: str
    total: Money
    redirect_url: str | None
    is_replay: bool = field(default=False, compare=False)
    raw: Document = field(repr=False, compare=False, default_factory=dict)
    payment_state: str = "none"
    failure: str | None = None

    @property
    def is_completed(self) -> bool:
        """Tell whether it is paid and the goods are given."""
        return self.status == "completed"

    @property
    def is_settled(self) -> bool:
        """Tell whether it is over: completed, or never to be. ``paid`` is not: the goods are still owed."""
        return self.status in SETTLED

    @classmethod
    def of(cls, document: Document, *, is_replay: bool = False) -> "Purchase":
        return cls(
            document["id"],
            document["customer"]["id"],
            document["sku"],
            document["quantity"],
            document["status"],
            Money.of(document["total"]),
            document["payment"].get("redirect_url"),
            is_replay,
            document,
            document["payment"].get("state", "none"),
            document["payment"].get("failure"),
        )


@dataclass(frozen=True, slots=True)
class Refund:
    """What was given back for a purchase; ``taken_back`` says which goods came back, and which are written off.

    Of a dry run ``id`` is None: it shows what would be done. ``state`` is ``completed``, or ``pending`` while a payment
    gateway is at it; then it ends as ``completed``, ``failed`` or ``canceled``.
    """

    id: str | None
    purchase: str
    number: int
    amount: Money
    quantity: int
    taken_back: Document
    state: str = "completed"
    is_replay: bool = field(default=False, compare=False)
    raw: Document = field(repr=False, compare=False, default_factory=dict)

    @property
    def is_pending(self) -> bool:
        """Tell whether its gateway had not said how it ends when this was answered."""
        return self.state == "pending"

    @classmethod
    def of(cls, document: Document, *, is_replay: bool = False) -> "Refund":
        return cls(
            document["id"],
            document["purchase"],
            document["number"],
            Money.of(document["amount"]),
            document["quantity"],
            document["taken_back"],
            document["state"],
            is_replay,
            document,
        )


@dataclass(frozen=True, slots=True)
class PaymentMethod:
    """A card or the like that a payment gateway keeps; ``last4`` and ``expires`` are for its owner to recognise it."""

    id: str
    gateway: str
    kind: str
    brand: str | None
    last4: str | None
    expires: str | None
    raw: Document = field(repr=False, compare=False, default_factory=dict)

    @classmethod
    def of(cls, document: Document) -> "PaymentMethod":
        return cls(
            document["id"],
            document["gateway"],
            document["kind"],
            document["brand"],
            document["last4"],
            document["expires"],
            document,
        )


@dataclass(frozen=True, slots=True)
class PaymentMethodSetup:
    """The saving of a payment method: while it is ``open`` send its customer to ``redirect_url``; it ends as ``saved``
    (``payment_method`` is the id) or ``closed``."""

    id: str
    gateway: str
    state: str
    redirect_url: str | None
    payment_method: str | None
    raw: Document = field(repr=False, compare=False, default_factory=dict)

    @classmethod
    def of(cls, document: Document) -> "PaymentMethodSetup":
        return cls(
            document["id"],
            document["gateway"],
            document["state"],
            document["redirect_url"],
            document["payment_method"],
            document,
        )


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt: ``label`` (``2026-000042``) and ``jws`` (signed, see /.well-known/jwks.json) are None until it is
    numbered, a moment after the purchase. ``document`` is what it says; ``credit_notes`` what took it back."""

    purchase: str
    label: str | None
    document: Document
    jws: str | None
    credit_notes: tuple["Receipt", ...] = ()
    raw: Document = field(repr=False, compare=False, default_factory=dict)

    @classmethod
    def of(cls, document: Document) -> "Receipt":
        return cls(
            document["purchase"],
            document["label"],
            document["document"],
            document["jws"],
            tuple(cls.of(note) for note in document.get("credit_notes", ())),
            document,
        )


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
    """An inventory line."""

    sku: str
    quantity: int
    expires_at: str | None = None
    raw: Document = field(repr=False, compare=False, default_factory=dict)

    @classmethod
    def of(cls, document: Document) -> "Item":
        return cls(document["sku"], document["quantity"], document.get("expires_at"), document)


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


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. ``cursor`` may be stored as soon as this event is handled: nothing is lost.

    Within a page it is the page's beginning (None: of all time), so that after a stop some events come again:
    remember their ids, or make handling them twice harmless.
    """

    id: str
    type: str
    subject: str
    data: Document
    cursor: str | None
    raw: Document = field(repr=False, compare=False, default_factory=dict)

    @classmethod
    def of(cls, document: Document, cursor: str | None) -> "Event":
        return cls(document["id"], document["type"], document["subject"], document["data"], cursor, document)
