"""Fans whom nobody knows: a secret of their browser's own making is the same guest each time."""

import hashlib
import re

from storefront.core.customers import Newcomer
from storefront.core.services import Services

GUEST = "guest_"
"""Begins the name of whoever nobody knows."""
SHAPE = r"[A-Za-z0-9_-]{16,128}"
"""What a browser's secret looks like. Fans of other services are met by names that are none, so nobody comes as one."""
_SHAPE = re.compile(SHAPE)


def is_token(text: str) -> bool:
    """Tell whether a text may be a browser's secret."""
    return _SHAPE.fullmatch(text) is not None


async def meet_guest(services: Services, token: str) -> str | Newcomer:
    """Return the guest of a browser's secret, of whom only a hash of it is kept."""
    return await services.customers.meet(f"{GUEST}{hashlib.sha256(token.encode()).hexdigest()[:40]}")
