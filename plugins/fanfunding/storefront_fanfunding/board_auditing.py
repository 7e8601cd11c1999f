"""What ``audit verify --deep`` checks of goals, boards and badges (F1, F2): they follow from the tips.

What is counted follows the events a moment behind; a tip is compared once its last event was seen.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    String,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    union_all,
)

from storefront.core.audit import Check, Violation
from storefront.core.clock import DAY_MS
from storefront.core.tables import counters, events, item_movements, settings
from storefront_fanfunding.badge_rules import FIRST, LARGEST, LIFETIMES, MONTHS, RANKED, TIERS, Done, Rule
from storefront_fanfunding.board_tables import OF_REACHED, badges, counted, days, fans, goal_grants, grants, reached
from storefront_fanfunding.counting import COUNTED_EVENTS, left_of, spans_of, worth
from storefront_fanfunding.goal_granting import GRANT
from storefront_fanfunding.granting import GIVEN, REFUSED
from storefront_fanfunding.tables import tips

_MEASURES = ("gross", "net", "settled")
_COLUMNS = ("creator_id", "customer_id", "is_anonymous", "currency", "day", "factor", "seen", *_MEASURES)
_CURSOR = "cursor:fanfunding"


def _each(connection: Connection, statement: Select[Any]) -> Iterator[Row[Any]]:
    return iter(connection.execute(statement))


def tips_count_what_is_left(connection: Connection) -> Iterator[Violation]:
    """F1-counted: a tip counts what is left of it, in its own currency and by its own rates, on the day it was paid."""
    stored = connection.execute(select(settings.c.value).where(settings.c.key == _CURSOR)).scalar()
    followed = -1 if stored is None else int(msgspec.json.decode(stored)[0])
    last = (
        select(events.c.subject, func.max(events.c.commit_no).label("told"))
        .where(events.c.type.in_(sorted(COUNTED_EVENTS)))
        .group_by(events.c.subject)
        .subquery("last")
    )
    statement = (
        select(tips, last.c.told, *(counted.c[name].label(f"counted_{name}") for name in _COLUMNS))
        .join(last, last.c.subject == tips.c.id)
        .join(counted, counted.c.tip_id == tips.c.id, isouter=True)
    )
    for row in _each(connection, statement):
        is_behind = row.told >= followed and (row.counted_seen is None or row.counted_seen < row.told)
        said = None if is_behind else _wrong(row)
        if said is not None:
            yield Violation("F1-counted", (row.id,), f"tip {row.id} {said}")
    own = and_(counted.c.tip_id == tips.c.id, counted.c.currency == tips.c.currency)
    seen = select(counted.c.tip_id).join(tips, own)
    for row in _each(connection, select(counted.c.tip_id).where(counted.c.tip_id.not_in(seen))):
        yield Violation("F1-counted", (row.tip_id,), f"tip {row.tip_id} is not counted in its own currency")


def _wrong(row: Row[Any]) -> str | None:
    """Return what is wrong with what a tip is counted for in one currency."""
    if row.counted_seen is None:
        return "is not counted"
    code, factor = row.counted_currency, Fraction(row.counted_factor)
    rate = Fraction(1) if code == row.currency else Fraction(msgspec.json.decode(row.rates).get(code, 0))
    if rate == 0 or (code == row.currency and factor != 1) or not _is_power_of_ten(factor / rate):
        return f"is counted in {code} by {row.counted_factor}, which is no rate of its own"
    due = {name: worth(amount, row.counted_factor) for name, amount in left_of(dict(row._mapping)).items()}
    found = {name: int(getattr(row, f"counted_{name}")) for name in _MEASURES}
    if found != due:
        return f"counts for {found} {code}, and {due} are left of it"
    whose = (row.counted_creator_id, row.counted_customer_id, row.counted_is_anonymous, row.counted_day)
    if whose != (row.creator_id, row.customer_id, row.is_anonymous, row.paid_at // DAY_MS):
        return "is counted for another creator, fan or day"
    return None


def _is_power_of_ten(number: Fraction) -> bool:
    digits = str(max(number.numerator, number.denominator))
    return min(number.numerator, number.denominator) == 1 and digits.rstrip("0") == "1"


def sums_are_what_is_counted(connection: Connection) -> Iterator[Violation]:
    """F1-sums: each sum of a day, and of a fan's span, is that of what its tips count for."""
    tips_left = func.sum(case((counted.c.gross > 0, 1), else_=0)).label("tips")
    by_day = (counted.c.creator_id, counted.c.currency, counted.c.day)
    due = _sums(connection, select(*by_day, *_totals(counted.c), tips_left).group_by(*by_day), 3)
    columns = ("creator_id", "currency", "day", *_MEASURES, "tips")
    kept = _sums(connection, select(*(days.c[name] for name in columns)), 3)
    yield from _differences("day", kept, due)
    whose = (counted.c.creator_id, counted.c.currency, counted.c.customer_id, counted.c.is_anonymous)
    fans_due: dict[tuple[Any, ...], tuple[int, ...]] = {}
    per_day = select(*whose, counted.c.day, func.sum(counted.c.gross).label("gross")).group_by(*whose, counted.c.day)
    for row in _each(connection, per_day):
        for span in spans_of(row.day * DAY_MS):
            key = (row.creator_id, row.currency, span, row.customer_id, row.is_anonymous)
            fans_due[key] = (fans_due.get(key, (0,))[0] + int(row.gross),)
    names = ("creator_id", "currency", "span", "customer_id", "is_anonymous", "gross")
    fans_kept = _sums(connection, select(*(fans.c[name] for name in names)), 5)
    yield from _differences("fan", fans_kept, fans_due)


