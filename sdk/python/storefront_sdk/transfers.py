"""Passing on what a customer has to another one."""

from dataclasses import dataclass, field
from functools import partial

from storefront_sdk.documents import Document
from storefront_sdk.transport import Transport, understood


@dataclass(frozen=True, slots=True)
class PassedInstance:
    """A unit that is a thing of its own, and keeps its id and its serial number whoever has it."""

    instance: str
    number: int


@dataclass(frozen=True, slots=True)
class Transfer:
    """What was passed on: ``amount`` of an ``asset``, the ``fee`` included, or ``quantity`` items of ``sku``.

    ``instances`` are those of the items that are things of their own.
    """

    id: str
    sender: str
    receiver: str
    asset: str | None = None
    amount: int | None = None
    fee: int | None = None
    sku: str | None = None
    quantity: int | None = None
    instances: tuple[PassedInstance, ...] = ()
    is_replay: bool = field(default=False, compare=False)
    raw: Document = field(repr=False, compare=False, default_factory=dict)

    @classmethod
    def of(cls, document: Document, *, is_replay: bool = False) -> "Transfer":
        return cls(
            document["id"],
            document["from"]["id"],
            document["to"]["id"],
            document["asset"],
            document["amount"],
            document["fee"],
            document["sku"],
            document["quantity"],
            tuple(PassedInstance(one["instance"], one["number"]) for one in document["instances"] or ()),
            is_replay,
            document,
        )


class Transfers:
    """``shop.transfers``; with a session only where the shop lets customers pass things on."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def create(
        self,
        to: str,
        *,
        asset: str | None = None,
        amount: int | None = None,
        sku: str | None = None,
        quantity: int | None = None,
        instance: str | None = None,
        sender: str | None = None,
        idempotency_key: str | None = None,
    ) -> Transfer:
        """Pass ``amount`` of a virtual ``asset``, or ``quantity`` items of ``sku``, on to a customer.

        ``instance`` says which one, of items whose units have numbers; without it the oldest goes. ``sender`` is who
        passes on, with a server key; a session passes on its own.

        Raises:
            InsufficientFunds, NotEnoughItems, DebtOpen, NotTransferable, TransferNotPossible: nothing was moved.
            Unavailable: what happened is unknown; call again with the same ``idempotency_key``.
        """
        wanted = {
            "from": sender,
            "to": to,
            "asset": asset,
            "amount": amount,
            "sku": sku,
            "quantity": quantity,
            "instance": instance,
        }
        body = {name: value for name, value in wanted.items() if value is not None}
        reply = await self._transport.write("/v1/transfers", body, key=idempotency_key)
        return understood(partial(Transfer.of, is_replay=reply.is_replay), reply.document)

    async def get(self, transfer_id: str) -> Transfer:
        """Return a transfer, with a server key."""
        return understood(Transfer.of, (await self._transport.read(f"/v1/transfers/{transfer_id}")).document)
