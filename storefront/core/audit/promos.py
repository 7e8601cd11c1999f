"""E3-promos: promo codes against the purchases they made cheaper, their counters and their limits.

Limits are read from every stored catalog version apart from the code that wrote them; a code was used within them if
no counter passed the most that any version ever allowed.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, literal, or_, select, union_all

from storefront.core.audit.check import Check, Violation, each_row
from storefront.core.audit.owners import Owners
from storefront.core.tables import catalog_versions, counters, events, promo_codes, purchases, redemptions

NAME = "E3-promos"
_HOLDS_A_PLACE = redemptions.c.state.in_(("reserved", "redeemed"))
_STATES: Mapping[str, tuple[str, ...]] = {
    "pending": ("reserved",),
    "in_review": ("reserved",),
    # Money that came late waits with its codes given back; they are counted again with the goods.
    "paid": ("reserved", "given_back"),
    "completed": ("redeemed",),
    "expired": ("given_back",),
    "failed": ("given_back",),
    "canceled": ("given_back",),
    "rejected": ("given_back",),
}


class _Terms(msgspec.Struct):
    uses: int | None = None
    per_customer: int | None = None
    restore_on_refund: bool = False


class _Document(msgspec.Struct):
    promo_codes: dict[str, _Terms] = {}


class _Total(msgspec.Struct):
    amount: int
    currency: str


class _Line(msgspec.Struct):
    total: _Total
    promo_code: str | None = None


def codes_are_counted(connection: Connection) -> Iterator[Violation]:
    """E3-promos: counters equal redemptions, limits hold, and every discount by a code has its redemption."""
    terms = _read_terms(connection)
    yield from _counters(connection)
    yield from _over_the_limit(connection, terms)
    yield from _discounts(connection)
    yield from _redemptions(connection, terms)
    yield from _batches(connection)


@cache
def _select_read_terms() -> Select[Any]:
    return select(catalog_versions.c.document)


def _read_terms(connection: Connection) -> dict[str, list[_Terms]]:
    """Return ``name -> terms`` of every stored catalog version that has the code."""
    found: dict[str, list[_Terms]] = {}
    for row in each_row(connection, _select_read_terms()):
        for name, terms in msgspec.json.decode(row.document, type=_Document).promo_codes.items():
            found.setdefault(name, []).append(terms)
    return found


@cache
def _select_counters() -> tuple[Select[Any], ...]:
    """Return what tells, for every kind of counter, those that differ from the redemptions that they count."""
    name, customer = redemptions.c.name, redemptions.c.customer_id
    kinds: tuple[tuple[str, ColumnElement[str], ColumnElement[bool]], ...] = (
        ("promo_uses:", literal("promo_uses:") + redemptions.c.code, redemptions.c.is_counted == 1),
        ("promo_by:", literal("promo_by:") + name + ":" + customer, literal(1) == 1),
        ("promo_first:", literal("promo_first:") + customer, redemptions.c.is_first == 1),
    )
    statements = []
    for prefix, key, counts in kinds:
        rows = select(key.label("key"), func.count().label("expected"), literal(0).label("kept"))
        kept = select(counters.c.key, literal(0).label("expected"), counters.c.value.label("kept"))
        both = union_all(
            rows.where(_HOLDS_A_PLACE, counts).group_by(key),
            kept.where(counters.c.key.startswith(prefix, autoescape=True)),
        ).subquery("both")
        expected, found = func.sum(both.c.expected), func.sum(both.c.kept)
        different = select(both.c.key, expected.label("expected"), found.label("kept")).group_by(both.c.key)
        statements.append(different.having(expected != found))
    return tuple(statements)


def _counters(connection: Connection) -> Iterator[Violation]:
    """Every kind of counter is the number of redemptions that hold a place in it."""
    for statement in _select_counters():
        for row in each_row(connection, statement):
            message = f"counter {row.key} says {int(row.kept)}, redemptions say {int(row.expected)}"
            yield Violation(NAME, (row.key,), message)


@cache
def _select_over_the_limit() -> tuple[Select[Any], Select[Any]]:
    name, code, customer = redemptions.c.name, redemptions.c.code, redemptions.c.customer_id
    in_all = select(name, code, func.count().label("uses")).where(_HOLDS_A_PLACE, redemptions.c.is_counted == 1)
    each = select(name, customer, func.count().label("uses")).where(_HOLDS_A_PLACE)
    return in_all.group_by(name, code), each.group_by(name, customer).having(func.count() > 1)


def _over_the_limit(connection: Connection, terms: Mapping[str, list[_Terms]]) -> Iterator[Violation]:
    in_all, each = _select_over_the_limit()
    owners = Owners(connection)
    for row in each_row(connection, in_all):
        most = _most([one.uses for one in terms.get(row.name, ())])
        if most is not None and row.uses > most:
            yield Violation(NAME, (row.code,), f"code {row.code} was used {row.uses} times, {most} are allowed")
    for row in each_row(connection, each):
        most = _most([one.per_customer for one in terms.get(row.name, ())])
        # Whoever was two customers had twice as many.
        if most is not None and row.uses > most * owners.count(row.customer_id):
            message = f"{row.customer_id} used the code {row.name} {row.uses} times, {most} are allowed"
            yield Violation(NAME, (row.customer_id, row.name), message)


def _most(limits: list[int | None]) -> int | None:
    """Return the most that any version allowed; None if one set no limit."""
    known = [limit for limit in limits if limit is not None]
    return max(known) if known and len(known) == len(limits) else None


@cache
def _select_discounts() -> Select[Any]:
    return (
        select(purchases.c.id, purchases.c.lines, redemptions.c.code, redemptions.c.amount, redemptions.c.currency)
        .join(redemptions, redemptions.c.purchase_id == purchases.c.id, isouter=True)
        .where(or_(purchases.c.lines.contains('"promo_code":', autoescape=True), redemptions.c.code.is_not(None)))
        .order_by(purchases.c.id)
    )


def _discounts(connection: Connection) -> Iterator[Violation]:
    """A line that names a code has a redemption of the same amount, and the other way round."""
    told: dict[str, int] = {}
    last = ""
    for row in each_row(connection, _select_discounts()):
        if row.id != last:
            yield from _without_redemption(last, told)
            last, told = row.id, _told(row.lines)
        if row.code is not None and told.pop(row.code, None) != row.amount:
            message = (
                f"purchase {row.id} has a redemption of {row.code} over {row.amount} {row.currency}, not its lines"
            )
            yield Violation(NAME, (row.id, row.code), message)
    yield from _without_redemption(last, told)


def _told(lines: str) -> dict[str, int]:
    decoded = msgspec.json.decode(lines, type=list[_Line])
    return {line.promo_code: -line.total.amount for line in decoded if line.promo_code is not None}


def _without_redemption(purchase_id: str, told: Mapping[str, int]) -> Iterator[Violation]:
    for code, amount in told.items():
        message = f"purchase {purchase_id} was made {amount} cheaper by {code}, but has no redemption of it"
        yield Violation(NAME, (purchase_id, code), message)


@cache
def _select_redemptions() -> Select[Any]:
    told = (
        select(events.c.subject, events.c.type, func.count().label("count"))
        .where(events.c.type.startswith("promo_code.", autoescape=True))
        .group_by(events.c.subject, events.c.type)
        .subquery("told")
    )
    in_state = literal("promo_code.") + redemptions.c.state
    return (
        select(redemptions, purchases.c.status, purchases.c.refunded, purchases.c.customer_id.label("buyer"),
               purchases.c.currency.label("priced_in"), func.coalesce(told.c.count, 0).label("told"))
        .join(purchases, purchases.c.id == redemptions.c.purchase_id)
        .join(told, and_(told.c.subject == redemptions.c.purchase_id, told.c.type == in_state), isouter=True)
    )  # fmt: skip


def _redemptions(connection: Connection, terms: Mapping[str, list[_Terms]]) -> Iterator[Violation]:
    """A redemption stands where its purchase stands, belongs to its customer, and was told."""
    for row in each_row(connection, _select_redemptions()):
        fault = _fault(row, terms.get(row.name, []))
        if fault is not None:
            yield Violation(NAME, (row.purchase_id, row.code), f"redemption of {row.code} by {row.purchase_id} {fault}")


def _fault(row: Row[Any], terms: list[_Terms]) -> str | None:
    is_restored = row.refunded == "full" and any(one.restore_on_refund for one in terms)
    allowed = (*_STATES[row.status], *(("given_back",) if row.status == "completed" and is_restored else ()))
    if (row.buyer, row.priced_in) != (row.customer_id, row.currency):
        return f"is {row.customer_id}'s in {row.currency}, the purchase {row.buyer}'s in {row.priced_in}"
    if row.state not in allowed:
        return f"is {row.state}, the purchase {row.status}"
    return None if row.told else f"is {row.state}, but no event tells of it"


@cache
def _select_batches() -> Select[Any]:
    key = literal("promo_batch:") + promo_codes.c.campaign + ":" + promo_codes.c.batch
    made = select(key.label("key"), func.count().label("made"), literal(0).label("kept")).where(
        promo_codes.c.number.is_not(None)
    )
    kept = select(counters.c.key, literal(0).label("made"), counters.c.value.label("kept")).where(
        counters.c.key.startswith("promo_batch:", autoescape=True)
    )
    both = union_all(made.group_by(key), kept).subquery("both")
    made_sum, kept_sum = func.sum(both.c.made), func.sum(both.c.kept)
    statement = select(both.c.key, made_sum.label("made"), kept_sum.label("kept")).group_by(both.c.key)
    return statement.having(made_sum != kept_sum)


def _batches(connection: Connection) -> Iterator[Violation]:
    """As many codes of a batch were generated as its counter says."""
    for row in each_row(connection, _select_batches()):
        yield Violation(NAME, (row.key,), f"counter {row.key} says {int(row.kept)}, there are {int(row.made)} codes")


CHECKS = (Check(NAME, "Promo codes are counted with the purchases they make cheaper", codes_are_counted),)
