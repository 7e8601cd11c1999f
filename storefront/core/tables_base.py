"""The one ``metadata`` of the core's tables, and the columns they are made of."""

from sqlalchemy import BigInteger, Column, MetaData, text

from storefront.core.column_types import TEXT

metadata = MetaData()


def key_column(name: str) -> Column[str]:
    """Return a text column that is (part of) the primary key."""
    return Column(name, TEXT, primary_key=True)


def text_column(name: str, *, null: bool = False) -> Column[str]:
    """Return a text column, compared byte by byte on both databases."""
    return Column(name, TEXT, nullable=null)


def number_column(name: str, *, null: bool = False, default: int | None = None) -> Column[int]:
    """Return a signed 64-bit column; ``default`` is the server's."""
    server_default = None if default is None else text(str(default))
    return Column(name, BigInteger, nullable=null, server_default=server_default)
