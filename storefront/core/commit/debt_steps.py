"""What a customer owes: how it comes about, what pays it off later, and what it blocks meanwhile.

Docs: docs/decisions/0011-debts.md says which transfer goes which way, and why.
"""

from collections.abc import Iterable, Sequence

import msgspec

from storefront.core.accounts import debt, issuance, receivable, wallet
from storefront.core.commit.debts import Forgive, MissingOf, Owe
from storefront.core.commit.event_steps import apply_emit
from storefront.core.commit.freeze_rows import Waiting, set_waiting, stop_waiting, waiting_freezes
from storefront.core.commit.freezes import reversal_of
from storefront.core.commit.ledger_steps import Books, Part, apply_entry, draw_lots, move_balance, write_transfer
from storefront.core.commit.outcome import DebtOpen, Stale
from storefront.core.commit.passing import PassOn
from storefront.core.commit.projection import Row, waiting_of
from storefront.core.commit.reads import debt_key
from storefront.core.commit.state import Draft, NotNamed
from storefront.core.commit.steps import Deposit, Emit, Key, OpenEntry, PlaceHold, Spend


def apply_owe(draft: Draft, books: Books, step: Owe) -> None:
    """Write down that a customer owes what could not be taken; a debt that grows keeps its stricter terms."""
    amount = _amount(books, step)
    # Several may owe for one reversal, and one customer for several things: each is found by its own name.
    label = step.label or step.asset
    for name in (label, f"{step.customer_id}:{label}"):
        books.results[f"owed:{name}"] = books.results.get(f"owed:{name}", 0) + amount
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
    _wait_for_holds(draft, books, step, amount)


def apply_forgive(draft: Draft, books: Books, step: Forgive) -> None:
    """Strike off what is still owed of a debt that has lost its cause: the platform is owed less."""
    key = debt_key(step.customer_id, step.asset)
    row = draft.row(key)
    amount = 0 if row is None else min(row["amount"], step.at_most)
    if amount != step.expected:
        raise Stale(f"{step.customer_id} owes another amount of {step.asset} than was read")
    for name in step.freeze_ids:
        freeze = draft.row(Key("freezes", (name,), step.customer_id))
        if freeze is not None and freeze["state"] == "taken":
            set_waiting(draft, freeze, (one for one in waiting_of(freeze) if one[1] != step.asset))
    books.results[f"forgiven:{step.asset}"] = amount
    if row is None or amount == 0:
        return
    account, counterpart = debt(step.customer_id, step.asset), receivable(step.asset)
    write_transfer(draft, books, label=step.entry, source=account, to=counterpart, amount=amount)
    move_balance(draft, account, -amount, step.customer_id)
    move_balance(draft, counterpart, amount, step.customer_id)
    _lower(draft, books, row, amount, "debt.forgiven")


