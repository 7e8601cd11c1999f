"""One page of a list that an operator pages through, newest first."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Column, Select, and_, or_

from storefront.core.errors import FieldError, Invalid
from storefront.core.reading import Reader, Row


async def read_page(
    reader: Reader,
    statement: Select[Any],
    by: Sequence[Column[Any]],
    *,
    limit: int,
    after: str | None,
    shown: Callable[[Row], dict[str, Any]],
) -> dict[str, Any]:
    """Return ``{"data", "next"}`` of what ``statement`` finds; ``by`` are a time and what makes it unique.

    Raises:
        Invalid: ``after`` is not the ``next`` of such a page.
    """
    at, name = by
    if after is not None:
        moment, _, last = after.partition("~")
        if not (moment.isascii() and moment.isdigit() and len(moment) < 19 and last and "\0" not in last):
            raise Invalid(
                "This is not a cursor of this list.",
                errors=[FieldError("/after", "is not a cursor of this list")],
            )
        statement = statement.where(or_(at < int(moment), and_(at == int(moment), name < last)))
    rows = await reader.scan(statement.order_by(at.desc(), name.desc()).limit(limit + 1))
    last_row = rows[limit - 1] if len(rows) > limit else None
    following = None if last_row is None else f"{last_row[at.name]}~{last_row[name.name]}"
    return {"data": [shown(row) for row in rows[:limit]], "next": following}
