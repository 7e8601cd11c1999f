"""What the server answers, as frozen values.

The whole document is in ``raw``; members that this release does not know are only there. Amounts are whole
numbers in the smallest unit. Times are RFC 3339 texts in UTC. Texts such as ``status`` may take new values.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from storefront_sdk.documents import Document, Money
from storefront_sdk.holdings import Check, CustomerState, Grant, Hold, Item, Opening, Wallet
from storefront_sdk.sales import SETTLED, Offer, PaymentMethod, PaymentMethodSetup, Purchase, Quote, Receipt, Refund

__all__ = [
    "SETTLED",
    "Check",
    "CustomerState",
    "Document",
    "Event",
    "Grant",
    "Hold",
    "Item",
    "Money",
    "Offer",
    "Opening",
    "PaymentMethod",
    "PaymentMethodSetup",
    "Purchase",
    "Quote",
    "Receipt",
    "Refund",
    "Session",
    "Wallet",
]


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
