"""Leases: a customer's state signed by the shop, so that it can be trusted while nobody can be asked.

A lease is a compact JWS (RFC 7515) under one of the shop's Ed25519 keys (RFC 8037, RFC 9864), of the type
``lease+jwt``; its payload is the customer state with ``lease_until``. The public keys stand at
``/.well-known/jwks.json``.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from storefront_sdk.documents import Document, seconds

_TYPE = "lease+jwt"
_ALGORITHMS = frozenset({"Ed25519", "EdDSA"})
_MEMBERS = ("customer", "version", "as_of", "server_time", "entitlements", "lease_until")


@dataclass(frozen=True, slots=True)
class StateLease:
    """What a lease says: the state, and until when it may be gone by (seconds since 1970)."""

    until: float
    state: Document


def verify_lease(token: str, jwks: Mapping[str, Any]) -> StateLease | None:
    """Return what a lease says, or None if its signature, type or form is not right: a bad lease is as good as none.

    ``jwks`` are the shop's public keys.
    """
    parts = token.split(".") if isinstance(token, str) else []
    if len(parts) != 3:
        return None
    header, state, signature = _json(parts[0]), _json(parts[1]), _bytes(parts[2])
    if header is None or state is None or signature is None:
        return None
    key = next((key for key in jwks.get("keys", ()) if _is(key, header.get("kid"))), None)
    is_lease = header.get("typ") == _TYPE and header.get("alg") in _ALGORITHMS and "crit" not in header
    if key is None or not is_lease or not _is_proved(key, signature, f"{parts[0]}.{parts[1]}".encode()):
        return None
    return _lease(state)


def _lease(state: Mapping[str, Any]) -> StateLease | None:
    if not all(name in state for name in _MEMBERS) or type(state["version"]) is not int:
        return None
    try:
        return StateLease(seconds(state["lease_until"]), state)
    except (ValueError, TypeError):
        return None


def _is(key: Mapping[str, Any], kid: Any) -> bool:
    return key.get("kid") == kid and key.get("kty") == "OKP" and key.get("crv") == "Ed25519"


def _is_proved(key: Mapping[str, Any], signature: bytes, content: bytes) -> bool:
    public = _bytes(key.get("x"))
    try:
        Ed25519PublicKey.from_public_bytes(public or b"").verify(signature, content)
    except (InvalidSignature, ValueError):
        return False
    return True


def _json(text: str) -> Mapping[str, Any] | None:
    content = _bytes(text)
    try:
        found = None if content is None else json.loads(content)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _bytes(text: Any) -> bytes | None:
    if not isinstance(text, str) or not re.fullmatch(r"[A-Za-z0-9_-]+", text):
        return None
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        return None
