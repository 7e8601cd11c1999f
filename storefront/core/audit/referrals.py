"""E3-referrals: who brought whom, once and in no circle, and that each reward is one that a paid purchase brought."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, and_, case, func, literal, select, union_all

from storefront.core.audit.check import Check, Violation, each_row
from storefront.core.audit.owners import Owners
from storefront.core.names import owner_of
from storefront.core.tables import catalog_versions, counters, events, grants, promo_codes, purchases, referrals

NAME = "E3-referrals"
_GIVEN = ("rewarded", "clawed_back")
_ACTOR = "referrals"


class _Cap(msgspec.Struct):
    most: int | None = None
    window: str = "lifetime"


class _Document(msgspec.Struct):
    referrals: _Cap | None = None


class _Reward(msgspec.Struct):
    to: str
    customer_id: str
    grant: str | None = None
    code: str | None = None
    asset: str | None = None
    amount: int | None = None


def referrals_are_in_order(connection: Connection) -> Iterator[Violation]:
    """E3-referrals: one referrer each, no circle, rewards for paid purchases, within the caps."""
    yield from _counted_once(connection)
    yield from _circles(connection)
    named: set[str] = set()
    yield from _rows(connection, named)
    yield from _stray_grants(connection, named)
    yield from _over_the_cap(connection)


@cache
def _select_counted_once() -> Select[Any]:
    key = literal("referred:") + owner_of(referrals.c.customer_id)
    rows = select(key.label("key"), literal(1).label("expected"), literal(0).label("kept"))
    kept = select(counters.c.key, literal(0).label("expected"), counters.c.value.label("kept")).where(
        counters.c.key.startswith("referred:", autoescape=True)
    )
    both = union_all(rows, kept).subquery("both")
    expected, found = func.sum(both.c.expected), func.sum(both.c.kept)
    statement = select(both.c.key, expected.label("expected"), found.label("kept")).group_by(both.c.key)
    return statement.having(expected != found)


def _counted_once(connection: Connection) -> Iterator[Violation]:
    for row in each_row(connection, _select_counted_once()):
        message = f"counter {row.key} says {int(row.kept)}, referrals say {int(row.expected)}"
        yield Violation(NAME, (row.key,), message)


@cache
def _select_circles() -> Select[Any]:
    return select(referrals.c.customer_id, referrals.c.referrer_id)


def _circles(connection: Connection) -> Iterator[Violation]:
    above = {row.customer_id: row.referrer_id for row in each_row(connection, _select_circles())}
    settled: set[str] = set()
    for start in above:
        way: dict[str, None] = {}
        one = start
        while one in above and one not in settled and one not in way:
            way[one] = None
            one = above[one]
        if one in way:
            yield Violation(NAME, (one,), f"{one} was brought by {above[one]}, and the chain leads back to {one}")
        settled.update(way)


@cache
def _select_rows() -> Select[Any]:
    told_as = case((referrals.c.state == "waiting", literal("entered")), else_=referrals.c.state)
    told = and_(events.c.subject == referrals.c.id, events.c.type == literal("referral.") + told_as)
    return (
        select(referrals, purchases.c.customer_id.label("buyer"), purchases.c.status, purchases.c.pay_with,
               func.count(events.c.id).label("told"))
        .join(purchases, purchases.c.id == referrals.c.purchase_id, isouter=True)
        .join(events, told, isouter=True)
        .group_by(referrals.c.customer_id, purchases.c.id)
    )  # fmt: skip


def _rows(connection: Connection, named: set[str]) -> Iterator[Violation]:
    owners = Owners(connection)
    for row in each_row(connection, _select_rows()):
        rewards = msgspec.json.decode(row.rewards, type=list[_Reward])
        fault = _fault(row, rewards, owners) or _missing_reward(connection, row, rewards, named, owners)
        if fault is not None:
            yield Violation(NAME, (row.id,), f"referral {row.id} {fault}")


def _fault(row: Row[Any], rewards: list[_Reward], owners: Owners) -> str | None:
    if row.state != "waiting" and (row.buyer != owners.of(row.customer_id) or row.status != "completed"):
        return f"is {row.state}, but {row.purchase_id} is no completed purchase of {row.customer_id}"
    if row.state != "waiting" and row.pay_with in ("wallet", "free"):
        return f"is {row.state}, but {row.purchase_id} took no real money"
    if rewards and row.state not in _GIVEN:
        return f"is {row.state}, but brought rewards already"
    if row.told != 1:
        return f"is {row.state}, events tell of that {row.told} times"
    return None


def _missing_reward(
    connection: Connection, row: Row[Any], rewards: list[_Reward], named: set[str], owners: Owners
) -> str | None:
    for one in rewards:
        owner = owners.of({"referrer": row.referrer_id, "referred": row.customer_id}.get(one.to))
        if owners.of(one.customer_id) != owner:
            return f"gave {one.customer_id} what is the {one.to}'s"
        if one.code is not None:
            holder = connection.execute(
                select(promo_codes.c.customer_id).where(promo_codes.c.code == one.code)
            ).scalar()
            if owners.of(holder) != owner:
                return f"gave {owner} a promo code that is not theirs"
            continue
        named.add(one.grant or "")
        grant = connection.execute(select(grants).where(grants.c.id == one.grant)).first()
        found = None if grant is None else (owners.of(grant.customer_id), grant.asset, grant.amount, grant.actor)
        if found != (owner, one.asset, one.amount, _ACTOR):
            return f"gave {owner} {one.amount} {one.asset}, but the grant {one.grant} does not say so"
    return None


@cache
def _select_stray_grants() -> Select[Any]:
    return select(grants.c.id).where(grants.c.actor == _ACTOR)


def _stray_grants(connection: Connection, named: set[str]) -> Iterator[Violation]:
    for row in each_row(connection, _select_stray_grants()):
        if row.id not in named:
            yield Violation(NAME, (row.id,), f"grant {row.id} was given as a reward that no referral knows of")


@cache
def _select_over_the_cap() -> tuple[Select[Any], Select[Any]]:
    kept = select(counters.c.key, counters.c.value).where(
        counters.c.key.startswith("referral_rewards:", autoescape=True)
    )
    return kept, select(catalog_versions.c.document)


def _over_the_cap(connection: Connection) -> Iterator[Violation]:
    kept, documents = _select_over_the_cap()
    most: dict[str, int] = {}
    for row in each_row(connection, documents):
        terms = msgspec.json.decode(row.document, type=_Document).referrals
        if terms is not None and terms.most is not None:
            most[terms.window] = max(most.get(terms.window, 0), terms.most)
    for row in each_row(connection, kept):
        _, referrer_id, window, _ = row.key.split(":")
        if row.value > most.get(window, 0):
            message = f"{referrer_id} had {row.value} rewards in one {window}, {most.get(window, 0)} are allowed"
            yield Violation(NAME, (row.key,), message)


CHECKS = (Check(NAME, "Referrals are used once and rewarded for paid purchases", referrals_are_in_order),)
