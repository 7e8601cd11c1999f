"""L8: conversions between assets, computed again from the rate that each keeps."""

from collections.abc import Iterator
from functools import cache
from itertools import groupby
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, and_, case, func, or_, select

from storefront.core.audit.check import Check, Violation, each_row
from storefront.core.tables import accounts, entries, transfers


class _Rate(msgspec.Struct, rename={"from_asset": "from", "to_asset": "to"}):
    from_asset: str
    to_asset: str
    numerator: int
    denominator: int


class _Remainder(msgspec.Struct):
    numerator: int
    party: str


class _Facts(msgspec.Struct):
    """What a conversion's entry must keep."""

    rate: _Rate
    rounding: str
    remainder: _Remainder


@cache
def _select_conversions_keep_their_rate() -> Select[Any]:
    source, destination = accounts.alias("source_account"), accounts.alias("destination_account")
    into = func.sum(case((destination.c.id.is_not(None), transfers.c.amount), else_=0))
    out_of = func.sum(case((source.c.id.is_not(None), transfers.c.amount), else_=0))
    return (
        select(entries.c.id, entries.c.facts, transfers.c.asset, into.label("into"), out_of.label("out_of"))
        .join(transfers, transfers.c.entry_id == entries.c.id)
        .join(source, and_(source.c.id == transfers.c.source, source.c.role == "exchange"), isouter=True)
        .join(destination, and_(destination.c.id == transfers.c.destination, destination.c.role == "exchange"),
              isouter=True)
        .where(or_(source.c.id.is_not(None), destination.c.id.is_not(None)))
        .group_by(entries.c.id, entries.c.facts, transfers.c.asset)
        .order_by(entries.c.id, transfers.c.asset)
    )  # fmt: skip


def conversions_keep_their_rate(connection: Connection) -> Iterator[Violation]:
    """L8: what passed an exchange account is what the stored rate makes of it, with the remainder named."""
    for entry_id, legs in groupby(each_row(connection, _select_conversions_keep_their_rate()), key=lambda row: row.id):
        fault = _fault(list(legs))
        if fault:
            yield Violation("L8", (entry_id,), f"entry {entry_id} {fault}")


def _fault(legs: list[Row[Any]]) -> str:
    """Say what is wrong with the legs of one conversion, one row an asset; nothing if nothing is."""
    try:
        facts = msgspec.json.decode(legs[0].facts or "{}", type=_Facts)
    except msgspec.DecodeError as wrong:
        return f"passes an exchange account, but keeps no rate that can be read: {wrong}"
    rate, given = facts.rate, {leg.asset: (int(leg.into), int(leg.out_of)) for leg in legs}
    if facts.rounding != "down" or rate.denominator < 1:
        return f"names the rounding {facts.rounding} and the denominator {rate.denominator}, which nobody can follow"
    amount = given.get(rate.from_asset, (0, 0))[0]
    got, left = divmod(amount * rate.numerator, rate.denominator)
    if given != {rate.from_asset: (amount, 0), rate.to_asset: (0, got)}:
        moved = ", ".join(f"{into} {asset} in and {out} out" for asset, (into, out) in given.items())
        return f"moved {moved}, but its rate makes {got} {rate.to_asset} of {amount} {rate.from_asset}"
    if facts.remainder.numerator != left or not facts.remainder.party:
        return f"names a remainder of {facts.remainder.numerator}, but rounding left {left}"
    return ""


CHECKS = (Check("L8", "Conversions are what their stored rate makes of them", conversions_keep_their_rate),)
