"""Balances of open accounts: what the seals have folded into a checkpoint, and the transfers since then.

Open accounts are touched by every sale and keep no balance that a sale would have to update.
"""

from sqlalchemy import BindParameter, bindparam, case, func, literal, or_, select

from storefront.core.reading import Query, Reader
from storefront.core.tables import checkpoints, entries, seals, transfers

_ACCOUNT: BindParameter[str] = bindparam("account")
_NEWEST = select(seals.c.last_commit_no, seals.c.last_entry_id).order_by(seals.c.number.desc()).limit(1)
_END_COMMIT = func.coalesce(_NEWEST.with_only_columns(seals.c.last_commit_no).scalar_subquery(), literal(-1))
_END_ENTRY = func.coalesce(_NEWEST.with_only_columns(seals.c.last_entry_id).scalar_subquery(), literal(""))
_SINCE = (
    select(func.sum(case((transfers.c.destination == _ACCOUNT, transfers.c.amount), else_=-transfers.c.amount)))
    .join(entries, entries.c.id == transfers.c.entry_id)
    .where(
        entries.c.commit_no >= _END_COMMIT,
        or_(entries.c.commit_no > _END_COMMIT, entries.c.id > _END_ENTRY),
        or_(transfers.c.destination == _ACCOUNT, transfers.c.source == _ACCOUNT),
    )
    .scalar_subquery()
)
_CHECKPOINT = select(checkpoints.c.balance).where(checkpoints.c.account == _ACCOUNT).scalar_subquery()
# One statement, so that checkpoint, seal and transfers are those of one moment. A seal updates the checkpoint
# of every account it touches: behind the newest seal stands all that a checkpoint does not know.
_BALANCE = Query(select((func.coalesce(_CHECKPOINT, 0) + func.coalesce(_SINCE, 0)).label("balance")))


async def open_balance(reader: Reader, account: str) -> int:
    """Return the balance of an open account (``platform:revenue:USD``) in the smallest unit, as of now.

    Costs as much as there are entries not yet sealed, however long the books are.
    """
    row = await reader.first(_BALANCE, account=account)
    return 0 if row is None else int(row["balance"])
