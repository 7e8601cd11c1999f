"""Databases of earlier revisions, and what stands in a database, told so that two can be compared."""

import hashlib
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.audit.conftest import books, finished_book

__all__ = ["books", "finished_book"]

DATA = Path(__file__).parent / "data"


@pytest.fixture
def of_0001(tmp_path) -> Path:
    """A shop's database as revision 0001 left it: purchases by card and by gems, of several customers."""
    path = tmp_path / "shop.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((DATA / "0001.sql").read_text())
    return path


def dump(path: Path) -> list[str]:
    """Return every row and every object of a database as text, in an order of its own; blanks and quotes aside."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return sorted(re.sub(r'[\s"]+', " ", line) for line in connection.iterdump())


def fingerprint(path: Path) -> str:
    """Return the hash of the dump."""
    return hashlib.sha256("\n".join(dump(path)).encode()).hexdigest()


def rows(path: Path, sql: str) -> list[tuple]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchall()
