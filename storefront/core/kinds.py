"""Offer kinds: how a plugin says what an offer contains and what buying it gives.

The purchase pipeline is the same for all kinds. A kind never writes ledger rows: it asks the
``Fulfilment`` for credits, items and rights, and the commit does the rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from storefront.core.accounts import issuance
from storefront.core.commit.plan import Deposit, GrantEntitlement, GrantItem, LotsOf, LotTerms, Plan
from storefront.core.config.model import Offer
from storefront.core.money import Money

JsonSchema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a purchase: an offer, how many, and what was paid for all of them."""

    offer: Offer
    quantity: int
    total: Money
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def exact_amount(self) -> int | None:
        """How much of its currency an exact top-up gives, in place of the offer's contents; None of anything else."""
        amount = self.details.get("amount") if self.offer.exact is not None else None
        return amount if isinstance(amount, int) else None


@dataclass(frozen=True, slots=True)
class Fulfilment:
    """What a kind may give while a purchase is settled: steps of the same plan, nothing else.

    ``customer_id`` receives the goods; ``payment`` names what paid for them (a gateway payment, or the
    purchase itself), so that every gem can be traced to the money it came from. ``now`` is business time
    (ms) while this is decided. A server's grant gives through the same verbs: then ``purchase_id`` is the
    grant's, nothing was paid, and ``source_type`` is ``grant``. What no verb here gives is added to ``plan``:
    rows of the plugin's own tables, counters, late steps, events.
    """

    plan: Plan
    purchase_id: str
    customer_id: str
    payment: str
    cost: Money | None
    bought_with: LotsOf | None
    now: int
    source_type: str = "purchase"

    def credit(self, asset: str, amount: int, *, source: str = "purchased", expires_at: int | None = None) -> None:
        """Mint ``amount`` of a virtual asset into the customer's wallet."""
        if self.source_type == "grant":
            source = "granted"
        is_paid = source == "purchased" and self.cost is not None
        terms = LotTerms(
            source=source,
            payment=self.payment,
            cost_amount=self.cost.amount_minor if is_paid and self.cost else None,
            cost_currency=self.cost.currency if is_paid and self.cost else None,
            expires_at=expires_at,
        )
        self.plan.add(Deposit("entry", self.customer_id, asset, amount, issuance(asset), terms))

    def give_item(self, sku: str, quantity: int, *, at_most: int | None = None) -> None:
        """Put items into the inventory; ``at_most`` bounds what may be owned (1 makes a durable)."""
        self.plan.add(
            GrantItem(self.customer_id, sku, quantity, self.purchase_id, at_most=at_most, bought_with=self.bought_with)
        )

    def grant(self, key: str, value: bool | int | str = True, *, sku: str, expires_at: int | None = None) -> None:
        """Give an entitlement because of this purchase."""
        self.plan.add(
            GrantEntitlement(
                self.customer_id,
                key,
                value,
                source_type=self.source_type,
                source_id=self.purchase_id,
                sku=sku,
                expires_at=expires_at,
            )
        )


@dataclass(slots=True)
class Reversal:
    """What a kind asks back when a purchase is reversed: ``sku -> quantity``, ``(asset, source) -> amount``.

    The kind says what was given; the core finds what of it is still there, and takes that.
    """

    items: dict[str, int] = field(default_factory=dict)
    credits: dict[tuple[str, str], int] = field(default_factory=dict)

    def take_item(self, sku: str, quantity: int) -> None:
        """Ask for items that ``Fulfilment.give_item`` gave."""
        self.items[sku] = self.items.get(sku, 0) + quantity

    def take_credit(self, asset: str, amount: int, *, source: str = "purchased") -> None:
        """Ask for currency that ``Fulfilment.credit`` gave with the same ``source``."""
        self.credits[(asset, source)] = self.credits.get((asset, source), 0) + amount


class OfferKind(Protocol):
    """One kind of offer. ``schema`` checks the kind's own keys of an offer in the YAML."""

    @property
    def name(self) -> str: ...

    @property
    def schema(self) -> JsonSchema: ...

    def describe(self, offer: Offer) -> Mapping[str, Any]:
        """Return what clients see beside the common members, such as ``contents``."""
        ...

    def check(self, line: Line) -> None:
        """Refuse what cannot be meant (raise ``Invalid`` or ``Refused``); nothing has been written."""
        ...

    def fulfil(self, line: Line, goods: Fulfilment) -> None:
        """Give what the line bought. Pure: may be called again when a plan is decided again."""
        ...


@runtime_checkable
class TakesDetails(Protocol):
    """A kind that asks the buyer for something: a name, a message, a tier."""

    @property
    def details_schema(self) -> JsonSchema: ...


@runtime_checkable
class Credits(Protocol):
    """A kind whose offers fill a wallet; they are named to a buyer who is short."""

    def credits(self, offer: Offer) -> Mapping[str, int]:
        """Return ``asset -> amount`` that one unit of the offer gives."""
        ...


@runtime_checkable
class GivesExactly(Credits, Protocol):
    """A kind whose offers may be sold in exact amounts: what it fulfils and reverses heeds ``Line.exact_amount``."""

    @property
    def heeds_exact_amount(self) -> bool: ...


@runtime_checkable
class Owned(Protocol):
    """A kind whose offers give an item that may be owned so many times; asked before a checkout opens."""

    def most_owned(self, offer: Offer) -> int | None:
        """Return how many of the offer's item a customer may own, or None for any number."""
        ...


@runtime_checkable
class Reverses(Protocol):
    """A kind whose goods can be taken back; purchases of other kinds are not refunded by themselves."""

    def reverse(self, line: Line, goods: Reversal) -> None:
        """Ask back what ``fulfil`` gave for the line's quantity. Pure; rights are ended by the core."""
        ...
