"""The steps that move value: entries, transfers, lots and their draws.

Only this file changes a balance. A transfer cannot be unbalanced: it states one positive amount of one
asset, its source and its destination.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from storefront.core.accounts import Account, wallet
from storefront.core.commit.outcome import InsufficientFunds, Moment, WalletFull
from storefront.core.commit.projection import Row, available_of, is_lapsed
from storefront.core.commit.reads import account_key
from storefront.core.commit.state import Address, Draft, NotNamed
from storefront.core.commit.steps import Deposit, Group, Key, LotTerms, OpenEntry, Spend, Transfer
from storefront.core.money import MAX_AMOUNT

FOREVER = 2**62
CUSTOMER = "customer:"
Part = tuple[Address, Row, int]
"""A lot (where it stands, and its row) and how much of it is taken."""


@dataclass(slots=True)
class OpenedEntry:
    """An entry of this plan: its head (written with its first transfer) and what it has so far."""

    entry_id: str
    head: dict[str, Any]
    transfers: int = 0
    draws: int = 0
    credits: int = 0
    shared_with: tuple[str, ...] = ()


@dataclass(slots=True)
class Books:
    """The entries that one plan has opened, by label, and what its ledger steps found out.

    ``waiting`` holds freezes that were taken while they waited for holds, as they stood, by the label of the step.
    ``watched`` are the wallets (customer, asset) to look at when the plan is applied: are they to be topped up?
    """

    actor: str
    moment: Moment
    results: dict[str, Any]
    entries: dict[str, OpenedEntry] = field(default_factory=dict)
    waiting: dict[str, Row] = field(default_factory=dict)
    watched: dict[tuple[str, str], None] = field(default_factory=dict)


def apply_entry(books: Books, step: OpenEntry) -> None:
    """Open an entry; an entry that gets no transfer (a free purchase) is never written."""
    if step.label in books.entries:
        raise NotNamed(f"the plan opens two entries called {step.label}")
    head = {
        "id": step.entry_id,
        "commit_no": books.moment.commit_no,
        "kind": step.kind,
        "about": step.about,
        "anchor": step.anchor,
        "actor": books.actor,
        "reverses": step.reverses,
        "occurred_at": books.moment.now,
        "recorded_at": books.moment.wall,
        "facts": None if step.facts is None else msgspec.json.encode(step.facts).decode(),
    }
    books.entries[step.label] = OpenedEntry(step.entry_id, head)


def apply_transfer(draft: Draft, books: Books, step: Transfer) -> None:
    """Move value between accounts without lots; a guarded source that has too little refuses."""
    if step.source.has_lots or step.destination.has_lots:
        raise NotNamed("value enters and leaves a wallet by Deposit and Spend, which keep its lots")
    write_transfer(draft, books, label=step.entry, source=step.source, to=step.destination, amount=step.amount)
    move_balance(draft, step.source, -step.amount, step.anchor)
    move_balance(draft, step.destination, step.amount, step.anchor)


def apply_spend(draft: Draft, books: Books, step: Spend) -> None:
    """Draw a wallet's lots: by priority, then soonest expiry, then given before purchased, then oldest."""
    account = wallet(step.customer_id, step.asset)
    group = Group("lots", (account.id,), step.customer_id)
    chosen = choose_lots(draft.group(group), step.asset, step.amount, books.moment.now)
    drawn = draw_lots(draft, books, entry=step.entry, source=account, to=step.to, anchor=step.customer_id, taken=chosen)
    books.results[f"lots:{step.label}"] = drawn


def draw_lots(
    draft: Draft, books: Books, *, entry: str, source: Account, to: Account, anchor: str, taken: Sequence[Part]
) -> list[list[str | int]]:
    """Move what is ``taken`` out of a wallet's lots by one transfer of the entry; return ``[[lot_id, amount], …]``."""
    total = sum(amount for _, _, amount in taken)
    position = write_transfer(draft, books, label=entry, source=source, to=to, amount=total)
    move_balance(draft, source, -total, anchor)
    move_balance(draft, to, total, anchor)
    drawn: list[list[str | int]] = []
    for address, lot, amount in taken:
        key = Key("lots", address[1], anchor)
        now = draft.row(key) or lot
        draft.put(key, {**now, "remaining": now["remaining"] - amount})
        write_draw(draft, books, entry, transfer=position, lot_id=lot["id"], amount=amount)
        drawn.append([lot["id"], amount])
    return drawn