def _totals(columns: Any) -> list[Any]:
    return [func.sum(columns[name]).label(name) for name in _MEASURES]


def _sums(connection: Connection, statement: Select[Any], of_key: int) -> dict[tuple[Any, ...], tuple[int, ...]]:
    return {tuple(row[:of_key]): tuple(int(one) for one in row[of_key:]) for row in _each(connection, statement)}


def _differences(
    noun: str, kept: dict[tuple[Any, ...], tuple[int, ...]], due: dict[tuple[Any, ...], tuple[int, ...]]
) -> Iterator[Violation]:
    """Tell of sums that are other than they should be; one that is not kept is nothing."""
    for key in sorted({*kept, *due}):
        found, wanted = kept.get(key, ()), due.get(key, ())
        if found != wanted and (any(found) or any(wanted)):
            message = f"the sums of the {noun} {key} are {found}; the tips come to {wanted}"
            yield Violation("F1-sums", (str(key[0]),), message)


def badges_have_their_reason(connection: Connection) -> Iterator[Violation]:
    """F2-badges: whoever has a badge keeps the rule that it was given for, unless it is sticky.

    They are judged a moment behind the events: while any is not followed yet, there is nothing to compare.
    """
    if not _is_followed(connection):
        return
    compared: dict[str, set[str]] = {}
    for row in connection.execute(select(badges).where(badges.c.is_sticky == 0)):
        rule = msgspec.json.decode(row.reason)
        whose = {"creator_id": row.creator_id, "customer_id": row.customer_id}
        if "first" in rule or "rank" in rule:
            key = f"{row.creator_id} {row.reason}"
            if key not in compared:
                compared[key] = _compared(connection, row.creator_id, rule)
            is_kept = row.customer_id in compared[key]
        else:
            asked = {"lifetimes": LIFETIMES, "largest": LARGEST, "months": MONTHS, "tiers": TIERS}
            done = Done.of({name: _rows(connection, one, whose) for name, one in asked.items()})
            is_kept = done.fits(rule)
        if not is_kept:
            message = f"{row.customer_id} has the badge {row.badge} for {row.reason}, which they do not keep"
            yield Violation("F2-badges", (row.customer_id,), message)


def _compared(connection: Connection, creator_id: str, rule: Rule) -> set[str]:
    if "first" in rule:
        found = _rows(connection, FIRST, {"creator_id": creator_id, "most": rule["first"]})
    else:
        named = {"creator_id": creator_id, "currency": rule["currency"], "most": rule["rank"]}
        found = _rows(connection, RANKED, named)
    return {row["customer_id"] for row in found}


def _rows(connection: Connection, statement: Select[Any], parameters: dict[str, Any]) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(statement, parameters).mappings()]


def _is_followed(connection: Connection) -> bool:
    stored = connection.execute(select(settings.c.value).where(settings.c.key == _CURSOR)).scalar()
    order = (events.c.commit_no, events.c.anchor, events.c.sequence)
    told = events.c.type.in_(sorted(COUNTED_EVENTS))
    last = connection.execute(select(*order).where(told).order_by(*(one.desc() for one in order)).limit(1)).first()
    cursor = (-1, "", 0) if stored is None else tuple(msgspec.json.decode(stored))
    return last is None or bool(last.commit_no < cursor[0]) or tuple(last) == cursor


