"""Where value sits: accounts, named so that a person can read the books.

An account id is its name with our own ids in it: ``customer:cus_…:gems``, ``platform:revenue:USD``,
``gateway:sandbox:clearing:USD``. The asset is always the last part.

**Guarded** accounts keep a balance and may never go below zero (a customer's own); of these, wallets
also keep lots. **Open** accounts are touched by every sale, so they keep no balance of their own: theirs
is the sum of their transfers.
"""

from dataclasses import dataclass
from functools import lru_cache

_REMEMBERED = 4_096  # a purchase asks for the same few accounts again and again


@dataclass(frozen=True, slots=True)
class Account:
    """One account: its owner (``customer:cus_…``, ``platform``, ``gateway:sandbox``), role and asset."""

    owner: str
    role: str
    asset: str
    is_guarded: bool = False

    @property
    def id(self) -> str:
        if self.role == "wallet":
            return f"{self.owner}:{self.asset}"
        return f"{self.owner}:{self.role}:{self.asset}"

    @property
    def has_lots(self) -> bool:
        return self.role == "wallet"


@lru_cache(_REMEMBERED)
def wallet(customer_id: str, asset: str) -> Account:
    """Return what a customer can spend: guarded, kept in lots."""
    return Account(f"customer:{customer_id}", "wallet", asset, is_guarded=True)


def unapplied(customer_id: str, asset: str) -> Account:
    """Return the money received from a customer for goods that could not be given (yet)."""
    return Account(f"customer:{customer_id}", "unapplied", asset, is_guarded=True)


def clearing(gateway: str, asset: str) -> Account:
    """Return what a gateway has taken for us, in the currency that was charged."""
    return Account(f"gateway:{gateway}", "clearing", asset)


def revenue(asset: str) -> Account:
    """Return what was earned by selling."""
    return Account("platform", "revenue", asset)


def tax(jurisdiction: str, asset: str) -> Account:
    """Return what is owed to a country (``DE``), or to a region of one (``US-CA``), for what was sold there."""
    return Account("tax", jurisdiction, asset)


def issuance(asset: str) -> Account:
    """Return the counterpart of minting a virtual asset."""
    return Account("platform", "issuance", asset)


def breakage(asset: str) -> Account:
    """Return the counterpart of a virtual asset that lapsed."""
    return Account("platform", "breakage", asset)


def receivable(asset: str) -> Account:
    """Return the counterpart of what customers owe: the sum of their debts lies below its zero."""
    return Account("platform", "receivable", asset)


def debt(customer_id: str, asset: str) -> Account:
    """Return what a customer owes. Its balance is kept, and never below zero, in ``debts``."""
    return Account(f"customer:{customer_id}", "debt", asset)


@lru_cache(_REMEMBERED)
def sink(asset: str) -> Account:
    """Return the counterpart of spending a virtual asset."""
    return Account("platform", "sink", asset)


def exchange(asset: str) -> Account:
    """Return the counterpart of conversions: what is given for another asset comes in, what is got goes out."""
    return Account("platform", "exchange", asset)


def gateway_balance(gateway: str, asset: str) -> Account:
    """Return what a gateway holds for us, in the currency in which it settles."""
    return Account(f"gateway:{gateway}", "balance", asset)


def gateway_fees(gateway: str, asset: str) -> Account:
    """Return what a gateway has kept for its services."""
    return Account(f"gateway:{gateway}", "fees", asset)


def gateway_exchange(gateway: str, asset: str) -> Account:
    """Return the counterpart of a gateway's conversions between what was charged and what it settles in."""
    return Account(f"gateway:{gateway}", "exchange", asset)


def gateway_transfers(gateway: str, asset: str) -> Account:
    """Return what left a gateway's balance for the accounts of creators."""
    return Account(f"gateway:{gateway}", "transfers", asset)


def unexplained(gateway: str, asset: str) -> Account:
    """Return what moved a gateway's balance and is not known to be ours."""
    return Account(f"gateway:{gateway}", "unexplained", asset)


def bank(asset: str) -> Account:
    """Return what gateways have paid out to our own bank."""
    return Account("platform", "bank", asset)


def disputes(asset: str) -> Account:
    """Return what gateways have taken back for disputes that are not decided."""
    return Account("platform", "disputes", asset)


def losses(asset: str) -> Account:
    """Return what was taken back beyond what had been received: a cost, and a matter for the operator."""
    return Account("platform", "losses", asset)
