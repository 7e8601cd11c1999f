"""API keys: how they are made, written, stored and compared.

Shape: ``sk_`` + 12 characters key id + 26 characters secret (≥ 150 bits) + 6 characters checksum, all
base 62. The checksum lets secret scanners tell a real key from a look-alike without asking us; the key id
is not secret and finds the record; of the secret only an HMAC under the server's pepper is kept.
"""

import hmac
import json
import re
import secrets
import zlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

from storefront.core.key_files import read_or_create
from storefront.core.principals import ALL_SCOPES, Role

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID_LENGTH = 12
_SECRET_LENGTH = 26
_SHAPE = re.compile(r"(sk|pk|ak)_([0-9A-Za-z]{12})([0-9A-Za-z]{26})([0-9A-Za-z]{6})")


class KeyKind(StrEnum):
    SERVER = "sk"
    PUBLISHABLE = "pk"
    OPERATOR = "ak"

    @property
    def role(self) -> Role:
        return {"sk": Role.SERVER, "pk": Role.PUBLIC, "ak": Role.OPERATOR}[self.value]


SCOPES: frozenset[str] = frozenset(
    {
        "sessions:write",
        "catalog:read",
        "customers:read",
        "customers:write",
        "purchases:read",
        "purchases:write",
        "refunds:write",
        "entitlements:read",
        "entitlements:consume",
        "customers:merge",
        "grants:write",
        "transfers:write",
        "holds:read",
        "holds:write",
        "usage:read",
        "usage:write",
        "promo_codes:read",
        "promo_codes:write",
        "events:read",
        "webhooks:read",
        "webhooks:write",
        "keys:read",
        "keys:write",
        "operators:read",
        "operators:write",
        "audit:read",
        "analytics:read",
        "payments:read",
        "payments:write",
        "reviews:read",
        "reviews:write",
        "operations:read",
        "operations:write",
        "exports:read",
        "privacy:read",
    }
)
"""What a key may be limited to; ``*`` is all of them. Plugins add theirs as ``<plugin>:<verb>``."""


SCOPE_SHAPE = re.compile(r"\*|[a-z][a-z0-9_]*:[a-z][a-z0-9_]*")

DEMO_KEYS = {
    "sk_sandbox_demo": KeyKind.SERVER,
    "pk_sandbox_demo": KeyKind.PUBLISHABLE,
    "ak_sandbox_demo": KeyKind.OPERATOR,
}
"""The example configuration's keys: constants, without checksum, for sandbox databases only."""


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What is kept of a key; ``digest`` is the HMAC of its secret, times are wall milliseconds."""

    key_id: str
    kind: KeyKind
    digest: bytes
    scopes: frozenset[str] = frozenset({ALL_SCOPES})
    expires_at: int | None = None
    revoked_at: int | None = None

    def is_alive(self, wall_ms: int) -> bool:
        """Tell whether the key may still be used."""
        return self.revoked_at is None and (self.expires_at is None or wall_ms < self.expires_at)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made: ``plaintext`` is shown once, ``record`` is stored."""

    plaintext: str
    record: KeyRecord


@dataclass(frozen=True, slots=True)
class KeyParts:
    """A well-formed key taken apart."""

    kind: KeyKind
    key_id: str
    secret: str


class KeyHasher:
    """Hashes and compares secrets under the server's pepper (32 bytes)."""

    def __init__(self, pepper: bytes) -> None:
        if len(pepper) < 32:
            raise ValueError("the pepper needs 32 bytes")
        self._pepper = pepper

    @classmethod
    def load_or_create(cls, directory: Path) -> "KeyHasher":
        """Read the pepper from ``<directory>/api_keys.pepper``, made at the first start."""
        return cls(read_or_create(directory / "api_keys.pepper", lambda: secrets.token_bytes(32)))

    def make_key(
        self, kind: KeyKind, *, scopes: frozenset[str] = frozenset({ALL_SCOPES}), expires_at: int | None = None
    ) -> NewKey:
        """Make a key of this kind."""
        name, secret = _random(_ID_LENGTH), _random(_SECRET_LENGTH)
        plaintext = f"{kind.value}_{name}{secret}"
        record = KeyRecord(f"key_{name}", kind, self.digest(secret), scopes, expires_at)
        return NewKey(plaintext + _checksum(plaintext), record)

    def demo_record(self, plaintext: str) -> KeyRecord:
        """Return the record of a demo key, all scopes; raises ``KeyError`` for other texts."""
        kind = DEMO_KEYS[plaintext]
        return KeyRecord(f"key_demo_{kind.value}", kind, self.digest(plaintext))

    def digest(self, secret: str) -> bytes:
        """Return what is stored of a secret."""
        return hmac.digest(self._pepper, secret.encode(), sha256)

    def derive(self, purpose: str) -> bytes:
        """Return a key (32 bytes) for another purpose; it gives away neither the pepper nor any other such key."""
        return hmac.digest(self._pepper, b"derived key: " + purpose.encode(), sha256)

    def matches(self, secret: str, record: KeyRecord) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(self.digest(secret), record.digest)


def take_apart(plaintext: str) -> KeyParts | None:
    """Return the parts of a well-formed key with a right checksum, or ``None``.

    A demo key is its own secret, under the id ``key_demo_<kind>``.
    """
    demo = DEMO_KEYS.get(plaintext)
    if demo is not None:
        return KeyParts(demo, f"key_demo_{demo.value}", plaintext)
    found = _SHAPE.fullmatch(plaintext)
    if found is None or _checksum(plaintext[:-6]) != found[4]:
        return None
    return KeyParts(KeyKind(found[1]), f"key_{found[2]}", found[3])


def key_fingerprint(kind: str, name: str, digest: bytes, scopes: Collection[str], expires_at: int | None) -> str:
    """Return a hash of all that never changes of a key: its record keeps it, so that a changed row is seen."""
    unchanging = [kind, name, digest.hex(), sorted(scopes), expires_at]
    return sha256(json.dumps(unchanging).encode()).hexdigest()


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _checksum(text: str) -> str:
    number = zlib.crc32(text.encode())
    digits = []
    for _ in range(6):
        number, rest = divmod(number, 62)
        digits.append(_ALPHABET[rest])
    return "".join(reversed(digits))


def unknown_scope(scopes: Iterable[str], plugins: Iterable[str]) -> str | None:
    """Return the first scope that nobody asks for, or None: the core's, ``<plugin>:<verb>`` and ``*`` are known."""
    own = tuple(f"{name}:" for name in plugins)
    for scope in scopes:
        known = scope in SCOPES or scope == ALL_SCOPES or (scope.startswith(own) and SCOPE_SHAPE.fullmatch(scope))
        if not known:
            return scope
    return None
