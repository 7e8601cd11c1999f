"""Fans whom nobody knows: a secret of their browser's own making is the same guest each time."""

import hashlib

from storefront.core.customers import Newcomer
from storefront.core.services import Services

GUEST = "guest_"
"""Begins the name of whoever nobody knows."""


async def meet_guest(services: Services, token: str) -> str | Newcomer:
    """Return the guest of a browser's secret, of whom only a hash of it is kept."""
    return await services.customers.meet(f"{GUEST}{hashlib.sha256(token.encode()).hexdigest()[:40]}")
