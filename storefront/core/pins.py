"""Tokens that pin what was shown to somebody for a while: the server signs it, and believes it when it comes back.

Nothing is stored. A compact JWT, signed with the server's own keys; ``typ`` says what it pins, so that no token passes
for another. Its end is business time, like that of all offers, so a sandbox's clock ends it too.
"""

from collections.abc import Mapping
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError

from storefront.core.clock import Clock
from storefront.core.errors import Invalid
from storefront.core.sessions import ALGORITHM, AUDIENCE, SigningKeys

_LONGEST = 8_192


class BadPin(Invalid):
    code = "bad_token"
    title = "This token is not valid, or its time is over"


class Pins:
    """Signs what was shown, and reads it again."""

    def __init__(self, keys: SigningKeys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    def sign(self, type: str, shown: Mapping[str, Any], *, expires_at: int) -> str:
        """Return a token that pins ``shown`` (JSON) until ``expires_at`` (business ms)."""
        header = {"alg": ALGORITHM, "typ": f"{type}+jwt", "kid": self._keys.kid}
        claims = {"aud": AUDIENCE, "until": expires_at, "shown": dict(shown)}
        return jwt.encode(header, claims, self._keys.signing_key, algorithms=[ALGORITHM])

    def read(self, type: str, token: str) -> Mapping[str, Any]:
        """Return what a token pins.

        Raises:
            BadPin: it is none of ours, it pins something else, or its time is over.
        """
        if len(token) > _LONGEST:
            raise BadPin
        try:
            decoded = jwt.decode(token, self._keys.key_set, algorithms=[ALGORITHM])
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise BadPin from error
        claims = decoded.claims
        if decoded.header.get("typ") != f"{type}+jwt" or claims.get("aud") != AUDIENCE or "crit" in decoded.header:
            raise BadPin
        if self._clock.now() >= claims["until"]:
            raise BadPin("The time of this token is over: ask for another.")
        shown: Mapping[str, Any] = claims["shown"]
        return shown
