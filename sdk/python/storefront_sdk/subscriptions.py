"""Looking at a customer's subscriptions: which there are, and what credits they grant."""

from dataclasses import dataclass, field

from storefront_sdk.documents import Document
from storefront_sdk.transport import Transport, understood


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
