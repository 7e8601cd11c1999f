"""Who is asking: the roles a caller can have, and the caller of one request.

Authentication (``web/auth.py``) makes a ``Principal`` of a credential; routes declare the roles they
allow; use cases scope what they read and write by ``customer_id`` and ``caller``.
"""

import enum
import hashlib
from dataclasses import dataclass

ALL_SCOPES = "*"


class Role(enum.Flag):
    """What kind of caller it is; a route's rule is a union of them, a principal has exactly one."""

    PUBLIC = enum.auto()
    CUSTOMER = enum.auto()
    SERVER = enum.auto()
    OPERATOR = enum.auto()
    CREATOR = enum.auto()


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller of one request, as its credential proves it.

    ``caller`` is the stable name that scopes idempotency keys: ``customer:cus_…``, ``key:key_…`` or
    ``public:<hash>``. ``external_id`` is the game's own id of the customer; ``session_id`` and
    ``country`` come from the session token.
    """

    role: Role
    caller: str
    customer_id: str | None = None
    key_id: str | None = None
    scopes: frozenset[str] = frozenset()
    external_id: str | None = None
    session_id: str | None = None
    country: str | None = None

    @property
    def owner(self) -> str | None:
        """Return whose objects alone it may see and move: a customer's are their own; None: those of all."""
        return self.customer_id if self.role is Role.CUSTOMER else None

    def may(self, scope: str) -> bool:
        """Tell whether the credential carries this scope (or all of them)."""
        return ALL_SCOPES in self.scopes or scope in self.scopes


def anonymous(address: str, *, key_id: str | None = None) -> Principal:
    """Return the principal of a stranger; ``key_id`` names the publishable key it showed, if any.

    A publishable key is in every copy of the game, so it tells nobody apart: strangers are told
    apart by their address, of which only a hash is kept.
    """
    return Principal(Role.PUBLIC, f"public:{hashlib.sha256(address.encode()).hexdigest()[:32]}", key_id=key_id)
