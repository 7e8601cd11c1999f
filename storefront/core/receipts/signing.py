"""Signing receipts: a compact JWS under the server's Ed25519 key, that anybody can check without asking us.

Source: RFC 7515 (JWS), RFC 8037 and RFC 9864 (Ed25519), RFC 7517 (the public keys).
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from joserfc import jws

from storefront.core.receipts.documents import Document
from storefront.core.sessions import ALGORITHM, SigningKeys

TOKEN_TYPE = "receipt+jws"  # noqa: S105 - a media type


class ReceiptSigner:
    """Signs with the newest key, and knows the public half of it."""

    def __init__(self, keys: SigningKeys) -> None:
        self._keys = keys

    @property
    def kid(self) -> str:
        """The id of the key that signs: its thumbprint (RFC 7638)."""
        return self._keys.kid

    def public_key(self) -> dict[str, Any]:
        """Return the public half of the key that signs, as a JWK."""
        return next(key for key in self.known_keys() if key["kid"] == self.kid)

    def known_keys(self) -> list[dict[str, Any]]:
        """Return the public halves of all keys of this process, each with its ``kid``."""
        told = self._keys.jwks()["keys"]
        return [{**jwk, "kid": key.thumbprint()} for key, jwk in zip(self._keys.key_set, told, strict=True)]

    def sign(self, document: Document) -> str:
        """Return the signed document as a compact JWS."""
        header = {"alg": ALGORITHM, "typ": TOKEN_TYPE, "kid": self.kid}
        body = msgspec.json.encode(document)
        return str(jws.serialize_compact(header, body, self._keys.signing_key, algorithms=[ALGORITHM]))


def read_document(token: str) -> Document:
    """Return what a JWS of our own books says, unchecked."""
    document: Document = msgspec.json.decode(jws.extract_compact(token.encode()).payload)
    return document


def key_set(known: Iterable[Mapping[str, Any]], kept: Iterable[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return the JWK set to publish: the keys of this process first, then those that signed earlier receipts."""
    keys: dict[str, dict[str, Any]] = {}
    for jwk in (*known, *kept):
        keys.setdefault(jwk["kid"], dict(jwk))
    return {"keys": list(keys.values())}
