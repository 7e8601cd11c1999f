"""What ``audit verify --deep`` checks of payouts and of creators' statements (P1 to P4), against ledger and records."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, and_, case, func, literal, or_, select

from storefront.core.audit import Check, Violation
from storefront.core.audit.check import each_row, movements
from storefront.core.tables import accounts, audit_actions, entries
from storefront_fanfunding.accounts import MANUAL
from storefront_fanfunding.payout_moves import RETURNED
from storefront_fanfunding.payout_rows import CREATED, FAILED, IN_PROGRESS, PAID
from storefront_fanfunding.payouts import KIND
from storefront_fanfunding.tables import lines, payouts

_OF_CREATORS = accounts.c.owner.startswith("creator:")
_WHOSE = (lines.c.creator_id, lines.c.currency)


def payouts_are_within_what_was_earned(connection: Connection) -> Iterator[Violation]:
    """P1-payouts: when each payout was created, all payouts so far were within what was earned, and neither taken back
    nor in reserve then.

    In the order of the statements' lines, which is that of the commits under the creator's anchor.
    """
    statement = (
        select(*_WHOSE, lines.c.kind, lines.c.sequence, lines.c.amount, lines.c.owed, payouts.c.id,
               payouts.c.amount.label("paid"))
        .join(payouts, and_(payouts.c.creator_id == lines.c.creator_id, payouts.c.currency == lines.c.currency,
                            payouts.c.line == lines.c.sequence), isouter=True)
        .order_by(*_WHOSE, lines.c.sequence)
    )  # fmt: skip
    whose, earned, paid = None, 0, 0
    for row in each_row(connection, statement):
        if (row.creator_id, row.currency) != whose:
            whose, earned, paid = (row.creator_id, row.currency), 0, 0
        moved = row.amount - row.owed
        if row.id is not None:
            paid += row.paid
        elif row.kind == RETURNED:
            paid -= moved
        elif row.kind != KIND:
            earned += moved
        if row.id is not None and paid > earned:
            message = f"payout {row.id} made it {paid} {row.currency} that were paid out, of {earned} that could be"
            yield Violation("P1-payouts", (row.id,), message)


def lines_are_the_ledger(connection: Connection) -> Iterator[Violation]:
    """P2-lines: lines are numbered without a gap, each says how the two accounts stood after it, and each is its
    entry: what that did to what a creator can be paid, and what they owe. No entry has none, or two."""
    whose, before = None, (0, 0, 0)
    for row in each_row(connection, select(lines).order_by(*_WHOSE, lines.c.sequence)):
        if (row.creator_id, row.currency) != whose:
            whose, before = (row.creator_id, row.currency), (0, 0, 0)
        due = (before[0] + 1, before[1] + row.amount, before[2] + row.owed)
        stands = (row.sequence, row.balance, row.debt)
        if stands != due:
            message = f"line {row.sequence} of {row.creator_id} in {row.currency} stands at {stands}, it comes to {due}"
            yield Violation("P2-lines", (row.creator_id, row.entry_id), message)
        before = stands
    moved = _moved_by_entry()
    is_its = and_(moved.c.entry_id == lines.c.entry_id, moved.c.asset == lines.c.currency,
                  moved.c.owner == literal("creator:") + lines.c.creator_id)  # fmt: skip
    is_other = or_(moved.c.amount != lines.c.amount, moved.c.owed != lines.c.owed, moved.c.about != lines.c.about,
                   moved.c.kind != lines.c.kind)  # fmt: skip
    without = (
        select(moved, lines.c.entry_id.label("line"))
        .join(lines, is_its, isouter=True)
        .where(or_(lines.c.entry_id.is_(None), is_other))
    )
    for row in each_row(connection, without):
        said = "no statement tells it" if row.line is None else "its line says otherwise"
        message = f"entry {row.entry_id} moved {row.amount} {row.asset} of {row.owner}, and {said}"
        yield Violation("P2-lines", (row.entry_id,), message)
    stray = select(lines.c.entry_id).join(moved, is_its, isouter=True).where(moved.c.entry_id.is_(None))
    for row in each_row(connection, stray):
        yield Violation("P2-lines", (row.entry_id,), f"a line tells of {row.entry_id}, which moved nothing of theirs")
    twice = select(lines.c.entry_id).group_by(*_WHOSE, lines.c.entry_id).having(func.count() > 1)
    for row in each_row(connection, twice):
        yield Violation("P2-lines", (row.entry_id,), f"entry {row.entry_id} is told by two lines")


def _moved_by_entry() -> Any:
    """Return ``(entry_id, kind, about, owner, asset, amount, owed)`` of entries that moved ``payable`` or ``debt``."""
    moved = movements()
    amount = func.sum(case((accounts.c.role == "payable", moved.c.amount), else_=0))
    owed = func.sum(case((accounts.c.role == "debt", moved.c.amount), else_=0))
    return (
        select(moved.c.entry_id, entries.c.kind, entries.c.about, accounts.c.owner, accounts.c.asset,
               amount.label("amount"), owed.label("owed"))
        .join(accounts, and_(accounts.c.id == moved.c.account, _OF_CREATORS,
                             accounts.c.role.in_(("payable", "debt"))))
        .join(entries, entries.c.id == moved.c.entry_id)
        .group_by(moved.c.entry_id, entries.c.kind, entries.c.about, accounts.c.owner, accounts.c.asset)
        .having(or_(amount != 0, owed != 0))
        .subquery("moved_by_entry")
    )  # fmt: skip


def payouts_are_their_entries(connection: Connection) -> Iterator[Violation]:
    """P2-payouts: each payout is what its entries moved, as far as it says it is; its statement begins where the one
    before ends, so that nothing is told, and paid, twice; and no entry is of a payout that is not there."""
    whose, last = None, 0
    booked = _booked()
    statement = (
        select(payouts, *(func.coalesce(booked.c[name], 0).label(f"was_{name}") for name in ("set", "paid", "back")),
               lines.c.about, lines.c.amount.label("told"))
        .join(booked, booked.c.about == payouts.c.id, isouter=True)
        .join(lines, and_(lines.c.creator_id == payouts.c.creator_id, lines.c.currency == payouts.c.currency,
                          lines.c.sequence == payouts.c.line), isouter=True)
        .order_by(payouts.c.creator_id, payouts.c.currency, payouts.c.line)
    )  # fmt: skip
    for row in each_row(connection, statement):
        if (row.creator_id, row.currency) != whose:
            whose, last = (row.creator_id, row.currency), 0
        was = (int(row.was_set), int(row.was_paid), int(row.was_back))
        due = (row.amount, row.amount if row.paid_at is not None else 0, row.returned)
        if was != due:
            message = f"payout {row.id} set aside, paid and gave back {due} {row.currency}; its entries moved {was}"
            yield Violation("P2-payouts", (row.id,), message)
        if not _stands(row):
            message = f"payout {row.id} of {row.amount} is {row.state}, and {row.returned} came back"
            yield Violation("P2-payouts", (row.id,), message)
        if (row.since, row.about, row.told) != (last, row.id, -row.amount):
            message = f"the statement of {row.id} begins after line {row.since}, the one before ends with line {last}"
            yield Violation("P2-payouts", (row.id,), message)
        last = row.line
    stray = select(entries.c.id, entries.c.kind).where(
        entries.c.kind.startswith("payout."), entries.c.about.not_in(select(payouts.c.id))
    )
    for row in each_row(connection, stray):
        yield Violation("P2-payouts", (row.id,), f"entry {row.id} ({row.kind}) is of no payout")


def _stands(row: Any) -> bool:
    """Tell whether a payout's state goes with its times and with what came back."""
    is_paid, is_all_back = row.paid_at is not None, row.returned == row.amount
    match row.state:
        case "created" | "in_progress":
            return not is_paid and row.returned == 0
        case "paid":
            return is_paid and 0 <= row.returned < row.amount
        case _:
            return bool(row.state == FAILED and is_all_back and row.failed_at is not None)


