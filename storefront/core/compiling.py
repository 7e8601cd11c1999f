"""Statements compiled once a process and database server, not once an engine.

SQLAlchemy keeps what it compiled by the dialect that compiled it, and gives every engine a dialect of its own. A
process makes several engines for one server (the readers', a migration's, an audit's): each would begin with nothing.
"""

from collections.abc import MutableMapping
from typing import Any

from sqlalchemy import URL, Dialect, Engine
from sqlalchemy.util import LRUCache

_MOST_STATEMENTS = 1000

_known: dict[URL, tuple[Dialect, MutableMapping[Any, Any]]] = {}


def share_compiled(engine: Engine, server: URL) -> None:
    """Let a new engine compile with the dialect, and keep in the cache, of the first engine of the same server.

    ``server`` is the address without the database. Nothing is shared before that first engine has connected: only then
    does its dialect know what the server can do.
    """
    dialect, compiled = _known.setdefault(server, (engine.dialect, LRUCache(_MOST_STATEMENTS)))
    if dialect is engine.dialect or dialect.server_version_info is not None:
        engine.dialect = dialect
        engine.update_execution_options(compiled_cache=compiled)
