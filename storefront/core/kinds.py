"""Offer kinds: how a plugin says what an offer contains and what buying it gives.

The purchase pipeline is the same for all kinds. A kind never writes ledger rows: it asks the
``Fulfilment`` for credits, items and rights, and the commit does the rest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, TypeVar, cast, runtime_checkable

from storefront.core.accounts import issuance
from storefront.core.commit.item_terms import COUNTED
from storefront.core.commit.plan import Deposit, EndOf, GrantEntitlement, GrantItem, ItemTerms, LotsOf, LotTerms, Plan
from storefront.core.commit.reads import serial_counter
from storefront.core.config.model import Offer
from storefront.core.money import Money
from storefront.core.reading import PointReader

JsonSchema = Mapping[str, Any]
PURCHASED = "purchased"
GIFT = "gift"


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
    rows of the plugin's own tables, counters, late steps, events. ``given_by`` is who paid, where that is not who
    receives: then currency that was bought is credited as a ``gift``, on the same terms. ``tax`` is how much of what
    was paid is (minor units).
    """

    plan: Plan
    purchase_id: str
    customer_id: str
    payment: str
    cost: Money | None
    bought_with: LotsOf | None
    now: int
    source_type: str = "purchase"
    given_by: str | None = None
    tax: int = 0

    def credit(
        self,
        asset: str,
        amount: int,
        *,
        source: str = "purchased",
        expires_at: int | None = None,
        priority: int = 100,
    ) -> None:
        """Mint ``amount`` of a virtual asset into the customer's wallet; a lot of lower ``priority`` is spent first."""
        if self.source_type == "grant":
            source = "granted"
        is_paid = source == PURCHASED and self.cost is not None
        terms = LotTerms(
            source=source if self.given_by is None else as_gift(source),
            payment=self.payment,
            cost_amount=self.cost.amount_minor if is_paid and self.cost else None,
            cost_currency=self.cost.currency if is_paid and self.cost else None,
            priority=priority,
            expires_at=expires_at,
        )
        self.plan.add(Deposit("entry", self.customer_id, asset, amount, issuance(asset), terms))

    def give_item(self, sku: str, quantity: int, *, at_most: int | None = None, terms: ItemTerms = COUNTED) -> None:
        """Put items into the inventory; ``at_most`` bounds what may be owned (1 makes a durable).

        ``terms`` say whether its time runs out, and whether its units are things of their own with serial numbers.
        """
        if terms.is_unique:
            anchor = serial_counter(sku).anchor
            assert anchor is not None, "serial numbers hang under the SKU"
            self.plan.anchors.add(anchor)
        self.plan.add(
            GrantItem(
                self.customer_id,
                sku,
                quantity,
                self.purchase_id,
                at_most=at_most,
                bought_with=self.bought_with,
                terms=terms,
            )
        )

    def grant(
        self, key: str, value: bool | int | str = True, *, sku: str, expires_at: int | EndOf | None = None
    ) -> None:
        """Give an entitlement because of this purchase; one that ends with an item says ``EndOf`` that item."""
        self.plan.add(
            GrantEntitlement(
                self.customer_id,
                key,
                value,
                source_type=self.source_type,
                source_id=self.purchase_id,
                sku=sku,
                expires_at=expires_at,
                given_by=self.given_by,
            )
        )


def as_gift(source: str) -> str:
    """Return how currency of this source is credited to somebody else than its buyer."""
    return GIFT if source == PURCHASED else source


@dataclass(slots=True)
class Reversal:
    """What a kind asks back when a purchase is reversed: ``sku -> quantity``, ``(asset, source) -> amount``.

    The kind says what was given; the core finds what of it is still there, and takes that.
    """

    items: dict[str, int] = field(default_factory=dict)
    credits: dict[tuple[str, str], int] = field(default_factory=dict)
    terms: dict[str, ItemTerms] = field(default_factory=dict)

    def take_item(self, sku: str, quantity: int, *, terms: ItemTerms = COUNTED) -> None:
        """Ask for items that ``Fulfilment.give_item`` gave, on the same ``terms``."""
        self.items[sku] = self.items.get(sku, 0) + quantity
        if terms != COUNTED:
            self.terms[sku] = terms

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
class Sourced(Protocol):
    """A kind whose sales are a source of their own in figures; those of others are ``sales``."""

    @property
    def source(self) -> str:
        """Return the source: ``memberships``, ``fan_funding``, or a word of the plugin's."""
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


class Use(StrEnum):
    """What a customer can do with a thing of theirs, on their own."""

    CONSUME = "consume"
    OPEN = "open"


@runtime_checkable
class UsedByCustomers(Protocol):
    """A kind whose things customers may use on their own: the shop page offers it."""

    def use_of(self, offer: Offer) -> Use | None:
        """Return what a customer can do with the offer's thing, or None if only the game can."""
        ...


