"""Where a creator's money lies, and the two anchors that its rows hang under.

**Reserve** is credited by tips, which take no anchor of its; it keeps no balance. **Payable** and **debt** change only
in plans that hold the creator's money anchor, so the engine keeps their balances and lets neither go below zero.
"""

from storefront.core.accounts import Account, receivable, revenue, sink

__all__ = [
    "board_anchor",
    "debt",
    "earned_by_shop",
    "money_anchor",
    "payable",
    "queue_anchor",
    "receivable",
    "reserve",
]


def reserve(creator_id: str, asset: str) -> Account:
    """Return what a creator has earned and cannot be paid yet: it waits, or a dispute has set it aside."""
    return Account(f"creator:{creator_id}", "reserve", asset)


def payable(creator_id: str, asset: str) -> Account:
    """Return what a creator can be paid."""
    return Account(f"creator:{creator_id}", "payable", asset, is_guarded=True)


def debt(creator_id: str, asset: str) -> Account:
    """Return what a creator owes: money that went back to fans after it had been paid out."""
    return Account(f"creator:{creator_id}", "debt", asset, is_guarded=True)


def earned_by_shop(asset: str, *, is_virtual: bool) -> Account:
    """Return where the price of every purchase goes, and out of which a creator gets their share."""
    return sink(asset) if is_virtual else revenue(asset)


def money_anchor(creator_id: str) -> str:
    """Name what releases, reversals and payouts of a creator take: they wait for each other, and no tip for them."""
    return f"creator:{creator_id}"


def queue_anchor(creator_id: str) -> str:
    """Name what numbers a creator's tips and alerts: tips wait for each other."""
    return f"fanfunding:{creator_id}"


def board_anchor(creator_id: str) -> str:
    """Name what the sums of goals and boards hang under: they follow the tips, and no tip waits for them."""
    return f"fanfunding:boards:{creator_id}"
