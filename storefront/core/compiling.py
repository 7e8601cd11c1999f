"""Statements compiled once a process and database server, not once an engine.

SQLAlchemy keeps what it compiled by the dialect that compiled it, and gives every engine a dialect of its own. A
process makes several engines for one server (the readers', a migration's, an audit's): each would begin with nothing.
"""

from collections.abc import MutableMapping
from functools import partial
from typing import Any

from sqlalchemy import URL, Connection, Dialect, Engine, event
from sqlalchemy.util import LRUCache

_MOST_STATEMENTS = 1000

_known: dict[URL, tuple[Dialect, MutableMapping[Any, Any]]] = {}


def share_compiled(engine: Engine, server: URL) -> None:
    """Let a new engine compile with the dialect, and keep in the cache, of the first engine of the same server.

    ``server`` is the address without the database. Nothing is shared before an engine has connected and asked its
    server all it wants to know: a dialect that knows half of it writes other statements.
    """
    known = _known.get(server)
    if known is None:
        compiled: MutableMapping[Any, Any] = LRUCache(_MOST_STATEMENTS)
        engine.update_execution_options(compiled_cache=compiled)
        # The connection on which a dialect asks is made without events: this one comes after it.
        event.listen(engine, "engine_connect", partial(_remember, server, compiled), once=True)
    else:
        engine.dialect, compiled = known
        engine.update_execution_options(compiled_cache=compiled)


def _remember(server: URL, compiled: MutableMapping[Any, Any], connection: Connection) -> None:
    _known.setdefault(server, (connection.dialect, compiled))
