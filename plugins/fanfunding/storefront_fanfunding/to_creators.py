"""Money becomes a creator's to be paid: a debt of theirs is paid first, whole, and to the shop."""

from storefront.core.accounts import Account
from storefront.core.commit.apply import LateView
from storefront.core.commit.plan import Steps, Transfer
from storefront_fanfunding.accounts import debt, earned_by_shop, payable, receivable
from storefront_fanfunding.passbook import Entry, Purse, add_line
from storefront_fanfunding.rows import value_of


def give(
    view: LateView,
    steps: Steps,
    purse: Purse,
    entry: Entry,
    *,
    source: Account,
    amount: int,
    label: str,
) -> None:
    """Add the transfers of ``amount`` from ``source`` to the creator, and their line; ``label`` is the entry's."""
    owed = debt(purse.creator_id, purse.currency)
    repaid = min(amount, value_of(view.row(purse.debt), "balance"))
    for giver, to, part in (
        (source, receivable(purse.currency), repaid),
        (owed, earned_by_shop(purse.currency), repaid),
        (source, payable(purse.creator_id, purse.currency), amount - repaid),
    ):
        if part:
            steps.add(Transfer(label, giver, to, part, purse.anchor))
    add_line(view, steps, purse, entry, amount=amount - repaid, owed=-repaid)
