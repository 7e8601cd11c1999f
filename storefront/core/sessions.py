"""Session tokens: short-lived proof that the game's server vouched for a customer.

A compact JWT signed with Ed25519, at most 15 minutes long, never refreshed: the game's server mints
another. Verification takes one algorithm, our own issuer and audience, and the machine's clock. The same
keys sign leases and receipts; ``typ`` keeps them apart. Source: RFC 7519, RFC 8725, RFC 9864.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey

from storefront.core.clock import SECOND_MS, Clock
from storefront.core.errors import Unauthorized
from storefront.core.key_files import read_or_create
from storefront.core.principals import ALL_SCOPES
from storefront.core.signing_pem import ED25519, read_signing_key

ALGORITHM = ED25519
TOKEN_TYPE = "session+jwt"  # noqa: S105 - a media type
AUDIENCE = "storefront"
MIN_TTL_SECONDS = 60
MAX_TTL_SECONDS = 900
_LEEWAY_MS = 5 * SECOND_MS
_MAX_TOKEN_LENGTH = 4096


class SigningKeys:
    """The server's Ed25519 keys: the first signs, all of them verify (rotation overlaps).

    A key's id is its thumbprint (RFC 7638). ``is_configured``: they come from the YAML, not from the data folder.
    """

    def __init__(self, keys: Sequence[OKPKey], *, is_configured: bool = False) -> None:
        if not keys:
            raise ValueError("at least one signing key is needed")
        self.is_configured = is_configured
        self.key_set = KeySet(list(keys))
        self.signing_key = keys[0]
        self.kid = keys[0].thumbprint()

    @classmethod
    def load_or_create(cls, directory: Path) -> "SigningKeys":
        """Read ``signing-*.pem`` from the folder, newest name first; the first start makes one."""
        names = sorted(directory.glob("signing-*.pem"), reverse=True) or [directory / "signing-1.pem"]
        return cls([OKPKey.import_key(read_or_create(name, _new_key)) for name in names])

    @classmethod
    def of_pems(cls, pems: Iterable[str]) -> "SigningKeys":
        """Read the keys of the configuration, the signing one first; their form was checked with it."""
        return cls([read_signing_key(pem) for pem in pems], is_configured=True)

    def jwks(self) -> dict[str, list[dict[str, Any]]]:
        """Return the public keys as a JWK set, for those who verify offline."""
        public = [{**key.as_dict(private=False), "use": "sig", "alg": ALGORITHM} for key in self.key_set]
        return {"keys": public}


@dataclass(frozen=True, slots=True)
class SessionClaims:
    """What a good token says; times are wall milliseconds."""

    customer_id: str
    external_id: str
    session_id: str
    token_id: str
    issued_at: int
    expires_at: int
    scopes: frozenset[str]
    country: str | None


class SessionTokens:
    """Mints and verifies session tokens; ``issuer`` is the shop's name for itself."""

    def __init__(self, keys: SigningKeys, clock: Clock, *, issuer: str = "storefront") -> None:
        self._keys = keys
        self._clock = clock
        self._issuer = issuer

    def mint(
        self,
        customer_id: str,
        external_id: str,
        *,
        ttl_seconds: int = MAX_TTL_SECONDS,
        country: str | None = None,
        scopes: Sequence[str] = (ALL_SCOPES,),
    ) -> tuple[str, int]:
        """Return a token and when it expires (wall milliseconds); ``ttl_seconds`` from 60 to 900."""
        if not MIN_TTL_SECONDS <= ttl_seconds <= MAX_TTL_SECONDS:
            raise ValueError("a session lasts 60 to 900 seconds")
        issued = self._clock.wall() // SECOND_MS
        claims = {
            "iss": self._issuer,
            "aud": AUDIENCE,
            "sub": customer_id,
            "ext": external_id,
            "sid": f"ses_{secrets.token_urlsafe(16)}",
            "jti": secrets.token_urlsafe(16),
            "iat": issued,
            "exp": issued + ttl_seconds,
            "scope": " ".join(scopes),
        }
        if country is not None:
            claims["country"] = country
        header = {"alg": ALGORITHM, "typ": TOKEN_TYPE, "kid": self._keys.kid}
        token = jwt.encode(header, claims, self._keys.signing_key, algorithms=[ALGORITHM])
        return token, (issued + ttl_seconds) * SECOND_MS

    def verify(self, token: str) -> SessionClaims:
        """Return the claims of a good token; raises ``Unauthorized`` for every other text."""
        if len(token) > _MAX_TOKEN_LENGTH:
            raise Unauthorized("The session token is not valid.")
        try:
            decoded = jwt.decode(token, self._keys.key_set, algorithms=[ALGORITHM])
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise Unauthorized("The session token is not valid.") from error
        claims = _claims(decoded.header, decoded.claims, self._issuer)
        if claims is None:
            raise Unauthorized("The session token is not valid.")
        now = self._clock.wall()
        if now >= claims.expires_at:
            raise Unauthorized("The session token has expired.")
        if claims.issued_at > now + _LEEWAY_MS:
            raise Unauthorized("The session token is not valid.")
        return claims


@dataclass(slots=True)
class Revocations:
    """Sessions ended before their time, held until they would have expired anyway."""

    is_empty: bool = True
    _sessions: dict[str, int] = field(default_factory=dict)
    _customers: dict[str, int] = field(default_factory=dict)

    def revoke_session(self, session_id: str, *, now_ms: int) -> None:
        """End one session."""
        self._forget(now_ms)
        self._sessions[session_id] = now_ms + MAX_TTL_SECONDS * SECOND_MS
        self.is_empty = False

    def revoke_customer(self, customer_id: str, *, now_ms: int) -> None:
        """End all sessions of a customer that were minted until now."""
        self._forget(now_ms)
        self._customers[customer_id] = now_ms
        self.is_empty = False

    def is_revoked(self, claims: SessionClaims) -> bool:
        """Tell whether this session was ended."""
        return claims.session_id in self._sessions or claims.issued_at <= self._customers.get(claims.customer_id, -1)

    def _forget(self, now_ms: int) -> None:
        oldest = now_ms - (MAX_TTL_SECONDS * SECOND_MS + _LEEWAY_MS)
        self._sessions = {name: until for name, until in self._sessions.items() if until > now_ms}
        self._customers = {name: moment for name, moment in self._customers.items() if moment > oldest}


def _new_key() -> bytes:
    pem: bytes = OKPKey.generate_key("Ed25519").as_pem(private=True)
    return pem


def _claims(header: Mapping[str, Any], claims: Mapping[str, Any], issuer: str) -> SessionClaims | None:
    ours = header.get("typ") == TOKEN_TYPE and claims.get("iss") == issuer and claims.get("aud") == AUDIENCE
    texts = [claims.get(name) for name in ("sub", "ext", "sid", "jti", "scope")]
    times = [claims.get(name) for name in ("iat", "exp")]
    country = claims.get("country")
    if not ours or "crit" in header or not all(type(moment) is int for moment in times):
        return None
    if not all(isinstance(text, str) for text in texts) or not isinstance(country, str | None):
        return None
    customer_id, external_id, session_id, token_id, scope = (str(text) for text in texts)
    issued, expires = (int(moment) * SECOND_MS for moment in times if moment is not None)
    return SessionClaims(
        customer_id, external_id, session_id, token_id, issued, expires, frozenset(scope.split()), country
    )
