"""The steps of a reversal, as data: what an entry took is given back, what it gave is taken back.

``restore_steps.py`` says what they do. They stand under a reversing entry (``OpenEntry.reverses``) and never
give or take more than the original did, however many reversals there are.
"""

from dataclasses import dataclass

from storefront.core.accounts import Account, wallet


@dataclass(frozen=True, slots=True)
class LotPart:
    """An amount of one lot."""

    lot_id: str
    amount: int


@dataclass(frozen=True, slots=True)
class Restore:
    """Give value back into the very lots that ``original`` drew, the one drawn last first.

    ``draws`` are all the draws that the original made on this wallet, in their order, as the books hold them.
    """

    entry: str
    original: str
    customer_id: str
    asset: str
    amount: int
    source: Account
    draws: tuple[LotPart, ...]

    @property
    def account(self) -> Account:
        return wallet(self.customer_id, self.asset)


@dataclass(frozen=True, slots=True)
class TakeBack:
    """Take unspent value out of the lots that ``original`` filled.

    ``parts`` are the lots and what may still be taken from each; ``at_most`` is what the original gave in all. With
    ``is_partial`` it takes what is there; ``results["taken:<label>"]`` and ``results["missing:<label>"]`` say what was
    and what was not, as ``{"wallets": {asset: amount}}``.
    """

    entry: str
    original: str
    customer_id: str
    asset: str
    amount: int
    to: Account
    parts: tuple[LotPart, ...]
    at_most: int
    is_partial: bool = False
    label: str = "back"

    @property
    def account(self) -> Account:
        return wallet(self.customer_id, self.asset)


@dataclass(frozen=True, slots=True)
class EndEntitlement:
    """End a right as far as one source gives it; other sources of the same right stay untouched."""

    customer_id: str
    key: str
    source_id: str
