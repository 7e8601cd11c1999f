"""What a Stripe account says of our key and of the endpoints that it posts events to."""

from typing import Any

import msgspec
import stripe

from storefront.core.gateways import EndpointFacts, GatewayRefused, StandingFacts
from storefront.core.gateways.stripe.client import StripeAccount
from storefront.core.gateways.stripe.translating import read


class _Balance(msgspec.Struct, tag_field="object", tag="balance"):
    livemode: bool


class _Endpoint(msgspec.Struct, tag_field="object", tag="webhook_endpoint"):
    status: str
    url: str
    api_version: str | None = None


class StandingCalls(StripeAccount):
    """Asking whether we are known there; nothing is changed."""

    async def look_at_standing(self) -> StandingFacts:
        """Ask with the key that everything else is asked with: the balance, which every key of ours may read."""
        answer: Any = await self._ask("balance", lambda client: client.v1.balance.retrieve_async(), is_write=False)
        headers = {} if answer.last_response is None else answer.last_response.headers
        return StandingFacts(
            is_live=read(answer, _Balance).livemode,
            version=headers.get("Stripe-Version", ""),
            wanted_version=str(stripe.api_version),
            endpoints=await self._endpoints(),
        )

    async def _endpoints(self) -> tuple[EndpointFacts, ...] | None:
        try:
            found = await self._read_all(
                "webhook_endpoints", _Endpoint, lambda client, page: client.v1.webhook_endpoints.list_async(page)
            )
        except GatewayRefused:  # a restricted key need not have this right
            return None
        return tuple(EndpointFacts(one.url, one.status == "enabled", one.api_version) for one in found)
