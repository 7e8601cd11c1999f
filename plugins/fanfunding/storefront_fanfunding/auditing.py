"""What ``audit verify --deep`` checks of tips and of creators' money (P1, P2), from rows and transfers alone."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, and_, case, func, literal, or_, select, union_all

from storefront.core.audit import Check, Violation
from storefront.core.tables import accounts, entries, purchases, transfers
from storefront_fanfunding.config import SKU, WHOLE
from storefront_fanfunding.tables import alerts, creators, reversals, tips

_OF_CREATORS = accounts.c.owner.startswith("creator:")
_GONE = ("pending", "void")


class _Amount(msgspec.Struct):
    amount: int


class _Line(msgspec.Struct):
    type: str
    total: _Amount


def _each(connection: Connection, statement: Select[Any]) -> Iterator[Row[Any]]:
    return iter(connection.execute(statement))


def _movements() -> Any:
    """Return ``(entry_id, account, amount)``: every transfer twice, into one account and out of another."""
    into = select(transfers.c.entry_id, transfers.c.destination.label("account"), transfers.c.amount.label("amount"))
    out_of = select(transfers.c.entry_id, transfers.c.source.label("account"), (-transfers.c.amount).label("amount"))
    return union_all(into, out_of).subquery("movements")


def each_tip_is_paid_once(connection: Connection) -> Iterator[Violation]:
    """P2-tips: a tip that is paid has one completed purchase of its amount, any other has none; and the other way."""
    done = purchases.c.status == "completed"
    statement = (
        select(tips.c.id, tips.c.state, tips.c.total, tips.c.currency, tips.c.customer_id, tips.c.purchase_id,
               purchases.c.id.label("found"), purchases.c.bill, purchases.c.total.label("paid"),
               purchases.c.currency.label("paid_in"), purchases.c.customer_id.label("payer"))
        .join(purchases, and_(purchases.c.id == tips.c.purchase_id, done), isouter=True)
        .where(tips.c.source.is_(None))
    )  # fmt: skip
    for row in _each(connection, statement):
        if (row.found is None) is (row.state not in _GONE):
            message = f"tip {row.id} is {row.state}, and {row.found or 'nothing'} paid it"
            yield Violation("P2-tips", (row.id,), message)
        elif row.found is not None and (row.bill, row.paid, row.paid_in, row.payer) != (
            row.id, row.total, row.currency, row.customer_id,
        ):  # fmt: skip
            message = f"tip {row.id} is for {row.total} {row.currency}, {row.found} paid {row.paid} {row.paid_in}"
            yield Violation("P2-tips", (row.id, row.found), message)
    stray = (
        select(purchases.c.id)
        .join(tips, tips.c.purchase_id == purchases.c.id, isouter=True)
        .where(purchases.c.sku == SKU, done, tips.c.id.is_(None))
    )
    for row in _each(connection, stray):
        yield Violation("P2-tips", (row.id,), f"purchase {row.id} paid for a tip that is not there")


def what_came_from_elsewhere_is_in_no_book(connection: Connection) -> Iterator[Violation]:
    """P2-imported: what fans gave elsewhere was never bought, earned or booked here."""
    booked = select(entries.c.id).where(entries.c.about == tips.c.id).exists()
    bought = select(purchases.c.id).where(purchases.c.id == tips.c.purchase_id).exists()
    moved = (tips.c.earned != 0) | (tips.c.reserved != 0) | (tips.c.back_amount != 0) | (tips.c.state != "paid")
    statement = select(tips.c.id, tips.c.source).where(tips.c.source.is_not(None), or_(booked, bought, moved))
    for row in _each(connection, statement):
        yield Violation("P2-imported", (row.id,), f"tip {row.id} of {row.source} stands in the books")


def shares_are_exact(connection: Connection) -> Iterator[Violation]:
    """P1-share: what a tip earned is its creator's share of what was paid less tax, rounded down, booked once."""
    split = (
        select(entries.c.about, func.sum(transfers.c.amount).label("amount"), func.count().label("times"),
               func.min(transfers.c.destination).label("to"))
        .join(transfers, transfers.c.entry_id == entries.c.id)
        .where(entries.c.kind == "tip.split")
        .group_by(entries.c.about)
        .subquery("split")
    )  # fmt: skip
    statement = (
        select(tips, purchases.c.lines, split.c.amount.label("booked"), split.c.to, split.c.times)
        .join(purchases, purchases.c.id == tips.c.purchase_id)
        .join(split, split.c.about == tips.c.id, isouter=True)
    )
    for row in _each(connection, statement):
        tax = sum(line.total.amount for line in msgspec.json.decode(row.lines, type=list[_Line]) if line.type == "tax")
        due = 0 if row.state in _GONE else (row.total - tax) * row.share // WHOLE
        if row.earned != due:
            yield Violation("P1-share", (row.id,), f"tip {row.id} earned {row.earned}, its share is {due}")
        booked = (int(row.booked or 0), row.to, row.times)
        wanted = (due, f"creator:{row.creator_id}:reserve:{row.currency}", 1) if due else (0, None, None)
        if booked != wanted:
            message = f"tip {row.id} earned {due} {row.currency}, {booked[0]} were booked to {row.to or 'nobody'}"
            yield Violation("P1-share", (row.id,), message)


