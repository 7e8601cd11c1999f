"""Leases: a customer's state, signed, so that a client can go by it while it cannot ask us.

A lease is a compact JWS under the server's Ed25519 key, of the type ``lease+jwt``. Its payload is the state as
``GET /v1/me`` answers it, with ``lease_until``. Source: RFC 7515 (JWS), RFC 8037 and RFC 9864 (Ed25519).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import msgspec
from joserfc import jws

from storefront.core.clock import Clock, iso
from storefront.core.sessions import ALGORITHM, SigningKeys

TOKEN_TYPE = "lease+jwt"  # noqa: S105 - a media type
RENEWALS = 4
"""A lease is replaced after a quarter of its time: a client that goes offline holds one for three quarters at least."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A signed state; ``term`` counts the quarters of a customer's leases, and is part of the state's ETag."""

    term: int
    token: str


class Leases:
    """Signs the states of one shop; ``lasting_ms`` is how long a lease lends at most, 0 for no leases."""

    def __init__(self, keys: SigningKeys, clock: Clock, *, lasting_ms: int) -> None:
        self._keys = keys
        self._clock = clock
        self._lasting = lasting_ms

    def term(self, customer_id: str) -> int:
        """Return which quarter it is for a customer; it begins at another moment for each, so they do not come at once.

        The same in every process, as ETags have to be.
        """
        if not self._lasting:
            return 0
        quarter = self._lasting // RENEWALS
        return (self._now() + crc32(customer_id.encode()) % quarter) // quarter

    def sign(self, customer_id: str, document: Mapping[str, Any]) -> Lease | None:
        """Return the lease of a state; None where the shop gives none.

        ``document`` has the moment's own members, ``as_of`` and ``server_time``: a client's clock is held against them.
        """
        if not self._lasting:
            return None
        term = self.term(customer_id)
        quarter = self._lasting // RENEWALS
        begun = term * quarter - crc32(customer_id.encode()) % quarter
        body = msgspec.json.encode({**document, "lease_until": iso(begun + self._lasting)})
        header = {"alg": ALGORITHM, "typ": TOKEN_TYPE, "kid": self._keys.kid}
        signed = jws.serialize_compact(header, body, self._keys.signing_key, algorithms=[ALGORITHM])
        return Lease(term, str(signed))

    def _now(self) -> int:
        """Return the time that leases are counted in: in a sandbox whose time was moved, that runs ahead."""
        return max(self._clock.wall(), self._clock.now())
