"""Automatic top-ups: what a customer agreed to, so that a wallet is filled by a saved method while they are away."""

from dataclasses import dataclass, field
from urllib.parse import quote as quoted

from storefront_sdk.documents import Document, Money
from storefront_sdk.transport import Transport, understood


@dataclass(frozen=True, slots=True)
class AutoTopUp:
    """What is bought when less than ``below`` is left, and how it stands: ``on``, ``waiting``, ``paused`` or ``off``.

    ``reason`` says why it waits, is paused or is off. While the customer's bank asks for them, ``redirect_url`` is
    where they confirm the charge.
    """

    id: str
    asset: str
    state: str
    reason: str | None
    below: int
    sku: str
    quantity: int
    at_most: Money
    daily_cap: Money
    spent_today: Money
    redirect_url: str | None
    raw: Document = field(repr=False, compare=False, default_factory=dict)

    @classmethod
    def of(cls, document: Document) -> "AutoTopUp":
        return cls(
            document["id"],
            document["asset"],
            document["state"],
            document["reason"],
            document["below"],
            document["sku"],
            document["quantity"],
            Money.of(document["at_most"]),
            Money.of(document["daily_cap"]),
            Money.of(document["spent_today"]),
            (document["last"] or {}).get("redirect_url"),
            document,
        )


class AutoTopUps:
    """``shop.auto_top_ups``; with a server key every call names the ``customer``."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(self, *, customer: str | None = None) -> tuple[AutoTopUp, ...]:
        """Return what a customer has agreed to, also what is switched off."""
        reply = await self._transport.read(_path(customer))
        return understood(_all, reply.document)

    async def agree(
        self,
        asset: str,
        *,
        below: int,
        sku: str,
        payment_method: str,
        daily_cap: Money,
        consent_text: str,
        quantity: int = 1,
        at_most: Money | None = None,
        customer: str | None = None,
    ) -> AutoTopUp:
        """Write down that a customer agrees to be charged like this while they are away; it replaces what was agreed.

        ``consent_text`` names the text they were shown and its version. Call it only once they have agreed.
        """
        body = {
            "asset": asset,
            "below": below,
            "sku": sku,
            "quantity": quantity,
            "payment_method": payment_method,
            "daily_cap": {"amount": daily_cap.amount, "currency": daily_cap.currency},
            "consent": True,
            "consent_text": consent_text,
        }
        if at_most is not None:
            body["at_most"] = {"amount": at_most.amount, "currency": at_most.currency}
        reply = await self._transport.put(_path(customer), body)
        return understood(AutoTopUp.of, reply.document)

    async def end(self, asset: str, *, customer: str | None = None) -> None:
        """Switch an automatic top-up off; what is being charged at this moment goes on."""
        await self._transport.delete(f"{_path(customer)}/{quoted(asset, safe='')}")


def _path(customer: str | None) -> str:
    whose = "me" if customer is None else f"customers/{quoted(customer, safe='')}"
    return f"/v1/{whose}/auto-top-up"


def _all(document: Document) -> tuple[AutoTopUp, ...]:
    return tuple(AutoTopUp.of(one) for one in document["data"])
