"""What Stripe would refuse of our requests, found before it could: a checker made from the pinned library's own
request types, and a proxy that stands in front of the emulator.

    async with strict_shop(shop) as strict:   # every request of the shop's gateway goes through it
        ...                                   # at the end nothing may have been refused

``strict_proxy(url)`` is the same for any emulator; its ``url`` is an ``api_base``.
"""

from tests.gateways.strict_requests.checker import Checker, Sent
from tests.gateways.strict_requests.proxy import StrictProxy, strict_proxy, strict_shop

__all__ = ["Checker", "Sent", "StrictProxy", "strict_proxy", "strict_shop"]