def _booked() -> Any:
    """Return ``(about, set, paid, back)``: what entries moved into the account of what is under way, out of it and on,
    and back to the creator; each by the kind of its entry."""
    moved = movements("booked_movements")
    into = and_(accounts.c.role == "payout", moved.c.amount > 0)
    out_of = and_(accounts.c.role == "payout", moved.c.amount < 0)
    is_theirs = accounts.c.role == "payable"
    repaid = and_(accounts.c.role == "debt", moved.c.amount < 0)

    def total(*parts: Any) -> Any:
        return func.sum(case(*parts, else_=0))

    return (
        select(
            entries.c.about,
            total((and_(entries.c.kind == KIND, into), moved.c.amount)).label("set"),
            total((and_(entries.c.kind == "payout.paid", out_of), -moved.c.amount)).label("paid"),
            total((and_(entries.c.kind == RETURNED, is_theirs), moved.c.amount),
                  (and_(entries.c.kind == RETURNED, repaid), -moved.c.amount)).label("back"),
        )
        .join(entries, and_(entries.c.id == moved.c.entry_id, entries.c.kind.startswith("payout.")))
        .join(accounts, and_(accounts.c.id == moved.c.account, _OF_CREATORS))
        .group_by(entries.c.about)
        .subquery("booked")
    )  # fmt: skip


def payouts_went_where_they_say(connection: Connection) -> Iterator[Violation]:
    """P3-payouts: what a gateway paid names the account and the transfer, which paid nothing else; what was paid by
    hand its reference; an account that is another than before took two people; and what is under way is what such
    payouts took."""
    is_nowhere = and_(payouts.c.pay_with != MANUAL, payouts.c.account.is_(None))
    is_unnamed = and_(payouts.c.paid_at.is_not(None), payouts.c.reference.is_(None))
    for row in each_row(connection, select(payouts.c.id, payouts.c.state).where(or_(is_nowhere, is_unnamed))):
        message = f"payout {row.id} is {row.state}, and nobody knows where to, or as what"
        yield Violation("P3-payouts", (row.id,), message)
    yield from _one_person_moved(connection)
    yield from _paid_by_one_transfer(connection)
    yield from _is_under_way(connection)


