"""Reads a list page by page: one statement, so one moment of the database, whose writers wait for nothing.

Nothing is kept but a page, however long the list is. A server reads with ``stream_pages``; a command, over its own
read-only connection, with ``read_pages``.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import Any, cast

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from storefront.core.exporting.columns import Context
from storefront.core.exporting.lists import Export, Wanted
from storefront.core.reading import Row

ROWS_AT_ONCE = 200
"""Few enough that what is done with them at once takes milliseconds."""

Values = list[list[Any]]
"""Rows of a list, each with the values of its columns in order."""
_BY_PAGE = {"yield_per": ROWS_AT_ONCE}


async def stream_pages(connection: AsyncConnection, wanted: Wanted, context: Context) -> AsyncIterator[Sequence[Row]]:
    """Yield the rows that the statement finds, a page at a time, as they were at one moment."""
    if written := wanted.written(context):
        yield written
    async with connection.stream(wanted.statement(context), execution_options=_BY_PAGE) as found:
        async for page in found.mappings().partitions():
            yield page


def read_pages(connection: Connection, wanted: Wanted, context: Context) -> Iterator[Sequence[Row]]:
    """Yield the same over a synchronous connection."""
    if written := wanted.written(context):
        yield written
    found = connection.execute(wanted.statement(context), execution_options=_BY_PAGE)
    yield from cast(Iterator[Sequence[Row]], found.mappings().partitions())


def values_of(export: Export, page: Sequence[Row], context: Context) -> Values:
    """Return the list's rows of a page, column by column."""
    rows: Iterable[Row] = page if export.spread is None else (one for row in page for one in export.spread(row))
    takes = [column.take for column in export.columns]
    return [[take(row, context) for take in takes] for row in rows]
