"""The register of personal columns: each column of each table is classified once, so that none is forgotten.

A table is ``Held``. A new column belongs into one of its words, or a test fails:

- ``personal``: says something about a person beyond our random id: free text, an address, a card, a raw document;
- ``kept``: the same, but kept by law (``why`` says which, and for how long);
- ``plain``: amounts, times, states, references: nothing about a person once nobody knows whose id it is;
- ``withheld``: what an export leaves out: hashes, seeds of chance that is still to come, counts of others, too.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import BigInteger, ColumnElement, LargeBinary, Table, cast, exists, literal, or_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from storefront.core.reading import Row

ERASED = "erased"
"""What stands where somebody said why, and what they said was erased."""
HASHED = b"sha256:"
"""How what is kept of a webhook's body begins, once the body itself is forgotten."""


@dataclass(frozen=True, slots=True)
class Person:
    """Whose data it is: our id, and the game's; ``former`` are those who were merged into them."""

    id: str
    external_id: str
    former: "tuple[Person, ...]" = ()

    @property
    def everyone(self) -> "tuple[Person, ...]":
        """Themselves, and whoever they were besides."""
        return (self, *self.former)


Whose = Callable[[Table, Person], ColumnElement[bool]]
"""Finds the rows of a table that are about a customer."""


@dataclass(frozen=True, slots=True)
class Held:
    """A table, which of its rows are about a customer (None: none are), and the class of each column.

    What an erasure does with it: rows that ``goes`` says are removed; else each personal column gets nothing (None, or
    an empty text where there must be one), or what ``erased`` says: a value, or a function of the row and of the words
    that are looked for. ``erases`` are the rows of these that are the customer's own, if fewer. ``leads``: others are
    found by its rows, so it is erased after them. ``begins``: a new row begins something, so none is taken for who was
    erased. ``anchor`` is what a row hangs under, ``also`` other anchors under which it is written.
    ``arrives`` is when a row came that may come after an erasure (the machine's ms): it is kept for its ordinary term.
    """

    table: Table
    whose: Whose | None = None
    personal: str = ""
    plain: str = ""
    kept: str = ""
    withheld: str = ""
    why: str = ""
    goes: bool = False
    erased: Mapping[str, Any] = field(default_factory=dict)
    erases: Whose | None = None
    leads: bool = False
    begins: bool = False
    arrives: str = ""
    anchor: Callable[[Row], str | None] = lambda row: row["customer_id"]
    also: Sequence[str] = ()

    def classes(self) -> list[tuple[str, str]]:
        """Return ``(column, class)`` for each column as it is declared."""
        told = {"personal": self.personal, "plain": self.plain, "kept": self.kept, "withheld": self.withheld}
        return [(column, name) for name, columns in told.items() for column in columns.split()]

    @property
    def shown(self) -> list[str]:
        """The columns that an export shows, in the table's own order."""
        hidden = set(self.withheld.split())
        return [column.name for column in self.table.columns if column.name not in hidden]


def mistakes(register: Sequence[Held], tables: Sequence[Table]) -> list[str]:
    """Return what is wrong with a register: tables and columns that are classified never, twice, or do not exist."""
    found = []
    declared = [one.table.name for one in register]
    names = {table.name for table in tables}
    found += [f"{name} is declared twice" for name in sorted(set(declared)) if declared.count(name) > 1]
    found += [f"{name} is not in the register" for name in sorted(names - set(declared))]
    found += [f"{name} is no table" for name in sorted(set(declared) - names)]
    for one in register:
        classified = [column for column, _ in one.classes()]
        there = {column.name for column in one.table.columns}
        for column in sorted(there | set(classified)):
            if (count := classified.count(column)) != 1 or column not in there:
                found.append(f"{one.table.name}.{column} is classified {count} times" if column in there
                             else f"{one.table.name}.{column} is no column")  # fmt: skip
        if one.whose is None and (one.personal or one.kept):
            found.append(f"{one.table.name} does not say whose its rows are")
        if bool(one.kept) != bool(one.why):
            found.append(f"{one.table.name} must say why it keeps what it keeps, and nothing else")
    return found


def rows_about(whose: Whose, table: Table, person: Person) -> ColumnElement[bool]:
    """Find the rows of a table that are about a customer, under whatever name they are kept."""
    return or_(*(whose(table, one) for one in person.everyone))


def by(*columns: str) -> Whose:
    """Find rows by columns that hold our id."""
    return lambda table, person: or_(*(table.c[column] == person.id for column in columns))


def through(column: str, other: Table, whose: Whose, *, to: str = "id") -> Whose:
    """Find rows whose ``column`` names a row of another table that is about the customer."""
    return lambda table, person: table.c[column].in_(select(other.c[to]).where(whose(other, person)))


def either(*ways: Whose) -> Whose:
    """Find rows by any of several ways."""
    return lambda table, person: or_(*(way(table, person) for way in ways))


def mentions(column: str) -> Whose:
    """Find rows whose text has our id in it: random enough that nothing else has."""
    return lambda table, person: table.c[column].contains(person.id, autoescape=True)


def holds_id(column: str) -> Whose:
    """Find rows whose raw bytes have our id in them."""
    return lambda table, person: _PlaceOf(table.c[column], literal(person.id.encode(), LargeBinary)) > 0


class _PlaceOf(FunctionElement[int]):
    """Where in some bytes others begin, from 1; 0 if nowhere."""

    type = BigInteger()
    inherit_cache = True


@compiles(_PlaceOf, "sqlite")
def _in_sqlite(element: _PlaceOf, compiler: SQLCompiler, **options: Any) -> str:
    return f"instr({compiler.process(element.clauses, **options)})"


@compiles(_PlaceOf, "postgresql")
def _in_postgresql(element: _PlaceOf, compiler: SQLCompiler, **options: Any) -> str:
    whole, part = (compiler.process(clause, **options) for clause in element.clauses)
    return f"position({part} IN {whole})"


def equals(column: str, text: Callable[[Person], Any]) -> Whose:
    """Find rows whose column is a text made of the person."""
    return lambda table, person: table.c[column] == text(person)


def holds_name(column: str) -> Whose:
    """Find rows whose raw bytes name the customer as answers do, by the game's id."""

    def find(table: Table, person: Person) -> ColumnElement[bool]:
        named = b'"id":' + msgspec.json.encode(person.external_id)
        return _PlaceOf(table.c[column], literal(named, LargeBinary)) > 0

    return find


def holds_any(column: str, other: Table, whose: Whose, *, of: str) -> Whose:
    """Find rows whose raw bytes hold a column of any of the customer's rows in another table."""

    def find(table: Table, person: Person) -> ColumnElement[bool]:
        found = _PlaceOf(table.c[column], cast(other.c[of], LargeBinary)) > 0
        return exists(select(other.c[of]).where(whose(other, person), other.c[of].is_not(None), found))

    return find


def nothing(row: Row) -> None:
    """Say that rows hang under no anchor."""


def hash_of_body(raw: bytes) -> bytes:
    """Return what is kept of a webhook's body, by which it could be told again."""
    return raw if raw.startswith(HASHED) else HASHED + hashlib.sha256(raw).hexdigest().encode()
