"""One-time codes of an operator's app (TOTP, RFC 6238: 6 digits, 30 seconds), each good once.

The secret must be read to check a code, so it is kept encrypted under a key derived from the server's pepper, which
is not in the database.
"""

import hmac
from base64 import b32encode

import pyotp
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from storefront.core.api_keys import KeyHasher
from storefront.core.clock import SECOND_MS

STEP_MS = 30 * SECOND_MS
DRIFT = 1
"""By how many steps an app's clock may be wrong, each way."""
_HEADER = {"alg": "dir", "enc": "A256GCM"}


class OneTimeCodes:
    """Makes, keeps and checks the secrets of operators' apps."""

    def __init__(self, hasher: KeyHasher) -> None:
        self._secrets = hasher.derive("new secrets of one-time codes")
        self._key = OctKey.import_key(hasher.derive("one-time codes of operators"))

    def secret_of(self, about: str) -> str:
        """Return the secret to be typed or scanned into an app (base 32, 160 bits) that belongs to something."""
        return b32encode(hmac.digest(self._secrets, about.encode(), "sha256")[:20]).decode()

    def address(self, secret: str, *, login: str, shop: str) -> str:
        """Return what an app scans: ``otpauth://…``."""
        return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=shop)

    def seal(self, secret: str) -> str:
        """Return what is kept of a secret."""
        return jwe.encrypt_compact(_HEADER, secret.encode(), self._key)

    def matching_step(self, kept: str, code: str, *, wall: int, after: int) -> int | None:
        """Return the step that a code belongs to, later than ``after`` (the last one used); None if it is not good.

        Also None where the secret was kept under another pepper: then the app must be set up anew.
        """
        try:
            secret = (jwe.decrypt_compact(kept, self._key).plaintext or b"").decode()
        except (JoseError, ValueError):
            return None
        return step_of(secret, code, wall=wall, after=after)


def step_of(secret: str, code: str, *, wall: int, after: int = 0) -> int | None:
    """Return the step that a code of this secret belongs to around ``wall`` (ms), or None."""
    totp, now, found = pyotp.TOTP(secret), wall // STEP_MS, None
    for step in range(now - DRIFT, now + DRIFT + 1):
        right = totp.generate_otp(step)
        if hmac.compare_digest(right.encode(), code.encode()) and step > after:
            found = step
    return found
