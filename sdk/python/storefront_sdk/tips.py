"""Tips for creators: given with or without an account, seen as everybody sees them; what creators have."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Literal
from urllib.parse import quote as quoted

from storefront_sdk.connected import Merge, body_of
from storefront_sdk.documents import Document, Money
from storefront_sdk.sales import Purchase
from storefront_sdk.transport import Transport, understood

_PATH = "/v1/fanfunding"
Span = Literal["all", "month", "day"]


@dataclass(frozen=True, slots=True)
class Creator:
    """Somebody who takes tips; ``least`` and ``most`` are by currency, in the smallest unit."""

    id: str
    name: str
    title: str | None
    least: Mapping[str, int]
    most: Mapping[str, int]
    raw: Document = field(repr=False, compare=False, default_factory=dict)

    @classmethod
    def of(cls, document: Document) -> "Creator":
        return cls(document["id"], document["name"], document["title"], document["min"], document["max"], document)


@dataclass(frozen=True, slots=True)
class Tip:
    """What everybody may see of a tip: no ``name`` of who is anonymous, no words of what waits to be read.

    ``state`` is ``pending``, ``paid``, ``refunded`` or ``void``; ``sequence`` its place in its creator's queue.
    """

    id: str
    creator: str
    state: str
    amount: Money
    name: str | None
    message: str | None
    sequence: int | None
    tier: str | None
    is_held: bool
    raw: Document = field(repr=False, compare=False, default_factory=dict)

    @property
    def is_paid(self) -> bool:
        """Tell whether its money is there."""
        return self.state == "paid"

    @classmethod
    def of(cls, document: Document) -> "Tip":
        return cls(
            document["id"],
            document["creator"],
            document["state"],
            Money.of(document["amount"]),
            document["name"],
            document["message"],
            document["sequence"],
            document["tier"],
            document["held"],
            document,
        )


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal and how it stands; ``percent`` is of what is collected for now: the goal, or what comes after it."""

    id: str
    title: str
    amount: Money
    target: Money
    is_reached: bool
    percent: int
    raw: Document = field(repr=False, compare=False, default_factory=dict)

    @classmethod
    def of(cls, document: Document) -> "Goal":
        return cls(
            document["id"],
            document["title"],
            Money.of(document["amount"]),
            Money.of(document["target"]),
            document["reached"],
            document["aim"]["percent"],
            document,
        )


@dataclass(frozen=True, slots=True)
class Supporter:
    """A line of a leaderboard; who gives anonymously has no ``name``."""

    rank: int
    name: str | None
    amount: Money
    raw: Document = field(repr=False, compare=False, default_factory=dict)

    @classmethod
    def of(cls, document: Document) -> "Supporter":
        return cls(document["rank"], document["name"], Money.of(document["amount"]), document)


class Tips:
    """``shop.tips``; the shop has the plugin ``fanfunding``. A ``public`` client gives as a guest."""

    def __init__(self, transport: Transport, merge: Merge) -> None:
        self._transport = transport
        self._merge = merge

    async def creators(self, *, language: str | None = None) -> list[Creator]:
        """Return the creators, in the order of their files; texts in ``language``, else in the shop's."""
        reply = await self._transport.read(f"{_PATH}/creators", query=_query(language=language))
        return understood(lambda document: [Creator.of(one) for one in document["data"]], reply.document)

    async def creator(self, creator: str, *, language: str | None = None) -> Creator:
        """Return a creator: what they take, and what becomes of it on stream (``raw["tiers"]``)."""
        reply = await self._transport.read(_creator(creator), query=_query(language=language))
        return understood(Creator.of, reply.document)

    async def give(
        self,
        creator: str,
        amount: Money | tuple[int, str],
        name: str,
        *,
        message: str | None = None,
        anonymous: bool = False,
        fan: str | None = None,
        customer: str | None = None,
        pay_with: str | None = None,
        payment_method: str | None = None,
        return_url: str | None = None,
        idempotency_key: str | None = None,
    ) -> Purchase:
        """Give a tip, once, however often the call is retried under its key; return its purchase.

        ``raw["details"]["tip"]`` of it is the tip's id. A pending purchase is paid at ``redirect_url``. Whoever has no
        account is a guest, the same one for the same ``fan``, a secret of 16 to 128 characters that they keep. With a
        server key name the ``customer``.

        Raises:
            AmountOutOfRange, InsufficientFunds, Invalid: nothing was given.
            Unavailable: what happened is unknown; call again with the same ``idempotency_key``.
        """
        number, currency = amount
        body = body_of(
            amount={"amount": number, "currency": currency},
            name=name,
            message=message,
            anonymous=anonymous,
            fan=fan,
            customer=customer,
            pay_with=pay_with,
            payment_method=payment_method,
            return_url=return_url,
        )
        reply = await self._transport.write(f"{_creator(creator)}/tips", body, key=idempotency_key)
        purchase = understood(partial(Purchase.of, is_replay=reply.is_replay), reply.document)
        self._merge(reply.document, customer)
        return purchase

    async def get(self, tip: str | Tip) -> Tip:
        """Return what everybody may see of a tip, as it is now."""
        return understood(Tip.of, (await self._transport.read(_tip(tip))).document)

    async def finalize(self, tip: str | Tip) -> Tip:
        """Have the server ask the gateway now; call it when the fan comes back from paying."""
        return understood(Tip.of, (await self._transport.write(f"{_tip(tip)}/finalize", takes_key=False)).document)

    async def goals(self, creator: str, *, language: str | None = None) -> list[Goal]:
        """Return a creator's goals and how they stand."""
        reply = await self._transport.read(f"{_creator(creator)}/goals", query=_query(language=language))
        return understood(lambda document: [Goal.of(one) for one in document["data"]], reply.document)

    async def leaderboard(
        self, creator: str, *, span: Span = "all", currency: str | None = None, limit: int = 10
    ) -> list[Supporter]:
        """Return who gave a creator most, of all time or of this month or day (UTC)."""
        query = _query(span=span, currency=currency, limit=str(limit))
        reply = await self._transport.read(f"{_creator(creator)}/leaderboard", query=query)
        return understood(lambda document: [Supporter.of(one) for one in document["data"]], reply.document)

    async def list(
        self, creator: str, *, limit: int = 20, before: str | int | None = None
    ) -> tuple[list[Tip], str | None]:
        """Return a creator's newest tips, and the ``before`` of older ones (None: there are none)."""
        query = _query(limit=str(limit), before=None if before is None else str(before))
        reply = await self._transport.read(f"{_creator(creator)}/tips", query=query)

        def page(document: Document) -> tuple[list[Tip], str | None]:
            return [Tip.of(one) for one in document["data"]], document["next"]

        return understood(page, reply.document)


def _query(**members: str | None) -> dict[str, str]:
    return {name: value for name, value in members.items() if value is not None}


def _creator(creator: str) -> str:
    return f"{_PATH}/creators/{quoted(creator, safe='')}"


def _tip(tip: str | Tip) -> str:
    return f"{_PATH}/tips/{quoted(tip.id if isinstance(tip, Tip) else tip, safe='')}"
