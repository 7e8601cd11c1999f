"""Signing keys as an operator makes them, and what must be found of them nowhere."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


def new_signing_key() -> str:
    """Return what ``openssl genpkey -algorithm ed25519`` prints."""
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def heart_of(pem: str) -> str:
    """Return the line of a PEM that is the secret."""
    return pem.splitlines()[1]