def grants_are_within_what_is_allowed(connection: Connection) -> Iterator[Violation]:
    """F2-grants: a paid tip gave no more than it may, all of a day no more than they may, and nothing else gave."""
    of_both = union_all(*(
        select(one.c.creator_id, one.c.sku, one.c.day, one.c.quantity, one.c.per_day).where(one.c.state != REFUSED)
        for one in (grants, goal_grants)
    )).subquery("of_both")  # fmt: skip
    day = (of_both.c.creator_id, of_both.c.sku, of_both.c.day)
    given, most = func.sum(of_both.c.quantity).label("given"), func.max(of_both.c.per_day).label("most")
    by_day = select(*day, given, most).group_by(*day).subquery("by_day")
    name = literal("fanfunding:granted:") + by_day.c.creator_id + ":" + by_day.c.sku + ":"
    counter = name + cast(by_day.c.day, String)
    statement = select(by_day, counters.c.value).join(counters, counters.c.key == counter, isouter=True)
    for row in _each(connection, statement):
        if not row.given == row.value <= row.most:
            message = f"tips gave {row.given} {row.sku} on day {row.day}; {row.value} were counted, {row.most} allowed"
            yield Violation("F2-grants", (row.creator_id,), message)
    told = grants.c.tip_id == tips.c.id
    wrong = or_(tips.c.id.is_(None), tips.c.state.in_(("pending", "void")), grants.c.quantity > grants.c.per_tip)
    unpaid = select(grants.c.tip_id, grants.c.sku, grants.c.quantity, grants.c.per_tip, tips.c.state)
    for row in _each(connection, unpaid.join(tips, told, isouter=True).where(wrong)):
        message = f"the tip {row.tip_id} ({row.state}) gave {row.quantity} {row.sku}, of {row.per_tip} allowed"
        yield Violation("F2-grants", (row.tip_id,), message)
    stray = (
        select(item_movements.c.about)
        .distinct()
        .join(tips, tips.c.id == item_movements.c.about)
        .join(grants, and_(told, grants.c.state != REFUSED), isouter=True)
        .where(grants.c.tip_id.is_(None))
    )
    for row in _each(connection, stray):
        yield Violation("F2-grants", (row.about,), f"the tip {row.about} gave items, and its grants do not say so")
    kept = select(grants.c.tip_id).join(tips, told).where(grants.c.state == GIVEN, tips.c.state == "refunded")
    for row in _each(connection, kept) if _is_followed(connection) else ():
        yield Violation("F2-grants", (row.tip_id,), f"the tip {row.tip_id} went back, and what it gave did not")


def goals_gave_what_they_promised(connection: Connection) -> Iterator[Violation]:
    """F2-goals: a reached goal gave a fan once what it promised, and only as long as money of theirs is in it."""
    same = and_(*(reached.c[name] == goal_grants.c[name] for name in OF_REACHED))
    has_given = _has_tips(tips.c.state == "paid").label("has_given")
    gave = _has_tips(or_(tips.c.state == "paid", tips.c.state == "refunded")).label("gave")
    statement = select(goal_grants, reached.c.grants, has_given, gave).join(reached, same, isouter=True)
    is_followed = _is_followed(connection)
    for row in _each(connection, statement.where(goal_grants.c.state != REFUSED)):
        promised = (
            {} if row.grants is None else {one["sku"]: one["quantity"] for one in msgspec.json.decode(row.grants)}
        )
        what = f"the goal {row.goal} ({row.span}, step {row.stretch}) gave {row.customer_id} {row.quantity} {row.sku}"
        if promised.get(row.sku) != row.quantity:
            yield Violation("F2-goals", (row.id,), f"{what}, and promised {promised.get(row.sku, 'nothing')} of it")
        elif not row.gave:
            yield Violation("F2-goals", (row.id,), f"{what}, who gave nothing for it")
        elif is_followed and row.state == GIVEN and not row.has_given:
            yield Violation("F2-goals", (row.id,), f"{what}, and their money has gone back")
    moved = select(item_movements.c.about).distinct().where(item_movements.c.about.startswith(GRANT, autoescape=True))
    told = and_(goal_grants.c.id == item_movements.c.about, goal_grants.c.state != REFUSED)
    for row in _each(connection, moved.join(goal_grants, told, isouter=True).where(goal_grants.c.id.is_(None))):
        yield Violation("F2-goals", (row.about,), f"{row.about} gave items, and no goal's grant says so")


def _has_tips(is_meant: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return whether a goal's fan has such tips that count for the goal in its span."""
    return (
        select(counted.c.tip_id)
        .join(tips, tips.c.id == counted.c.tip_id)
        .where(
            counted.c.creator_id == goal_grants.c.creator_id,
            counted.c.customer_id == goal_grants.c.customer_id,
            counted.c.currency == reached.c.currency,
            counted.c.day >= reached.c.first_day,
            counted.c.day < reached.c.end_day,
            is_meant,
        )
        .exists()
    )


BOARD_CHECKS: Sequence[Check] = (
    Check("F1-counted", "Tips count what is left of them, for goals and boards", tips_count_what_is_left),
    Check("F1-sums", "Sums of goals and boards are those of their tips", sums_are_what_is_counted),
    Check("F2-badges", "Badges are kept by those who keep their rule", badges_have_their_reason),
    Check(
        "F2-goals", "Goals give once what they promised, to those whose money is there", goals_gave_what_they_promised
    ),
    Check("F2-grants", "Tips give of the game what the operator allows", grants_are_within_what_is_allowed),
)
