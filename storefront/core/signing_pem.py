"""Ed25519 private keys as an operator gives them: one PEM each, as ``openssl genpkey -algorithm ed25519`` makes it."""

from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

ED25519 = "Ed25519"
_BEGINS = "-----BEGIN "


class NotASigningKey(ValueError):
    """It is something else; the message says what is wanted, in words that follow a name, and nothing of the text."""


def read_signing_key(pem: str) -> OKPKey:
    """Return the key in a PEM.

    Raises:
        NotASigningKey: it is no Ed25519 private key in clear text, or it is several.
    """
    text = pem.strip()
    if not text.startswith(_BEGINS):
        raise NotASigningKey("must be an Ed25519 private key in PEM, as `openssl genpkey -algorithm ed25519` makes it")
    if text.count(_BEGINS) > 1:
        raise NotASigningKey("must be one key; each key is an entry of its own")
    if text.startswith(f"{_BEGINS}PUBLIC KEY"):
        raise NotASigningKey("must be the private key, not the public half")
    if text.startswith(f"{_BEGINS}ENCRYPTED"):
        raise NotASigningKey("must not be protected by a passphrase")
    try:
        key = OKPKey.import_key(text)
    except (JoseError, ValueError, TypeError):
        raise NotASigningKey("must be an Ed25519 private key: this PEM holds something else, or is cut") from None
    if key.curve_name != ED25519 or not key.is_private:
        raise NotASigningKey("must be an Ed25519 private key: this PEM holds something else, or is cut")
    return key
