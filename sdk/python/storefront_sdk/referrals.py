"""Referrals: a customer's own code to give to others, and the use of somebody else's."""

from dataclasses import dataclass, field
from urllib.parse import quote as quoted

from storefront_sdk.documents import Document
from storefront_sdk.transport import Transport, understood


@dataclass(frozen=True, slots=True)
class Referral:
    """A customer's ``code`` and ``link``, how many used it (``referred``) and how many of those brought a reward.

    ``is_referred``: they have used somebody's code themselves.
    """

    code: str
    link: str
    referred: int
    rewarded: int
    is_referred: bool
    raw: Document = field(repr=False, compare=False, default_factory=dict)

    @classmethod
    def of(cls, document: Document) -> "Referral":
        return cls(
            document["code"],
            document["link"],
            document["referred"],
            document["rewarded"],
            document["referred_by_code"],
            document,
        )


class Referrals:
    """``shop.referrals``; with a server key every call names the ``customer``."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def get(self, *, customer: str | None = None) -> Referral:
        """Return the customer's code and what it has brought.

        Raises:
            NotFound: the shop has no referrals.
        """
        return understood(Referral.of, (await self._transport.read(_path(customer))).document)

    async def use(self, code: str, *, customer: str | None = None) -> Referral:
        """Say by whose code the customer came: once for ever, before their first purchase. Safe to repeat.

        Raises:
            ReferralRefused: that code cannot be used; facts: reason.
        """
        reply = await self._transport.write(_path(customer), {"code": code}, takes_key=False)
        return understood(Referral.of, reply.document)


def _path(customer: str | None) -> str:
    return "/v1/me/referral" if customer is None else f"/v1/customers/{quoted(customer, safe='')}/referral"
