"""What an exported list is: its columns, the one statement that reads it, and what it can be narrowed by."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, func, select

from storefront.core.clock import iso, parse_iso
from storefront.core.errors import FieldError, Invalid
from storefront.core.exporting.columns import Column, Context
from storefront.core.reading import Row
from storefront.core.redaction import redact_text
from storefront.core.tables import customers

_TIME = "must be a time with its zone, such as 2026-11-21T09:30:00Z"
Condition = Callable[[str, Context], ColumnElement[bool]]
"""What a filter's value asks of the rows."""

FROM, UNTIL, CUSTOMER = "from", "until", "customer"
NAMES = (
    *(FROM, UNTIL, CUSTOMER, "state", "kind", "gateway", "asset", "purchase", "campaign", "endpoint"),
    *("creator", "verdict", "list", "server", "subscription"),
)
"""What lists can be narrowed by; each has some of these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """One list. It is read by one statement in one snapshot; what ``spread`` makes of a row are the list's rows.

    ``at`` is the time (ms) that ``from`` and ``until`` bound, half-open. ``owner`` holds our own id of the customer.
    ``written`` are rows that stand in the configuration, before all others; ``only`` narrows the rest to what counts
    at this moment. ``scope`` is what a key must carry beside ``exports:read``.
    """

    name: str
    title: str
    scope: str
    columns: Sequence[Column]
    statement: Select[Any]
    order: Sequence[ColumnElement[Any]]
    at: ColumnElement[Any] | None = None
    owner: ColumnElement[Any] | None = None
    filters: Mapping[str, Condition] = field(default_factory=dict)
    spread: Callable[[Row], Iterable[Row]] | None = None
    written: Callable[[Context], Iterable[Row]] | None = None
    only: Callable[[Context], ColumnElement[bool]] | None = None

    @property
    def narrows_by(self) -> tuple[str, ...]:
        """Name what the list can be narrowed by."""
        times = () if self.at is None else (FROM, UNTIL)
        owners = () if self.owner is None else (CUSTOMER,)
        return (*times, *owners, *self.filters)

    def to_json(self) -> dict[str, Any]:
        """Return what the list of lists says of it."""
        return {
            "list": self.name,
            "title": self.title,
            "scope": self.scope,
            "filters": list(self.narrows_by),
            "columns": [column.to_json() for column in self.columns],
        }


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What else the rows must be, and as what the books keep it: name -> text without anything personal."""

    conditions: Sequence[ColumnElement[bool]] = ()
    told: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows of a list; ``begins`` and ``ends`` are in ms, ``customer_id`` is our own id.

    ``shown`` narrows it to what a page of the console shows.
    """

    export: Export
    begins: int | None = None
    ends: int | None = None
    customer_id: str | None = None
    equal: Mapping[str, str] = field(default_factory=dict)
    shown: Narrowed = field(default_factory=Narrowed)

    @classmethod
    def read(cls, export: Export, given: Mapping[str, str], *, customer_id: str | None) -> "Wanted":
        """Read filters as they were given, ``name -> text``; the customer is found already.

        Raises:
            Invalid: the list has no such filter, or a time is none.
        """
        wrong = [
            FieldError(f"?{name}", "this list has no such filter") for name in given if name not in export.narrows_by
        ]
        if wrong:
            has = ", ".join(export.narrows_by) or "no filters"
            raise Invalid(f"The list {export.name} has {has}.", errors=wrong)
        equal = {name: value for name, value in given.items() if name not in (FROM, UNTIL, CUSTOMER)}
        return cls(export, _time(given, FROM), _time(given, UNTIL), customer_id, equal)

    def statement(self, context: Context) -> Select[Any]:
        """Return the statement that reads these rows, in a stable order."""
        found = self.export.statement
        if self.export.only is not None:
            found = found.where(self.export.only(context))
        if self.begins is not None:
            found = found.where(_given(self.export.at) >= self.begins)
        if self.ends is not None:
            found = found.where(_given(self.export.at) < self.ends)
        if self.customer_id is not None:
            found = found.where(_given(self.export.owner) == self.customer_id)
        for name, value in self.equal.items():
            found = found.where(self.export.filters[name](value, context))
        return found.where(*self.shown.conditions).order_by(*self.export.order)

    def written(self, context: Context) -> Sequence[Row]:
        """Return the rows of the configuration among them: they have no time and no customer."""
        if self.export.written is None or (self.begins, self.ends, self.customer_id) != (None, None, None):
            return ()
        rows = self.export.written(context)
        return [row for row in rows if all(row[name] == value for name, value in self.equal.items())]

    def count(self, context: Context) -> Select[Any]:
        """Return the statement that counts what ``statement`` reads; what is spread counts once."""
        return select(func.count()).select_from(self.statement(context).order_by(None).subquery())

    def to_json(self) -> dict[str, str]:
        """Return the filters as the books keep them: a customer by our own id, and no secret typed by mistake."""
        times = {FROM: self.begins, UNTIL: self.ends}
        told = {name: iso(at) for name, at in times.items() if at is not None}
        owner = {} if self.customer_id is None else {CUSTOMER: self.customer_id}
        texts = {**self.equal, **self.shown.told}
        return {**told, **owner, **{name: redact_text(value) for name, value in texts.items()}}


def equals(column: ColumnElement[Any]) -> Condition:
    """Return the filter for rows that have a value in a column."""
    return lambda value, _: column == value


def with_customer(table: Table, *more: Any, shows: str = "customer") -> Select[Any]:
    """Return a select of a table and the game's id of its customer."""
    named = customers.c.external_id.label(shows)
    return select(table, named, *more).join(customers, customers.c.id == table.c.customer_id)


def _given(column: ColumnElement[Any] | None) -> ColumnElement[Any]:
    assert column is not None, "a filter is asked for only where the list has it"
    return column


def _time(given: Mapping[str, str], name: str) -> int | None:
    text = given.get(name)
    if text is None:
        return None
    try:
        return parse_iso(text)
    except ValueError as error:
        raise Invalid("This is not a time.", errors=[FieldError(f"?{name}", _TIME)]) from error
