"""Subscriptions as frozen values: how one stands, what it asked for, what it grants, what a change would cost."""

from dataclasses import dataclass, field

from storefront_sdk.documents import Document, Money


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause that a subscription is in, or that is to come; times are RFC 3339.

    ``state`` is ``scheduled`` (for the period's end), ``running``, or ``resuming`` while its next period is being paid.
    ``resume_at`` is when it goes on by itself, None where it waits to be asked.
    """

    id: str
    state: str
    starts_at: str
    resume_at: str | None
    keep_anchor: bool

    @classmethod
    def of(cls, document: Document) -> "Pause":
        return cls(
            document["id"],
            document["state"],
            document["starts_at"],
            document["resume_at"],
            document["keep_anchor"],
        )


@dataclass(frozen=True, slots=True)
class PendingChange:
    """A change of tier that is agreed to and not done: ``scheduled`` for ``change_at``, or ``open`` until it is paid.

    ``redirect_url`` is where its payer pays or confirms.
    """

    id: str
    state: str
    tier: str
    interval: str
    seats: int
    change_at: str
    redirect_url: str | None

    @classmethod
    def of(cls, document: Document) -> "PendingChange":
        return cls(
            document["id"],
            document["state"],
            document["tier"],
            document["interval"],
            document["seats"],
            document["change_at"],
            document.get("redirect_url"),
        )


@dataclass(frozen=True, slots=True)
class Gifted:
    """Periods that somebody else has paid: how many are to come, and when the last ends (None while it is paused)."""

    periods_left: int
    until: str | None


@dataclass(frozen=True, slots=True)
class FinalInvoice:
    """What a subscription asked after its end, before tax: for usage that was on no invoice.

    ``open`` (tried again at ``next_attempt_at``, or confirmed at ``redirect_url``), ``paid``, ``owed`` (in vain: the
    family's next invoice asks for it) or ``written_off``.
    """

    id: str
    state: str
    total: Money
    next_attempt_at: str | None
    redirect_url: str | None
    purchase: str | None

    @classmethod
    def of(cls, document: Document) -> "FinalInvoice":
        return cls(
            document["id"],
            document["state"],
            Money.of(document["total"]),
            document["next_attempt_at"],
            document["redirect_url"],
            document["purchase"],
        )


@dataclass(frozen=True, slots=True)
class Subscription:
    """How a subscription stands; ``raw`` is all that the shop tells of it.

    ``credit`` is what its next invoices cost less, ``owed`` what they cost more, ``final_invoice`` what it asked last.
    """

    id: str
    sku: str
    billing_state: str
    has_access: bool
    will_renew: bool
    period_end: str | None
    pause: Pause | None
    pending_change: PendingChange | None
    gifted: Gifted | None
    credit: Money
    owed: Money
    final_invoice: FinalInvoice | None
    raw: Document = field(repr=False, compare=False, default_factory=dict)

    @classmethod
    def of(cls, document: Document) -> "Subscription":
        held, ahead, gifted = document["pause"], document["pending_change"], document["gifted"]
        final = document["final_invoice"]
        return cls(
            document["id"],
            document["sku"],
            document["billing_state"],
            document["has_access"],
            document["will_renew"],
            document["period_end"],
            None if held is None else Pause.of(held),
            None if ahead is None else PendingChange.of(ahead),
            None if gifted is None else Gifted(gifted["periods_left"], gifted["until"]),
            Money.of(document["credit"]),
            Money.of(document["owed"]),
            None if final is None else FinalInvoice.of(final),
            document,
        )


@dataclass(frozen=True, slots=True)
class IncludedCredit:
    """What a slot of included credits granted; ``worth`` is what the whole slot is worth from then on.

    ``cause`` is ``granted`` or ``rolled`` (over from the slot before); ``slot_end`` is when what is left lapses.
    """

    id: str
    asset: str
    cause: str
    amount: int
    worth: int
    slot_start: str
    slot_end: str
    raw: Document = field(repr=False, compare=False, default_factory=dict)

    @classmethod
    def of(cls, document: Document) -> "IncludedCredit":
        return cls(
            document["id"],
            document["asset"],
            document["cause"],
            document["amount"],
            document["worth"],
            document["slot_start"],
            document["slot_end"],
            document,
        )


@dataclass(frozen=True, slots=True)
class NextCredit:
    """How much of an asset is granted next, and when (RFC 3339)."""

    asset: str
    amount: int
    at: str


@dataclass(frozen=True, slots=True)
class IncludedCredits:
    """A subscription's credits: what each slot granted, newest first, and what comes next of each asset."""

    granted: tuple[IncludedCredit, ...]
    next: tuple[NextCredit, ...]

    @classmethod
    def of(cls, document: Document) -> "IncludedCredits":
        ahead = tuple(NextCredit(one["asset"], one["amount"], one["at"]) for one in document["next"])
        return cls(tuple(IncludedCredit.of(one) for one in document["data"]), ahead)


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One line of an invoice or a preview; ``kind`` (of previews) is charge, credit, used, owed, kept or tax."""

    title: str
    total: Money
    kind: str | None = None

    @classmethod
    def of(cls, document: Document) -> "InvoiceLine":
        return cls(document["title"], Money.of(document["total"]), document.get("kind"))


@dataclass(frozen=True, slots=True)
class SubscriptionInvoice:
    """What one period asked for, before tax: ``open``, ``paid``, ``void`` or ``uncollectible``. A trial's is -1."""

    id: str
    period: int
    state: str
    total: Money
    lines: tuple[InvoiceLine, ...]
    period_start: str | None
    period_end: str | None
    purchase: str | None
    raw: Document = field(repr=False, compare=False, default_factory=dict)

    @classmethod
    def of(cls, document: Document) -> "SubscriptionInvoice":
        return cls(
            document["id"],
            document["period"],
            document["state"],
            Money.of(document["total"]),
            tuple(InvoiceLine.of(line) for line in document["lines"]),
            document["period_start"],
            document["period_end"],
            document["purchase"],
            document,
        )


@dataclass(frozen=True, slots=True)
class ChangePreview:
    """What a change would cost: ``total`` is paid then, tax and all, ``returned`` goes back to a wallet.

    ``token`` pins all of it until ``expires_at``.
    """

    tier: str
    interval: str
    seats: int
    timing: str
    change_at: str
    lines: tuple[InvoiceLine, ...]
    total: Money
    returned: Money
    renews_for: Money
    token: str
    expires_at: str
    raw: Document = field(repr=False, compare=False, default_factory=dict)

    @classmethod
    def of(cls, document: Document) -> "ChangePreview":
        return cls(
            document["tier"],
            document["interval"],
            document["seats"],
            document["timing"],
            document["change_at"],
            tuple(InvoiceLine.of(line) for line in document["lines"]),
            Money.of(document["total"]),
            Money.of(document["returned"]),
            Money.of(document["renews_for"]),
            document["token"],
            document["expires_at"],
            document,
        )