def reserves_hold_what_waits(connection: Connection) -> Iterator[Violation]:
    """P1-reserve: a reserve holds what its tips have not released, and what reversals have set aside."""
    name = literal("creator:") + tips.c.creator_id + ":reserve:" + tips.c.currency
    moved = _movements()
    there = _sums(connection, select(moved.c.account, moved.c.amount).join(
        accounts, and_(accounts.c.id == moved.c.account, accounts.c.role == "reserve", _OF_CREATORS)))  # fmt: skip
    waiting = _sums(connection, select(name.label("account"), tips.c.reserved.label("amount")))
    set_aside = (reversals.c.from_reserve + reversals.c.from_payable).label("amount")
    held = select(name.label("account"), set_aside).join(tips, tips.c.id == reversals.c.tip_id)
    frozen = _sums(connection, held.where(reversals.c.stage == "held"))
    for account in sorted({*there, *waiting, *frozen}):
        due = waiting.get(account, 0) + frozen.get(account, 0)
        if there.get(account, 0) != due:
            message = f"{account} holds {there.get(account, 0)}; {due} are to wait there"
            yield Violation("P1-reserve", (account,), message)


def _sums(connection: Connection, rows: Select[Any]) -> dict[str, int]:
    found = rows.subquery()
    statement = select(found.c.account, func.sum(found.c.amount).label("amount")).group_by(found.c.account)
    return {row.account: int(row.amount) for row in _each(connection, statement)}


def creators_have_what_they_earned(connection: Connection) -> Iterator[Violation]:
    """P1-earned: reserve + payable − debt + paid out = Σ earned − Σ taken back, of each creator in each currency.

    What entries of the kind ``payout.…`` move is paid out.
    """
    moved, owner = _movements(), literal("creator:") + tips.c.creator_id + ":" + tips.c.currency
    has = select((accounts.c.owner + ":" + accounts.c.asset).label("account"),
                 case((accounts.c.role == "debt", -moved.c.amount), else_=moved.c.amount).label("amount")
                 ).join(accounts, and_(accounts.c.id == moved.c.account, _OF_CREATORS))  # fmt: skip
    has = has.join(entries, and_(entries.c.id == moved.c.entry_id, entries.c.kind.not_like("payout.%")))
    earned = _sums(connection, select(owner.label("account"), tips.c.earned.label("amount")))
    back = select(owner.label("account"), reversals.c.wanted.label("amount"))
    taken = _sums(connection, back.join(tips, tips.c.id == reversals.c.tip_id).where(reversals.c.stage == "taken"))
    there = _sums(connection, has)
    for name in sorted({*there, *earned}):
        due = earned.get(name, 0) - taken.get(name, 0)
        if there.get(name, 0) != due:
            yield Violation("P1-earned", (name,), f"{name} was given {there.get(name, 0)}, and earned {due}")


def creators_are_never_below_zero(connection: Connection) -> Iterator[Violation]:
    """P1-floor: no reserve, payable or debt of a creator was below zero after any commit."""
    moved = _movements()
    by_commit = (
        select(moved.c.account, entries.c.commit_no, func.sum(moved.c.amount).label("amount"))
        .join(entries, entries.c.id == moved.c.entry_id)
        .join(accounts, and_(accounts.c.id == moved.c.account, _OF_CREATORS))
        .group_by(moved.c.account, entries.c.commit_no)
        .subquery()
    )
    statement = select(by_commit).order_by(by_commit.c.account, by_commit.c.commit_no)
    account, balance = None, 0
    for row in _each(connection, statement):
        balance = int(row.amount) + (balance if row.account == account else 0)
        account = row.account
        if balance < 0:
            message = f"{account} stood at {balance} after commit {row.commit_no}"
            yield Violation("P1-floor", (row.account,), message)


