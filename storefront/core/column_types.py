"""Column types that mean the same on both databases; used by tables and by migrations.

Text is compared byte by byte: on PostgreSQL a database's own collation may ignore punctuation, which would
break ranges of account ids and the order of events.
"""

from typing import Any

from sqlalchemy import Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

TEXT = Text().with_variant(Text(collation="C"), "postgresql")


class last4_of(FunctionElement[str]):
    """The last four digits of a card that is kept as JSON; NULL where none are known."""

    type = Text()
    inherit_cache = True


@compiles(last4_of)
def _on_sqlite(element: last4_of, compiler: SQLCompiler, **more: Any) -> str:
    # Written out, not bound: an index is taken only for the very same expression.
    return f"json_extract({compiler.process(element.clauses, **more)}, '$.last4')"


@compiles(last4_of, "postgresql")
def _on_postgres(element: last4_of, compiler: SQLCompiler, **more: Any) -> str:
    return f"(CAST({compiler.process(element.clauses, **more)} AS JSONB) ->> 'last4')"