@runtime_checkable
class Lasts(Protocol):
    """A kind whose offers may give an item whose time runs out: what the offer grants ends with it."""

    def ends_with(self, offer: Offer) -> str | None:
        """Return the SKU of the item whose end ends the offer's rights, or None where they have none."""
        ...


@runtime_checkable
class GrantsRights(Protocol):
    """A kind that gives and ends its offers' rights by itself, because of an object of its own, such as a subscription.

    Of a purchase by a bill the core then gives none.
    """

    @property
    def grants_rights(self) -> bool: ...


class BackStage(StrEnum):
    """How a reversal stands to the money of its purchase."""

    HELD = "held"
    TAKEN = "taken"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class MoneyBack:
    """One move of one reversal of a purchase (its row): ``amount`` of its price, in minor units, is to be set aside
    (``HELD``), has gone back for good (``TAKEN``), or neither, or no more (``NONE``). ``is_again``: it stays as it is,
    but may find more to ask for now, because another reversal has let it go.
    """

    purchase: Mapping[str, Any]
    reversal_id: str
    amount: int
    stage: BackStage
    now: int
    is_again: bool = False


@runtime_checkable
class SharesMoney(Protocol):
    """A kind that passes on to others what its purchases earned: reversals ask those back, in their own commit."""

    def money_back(self, plan: Plan, move: MoneyBack) -> None:
        """Add to the plan of a move what it means for those others.

        Pure. May be told the same twice, or a stage without those before it; what the shop itself earned is moved
        already.
        """
        ...


@dataclass(frozen=True, slots=True)
class TransferMoved:
    """A gateway has told (``event``, unique) that a transfer was made, taken back or changed: a hint to look it up.

    ``anchor`` is one of the plan's.
    """

    gateway: str
    reference: str
    event: str
    anchor: str
    now: int


@runtime_checkable
class FollowsTransfers(Protocol):
    """A kind whose sellers are paid by transfers of a gateway: it is told of each that has moved."""

    def transfer_moved(self, plan: Plan, moved: TransferMoved) -> None:
        """Add to the plan that strikes the event off what is to be done: a job, which may ask the gateway. Pure."""
        ...


@runtime_checkable
class HasPage(Protocol):
    """A kind that is bought on a page of its plugin's: the shop's own page leaves its offers out."""

    @property
    def page(self) -> str:
        """Return the page's path."""
        ...


@runtime_checkable
class Clips(Protocol):
    """A kind that sells less than was asked for where more could not be owned: only what fits, and is paid."""

    def clips_at(self, offer: Offer) -> int | None:
        """Return how many of the offer's item may be owned if more are left out, or None if more are refused."""
        ...


@dataclass(frozen=True, slots=True)
class Content:
    """What a bundle holds of one other offer; ``worth``: asset -> what that is worth there, beside its list price."""

    sku: str
    quantity: int
    worth: Mapping[str, int] = field(default_factory=dict)


@runtime_checkable
class Bundles(Protocol):
    """A kind whose offers hold other offers: the core gives those, shares out what was paid, and takes them back."""

    def contents(self, offer: Offer) -> Sequence[Content]:
        """Return what one unit of the offer holds."""
        ...


T = TypeVar("T")
_SATISFIED: dict[tuple[type, type], bool] = {}


def kind_as(kind: "OfferKind | None", capability: type[T]) -> T | None:
    """Return a kind as one of the protocols here if it satisfies it: looked at once per class, for it takes a while."""
    known = (type(kind), capability)
    if known not in _SATISFIED:
        _SATISFIED[known] = isinstance(kind, capability)
    return cast("T", kind) if _SATISFIED[known] else None


@dataclass(frozen=True, slots=True)
class Became:
    """What one used item turned into: ``items`` sku -> quantity on ``terms``, currency by the entry ``entry_id``,
    ``rights`` entitlement -> its value, given because of ``id``."""

    id: str
    items: Mapping[str, int]
    terms: Mapping[str, ItemTerms] = field(default_factory=dict)
    entry_id: str | None = None
    rights: Mapping[str, bool | int | str] = field(default_factory=dict)


@runtime_checkable
class Becomes(Protocol):
    """A kind whose items turn into other things when they are used: a reversal takes those instead."""

    async def became(
        self, reader: PointReader, customer_id: str, sku: str, most: int, *, since: int, besides: frozenset[str]
    ) -> Sequence[Became]:
        """Return what a customer's used items of a SKU became since then (business ms), the newest first.

        At most so many, and none of those called as in ``besides``.
        """
        ...

    async def find_became(self, reader: PointReader, name: str) -> Became | None:
        """Return what is called ``name``, or None if it is none of this kind's."""
        ...


@runtime_checkable
class Reverses(Protocol):
    """A kind whose goods can be taken back; purchases of other kinds are not refunded by themselves."""

    def reverse(self, line: Line, goods: Reversal) -> None:
        """Ask back what ``fulfil`` gave for the line's quantity. Pure; rights are ended by the core."""
        ...