def apply_deposit(draft: Draft, books: Books, step: Deposit) -> None:
    """Credit a wallet: open a lot, or join an equal one."""
    account = wallet(step.customer_id, step.asset)
    position = write_transfer(draft, books, label=step.entry, source=step.source, to=account, amount=step.amount)
    move_balance(draft, step.source, -step.amount, step.customer_id)
    move_balance(draft, account, step.amount, step.customer_id)
    fill_lot(draft, books, step, position=position)


def fill_lot(draft: Draft, books: Books, step: Deposit, *, position: int) -> str:
    """Put into a lot what the entry's transfer at ``position`` has brought into the wallet; return its id."""
    account = wallet(step.customer_id, step.asset)
    group = Group("lots", (account.id,), step.customer_id)
    for address, lot in draft.group(group):
        # A lot that this batch has emptied is closed, as if each plan were committed by itself.
        if lot["remaining"] and _is_equal(lot, step.terms, step.amount):
            joined = {**lot, "amount": lot["amount"] + step.amount, "remaining": lot["remaining"] + step.amount}
            if lot["cost_amount"] is not None:
                joined["cost_amount"] = lot["cost_amount"] + step.terms.cost_amount
            draft.put(Key("lots", address[1], step.customer_id), joined)
            write_credit(
                draft, books, step.entry, transfer=position, lot_id=lot["id"], amount=step.amount, terms=step.terms
            )
            return str(lot["id"])
    lot_id = books.moment.new_id("lot")
    draft.put_member(group, Key("lots", (lot_id,), step.customer_id), _lot_row(lot_id, account, step, books.moment.now))
    write_credit(draft, books, step.entry, transfer=position, lot_id=lot_id, amount=step.amount, terms=step.terms)
    return lot_id


def write_draw(draft: Draft, books: Books, label: str, *, transfer: int, lot_id: str, amount: int) -> None:
    """Keep for ever what a transfer took from a lot."""
    entry = books.entries[label]
    draft.append(
        "draws",
        {
            "entry_id": entry.entry_id,
            "position": entry.draws,
            "transfer": transfer,
            "lot_id": lot_id,
            "amount": amount,
        },
    )
    entry.draws += 1


def write_credit(
    draft: Draft, books: Books, label: str, *, transfer: int, lot_id: str, amount: int, terms: LotTerms
) -> None:
    """Keep for ever what a lot was given and on which terms; the lot itself only says what is left."""
    entry = books.entries[label]
    draft.append(
        "credits",
        {
            "entry_id": entry.entry_id,
            "position": entry.credits,
            "transfer": transfer,
            "lot_id": lot_id,
            "amount": amount,
            "source": terms.source,
            "payment": terms.payment,
            "cost_amount": terms.cost_amount,
            "cost_currency": terms.cost_currency,
            "priority": terms.priority,
            "expires_at": terms.expires_at,
        },
    )
    entry.credits += 1


def choose_lots(lots: Iterable[tuple[Address, Row]], asset: str, amount: int, now: int) -> list[Part]:
    """Return which lots give how much of ``amount``, in the order in which a wallet is drained.

    Raises:
        InsufficientFunds: they have too little that is neither held, frozen nor lapsed.
    """
    usable = [(address, lot) for address, lot in lots if not is_lapsed(lot, now)]
    available = available_of((lot for _, lot in usable), now)
    if available < amount:
        raise InsufficientFunds(asset=asset, required=amount, available=available, short_by=amount - available)
    usable.sort(key=lambda pair: _drain_order(pair[1]))
    taken = []
    for address, lot in usable:
        part = min(amount, lot["remaining"] - lot["held"] - lot["frozen"])
        if part > 0:
            taken.append((address, lot, part))
            amount -= part
        if amount == 0:
            break
    return taken


