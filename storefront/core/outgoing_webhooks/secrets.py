"""The secrets that deliveries are signed with: derived, so that none lies in the database.

A secret is a function of the server's key, the endpoint and a number; rotation counts the number up. Whoever has
the database alone can sign nothing.
"""

import base64
import hmac
from hashlib import sha256

from storefront.core.api_keys import KeyHasher
from storefront.core.clock import HOUR_MS
from storefront.core.outgoing.posting import SECRET_PREFIX
from storefront.core.reading import Row

OVERLAP_MS = 24 * HOUR_MS
"""How long the secret before is signed with too after a rotation (wall time)."""


class WebhookSecrets:
    """Derives the secrets of all endpoints."""

    def __init__(self, hasher: KeyHasher) -> None:
        self._key = hasher.derive("webhook secrets")

    def secret(self, endpoint_id: str, number: int) -> bytes:
        """Return the secret of an endpoint with this number, 32 bytes."""
        return hmac.digest(self._key, f"{endpoint_id} {number}".encode(), sha256)

    def shown(self, endpoint_id: str, number: int) -> str:
        """Return it as receivers want it: ``whsec_…``. Show it once, to whoever made it."""
        return SECRET_PREFIX + base64.b64encode(self.secret(endpoint_id, number)).decode()

    def valid(self, endpoint: Row, wall: int) -> list[bytes]:
        """Return the secrets to sign with now, newest first."""
        number = endpoint["secret_number"]
        numbers = [number, number - 1] if wall < endpoint["previous_secret_until"] else [number]
        return [self.secret(endpoint["id"], one) for one in numbers]
