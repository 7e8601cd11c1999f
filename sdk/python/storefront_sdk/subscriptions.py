"""A customer's subscriptions: how one stands, what credits it grants, and pausing it."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from storefront_sdk.documents import Document
from storefront_sdk.transport import Transport, understood


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
class Subscription:
    """How a subscription stands; ``raw`` is all that the shop tells of it."""

    id: str
    sku: str
    billing_state: str
    has_access: bool
    will_renew: bool
    period_end: str | None
    pause: Pause | None
    raw: Document = field(repr=False, compare=False, default_factory=dict)

    @classmethod
    def of(cls, document: Document) -> "Subscription":
        held = document["pause"]
        return cls(
            document["id"],
            document["sku"],
            document["billing_state"],
            document["has_access"],
            document["will_renew"],
            document["period_end"],
            None if held is None else Pause.of(held),
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


class Subscriptions:
    """``shop.subscriptions`` of a client with a session or a server key; the shop has the plugin ``subscriptions``."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def credits(self, subscription_id: str) -> IncludedCredits:
        """Return which included credits a subscription granted, and what it grants next."""
        reply = await self._transport.read(f"/v1/subscriptions/{subscription_id}/credits")
        return understood(IncludedCredits.of, reply.document)

    async def get(self, subscription_id: str) -> Subscription:
        """Return a subscription as it stands now."""
        return understood(Subscription.of, (await self._transport.read(_path(subscription_id))).document)

    async def pause(
        self, subscription_id: str, *, at: str = "period_end", resume_at: str | None = None, keep_anchor: bool = False
    ) -> Subscription:
        """Pause it with the period that is paid, or with ``at="now"`` at once; or change until when it is paused.

        ``resume_at`` (RFC 3339) is when it goes on by itself. With ``keep_anchor`` its days of payment stay.

        Raises:
            Forbidden: ``pausing_not_offered``: this shop does not let customers pause; a server key may.
            Conflict: ``payment_due``, ``ends_with_period``, ``renewal_under_way``, ``pause_too_long``: not now.
        """
        body: dict[str, Any] = {"at": at, "keep_anchor": keep_anchor}
        if resume_at is not None:
            body["resume_at"] = resume_at
        reply = await self._transport.write(f"{_path(subscription_id)}/pause", body)
        return understood(Subscription.of, reply.document)

    async def resume(self, subscription_id: str, *, keep_anchor: bool | None = None) -> Subscription:
        """Let it go on: its next period is charged at once. Or take back that it pauses, or ends with its period.

        A charge that fails is tried again by itself: then ``billing_state`` is ``past_due``, and access none yet.

        Raises:
            Conflict: ``no_payment_method``: there is nothing to charge; or ``subscription_over``.
        """
        body = {} if keep_anchor is None else {"keep_anchor": keep_anchor}
        reply = await self._transport.write(f"{_path(subscription_id)}/resume", body)
        return understood(Subscription.of, reply.document)


def _path(subscription_id: str) -> str:
    return f"/v1/subscriptions/{quote(subscription_id, safe='')}"
