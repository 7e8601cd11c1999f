"""Leaderboards: who gave a creator most, of all time, this month or today (UTC), in one currency.

What comes back lowers them. What was given anonymously stands there without a name, apart from what the same fan gave
under theirs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, select

from storefront.core.reading import Query
from storefront.core.services import Services
from storefront_fanfunding.board_tables import fans
from storefront_fanfunding.counting import spans_of
from storefront_fanfunding.rows import OF_BLOCKED, PAID
from storefront_fanfunding.tables import blocks, tips

SPANS = ("all", "month", "day")
MOST_LINES = 100
_LAST_NAME = (
    select(tips.c.name)
    .where(
        tips.c.creator_id == fans.c.creator_id,
        tips.c.customer_id == fans.c.customer_id,
        tips.c.is_anonymous == 0,
        tips.c.is_held == 0,
        ~select(blocks.c.creator_id).where(OF_BLOCKED).exists(),
        tips.c.state == PAID,
    )
    .order_by(tips.c.sequence.desc())
    .limit(1)
    .scalar_subquery()
)
_TOP = Query(
    select(fans.c.customer_id, fans.c.is_anonymous, fans.c.gross, _LAST_NAME.label("name"))
    .where(
        fans.c.creator_id == bindparam("creator_id"),
        fans.c.currency == bindparam("currency"),
        fans.c.span == bindparam("span"),
        fans.c.gross > 0,
    )
    .order_by(fans.c.gross.desc(), fans.c.customer_id, fans.c.is_anonymous)
    .limit(bindparam("most"))
)


@dataclass(frozen=True, slots=True)
class BoardLine:
    """One supporter: ``rank`` from 1 on (equal amounts share it), ``amount`` in minor units.

    ``name`` is that of their last public tip; None of whoever is anonymous or blocked, or waits to be read.
    """

    rank: int
    name: str | None
    amount: int
    customer_id: str


async def top(services: Services, creator_id: str | None, *, currency: str, span: str, most: int) -> list[BoardLine]:
    """Return those who gave most in a span (one of ``SPANS``), the greatest first."""
    named = dict(zip(SPANS, spans_of(services.clock.now()), strict=True))[span]
    asked = {"creator_id": creator_id or "", "currency": currency, "span": named}
    rows = await services.reader.all(_TOP, **asked, most=most)
    amounts: Sequence[int] = [int(row["gross"]) for row in rows]
    return [
        BoardLine(
            rank=amounts.index(amount) + 1,
            name=None if row["is_anonymous"] else row["name"],
            amount=amount,
            customer_id=row["customer_id"],
        )
        for row, amount in zip(rows, amounts, strict=True)
    ]
