"""Columns of an exported list: a name, what kind of value, in what unit, and how it is found in a row.

Money takes three: integer smallest units to calculate with, the same as a decimal to read, and its currency.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from storefront.core.clock import iso
from storefront.core.config import Config
from storefront.core.config.currencies import real_currencies
from storefront.core.journal import show_amount
from storefront.core.reading import Row


class Kind(StrEnum):
    """What a column holds; ``DECIMAL`` is an exact number as text, ``JSON`` a document as text, ``TIME`` is in ms."""

    TEXT = "text"
    DECIMAL = "decimal"
    INTEGER = "integer"
    FLAG = "boolean"
    TIME = "time"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Context:
    """What a row's value may hang on beside the row: the business time and the wall's (ms), and the configuration."""

    config: Config
    now: int
    wall: int
    exponents: Mapping[str, int]

    @classmethod
    def of(cls, config: Config, *, now: int, wall: int) -> "Context":
        """Return the context of an export that begins now."""
        return cls(config, now, wall, exponents_of(config))


Take = Callable[[Row, Context], Any]


@dataclass(frozen=True, slots=True)
class Column:
    """One column; ``unit`` says what a number counts."""

    name: str
    kind: Kind
    take: Take
    unit: str | None = None

    def to_json(self) -> dict[str, str | None]:
        return {"name": self.name, "type": str(self.kind), "unit": self.unit}


def text(name: str, source: str | None = None, *, take: Take | None = None) -> Column:
    """Return a column of text: that of the row's ``source``, or what ``take`` makes of the row."""
    return Column(name, Kind.TEXT, take or _plain(source or name))


def decimal(name: str, *, take: Take, unit: str | None = None) -> Column:
    """Return a column of exact numbers, written out as text."""
    return Column(name, Kind.DECIMAL, take, unit)


def integer(name: str, source: str | None = None, *, unit: str | None = None, take: Take | None = None) -> Column:
    """Return a column of integers."""
    return Column(name, Kind.INTEGER, take or _number(source or name), unit)


def flag(name: str, source: str | None = None, *, take: Take | None = None) -> Column:
    """Return a column of yes or no."""
    found = source or name
    return Column(name, Kind.FLAG, take or (lambda row, _: bool(row[found])))


def time(name: str, source: str | None = None, *, take: Take | None = None) -> Column:
    """Return a column of times, whose value is in milliseconds."""
    return Column(name, Kind.TIME, take or _number(source or name), "UTC")


def document(name: str, source: str | None = None, *, take: Take | None = None) -> Column:
    """Return a column of JSON; ``take`` returns what is to be written as JSON."""
    return Column(name, Kind.JSON, _plain(source or name) if take is None else _encoded(take))


def money(
    name: str, source: str | None = None, *, currency: str = "currency", shows: bool = True
) -> tuple[Column, ...]:
    """Return the columns of an amount, ``<name>_minor`` and ``<name>``, and its ``currency`` unless it stands already.

    ``currency`` names the row's own column: also ``asset``, for virtual currencies.
    """
    found, unit = source or name, f"of {currency}"
    own = (text(currency),) if shows else ()
    return (
        integer(f"{name}_minor", found, unit=f"smallest unit {unit}"),
        decimal(name, take=lambda row, context: _amount(row[found], row[currency], context), unit=unit),
        *own,
    )


def exponents_of(config: Config) -> dict[str, int]:
    """Return asset -> exponent, of the real currencies and of the shop's own."""
    return {**real_currencies(), **{code: asset.exponent for code, asset in config.assets.items()}}


def shown_value(column: Column, value: Any) -> Any:
    """Return a value as JSON lines have it: times in ISO 8601, documents as they are, all else unchanged."""
    if value is None:
        return None
    if column.kind is Kind.TIME:
        return iso(value)
    return msgspec.Raw(value.encode()) if column.kind is Kind.JSON else value


def _amount(amount: Any, asset: Any, context: Context) -> str | None:
    return None if amount is None else show_amount(int(amount), context.exponents.get(asset, 0))


def _plain(name: str) -> Take:
    return lambda row, _: row[name]


def _number(name: str) -> Take:
    # PostgreSQL's sums are decimals.
    return lambda row, _: None if row[name] is None else int(row[name])


def _encoded(take: Take) -> Take:
    def encoded(row: Row, context: Context) -> str | None:
        value = take(row, context)
        return None if value is None else msgspec.json.encode(value).decode()

    return encoded
