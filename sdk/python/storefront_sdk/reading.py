"""What a client reads: the catalog, and a customer's state and rights, from memory where that is allowed."""

from urllib.parse import quote as quoted

from storefront_sdk.cache import Policy
from storefront_sdk.connected import Connected
from storefront_sdk.models import Check, CustomerState, Document, Item, Offer, Wallet
from storefront_sdk.state import ask
from storefront_sdk.transport import understood


class Reading(Connected):
    """``shop.catalog()``, ``me()``, ``wallet()``, ``inventory()`` and ``check()``."""

    _is_server: bool
    _catalog: tuple[str, list[Offer]] | None

    async def catalog(self) -> list[Offer]:
        """Return what is on sale; fetched again only when it has changed."""
        headers = {"If-None-Match": self._catalog[0]} if self._catalog else {}
        reply = await self._transport.read("/v1/catalog", headers=headers)
        if reply.status != 304 or self._catalog is None:
            self._catalog = (reply.headers.get("ETag", ""), understood(_offers, reply.document))
        return list(self._catalog[1])

    async def me(self, policy: Policy = Policy.CACHED_OR_FETCHED, *, customer: str | None = None) -> CustomerState:
        """Return the customer state, from memory if ``policy`` allows.

        With a server key name the ``customer``: such a client serves many, so it always asks.

        Raises:
            NothingCached: ``cache_only``, and nothing was fetched yet.
        """
        if customer is None:
            return await self._own.get(Policy(policy))
        reply = await self._transport.read(f"/v1/customers/{quoted(customer, safe='')}")
        return understood(CustomerState.of, reply.document)

    async def wallet(
        self, asset: str, policy: Policy = Policy.CACHED_OR_FETCHED, *, customer: str | None = None
    ) -> Wallet:
        """Return a wallet; one that was never filled is empty."""
        return (await self.me(policy, customer=customer)).wallets.get(asset, Wallet())

    async def inventory(
        self, policy: Policy = Policy.CACHED_OR_FETCHED, *, customer: str | None = None
    ) -> tuple[Item, ...]:
        """Return what the customer owns."""
        return (await self.me(policy, customer=customer)).items

    async def check(
        self,
        key: str,
        amount: int = 1,
        *,
        policy: Policy = Policy.CACHED_OR_FETCHED,
        customer: str | None = None,
    ) -> Check:
        """Ask "may I?". A right that is held is answered from memory; a "no" is asked for, and then remembered too.

        An unknown key, and with a server key an unknown ``customer``, is ``reason="unknown"``, never an error.
        """
        if self._is_server or customer is not None:
            return Check.of(await ask(self._transport, key, amount, customer=customer))
        return await self._own.check(key, amount, Policy(policy))


def _offers(document: Document) -> list[Offer]:
    return [Offer.of(offer) for offer in document["offers"]]