def _one_person_moved(connection: Connection) -> Iterator[Violation]:
    """See payouts to another account than the one before, to which nobody else agreed, or sooner than they might."""
    whose, before = None, None
    sent = select(payouts).where(payouts.c.account.is_not(None))
    for row in each_row(connection, sent.order_by(payouts.c.creator_id, payouts.c.currency, payouts.c.line)):
        is_begun = not row.four_eyes or row.approved_at is not None
        if whose != (row.creator_id, row.currency):
            whose, before = (row.creator_id, row.currency), None
        if before is not None and row.account != before and not row.four_eyes:
            message = f"payout {row.id} went to {row.account}, not to {before} as before, and one person saw to it"
            yield Violation("P3-payouts", (row.id,), message)
        if row.approved_at is not None and row.approved_at < (row.approvable_from or 0):
            message = f"payout {row.id} to the new account {row.account} was approved before its time"
            yield Violation("P3-payouts", (row.id,), message)
        before = row.account if is_begun else before


def _paid_by_one_transfer(connection: Connection) -> Iterator[Violation]:
    """See transfers that paid two payouts."""
    twice: Select[Any] = (
        select(payouts.c.pay_with, payouts.c.reference)
        .where(payouts.c.pay_with != MANUAL, payouts.c.reference.is_not(None))
        .group_by(payouts.c.pay_with, payouts.c.reference)
        .having(func.count() > 1)
    )
    for row in each_row(connection, twice):
        message = f"the transfer {row.reference} of {row.pay_with} paid two payouts"
        yield Violation("P3-payouts", (row.reference,), message)


def _is_under_way(connection: Connection) -> Iterator[Violation]:
    """See money that is under way, and is of no payout that is; or the other way."""
    name = literal("creator:") + payouts.c.creator_id + ":payout:" + payouts.c.currency
    open_now: Any = select(name.label("account"), func.sum(payouts.c.amount).label("amount"))
    open_now = open_now.where(payouts.c.state.in_((CREATED, IN_PROGRESS))).group_by(name)
    due = {row.account: int(row.amount) for row in each_row(connection, open_now)}
    moved = movements()
    held = select(moved.c.account, func.sum(moved.c.amount).label("amount")).join(
        accounts, and_(accounts.c.id == moved.c.account, _OF_CREATORS, accounts.c.role == "payout"))  # fmt: skip
    there = {row.account: int(row.amount) for row in each_row(connection, held.group_by(moved.c.account))}
    for account in sorted({*due, *there}):
        if due.get(account, 0) != there.get(account, 0):
            message = f"{account} holds {there.get(account, 0)}; {due.get(account, 0)} are under way"
            yield Violation("P3-payouts", (account,), message)


def two_people_approved(connection: Connection) -> Iterator[Violation]:
    """P4-payouts: who created and who approved a payout is on record, as its row says; where two are needed, they are
    two."""
    told: dict[str, dict[str, tuple[str, dict[str, Any]]]] = {}
    recorded = select(audit_actions.c.about, audit_actions.c.action, audit_actions.c.actor, audit_actions.c.facts)
    for row in each_row(connection, recorded.where(audit_actions.c.action.in_((KIND, "payout.approved")))):
        facts = msgspec.json.decode(row.facts, type=dict[str, Any])
        told.setdefault(row.about, {})[row.action] = (row.actor, facts)
    for row in each_row(connection, select(payouts).order_by(payouts.c.id)):
        records = told.get(row.id, {})
        maker, facts = records.get(KIND, (None, {}))
        checker = records.get("payout.approved", (None, {}))[0]
        if (maker, facts.get("amount"), facts.get("account")) != (row.created_by, row.amount, row.account):
            message = f"payout {row.id} of {row.amount} was created by {row.created_by}; the record says {maker}"
            yield Violation("P4-payouts", (row.id,), message)
        if checker != row.approved_by:
            message = f"payout {row.id} was approved by {row.approved_by}; the record says {checker}"
            yield Violation("P4-payouts", (row.id,), message)
        has_begun = row.state in (IN_PROGRESS, PAID) or row.paid_at is not None
        if row.four_eyes and has_begun and row.approved_by in (None, row.created_by):
            message = f"payout {row.id} began, and nobody but {row.created_by} has seen it"
            yield Violation("P4-payouts", (row.id,), message)


CHECKS: Sequence[Check] = (
    Check("P1-payouts", "Payouts were within what was earned then", payouts_are_within_what_was_earned),
    Check("P2-lines", "Each line of a statement is its ledger entry", lines_are_the_ledger),
    Check("P2-payouts", "Each payout is its entries, and tells of nothing twice", payouts_are_their_entries),
    Check("P3-payouts", "Payouts went where they say, each by a transfer of its own", payouts_went_where_they_say),
    Check("P4-payouts", "Payouts were created and approved by those on record", two_people_approved),
)
