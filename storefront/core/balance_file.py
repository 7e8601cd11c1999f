"""Reads a CSV file of opening balances, and finds every mistake in it before anything is written.

Columns: ``customer``, ``asset``, ``amount`` (whole numbers of the smallest unit), and where wanted ``expires_at``
(RFC 3339) and ``reference``, in any order. A mistake's column counts fields from 1, as a spreadsheet does.
"""

import csv
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from storefront.core.clock import iso, parse_iso
from storefront.core.config import Mistake
from storefront.core.customers import LONGEST_EXTERNAL_ID
from storefront.core.importing import OpeningBalance
from storefront.core.money import MAX_AMOUNT

NEEDED = ("customer", "asset", "amount")
KNOWN = (*NEEDED, "expires_at", "reference")
LONGEST_REFERENCE = 200
_WHOLE = re.compile(r"[0-9]{1,16}")
_SEPARATORS = ";\t|"
_EXAMPLE = "customer,asset,amount\nada,gems,500"


@dataclass(slots=True)
class BalanceFile:
    """What a file holds, or what is wrong in it; a file with mistakes has no rows to use."""

    file: str
    rows: list[OpeningBalance] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    totals: dict[str, int] = field(default_factory=dict)
    amount_column: int = 1

    def mistake_in_amount(self, line: int, message: str) -> Mistake:
        """Return what the books have against the amount of a line."""
        return Mistake(self.file, line, self.amount_column, "amount", message)


def read_balances(path: Path, *, assets: Collection[str], now: int) -> BalanceFile:
    """Read a file; ``assets`` are those that may be granted, ``now`` is business time (ms).

    Raises:
        FileNotFoundError: there is no such file.
    """
    return _Reader(str(path), assets, now).read(path)


class _Reader:
    def __init__(self, file: str, assets: Collection[str], now: int) -> None:
        self._file = file
        self._assets = assets
        self._now = now
        self._found = BalanceFile(file)
        self._columns: list[str] = []
        self._lines: dict[tuple[str, ...], int] = {}
        self._line = 1

    def read(self, path: Path) -> BalanceFile:
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                records = self._records(csv.reader(file, strict=True))
                self._read_head(next(records, []))
                if not self._found.mistakes:
                    for record in records:
                        if record:
                            self._read_row(record)
        except UnicodeDecodeError:
            self._line = _line_that_is_no_text(path)
            self._wrong(1, "", "is not UTF-8 text: save the file as CSV UTF-8")
        except csv.Error as error:
            self._wrong(1, "", f"is no CSV from here on: {error}")
        return self._found

    def _records(self, reader: Iterator[list[str]]) -> Iterator[list[str]]:
        """Yield records; a record may take several lines, and is named by its first."""
        ended = 0
        for record in reader:
            self._line = ended + 1
            yield record
            ended = reader.line_num  # type: ignore[attr-defined]
            self._line = ended + 1

    def _read_head(self, head: list[str]) -> None:
        self._columns = [name.strip() for name in head]
        if "amount" in self._columns:
            self._found.amount_column = self._columns.index("amount") + 1
        if len(self._columns) == 1 and set(_SEPARATORS) & set(self._columns[0]):
            self._wrong(1, "", "has its columns separated by something else: save the file with commas", _EXAMPLE)
            return
        for number, name in enumerate(self._columns, start=1):
            if name not in KNOWN:
                self._wrong(number, name, f"is no column of this file; there are: {', '.join(KNOWN)}")
            elif name in self._columns[: number - 1]:
                self._wrong(number, name, "is there twice")
        for name in NEEDED:
            if name not in self._columns:
                self._wrong(len(self._columns) + 1, name, "this column is missing", _EXAMPLE)

    def _read_row(self, record: list[str]) -> None:
        if len(record) != len(self._columns):
            self._wrong(len(record), "", f"has {len(record)} fields, and the first line {len(self._columns)}")
            return
        before = len(self._found.mistakes)
        values = dict(zip(self._columns, record, strict=True))
        customer, asset = self._customer(values["customer"]), self._asset(values["asset"])
        amount, expires_at = self._amount(values["amount"]), self._expires_at(values.get("expires_at", "").strip())
        reference = self._reference(values.get("reference", "").strip())
        self._once(("row", customer, asset) if reference is None else ("reference", reference))
        if len(self._found.mistakes) == before:
            self._found.rows.append(OpeningBalance(self._line, customer, asset, amount, expires_at, reference))
            self._found.totals[asset] = self._found.totals.get(asset, 0) + amount

    def _customer(self, value: str) -> str:
        if not value.strip() or len(value) > LONGEST_EXTERNAL_ID or not value.isprintable():
            self._wrong_in("customer", f"must be 1 to {LONGEST_EXTERNAL_ID} printable characters")
        return value

    def _asset(self, value: str) -> str:
        if value not in self._assets:
            known = ", ".join(sorted(self._assets)) or "none"
            self._wrong_in("asset", f"{value!r} is no virtual currency of this shop; there are: {known}")
        return value

    def _amount(self, value: str) -> int:
        if not _WHOLE.fullmatch(value) or not 1 <= int(value) <= MAX_AMOUNT:
            self._wrong_in("amount", f"must be a whole number of the smallest unit, 1 to {MAX_AMOUNT}, not {value!r}")
            return 0
        return int(value)

    def _expires_at(self, value: str) -> int | None:
        if not value:
            return None
        try:
            expires_at = parse_iso(value)
        except ValueError:
            self._wrong_in("expires_at", f"must be a time with its zone, such as 2027-12-31T00:00:00Z, not {value!r}")
            return None
        if expires_at <= self._now:
            self._wrong_in("expires_at", f"lies in the past: it is {iso(self._now)}")
        return expires_at

    def _reference(self, value: str) -> str | None:
        if len(value) > LONGEST_REFERENCE or not value.isprintable():
            self._wrong_in("reference", f"must be at most {LONGEST_REFERENCE} printable characters")
        return value or None

    def _once(self, name: tuple[str, ...]) -> None:
        first = self._lines.setdefault(name, self._line)
        if first == self._line:
            return
        if name[0] == "reference":
            self._wrong_in("reference", f"is that of line {first} too")
        else:
            self._wrong_in("customer", f"has this asset in line {first} already; add them up, or give each a reference")

    def _wrong_in(self, column: str, message: str) -> None:
        self._wrong(self._columns.index(column) + 1, column, message)

    def _wrong(self, column: int, name: str, message: str, example: str | None = None) -> None:
        self._found.mistakes.append(Mistake(self._file, self._line, max(column, 1), name, message, example))


def _line_that_is_no_text(path: Path) -> int:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return 1
