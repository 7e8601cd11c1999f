"""Value whose time is over: what is left of a lapsed lot, and not pinned, goes to breakage."""

from storefront.core.accounts import breakage, wallet
from storefront.core.commit.event_steps import apply_emit
from storefront.core.commit.job_rows import LOT_LAPSE, job_row, lapse_key
from storefront.core.commit.ledger_steps import Books, apply_entry, draw_lots
from storefront.core.commit.projection import Row, is_lapsed
from storefront.core.commit.reads import lots_group
from storefront.core.commit.state import Address, Draft
from storefront.core.commit.steps import Deposit, Emit, Key, OpenEntry


def see_to_expiry(draft: Draft, books: Books, step: Deposit) -> None:
    """Order the job that lapses what was just deposited; one job serves all lots of a wallet's same expiry."""
    expires_at = step.terms.expires_at
    if expires_at is None:
        return
    now = books.moment.now
    if expires_at <= now:
        lapse_lots(draft, books, step.customer_id, step.asset)
        return
    row = job_row(
        LOT_LAPSE,
        anchor=step.customer_id,
        unique_key=lapse_key(wallet(step.customer_id, step.asset), expires_at),
        due_at=expires_at,
        now=now,
        payload={"customer_id": step.customer_id, "asset": step.asset, "due_at": expires_at},
    )
    key = Key("jobs", (row["id"],), step.customer_id)
    if draft.row(key) is None:
        draft.put(key, row)


def lapse_lots(draft: Draft, books: Books, customer_id: str, asset: str) -> None:
    """Move the unpinned rest of every lapsed lot of a wallet to breakage, each by an entry of its own."""
    account = wallet(customer_id, asset)
    lapsed = [pair for pair in draft.group(lots_group(account, customer_id)) if is_lapsed(pair[1], books.moment.now)]
    for address, lot in lapsed:
        rest = lot["remaining"] - lot["held"] - lot["frozen"]
        if rest > 0:
            _lapse(draft, books, customer_id, asset, address=address, lot=lot, amount=rest)


def _lapse(
    draft: Draft, books: Books, customer_id: str, asset: str, *, address: Address, lot: Row, amount: int
) -> None:
    entry_id = books.moment.new_id("ent")
    apply_entry(books, OpenEntry(entry_id, entry_id, "lot.lapsed", lot["id"], customer_id))
    draw_lots(
        draft,
        books,
        entry=entry_id,
        source=wallet(customer_id, asset),
        to=breakage(asset),
        anchor=customer_id,
        taken=[(address, lot, amount)],
    )
    payload = {"customer_id": customer_id, "asset": asset, "amount": amount, "lot": lot["id"]}
    apply_emit(draft, books.moment, Emit(customer_id, "wallet.lapsed", lot["id"], payload))
