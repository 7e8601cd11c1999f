"""Operators' passwords: argon2id (RFC 9106, the library's second recommended parameters), off the event loop."""

import asyncio
import re
import secrets
from functools import cache
from importlib.resources import files

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from storefront.core.errors import FieldError, Invalid

LEAST, MOST = 12, 256
"""Characters of a password: PCI DSS 4.0.1, 8.3.6, and an end, because hashing takes its time."""

LEAST_OWN = 4
"""Letters that must be left of one without what is common."""
_LIKE = str.maketrans("013457@$!", "oieastasi")
_NO_LETTER, _AROUND = re.compile(r"[\W\d_]+"), re.compile(r"^[\W\d_]+|[\W\d_]+$")


async def hash_password(password: str, *, login: str, pointer: str = "/password") -> str:
    """Return what is kept of a password; raises ``Invalid`` for one that would not hold."""
    _check(password, login, pointer)
    return await asyncio.to_thread(_hasher().hash, password)


async def verify_password(kept: str | None, password: str) -> bool:
    """Tell whether it is the password. Where none is kept it takes as long, so that nobody learns who has one."""
    return await asyncio.to_thread(_verify, kept, password)


def _check(password: str, login: str, pointer: str) -> None:
    if not LEAST <= len(password) <= MOST:
        raise _invalid(pointer, f"must have {LEAST} characters or more, up to {MOST}")
    if len(set(password)) < 5 or login.casefold() in password.casefold():
        raise _invalid(pointer, "must not repeat a few characters, or hold your name")
    if _is_common(password):
        raise _invalid(pointer, "must be more than common words and digits: anybody would try it early")


def _is_common(password: str) -> bool:
    """Tell whether little is left of a password without common words, digits and signs (ASVS 5.0, 6.2.4)."""
    typed = password.casefold()
    spelled = _AROUND.sub("", typed).translate(_LIKE)
    return any(len(_NO_LETTER.sub("", _common().sub(" ", one))) < LEAST_OWN for one in (typed, spelled))


@cache
def _common() -> re.Pattern[str]:
    words = (files("storefront.core.operators") / "common_passwords.txt").read_text(encoding="utf-8").split()
    return re.compile("|".join(map(re.escape, sorted(words, key=len, reverse=True))))


def _invalid(pointer: str, what: str) -> Invalid:
    return Invalid(f"The password {what}.", errors=[FieldError(pointer, what)])


def _verify(kept: str | None, password: str) -> bool:
    try:
        is_right = _hasher().verify(kept or _nobodys(), password[:MOST])
    except (VerificationError, InvalidHashError):
        return False
    return is_right and kept is not None


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@cache
def _nobodys() -> str:
    return _hasher().hash(secrets.token_urlsafe(24))
