"""Merging two customers: value moves by one entry, rows get their new owner, and the source's anchor closes.

A lot goes as it is, with id, cost, age and end: only the wallet in which it lies is another. So a refund of what was
bought before finds the very lots, and what was drawn and credited before needs no word of the merge.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from storefront.core.accounts import Account, debt, unapplied, wallet
from storefront.core.commit.item_joins import end_joined, move_items
from storefront.core.commit.ledger_steps import Books, account_row, move_balance, write_transfer
from storefront.core.commit.merge_searches import accounts_of, debts_of, lots_of, names_of
from storefront.core.commit.merging import Hindrance, MergeCustomer, MergeNotPossible, Moves, Parties, Search
from storefront.core.commit.outcome import Stale
from storefront.core.commit.reads import account_key, debt_key
from storefront.core.commit.state import Draft, Row
from storefront.core.commit.steps import Key


@dataclass(slots=True)
class _Merge:
    draft: Draft
    books: Books
    step: MergeCustomer
    parties: Parties

    def each(self, search: Callable[[str], Search], customer_id: str | None = None) -> list[Row]:
        return [row for _, row in self.draft.found(search(customer_id or self.step.source_id))]

    def rows_of(self, table: str, customer_id: str) -> list[Row]:
        wanted = (moves for moves in self.step.moves if moves.table.name == table)
        return [row for moves in wanted for row in self.each(moves.search, customer_id)]


def apply_merge_customer(draft: Draft, books: Books, step: MergeCustomer) -> None:
    """Move everything, or say all that stands in the way."""
    merge = _Merge(draft, books, step, Parties(step.source_id, step.target_id, books.moment.now))
    hindrances = [
        {"what": one.what, "id": one.id, "of": of, "how": one.how}
        for of, customer_id in (("source", step.source_id), ("target", step.target_id))
        for one in _hindrances(merge, customer_id)
    ]
    hindrances += [{"what": one.what, "id": one.id, "of": "both", "how": one.how} for one in _clashes(merge)]
    if hindrances:
        raise MergeNotPossible("Something is under way, or both have what only one may have.", hindrances=hindrances)
    books.results["merged"] = {
        **_move_value(merge),
        "items": move_items(draft, books.moment, step, merge.rows_of("items", step.source_id)),
        "rows": _move_rows(merge),
    }
    _close(merge)


def _hindrances(merge: _Merge, customer_id: str) -> Iterator[Hindrance]:
    for moves in merge.step.moves:
        if moves.hinders is not None:
            for row in merge.each(moves.search, customer_id):
                found = moves.hinders(row, merge.parties)
                if found is not None:
                    yield found


def _clashes(merge: _Merge) -> Iterator[Hindrance]:
    """Yield what both have, where nothing says how two become one."""
    for moves in merge.step.moves:
        if moves.join is None and not moves.is_kept:
            there = {moves.name_of(row) for row in merge.each(moves.search, merge.step.target_id)}
            for row in merge.each(moves.search):
                name = moves.name_of(moves.changed(row, merge.parties))
                if name in there and name != moves.name_of(row):
                    told = ", ".join(str(one) for one in name if one != merge.step.target_id)
                    yield Hindrance(moves.noun or moves.table.name, told, "Both have one: end one of the two first.")
    yield from _methods_of_two_payers(merge)


def _methods_of_two_payers(merge: _Merge) -> Iterator[Hindrance]:
    """Yield saved methods that could not be charged: a gateway charges a payer's own, and knows the two as two."""
    of_source, of_target = (
        {row["gateway"] for row in merge.rows_of("payers", one)} for one in (merge.step.source_id, merge.step.target_id)
    )
    for row in merge.rows_of("payment_methods", merge.step.source_id):
        if row["forgotten_at"] is None and row["gateway"] in of_source & of_target:
            how = "Both are known to the gateway: forget this method first, and save it again afterwards."
            yield Hindrance("payment_method", row["id"], how)


_ROLES: Mapping[str, tuple[str, Callable[[str, str], Account]]] = {
    "wallet": ("wallets", wallet),
    "unapplied": ("unapplied", unapplied),
}
"""Accounts that keep a balance: what the answer calls them, and how each is named."""


def _move_value(merge: _Merge) -> dict[str, dict[str, int]]:
    """Move balances by one transfer each, and let the lots lie in the target's wallets."""
    moved: dict[str, dict[str, int]] = {"wallets": {}, "unapplied": {}, "debts": {}}
    _tell_lots(merge)
    theirs = {row["id"]: row for row in merge.each(accounts_of, merge.step.target_id)}
    for row in sorted(merge.each(accounts_of), key=lambda row: str(row["id"])):
        if row["role"] in _ROLES:
            name, account = _ROLES[row["role"]]
            source, to = account(merge.step.source_id, row["asset"]), account(merge.step.target_id, row["asset"])
            there = theirs.get(to.id) or account_row(to, 0)
            merge.draft.put(account_key(to, merge.step.target_id), there)
            if row["balance"]:
                _move(merge, source, to, row["balance"])
                moved[name][row["asset"]] = row["balance"]
            if row["top_up_below"] is not None:
                _watch_there(merge, source, to)
    for row in merge.each(lots_of):
        there_now = wallet(merge.step.target_id, _asset_of(row)).id
        merge.draft.put(Key("lots", (row["id"],), merge.step.source_id), {**row, "account": there_now})
    _move_debts(merge, moved["debts"])
    return moved


