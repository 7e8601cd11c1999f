"""What a customer owes: how it comes about, how later credits pay it off, and what it blocks meanwhile.

Docs: docs/decisions/0011-debts.md says which transfer goes which way, and why.
"""

from dataclasses import replace

from storefront.core.accounts import debt, issuance, receivable
from storefront.core.commit.debts import Forgive, MissingOf, Owe
from storefront.core.commit.event_steps import apply_emit
from storefront.core.commit.ledger_steps import Books, move_balance, write_transfer
from storefront.core.commit.outcome import DebtOpen
from storefront.core.commit.projection import Row
from storefront.core.commit.reads import debt_key
from storefront.core.commit.state import Draft, NotNamed
from storefront.core.commit.steps import Deposit, Emit, PlaceHold, Spend


def apply_owe(draft: Draft, books: Books, step: Owe) -> None:
    """Write down that a customer owes what could not be taken; a debt that grows keeps its stricter terms."""
    amount = _amount(books, step)
    books.results[f"owed:{step.asset}"] = amount
    if amount == 0:
        return
    if not 1 <= step.repay_percent <= 100:
        raise NotNamed(f"a debt is repaid with 1–100 % of later credits, not {step.repay_percent}")
    account, counterpart = debt(step.customer_id, step.asset), receivable(step.asset)
    write_transfer(draft, books, label=step.entry, source=counterpart, to=account, amount=amount)
    move_balance(draft, counterpart, -amount, step.customer_id)
    move_balance(draft, account, amount, step.customer_id)
    key, now = debt_key(step.customer_id, step.asset), books.moment.now
    before = draft.row(key)
    row = {
        "customer_id": step.customer_id,
        "asset": step.asset,
        "amount": amount,
        "repay_percent": step.repay_percent,
        "block_spending": int(step.block_spending),
        "opened_at": now,
        "updated_at": now,
    }
    if before is not None and before["amount"] > 0:
        row["amount"] = before["amount"] + amount
        row["opened_at"] = before["opened_at"]
        for term in ("repay_percent", "block_spending"):
            row[term] = max(before[term], row[term])
    draft.put(key, row)
    _tell(draft, books, row, "debt.owed", amount)


def apply_forgive(draft: Draft, books: Books, step: Forgive) -> None:
    """Strike off what is still owed of a debt that has lost its cause: the platform is owed less."""
    key = debt_key(step.customer_id, step.asset)
    row = draft.row(key)
    amount = 0 if row is None else min(row["amount"], step.at_most)
    books.results[f"forgiven:{step.asset}"] = amount
    if row is None or amount == 0:
        return
    account, counterpart = debt(step.customer_id, step.asset), receivable(step.asset)
    write_transfer(draft, books, label=step.entry, source=account, to=counterpart, amount=amount)
    move_balance(draft, account, -amount, step.customer_id)
    move_balance(draft, counterpart, amount, step.customer_id)
    left = {**row, "amount": row["amount"] - amount, "updated_at": books.moment.now}
    draft.put(key, left)
    _tell(draft, books, left, "debt.forgiven", amount)


def apply_repayment(draft: Draft, books: Books, step: Deposit) -> Deposit | None:
    """Pay off what is owed with its share of a credit; return the rest of the credit, None if nothing is left.

    The share is rounded up, so that no credit is too small to count. What the credit cost goes along in proportion,
    rounded down for the lot. The platform gets what it is owed, and the debt is struck off as taken back.
    """
    key = debt_key(step.customer_id, step.asset)
    row = draft.row(key)
    if row is None or row["amount"] == 0:
        return step
    share = min(row["amount"], -(-step.amount * row["repay_percent"] // 100))
    owed = debt(step.customer_id, step.asset)
    for source, to in ((step.source, receivable(step.asset)), (owed, issuance(step.asset))):
        write_transfer(draft, books, label=step.entry, source=source, to=to, amount=share)
        move_balance(draft, source, -share, step.customer_id)
        move_balance(draft, to, share, step.customer_id)
    left = {**row, "amount": row["amount"] - share, "updated_at": books.moment.now}
    draft.put(key, left)
    _tell(draft, books, left, "debt.repaid", share)
    rest = step.amount - share
    if rest == 0:
        return None
    cost = step.terms.cost_amount
    terms = step.terms if cost is None else replace(step.terms, cost_amount=cost * rest // step.amount)
    return replace(step, amount=rest, terms=terms)


def refuse_while_owing(draft: Draft, step: Spend | PlaceHold) -> None:
    """Refuse to spend or hold what a debt in the same asset blocks."""
    row = draft.row(debt_key(step.customer_id, step.asset))
    if row is not None and row["amount"] > 0 and row["block_spending"]:
        raise DebtOpen(asset=step.asset, owed=row["amount"])


def _amount(books: Books, step: Owe) -> int:
    if not isinstance(step.amount, MissingOf):
        return step.amount
    missing = books.results.get(f"missing:{step.amount.label}")
    if missing is None:
        raise NotNamed(f"no step called {step.amount.label} has said what is missing")
    amount = int(missing["wallets"].get(step.asset, 0))
    if step.amount.less is not None:
        taken = books.results.get(f"taken:{step.amount.less}", {"wallets": {}})
        amount -= int(taken["wallets"].get(step.asset, 0))
    return amount


def _tell(draft: Draft, books: Books, row: Row, event: str, amount: int) -> None:
    payload = {
        "customer_id": row["customer_id"],
        "asset": row["asset"],
        "amount": amount,
        "owed": row["amount"],
    }
    apply_emit(draft, books.moment, Emit(row["customer_id"], event, f"{row['customer_id']}:{row['asset']}", payload))
