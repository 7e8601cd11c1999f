"""Where a creator's money lies, and the two anchors that its rows hang under.

**Reserve** is credited by tips, which take no anchor of its; it keeps no balance. **Payable** and **debt** change only
in plans that hold the creator's money anchor, so the engine keeps their balances and lets neither go below zero.

What is money is told by its code alone: creators' shares outlive the YAML that named a currency of the shop's own.
"""

from storefront.core.accounts import Account, bank, gateway_transfers, receivable, revenue, sink
from storefront.design.money import is_real

__all__ = [
    "board_anchor",
    "debt",
    "earned_by_shop",
    "money_anchor",
    "paid_out",
    "payable",
    "queue_anchor",
    "receivable",
    "reserve",
    "under_way",
]

MANUAL = "manual"
"""How a creator is paid by hand; else the name of the gateway that transfers it."""


def reserve(creator_id: str, asset: str) -> Account:
    """Return what a creator has earned and cannot be paid yet: it waits, or a dispute has set it aside."""
    return Account(f"creator:{creator_id}", "reserve", asset)


def payable(creator_id: str, asset: str) -> Account:
    """Return what a creator can be paid."""
    return Account(f"creator:{creator_id}", "payable", asset, is_guarded=True)


def debt(creator_id: str, asset: str) -> Account:
    """Return what a creator owes: money that went back to fans after it had been paid out."""
    return Account(f"creator:{creator_id}", "debt", asset, is_guarded=True)


def under_way(creator_id: str, asset: str) -> Account:
    """Return what payouts have taken of a creator's money that are not over yet."""
    return Account(f"creator:{creator_id}", "payout", asset)


def paid_out(pay_with: str, asset: str) -> Account:
    """Return where a payout goes: the shop's bank has less of it, or the gateway; a currency of its own is used up."""
    if not is_real(asset):
        return sink(asset)
    return bank(asset) if pay_with == MANUAL else gateway_transfers(pay_with, asset)


def earned_by_shop(asset: str) -> Account:
    """Return where the price of every purchase goes, and out of which a creator gets their share."""
    return revenue(asset) if is_real(asset) else sink(asset)


def money_anchor(creator_id: str) -> str:
    """Name what releases, reversals and payouts of a creator take: they wait for each other, and no tip for them."""
    return f"creator:{creator_id}"


def queue_anchor(creator_id: str) -> str:
    """Name what numbers a creator's tips and alerts: tips wait for each other."""
    return f"fanfunding:{creator_id}"


def board_anchor(creator_id: str) -> str:
    """Name what the sums of goals and boards hang under: they follow the tips, and no tip waits for them."""
    return f"fanfunding:boards:{creator_id}"