def _move(merge: _Merge, source: Account, to: Account, amount: int) -> None:
    write_transfer(merge.draft, merge.books, label=merge.step.entry, source=source, to=to, amount=amount)
    move_balance(merge.draft, source, -amount, merge.step.source_id)
    move_balance(merge.draft, to, amount, merge.step.target_id)


def _tell_lots(merge: _Merge) -> None:
    """Let the entry keep for ever which lots went with it, and how much was in each."""
    lots: dict[str, list[list[str | int]]] = {}
    for row in sorted(merge.each(lots_of), key=lambda row: str(row["id"])):
        if row["remaining"]:
            lots.setdefault(_asset_of(row), []).append([row["id"], row["remaining"]])
    facts = {"merged": merge.step.source_id, "into": merge.step.target_id, "lots": lots}
    merge.books.entries[merge.step.entry].head["facts"] = msgspec.json.encode(facts).decode()


def _asset_of(lot: Row) -> str:
    return str(lot["account"]).rsplit(":", 1)[1]


def _watch_there(merge: _Merge, source: Account, to: Account) -> None:
    """Let a threshold of the source's be the target's, who has agreed to none: what is agreed moves as well."""
    here, there = account_key(source, merge.step.source_id), account_key(to, merge.step.target_id)
    row, theirs = merge.draft.row(here), merge.draft.row(there)
    assert row is not None, "it was found"
    assert theirs is not None, "it was put"
    merge.draft.put(here, {**row, "top_up_below": None})
    if not any(agreed["asset"] == to.asset for agreed in merge.rows_of("auto_top_ups", merge.step.target_id)):
        merge.draft.put(there, {**theirs, "top_up_below": row["top_up_below"]})


def _move_debts(merge: _Merge, moved: dict[str, int]) -> None:
    """Let the target owe what the source did, on the stricter terms of the two."""
    step, now = merge.step, merge.books.moment.now
    theirs = {row["asset"]: row for row in merge.each(debts_of, step.target_id)}
    for row in merge.each(debts_of):
        amount, asset, before = row["amount"], row["asset"], theirs.get(row["asset"])
        key = debt_key(step.target_id, asset)
        if amount:
            _move(merge, debt(step.source_id, asset), debt(step.target_id, asset), amount)
            moved[asset] = amount
        joined = {**row, "customer_id": step.target_id, "updated_at": now}
        if before is not None and before["amount"] and amount:
            joined["amount"] = before["amount"] + amount
            joined["opened_at"] = min(before["opened_at"], row["opened_at"])
            for term in ("repay_percent", "block_spending"):
                joined[term] = max(before[term], row[term])
        elif before is not None and not amount:
            joined = dict(before)
        merge.draft.put(debt_key(step.source_id, asset), {**row, "amount": 0, "updated_at": now})
        merge.draft.put(key, joined)


def _move_rows(merge: _Merge) -> dict[str, int]:
    """Let the rows of all tables be the target's; return how many of each moved."""
    moved: dict[str, int] = {}
    for moves in merge.step.moves:
        if moves.is_kept:
            continue
        theirs = {moves.name_of(row): row for row in merge.each(moves.search, merge.step.target_id)}
        # A table may be named twice, by two columns: the later goes on with what the earlier has made.
        for row in merge.each(moves.search):
            if _move_row(merge, moves, row, theirs):
                moved[moves.table.name] = moved.get(moves.table.name, 0) + 1
    return moved


def _move_row(merge: _Merge, moves: Moves, row: Row, theirs: Mapping[tuple[Any, ...], Row]) -> bool:
    """Let a row be the target's, or a part of what they have; tell whether it is."""
    changed, here = moves.changed(row, merge.parties), moves.key_of(row)
    same = theirs.get(moves.name_of(changed))
    if same is not None and moves.key_of(same) != here:
        assert moves.join is not None, "a clash is a hindrance"
        joined = moves.join(row, same, merge.parties)
        if joined is None:
            return False
        changed = joined
        if moves.table.name == "items":
            end_joined(merge.draft, changed, merge.books.moment)
    anchor = merge.step.source_id if moves.anchor is None else moves.anchor(row)
    if anchor not in merge.draft.named:
        raise Stale(f"{moves.table.name} {here} hangs under {anchor}, which was not read")
    if here != moves.key_of(changed):
        merge.draft.put(Key(moves.table.name, here, anchor), None)
    merge.draft.put(Key(moves.table.name, moves.key_of(changed), anchor), changed)
    return True


def _close(merge: _Merge) -> None:
    """Let the source be a name of the target: nothing is written under their anchor any more."""
    step, draft, moment = merge.step, merge.draft, merge.books.moment
    own = {row["id"]: row for row in merge.each(names_of)}
    there = {row["id"]: row for row in merge.each(names_of, step.target_id)}.get(step.target_id)
    if step.source_id not in own or there is None or there["merged_into"] is not None:
        raise Stale("one of the two has become another customer")
    for customer_id, row in own.items():
        at = moment.wall if customer_id == step.source_id else row["merged_at"]
        changed = {**row, "merged_into": step.target_id, "merged_at": at}
        draft.put(Key("customers", (customer_id,), step.source_id), changed)
    if there["country"] is None and own[step.source_id]["country"] is not None:
        country = own[step.source_id]["country"]
        draft.put(Key("customers", (step.target_id,), step.target_id), {**there, "country": country})
    for anchor in (step.source_id, step.target_id):
        draft.touch(anchor)
    draft.merged[step.source_id] = step.target_id
