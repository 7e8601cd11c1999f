"""The statement of a payout: every line of its creator since the payout before, which add up to what was paid.

    what was left then + Σ lines (the payout itself is the last) = what is left now

so that a creator can follow each unit from a tip to the payout that it went with, and each line to its ledger entry.
"""

import csv
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, bindparam, func, select

from storefront.core.clock import iso
from storefront.core.journal import show_amount
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront.core.spreadsheets import harmless
from storefront_fanfunding.payout_rows import show_payout
from storefront_fanfunding.tables import lines, tips

ROWS_AT_ONCE = 500
COLUMNS = ("line", "date", "kind", "about", "tip", "share", "amount", "owed", "balance", "debt", "currency", "entry")
WORDS: Mapping[str, str] = {
    "tip.released": "Tip",
    "tip.frozen": "Set aside for a refund or dispute",
    "tip.reversed": "Gone back to the fan",
    "tip.given_back": "Given back",
    "payout.created": "Payout",
    "payout.returned": "Payout that came back",
}

_LINE = Query(
    select(lines).where(
        lines.c.creator_id == bindparam("creator_id"),
        lines.c.currency == bindparam("currency"),
        lines.c.sequence == bindparam("sequence"),
    )
)


async def show_statement(services: Services, payout: Row, *, limit: int, after: int | None) -> dict[str, Any]:
    """Return a page of a payout's statement; ``after`` is the line that the page before ended with."""
    begins = payout["since"] if after is None else max(after, payout["since"])
    found = await _page(services, payout, begins, limit + 1)
    following = str(found[limit - 1]["sequence"]) if len(found) > limit else None
    return {
        "payout": show_payout(payout, payout["creator"]),
        "opening": await _stand(services, payout, payout["since"]),
        "lines": [show_line(row) for row in found[:limit]],
        "closing": await _stand(services, payout, payout["line"]),
        "next": following,
    }


async def totals_of(services: Services, payout: Row) -> dict[str, tuple[int, int, int]]:
    """Return ``kind -> (lines, amount, owed)`` of a statement."""
    summed = select(
        lines.c.kind, func.count().label("many"), func.sum(lines.c.amount).label("amount"),
        func.sum(lines.c.owed).label("owed"),
    )  # fmt: skip
    rows = await services.reader.scan(_of(payout, payout["since"], summed).group_by(lines.c.kind))
    return {row["kind"]: (int(row["many"]), int(row["amount"]), int(row["owed"])) for row in rows}


async def csv_of(services: Services, payout: Row) -> AsyncIterator[str]:
    """Yield a statement as CSV, a page at a time: what was left before, a row for each line, no cell a formula."""
    exponent = services.catalogs.active.exponent(payout["currency"])
    opening = await _stand(services, payout, payout["since"])
    stand = (show_amount(opening[name], exponent) for name in ("payable", "debt"))
    yield _rows([COLUMNS, ("", "", "opening", "", "", "", "", "", *stand, payout["currency"], "")])
    begins = payout["since"]
    while page := await _page(services, payout, begins, ROWS_AT_ONCE):
        yield _rows([_cells(row, exponent) for row in page])
        begins = page[-1]["sequence"]


def show_line(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a line as it goes over the wire: ``tip`` is what the fan paid, ``share`` the creator's part of it."""
    return {
        "line": row["sequence"],
        "at": iso(row["created_at"]),
        "kind": row["kind"],
        "about": row["about"],
        "tip": row["total"],
        "share": row["earned"],
        "amount": row["amount"],
        "owed": row["owed"],
        "balance": row["balance"],
        "debt": row["debt"],
        "entry": row["entry_id"],
    }


def _cells(row: Row, exponent: int) -> tuple[str, ...]:
    def amount(name: str) -> str:
        return "" if row[name] is None else show_amount(row[name], exponent)

    figures = (amount(name) for name in ("total", "earned", "amount", "owed", "balance", "debt"))
    head = (str(row["sequence"]), iso(row["created_at"]), row["kind"], row["about"])
    texts = (harmless(cell) for cell in (*head, row["currency"], row["entry_id"]))
    line, date, kind, about, currency, entry = texts
    return line, date, kind, about, *figures, currency, entry


def _rows(rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


async def _page(services: Services, payout: Row, begins: int, most: int) -> Sequence[Row]:
    named = select(lines, tips.c.total, tips.c.earned).join(tips, tips.c.id == lines.c.about, isouter=True)
    return await services.reader.scan(_of(payout, begins, named).order_by(lines.c.sequence).limit(most))


def _of(payout: Row, begins: int, statement: Select[Any]) -> Select[Any]:
    return statement.where(
        lines.c.creator_id == payout["creator_id"],
        lines.c.currency == payout["currency"],
        lines.c.sequence > begins,
        lines.c.sequence <= payout["line"],
    )


async def _stand(services: Services, payout: Row, sequence: int) -> dict[str, int]:
    named = {"creator_id": payout["creator_id"], "currency": payout["currency"], "sequence": sequence}
    row = await services.reader.first(_LINE, **named)
    return {"payable": 0 if row is None else row["balance"], "debt": 0 if row is None else row["debt"]}
