"""What the steps of a reversal do: lots grow again or are emptied, within what the original entry moved.

The bound is a counter under the customer's anchor, so it holds in the commit, whatever was read before it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from storefront.core.commit.hold_steps import release_expired
from storefront.core.commit.lapse_steps import lapse_lots
from storefront.core.commit.ledger_steps import Books, Part, draw_lots, move_balance, write_credit, write_transfer
from storefront.core.commit.outcome import InsufficientFunds, Moment, ReversalOfReversal, ReversalTooLarge
from storefront.core.commit.projection import is_lapsed
from storefront.core.commit.reads import lots_group, reversed_key
from storefront.core.commit.reversals import EndEntitlement, LotPart, Restore, TakeBack
from storefront.core.commit.state import Draft, NotNamed, Row
from storefront.core.commit.steps import Group, Key, LotTerms, OpenEntry


def refuse_second_reversal(draft: Draft, step: OpenEntry) -> None:
    """Refuse an entry that reverses a reversal: what was undone is done again by a new entry of its own."""
    if step.reverses is None:
        return
    original = draft.row(Key("entries", (step.reverses,), None))
    if original is None:
        raise NotNamed(f"the entry {step.reverses} that is to be reversed is not in the books")
    if original["reverses"] is not None:
        raise ReversalOfReversal(entry=step.reverses, reverses=original["reverses"])


def apply_restore(draft: Draft, books: Books, step: Restore) -> None:
    """Give value back into the lots it came from; what comes back into a lot that has lapsed meanwhile lapses too."""
    before = _count(draft, step, step.amount, at_most=sum(part.amount for part in step.draws))
    position = write_transfer(draft, books, label=step.entry, source=step.source, to=step.account, amount=step.amount)
    move_balance(draft, step.source, -step.amount, step.customer_id)
    move_balance(draft, step.account, step.amount, step.customer_id)
    group = lots_group(step.account, step.customer_id)
    open_lots = {address[1] for address, _ in draft.group(group)}
    has_lapsed = False
    for part in _last_first(step.draws, skip=before, amount=step.amount):
        key, lot = _lot(draft, step, part.lot_id)
        cost = None if lot["cost_amount"] is None else lot["cost_amount"] * part.amount // lot["amount"]
        grown = {**lot, "amount": lot["amount"] + part.amount, "remaining": lot["remaining"] + part.amount}
        if cost is not None:
            # What one unit cost stays as it was; rounded down, so that a cost is never made up.
            grown["cost_amount"] = lot["cost_amount"] + cost
        if key.id in open_lots:
            draft.put(key, grown)
        else:
            open_lots.add(key.id)
            draft.put_member(group, key, grown)
        has_lapsed = has_lapsed or is_lapsed(lot, books.moment.now)
        terms = _terms_of(lot, cost)
        write_credit(draft, books, step.entry, transfer=position, lot_id=part.lot_id, amount=part.amount, terms=terms)
    if has_lapsed:
        # The job that lapses a lot comes once, when its time is over: it would not see this.
        lapse_lots(draft, books, step.customer_id, step.asset)


def apply_take_back(draft: Draft, books: Books, step: TakeBack) -> None:
    """Take unspent value out of named lots; what is held, frozen or lapsed is not there to be taken."""
    if _available(draft, books, step) < step.amount:
        release_expired(draft, books, step.customer_id, step.asset)
    available = _available(draft, books, step)
    amount = min(step.amount, available, step.at_most - _counted(draft, step)) if step.is_partial else step.amount
    for word, found in (("taken", amount), ("missing", step.amount - amount)):
        books.results[f"{word}:{step.label}"] = {"wallets": {step.asset: found}}
    if amount == 0 and step.is_partial:
        return
    _count(draft, step, amount, at_most=step.at_most)
    if available < amount:
        short_by = amount - available
        raise InsufficientFunds(asset=step.asset, required=amount, available=available, short_by=short_by)
    taken: list[Part] = []
    missing = amount
    for part in step.parts:
        key, lot = _lot(draft, step, part.lot_id)
        there = min(missing, part.amount, unspent(lot, books.moment.now))
        if there > 0:
            taken.append(((key.table, key.id), lot, there))
            missing -= there
    draw_lots(draft, books, entry=step.entry, source=step.account, to=step.to, anchor=step.customer_id, taken=taken)


def apply_end_entitlement(draft: Draft, moment: Moment, step: EndEntitlement) -> None:
    """End one source of a right now; one that has ended, or was never given, stays as it is."""
    group = Group("entitlements", (step.customer_id, step.key), step.customer_id)
    for address, row in draft.group(group):
        if row["source_id"] == step.source_id and row["ended_at"] is None:
            draft.put(Key("entitlements", address[1], step.customer_id), {**row, "ended_at": moment.now})


def unspent(lot: Row, now: int) -> int:
    """Return what can be taken back from a lot: what is left of it, free, and not lapsed."""
    return 0 if is_lapsed(lot, now) else int(lot["remaining"] - lot["held"] - lot["frozen"])


def _available(draft: Draft, books: Books, step: TakeBack) -> int:
    """Return how much of the named parts can be taken back now."""
    now = books.moment.now
    return sum(min(part.amount, unspent(_lot(draft, step, part.lot_id)[1], now)) for part in step.parts)


def _counted(draft: Draft, step: Restore | TakeBack) -> int:
    """Return how much of the original was reversed before."""
    row = draft.row(reversed_key(step))
    return 0 if row is None else int(row["value"])


def _count(draft: Draft, step: Restore | TakeBack, amount: int, *, at_most: int) -> int:
    """Count a reversal against its original and return what was reversed before; raises ``ReversalTooLarge``."""
    key, before = reversed_key(step), _counted(draft, step)
    if before + amount > at_most:
        raise ReversalTooLarge(asset=step.asset, required=amount, left=at_most - before)
    draft.put(key, {"key": key.id[0], "anchor": step.customer_id, "value": before + amount})
    return before


def _last_first(draws: Sequence[LotPart], *, skip: int, amount: int) -> Iterator[LotPart]:
    """Yield ``amount`` of the draws from the last to the first, leaving out what earlier reversals gave back."""
    for draw in reversed(draws):
        skipped = min(skip, draw.amount)
        skip -= skipped
        part = min(amount, draw.amount - skipped)
        amount -= part
        if part > 0:
            yield LotPart(draw.lot_id, part)


def _lot(draft: Draft, step: Restore | TakeBack, lot_id: str) -> tuple[Key, Row]:
    key = Key("lots", (lot_id,), step.customer_id)
    lot = draft.row(key)
    if lot is None or lot["account"] != step.account.id:
        raise NotNamed(f"lot {lot_id} does not lie in {step.account.id}")
    return key, lot


def _terms_of(lot: Mapping[str, Any], cost: int | None) -> LotTerms:
    return LotTerms(
        source=lot["source"],
        payment=lot["payment"],
        cost_amount=cost,
        cost_currency=lot["cost_currency"],
        priority=lot["priority"],
        expires_at=lot["expires_at"],
    )
