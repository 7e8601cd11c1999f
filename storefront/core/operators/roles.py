"""What an operator's role may do, as scopes: the same words that limit API keys."""

from collections.abc import Collection
from enum import StrEnum

from storefront.core.principals import ALL_SCOPES


class OperatorRole(StrEnum):
    """Who somebody at the console is. Each may do what the next one may, and more."""

    OWNER = "owner"
    FINANCE = "finance"
    SUPPORT = "support"
    READ_ONLY = "read_only"

    @property
    def words(self) -> str:
        return self.value.replace("_", "-")

    @property
    def handles_money(self) -> bool:
        """Tell whether it must sign in with a one-time code (ASVS 5.0, 6.3.3)."""
        return self in (OperatorRole.OWNER, OperatorRole.FINANCE)


OWNERS_ALONE = frozenset(
    {
        "keys:read",
        "keys:write",
        "operators:read",
        "operators:write",
        "privacy:read",
        "privacy:write",
        "customers:merge",
    }
)
"""Who may sign in and with what, all that is held about one person, and what can never be taken back."""

OF_SUPPORT = frozenset({"customers:write", "reviews:write"})
"""What support may do besides looking: notes about customers, and whether a purchase that waits goes through."""


def scopes_of(role: OperatorRole, known: Collection[str]) -> frozenset[str]:
    """Return the scopes of a role among all that are ``known``, plugins' too.

    A scope that only looks ends in ``:read``. Whoever adds another one gives it to owners and finance, no further.
    """
    if role is OperatorRole.OWNER:
        return frozenset({ALL_SCOPES})
    below = frozenset(known) - OWNERS_ALONE
    if role is OperatorRole.FINANCE:
        return below
    looks = frozenset(scope for scope in below if scope.endswith(":read"))
    return looks | OF_SUPPORT if role is OperatorRole.SUPPORT else looks
