"""L11 receipts: numbers without a gap in commit order, and documents that say what their purchase says, signed."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from sqlalchemy import Connection, Row, Select, and_, func, or_, select

from storefront.core.audit.check import Check, Violation, each_row
from storefront.core.audit.owners import Owners
from storefront.core.tables import purchases, reversals
from storefront.core.tables_receipts import receipt_keys, receipts

_ALGORITHM = "Ed25519"


class _Reversed(msgspec.Struct):
    over: int = 0


class _Total(msgspec.Struct):
    amount: int
    currency: str


class _Bought(msgspec.Struct):
    id: str


class _Refund(msgspec.Struct):
    id: str


class _Document(msgspec.Struct):
    """What a signed document must agree in with the row that holds it, and with what it is about."""

    kind: str
    series: str
    number: int
    customer: str
    purchase: _Bought
    total: _Total
    refund: _Refund | None = None


@cache
def _select_numbers_have_no_gap() -> Select[Any]:
    before = func.lag(receipts.c.commit_no).over(partition_by=receipts.c.series, order_by=receipts.c.number)
    place = func.row_number().over(partition_by=receipts.c.series, order_by=receipts.c.number)
    numbered = select(receipts.c.series, receipts.c.number, receipts.c.commit_no, before.label("before"),
                      place.label("place")).subquery()  # fmt: skip
    wrong = select(numbered).where(or_(numbered.c.number != numbered.c.place, numbered.c.commit_no < numbered.c.before))
    return wrong.order_by(numbered.c.series, numbered.c.number)


def numbers_have_no_gap(connection: Connection) -> Iterator[Violation]:
    """L11: each series counts 1, 2, 3 …, and later numbers belong to later commits."""
    told: set[str] = set()
    for row in each_row(connection, _select_numbers_have_no_gap()):
        if row.number != row.place and row.series not in told:
            told.add(row.series)
            message = f"series {row.series} has a gap before {row.number}: only {row.place - 1} numbers stand before it"
            yield Violation("L11", (row.series,), message)
        if row.before is not None and row.commit_no < row.before:
            message = f"{row.series} {row.number} is of commit {row.commit_no}, the number before it of {row.before}"
            yield Violation("L11", (row.series,), message)


@cache
def _select_documents_say_what_was_sold() -> tuple[Select[Any], Select[Any]]:
    statement = (
        select(receipts, purchases.c.id.label("sold"), purchases.c.status, purchases.c.total, purchases.c.currency,
               purchases.c.customer_id.label("buyer"), reversals.c.amount, reversals.c.facts)
        .join(purchases, purchases.c.id == receipts.c.purchase_id, isouter=True)
        .join(reversals, and_(reversals.c.id == receipts.c.about, reversals.c.purchase_id == receipts.c.purchase_id),
              isouter=True)
        .order_by(receipts.c.series, receipts.c.number)
    )  # fmt: skip
    return statement, select(receipt_keys.c.kid, receipt_keys.c.jwk)


def documents_say_what_was_sold(connection: Connection) -> Iterator[Violation]:
    """L11: every document is signed with a kept key, and agrees with its row and its purchase or refund."""
    statement, known = _select_documents_say_what_was_sold()
    owners = Owners(connection)
    keys = {row.kid: row.jwk for row in connection.execute(known)}
    for row in each_row(connection, statement):
        fault = _fault(row, keys, owners)
        if fault:
            name = f"{row.series} {row.number}"
            yield Violation("L11-documents", (row.about,), f"{name} for {row.about} {fault}")


def _fault(row: Row[Any], keys: dict[str, str], owners: Owners) -> str:
    if row.kid not in keys:
        return f"is signed with the key {row.kid}, which is not kept"
    try:
        key = OKPKey.import_key(msgspec.json.decode(keys[row.kid]))
        body = jws.deserialize_compact(row.jws, key, algorithms=[_ALGORITHM]).payload
        document = msgspec.json.decode(body, type=_Document)
    except (JoseError, ValueError, msgspec.DecodeError) as error:
        return f"has no good signature: {error}"
    if (document.series, document.number, document.kind) != (row.series, row.number, row.kind):
        return f"says {document.kind} {document.series} {document.number}"
    due = row.total if row.kind == "receipt" else _given_back(row)
    about = document.purchase.id if row.kind == "receipt" else (document.refund.id if document.refund else None)
    if row.sold is None or row.status != "completed" or due is None or about != row.about:
        return "is for something that was not sold, or not given back"
    told = (document.purchase.id, owners.of(document.customer), document.total.amount, document.total.currency)
    if told != (row.purchase_id, row.buyer, due, row.currency):
        return f"says {document.total.amount} {document.total.currency}, the books {due} {row.currency}"
    return ""


def _given_back(row: Row[Any]) -> int | None:
    """Return what a reversal took off its purchase: all of it, but for what was beyond what had come in."""
    return None if row.amount is None else row.amount - msgspec.json.decode(row.facts, type=_Reversed).over


CHECKS = (
    Check("L11", "Receipts are numbered without a gap, in commit order", numbers_have_no_gap),
    Check("L11-documents", "Receipts are signed, and say what was sold", documents_say_what_was_sold),
)