def _drain_order(lot: Row) -> tuple[int, int, bool, int, str]:
    expires_at = FOREVER if lot["expires_at"] is None else lot["expires_at"]
    return (lot["priority"], expires_at, lot["source"] == "purchased", lot["opened_at"], lot["id"])


def _is_equal(lot: Row, terms: LotTerms, amount: int) -> bool:
    """Tell whether a credit may join this lot: same source payment, unit cost, expiry and priority."""
    same_terms = (lot["source"], lot["payment"], lot["priority"], lot["expires_at"], lot["cost_currency"]) == (
        terms.source,
        terms.payment,
        terms.priority,
        terms.expires_at,
        terms.cost_currency,
    )
    if not same_terms or (lot["cost_amount"] is None) != (terms.cost_amount is None):
        return False
    return terms.cost_amount is None or lot["cost_amount"] * amount == terms.cost_amount * lot["amount"]


def _lot_row(lot_id: str, account: Account, step: Deposit, now: int) -> dict[str, Any]:
    return {
        "id": lot_id,
        "account": account.id,
        "source": step.terms.source,
        "payment": step.terms.payment,
        "cost_amount": step.terms.cost_amount,
        "cost_currency": step.terms.cost_currency,
        "priority": step.terms.priority,
        "opened_at": now,
        "expires_at": step.terms.expires_at,
        "amount": step.amount,
        "remaining": step.amount,
        "held": 0,
        "frozen": 0,
    }


def write_transfer(draft: Draft, books: Books, *, label: str, source: Account, to: Account, amount: int) -> int:
    """Write one transfer of the entry called ``label`` and return its position in it."""
    if type(amount) is not int or not 1 <= amount <= MAX_AMOUNT:
        raise NotNamed(f"a transfer moves 1 … 2^53−1 of the smallest unit, not {amount!r}")
    if source.asset != to.asset or source == to:
        raise NotNamed(f"a transfer moves one asset between two accounts, not {source.id} to {to.id}")
    entry = books.entries[label]
    if entry.transfers == 0:
        draft.append("entries", entry.head)
    draft.append(
        "transfers",
        {
            "entry_id": entry.entry_id,
            "position": entry.transfers,
            "source": source.id,
            "destination": to.id,
            "asset": source.asset,
            "amount": amount,
        },
    )
    entry.transfers += 1
    for account in (source, to):
        if account.owner.startswith(CUSTOMER):
            _share(draft, entry, account.owner.removeprefix(CUSTOMER))
    return entry.transfers - 1


def _share(draft: Draft, entry: OpenedEntry, customer_id: str) -> None:
    """Let a customer find an entry that hangs under another one, and moves what is theirs."""
    if customer_id == entry.head["anchor"] or customer_id in entry.shared_with:
        return
    entry.shared_with += (customer_id,)
    draft.append("shared_entries", {"customer_id": customer_id, "entry_id": entry.entry_id})


def move_balance(draft: Draft, account: Account, by: int, anchor: str) -> None:
    """Keep a guarded account's balance, never below zero; make sure that an open one is known."""
    if not account.is_guarded:
        if not draft.know_account(account.id):
            draft.append("accounts", account_row(account, 0))
        return
    key = account_key(account, anchor)
    row = draft.row(key) or account_row(account, 0)
    balance = row["balance"] + by
    if balance < 0:
        raise InsufficientFunds(
            asset=account.asset, required=-by, available=row["balance"], short_by=-by - row["balance"]
        )
    if balance > MAX_AMOUNT:
        raise WalletFull(asset=account.asset, most=MAX_AMOUNT, balance=row["balance"])
    draft.put(key, {**row, "balance": balance})


def account_row(account: Account, balance: int) -> dict[str, Any]:
    """Return the row of an account that nobody watches."""
    return {
        "id": account.id,
        "owner": account.owner,
        "role": account.role,
        "asset": account.asset,
        "guarded": int(account.is_guarded),
        "balance": balance,
        "top_up_below": None,
    }
