"""From a credential to a principal: synchronous, because it runs before every request.

A session token that verified once is remembered by its text until it expires, so the signature of a busy
game is checked once and not per request; revocation is looked at every time. Keys are looked up by their
non-secret id and compared in constant time.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from storefront.core.api_keys import DEMO_KEYS, KeyHasher, KeyKind, KeyRecord, take_apart
from storefront.core.clock import Clock
from storefront.core.errors import Unauthorized
from storefront.core.principals import Principal, Role, anonymous
from storefront.core.sessions import Revocations, SessionClaims, SessionTokens

MAX_REMEMBERED = 20_000


class Authenticator(Protocol):
    """What the edge needs; must be fast and may not wait."""

    def authenticate(self, authorization: str | None, cookie: str | None, address: str) -> Principal:
        """Return who is asking; a stranger if there is no credential.

        ``authorization`` is the header's value, ``cookie`` the session cookie's, considered only without
        the header. Raises ``Unauthorized`` for a credential that is unknown, expired or revoked.
        """


class CredentialAuthenticator:
    """Knows session tokens, API keys, and whatever ``others`` adds by prefix.

    ``find_key`` answers by key id (``key_…``) from memory; it may be as old as 5 seconds. ``others``:
    prefix of the credential -> a function that answers its principal or ``None`` (overlay tokens,
    purchase tokens). ``demo_keys``: whether the example configuration's keys are good here. ``who_now``: our id of a
    session's customer -> of who they are now, if they were merged since.
    """

    def __init__(
        self,
        tokens: SessionTokens,
        find_key: Callable[[str], KeyRecord | None],
        *,
        hasher: KeyHasher,
        clock: Clock,
        revocations: Revocations | None = None,
        demo_keys: bool = False,
        others: Mapping[str, Callable[[str], Principal | None]] | None = None,
        who_now: Callable[[str], str] = str,
    ) -> None:
        self._tokens = tokens
        self._find_key = find_key
        self._hasher = hasher
        self._clock = clock
        self._revocations = revocations or Revocations()
        self._demo = {text: hasher.demo_record(text) for text in DEMO_KEYS} if demo_keys else {}
        self._others = dict(others or {})
        self._who_now = who_now
        self._fresh: dict[str, tuple[Principal, SessionClaims]] = {}
        self._old: dict[str, tuple[Principal, SessionClaims]] = {}

    def authenticate(self, authorization: str | None, cookie: str | None, address: str) -> Principal:
        """Return who is asking; see ``Authenticator``."""
        if authorization is None:
            return anonymous(address) if cookie is None else self._by_session(cookie)
        known = self._fresh.get(authorization)
        if known is not None:
            return self._alive(known)
        scheme, _, credential = authorization.partition(" ")
        if scheme.lower() != "bearer" or not credential:
            raise Unauthorized("Send Authorization: Bearer and a credential.")
        if credential.startswith("eyJ"):
            return self._by_session(credential, remember_as=authorization)
        prefix, underscore, _ = credential.partition("_")
        if prefix in _KEY_KINDS:
            return self._by_key(credential, address)
        find = self._others.get(prefix + underscore)
        principal = find(credential) if find is not None else None
        if principal is None:
            raise Unauthorized("The credential is not known here.")
        return principal

    def _by_session(self, token: str, *, remember_as: str | None = None) -> Principal:
        name = remember_as or token
        known = self._fresh.get(name) or self._old.get(name)
        if known is None:
            claims = self._tokens.verify(token)
            known = (_customer(claims), claims)
        if len(self._fresh) >= MAX_REMEMBERED // 2:
            self._old, self._fresh = self._fresh, {}
        self._fresh[name] = known
        return self._alive(known)

    def _alive(self, known: tuple[Principal, SessionClaims]) -> Principal:
        principal, claims = known
        if self._clock.wall() >= claims.expires_at:
            raise Unauthorized("The session token has expired.")
        if not self._revocations.is_empty and self._revocations.is_revoked(claims):
            raise Unauthorized("The session has ended.")
        customer_id = self._who_now(claims.customer_id)
        if customer_id != claims.customer_id:
            return replace(principal, customer_id=customer_id, caller=f"customer:{customer_id}")
        return principal

    def _by_key(self, credential: str, address: str) -> Principal:
        parts = take_apart(credential)
        if parts is None:
            raise Unauthorized("The key is not known here.")
        record = self._demo.get(credential) or self._find_key(parts.key_id)
        if record is None or record.kind is not parts.kind or not self._hasher.matches(parts.secret, record):
            raise Unauthorized("The key is not known here.")
        if not record.is_alive(self._clock.wall()):
            raise Unauthorized("The key has expired or was revoked.")
        if record.kind is KeyKind.PUBLISHABLE:
            return anonymous(address, key_id=record.key_id)
        return Principal(record.kind.role, f"key:{record.key_id}", key_id=record.key_id, scopes=record.scopes)


_KEY_KINDS = frozenset(kind.value for kind in KeyKind)


def _customer(claims: SessionClaims) -> Principal:
    return Principal(
        Role.CUSTOMER,
        f"customer:{claims.customer_id}",
        customer_id=claims.customer_id,
        scopes=claims.scopes,
        external_id=claims.external_id,
        session_id=claims.session_id,
        country=claims.country,
    )