def apply_repayment(draft: Draft, books: Books, step: Deposit) -> Deposit | None:
    """Pay off what is owed with its share of a credit; return the rest of the credit, None if nothing is left.

    The share is rounded up, so that no credit is too small to count. What the credit cost goes along in proportion,
    rounded down for the lot. The platform gets what it is owed, and the debt is struck off as taken back.
    """
    key = debt_key(step.customer_id, step.asset)
    row = draft.row(key)
    if row is None or row["amount"] == 0:
        return step
    share = share_of(row, step.amount)
    to = receivable(step.asset)
    write_transfer(draft, books, label=step.entry, source=step.source, to=to, amount=share)
    move_balance(draft, step.source, -share, step.customer_id)
    move_balance(draft, to, share, step.customer_id)
    _strike_off(draft, books, step.entry, row, share)
    rest = step.amount - share
    if rest == 0:
        return None
    cost = step.terms.cost_amount
    terms = step.terms if cost is None else msgspec.structs.replace(step.terms, cost_amount=cost * rest // step.amount)
    return msgspec.structs.replace(step, amount=rest, terms=terms)


def share_of(row: Row | None, amount: int) -> int:
    """Return what of a credit pays off a debt (its row, if there is one), rounded up."""
    return 0 if row is None else min(int(row["amount"]), -(-amount * int(row["repay_percent"]) // 100))


def pay_debt_from(draft: Draft, books: Books, entry: str, row: Row, amount: int) -> None:
    """Strike off a debt what its entry has moved to the receivable."""
    _strike_off(draft, books, entry, row, amount)


def collect_what_is_given_back(draft: Draft, books: Books, hold: Row, given_back: dict[str, int]) -> None:
    """Pay debts with what a hold that is over gives back of the very lots that are owed for, as far as still owed.

    It is the value that was wanted back, late: all of it pays, whatever the share of a credit is. ``given_back`` is
    what open freezes have left, by lot.
    """
    customer_id, asset = hold["customer_id"], hold["asset"]
    for freeze in waiting_freezes(draft, customer_id, "taken"):
        waiting = waiting_of(freeze)
        wanted = [one for one in waiting if one[0] == hold["id"]]
        if not wanted:
            continue
        set_waiting(draft, freeze, (one for one in waiting if one[0] != hold["id"]))
        row = draft.row(debt_key(customer_id, asset))
        still = 0 if row is None else row["amount"]
        taken: list[Part] = []
        for _, _, lot_id, amount in wanted:
            lot = draft.row(Key("lots", (lot_id,), customer_id))
            there = min(amount, given_back.get(lot_id, 0), still)
            if lot is not None and there > 0:
                taken.append((("lots", (lot_id,)), lot, there))
                given_back[lot_id] -= there
                still -= there
        if row is not None and taken:
            _pay_from_lots(draft, books, row, reversal_of(freeze["id"]), taken)


def refuse_while_owing(draft: Draft, step: Spend | PlaceHold | PassOn) -> None:
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
    for label in step.amount.less:
        taken = books.results.get(f"taken:{label}", {"wallets": {}})
        amount -= int(taken["wallets"].get(step.asset, 0))
    if amount < 0:
        raise Stale(f"more was taken than is missing of {step.asset}")
    name = f"owed_of:{step.amount.label}:{step.asset}"
    earlier = int(books.results.get(name, 0))
    amount -= earlier
    if step.amount.at_most is not None:
        amount = min(amount, step.amount.at_most)
    books.results[name] = earlier + amount
    return amount


def _wait_for_holds(draft: Draft, books: Books, step: Owe, owed: int) -> None:
    """Let the freeze whose missing part is owed go on waiting for holds, for no more than that."""
    found = books.waiting.get(step.amount.label) if isinstance(step.amount, MissingOf) else None
    if found is None or found["customer_id"] != step.customer_id:
        return  # a giver owes what a recipient's hold pins: it is not the recipient's debt that the hold could pay
    row = draft.row(Key("freezes", (found["id"],), step.customer_id))
    assert row is not None, "what was taken in this plan is written in it"
    wanted = (one for one in waiting_of(found) if one[1] == step.asset)
    set_waiting(draft, row, [*waiting_of(row), *_first_of(wanted, owed)])


def _first_of(waiting: Iterable[Waiting], amount: int) -> Iterable[Waiting]:
    for hold_id, asset, lot_id, wanted in waiting:
        part = min(wanted, amount)
        amount -= part
        if part > 0:
            yield hold_id, asset, lot_id, part


def _pay_from_lots(draft: Draft, books: Books, row: Row, about: str, taken: Sequence[Part]) -> None:
    """Pay a debt out of lots, by an entry of its own."""
    customer_id, asset, entry_id = row["customer_id"], row["asset"], books.moment.new_id("ent")
    apply_entry(books, OpenEntry(entry_id, entry_id, "debt.repaid", about, customer_id))
    draw_lots(
        draft, books, entry=entry_id, source=wallet(customer_id, asset), to=receivable(asset), anchor=customer_id,
        taken=taken,
    )  # fmt: skip
    _strike_off(draft, books, entry_id, row, sum(amount for _, _, amount in taken))


def _strike_off(draft: Draft, books: Books, label: str, row: Row, share: int) -> None:
    """Strike off a debt what the receivable got: it counts as taken back."""
    customer_id, asset = row["customer_id"], row["asset"]
    source, to = debt(customer_id, asset), issuance(asset)
    write_transfer(draft, books, label=label, source=source, to=to, amount=share)
    move_balance(draft, source, -share, customer_id)
    move_balance(draft, to, share, customer_id)
    _lower(draft, books, row, share, "debt.repaid")


def _lower(draft: Draft, books: Books, row: Row, by: int, event: str) -> None:
    """Let a debt be less; one that is paid waits for nothing."""
    left = {**row, "amount": row["amount"] - by, "updated_at": books.moment.now}
    draft.put(debt_key(row["customer_id"], row["asset"]), left)
    if left["amount"] == 0:
        stop_waiting(draft, row["customer_id"], row["asset"])
    _tell(draft, books, left, event, by)


def _tell(draft: Draft, books: Books, row: Row, event: str, amount: int) -> None:
    payload = {
        "customer_id": row["customer_id"],
        "asset": row["asset"],
        "amount": amount,
        "owed": row["amount"],
    }
    apply_emit(draft, books.moment, Emit(row["customer_id"], event, f"{row['customer_id']}:{row['asset']}", payload))
