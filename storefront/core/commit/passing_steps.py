"""Passing currency on: the sender's lots are drawn, and the receiver's filled on the same terms, in one entry.

Each part of a lot is a transfer of its own, with one draw and one credit: so where value went can be followed from
the books alone, and what money paid for it goes along.
"""

from collections.abc import Sequence

from storefront.core.accounts import receivable, sink, wallet
from storefront.core.commit.debt_steps import pay_debt_from, share_of
from storefront.core.commit.hold_steps import once_expired_is_free
from storefront.core.commit.lapse_steps import see_to_expiry
from storefront.core.commit.ledger_steps import (
    Books,
    Part,
    choose_lots,
    draw_lots,
    fill_lot,
    move_balance,
    write_draw,
    write_transfer,
)
from storefront.core.commit.outcome import InsufficientFunds, Stale
from storefront.core.commit.passing import PassOn
from storefront.core.commit.projection import Row
from storefront.core.commit.reads import debt_key, lots_group
from storefront.core.commit.state import Draft
from storefront.core.commit.steps import Deposit, Key, LotTerms
from storefront.core.ids import PAYMENT_PREFIX, is_id


def apply_pass_on(draft: Draft, books: Books, step: PassOn) -> None:
    """Draw the sender's lots, keep the fee, pay what the receiver owes, and fill the receiver's lots with the rest."""
    once_expired_is_free(draft, books, step, _pass_on)


def _pass_on(draft: Draft, books: Books, step: PassOn) -> None:
    source = wallet(step.customer_id, step.asset)
    chosen = _choose(draft, books, step)
    # The fee comes out of what is drawn last: what was passed on keeps the oldest terms.
    passed, kept = split_parts(chosen, step.amount - step.fee)
    if kept:
        draw_lots(
            draft, books, entry=step.entry, source=source, to=sink(step.asset), anchor=step.customer_id, taken=kept
        )
    row = draft.row(debt_key(step.recipient_id, step.asset))
    owed, passed = split_parts(passed, share_of(row, step.amount - step.fee))
    if row is not None and owed:
        to = receivable(step.asset)
        draw_lots(draft, books, entry=step.entry, source=source, to=to, anchor=step.customer_id, taken=owed)
        pay_debt_from(draft, books, step.entry, row, sum(amount for _, _, amount in owed))
    books.results["passed"] = [_move(draft, books, step, part) for part in passed]


def _choose(draft: Draft, books: Books, step: PassOn) -> list[Part]:
    group = draft.group(lots_group(wallet(step.customer_id, step.asset), step.customer_id))
    lots = [pair for pair in group if _may_go(pair[1], step.rested_since)]
    try:
        return choose_lots(lots, step.asset, step.amount, books.moment.now)
    except InsufficientFunds as short:
        if step.rested_since is None:
            raise
        raise InsufficientFunds(
            f"{short.facts['available']} {step.asset} may be passed on now: what was bought rests first.", **short.facts
        ) from None


def _may_go(lot: Row, rested_since: int | None) -> bool:
    return rested_since is None or lot["opened_at"] <= rested_since or not _was_paid_for(lot)


def _was_paid_for(lot: Row) -> bool:
    """Tell whether money stands behind a lot: what it cost, or a payment that it came on top of, as a bonus does."""
    payment: str | None = lot["payment"]
    return lot["cost_amount"] is not None or (payment is not None and is_id(payment, PAYMENT_PREFIX))


def split_parts(parts: Sequence[Part], amount: int) -> tuple[list[Part], list[Part]]:
    """Return the parts that make up ``amount``, in their order, and those that are left."""
    first: list[Part] = []
    rest: list[Part] = []
    for address, lot, there in parts:
        part = min(amount, there)
        amount -= part
        if part:
            first.append((address, lot, part))
        if there > part:
            rest.append((address, lot, there - part))
    return first, rest


def _move(draft: Draft, books: Books, step: PassOn, part: Part) -> list[str | int]:
    """Move one part of a lot into the receiver's wallet; return ``[lot drawn, lot filled, amount]``."""
    address, lot, amount = part
    key = Key("lots", address[1], step.customer_id)
    now = draft.row(key)
    assert now is not None, "what was chosen is loaded"
    source, to = wallet(step.customer_id, step.asset), wallet(step.recipient_id, step.asset)
    position = write_transfer(draft, books, label=step.entry, source=source, to=to, amount=amount)
    move_balance(draft, source, -amount, step.customer_id)
    move_balance(draft, to, amount, step.recipient_id)
    draft.put(key, {**now, "remaining": now["remaining"] - amount})
    write_draw(draft, books, step.entry, transfer=position, lot_id=lot["id"], amount=amount)
    cost = None if lot["cost_amount"] is None else lot["cost_amount"] * amount // lot["amount"]
    terms = LotTerms(
        source="gift",
        payment=lot["payment"],
        cost_amount=cost,
        cost_currency=lot["cost_currency"],
        priority=lot["priority"],
        expires_at=lot["expires_at"],
    )
    if lot["expires_at"] is not None and lot["expires_at"] not in step.ends:
        raise Stale(f"lot {lot['id']} lapses at an instant that was not read")
    credit = Deposit(step.entry, step.recipient_id, step.asset, amount, source, terms)
    filled = fill_lot(draft, books, credit, position=position)
    see_to_expiry(draft, books, credit)
    return [lot["id"], filled, amount]