def reversals_take_their_part(connection: Connection) -> Iterator[Violation]:
    """P1-reversals: what reversals want of a tip is within it, is found somewhere, and the tip says the same."""
    gone = case((reversals.c.stage == "taken", reversals.c.amount), else_=0)
    statement = (
        select(tips.c.id, tips.c.total, tips.c.earned, tips.c.back_amount, tips.c.back_earned, tips.c.returned,
               func.coalesce(func.sum(reversals.c.amount), 0).label("amount"),
               func.coalesce(func.sum(reversals.c.wanted), 0).label("wanted"),
               func.coalesce(func.sum(gone), 0).label("gone"),
               func.count(reversals.c.id).label("many"))
        .join(reversals, reversals.c.tip_id == tips.c.id, isouter=True)
        .group_by(tips.c.id)
    )  # fmt: skip
    for row in _each(connection, statement):
        found = (int(row.amount), int(row.wanted), int(row.gone))
        if found != (row.back_amount, row.back_earned, row.returned):
            says = f"{row.back_amount}, {row.back_earned}, {row.returned}"
            message = f"tip {row.id} says that its reversals come to {says}; they do to {found}"
            yield Violation("P1-reversals", (row.id,), message)
        # What one rounded down stays with the next, unless all of it is back: then so is the whole share.
        off = abs(found[1] - row.earned * found[0] // row.total)
        if found[0] > row.total or off > (0 if found[0] == row.total else row.many):
            message = (
                f"of tip {row.id} {found[0]} of {row.total} are back, and {found[1]} of the {row.earned} it earned"
            )
            yield Violation("P1-reversals", (row.id,), message)
    parts = reversals.c.from_reserve + reversals.c.from_payable + reversals.c.owed
    lost = or_(and_(reversals.c.stage == "taken", parts != reversals.c.wanted), parts > reversals.c.wanted)
    for row in _each(connection, select(reversals.c.id, reversals.c.wanted, parts.label("found")).where(lost)):
        message = f"reversal {row.id} wants {row.wanted} of a creator, and found {row.found}"
        yield Violation("P1-reversals", (row.id,), message)


def queues_have_no_gaps(connection: Connection) -> Iterator[Violation]:
    """P2-queue: paid tips and alerts of a creator are numbered from one without a gap; each paid tip has one alert."""
    for table, noun in ((tips, "tips"), (alerts, "alerts")):
        statement = select(table.c.creator_id, func.count().label("count"), func.min(table.c.sequence).label("first"),
                           func.max(table.c.sequence).label("last"))  # fmt: skip
        for row in _each(connection, statement.where(table.c.sequence.is_not(None)).group_by(table.c.creator_id)):
            if (row.first, row.last) != (1, row.count):
                message = f"{row.creator_id} has {row.count} {noun}, numbered {row.first} to {row.last}"
                yield Violation("P2-queue", (row.creator_id,), message)
    is_paid = tips.c.state.not_in(_GONE)
    counted = (
        select(tips.c.id, tips.c.state, func.count(alerts.c.sequence).label("alerts"), is_paid.label("is_paid"))
        .join(alerts, and_(alerts.c.tip_id == tips.c.id, alerts.c.creator_id == tips.c.creator_id,
                           alerts.c.is_test == 0), isouter=True)
        .group_by(tips.c.id)
    )  # fmt: skip
    for row in _each(connection, counted):
        if bool(row.alerts) is not bool(row.is_paid):
            yield Violation("P2-queue", (row.id,), f"tip {row.id} is {row.state}, and has {row.alerts} alerts")
    unknown = select(tips.c.id).where(tips.c.creator_id.not_in(select(creators.c.id)))
    for row in _each(connection, unknown):
        yield Violation("P2-queue", (row.id,), f"tip {row.id} is for a creator who is not there")


CHECKS: Sequence[Check] = (
    Check("P1-share", "Each tip's share is exact, and booked once", shares_are_exact),
    Check("P1-reserve", "Reserves hold what waits, and what is set aside", reserves_hold_what_waits),
    Check("P1-earned", "Creators have what they earned, less what was taken back", creators_have_what_they_earned),
    Check("P1-floor", "No account of a creator was ever below zero", creators_are_never_below_zero),
    Check("P1-reversals", "Reversals take their part of a tip, once", reversals_take_their_part),
    Check("P2-imported", "What was given elsewhere is in no book", what_came_from_elsewhere_is_in_no_book),
    Check("P2-tips", "Each tip is paid by one purchase of its amount", each_tip_is_paid_once),
    Check("P2-queue", "Tips and alerts are numbered without gaps", queues_have_no_gaps),
)
