"""What is on sale, bought, paid and given back."""

from dataclasses import dataclass, field

from storefront_sdk.documents import Document, Money

SETTLED = frozenset({"completed", "expired", "failed", "canceled", "rejected"})


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
