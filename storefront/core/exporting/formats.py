"""The files that a list is written as: CSV, Parquet and JSON lines, piece by piece.

An encoder is asked for what begins the file, what some rows add, and what ends it. It works in one thread at a time.
"""

import csv
import io
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from storefront.core.clock import iso
from storefront.core.exporting.columns import Column, Kind, shown_value
from storefront.core.exporting.reading import Values
from storefront.core.spreadsheets import harmless

CSV, PARQUET, JSON_LINES = "csv", "parquet", "jsonl"
FORMATS: Mapping[str, str] = {
    CSV: "text/csv; charset=utf-8",
    PARQUET: "application/vnd.apache.parquet",
    JSON_LINES: "application/jsonl",
}
"""Format -> media type."""
ROWS_IN_A_GROUP = 10_000
"""Of a Parquet file: a whole group stands in memory before it is written, and whoever reads one reads it whole."""
_FAST = 3
"""How hard is compressed: harder takes twice the time for a tenth less."""
_STRANGERS = (Kind.TEXT, Kind.JSON)


class Encoder(Protocol):
    """Writes rows as the bytes of a file."""

    def begin(self) -> bytes:
        """Return what stands before all rows."""
        ...

    def add(self, rows: Values) -> bytes:
        """Return what these rows add to the file; it may be nothing yet."""
        ...

    def end(self) -> bytes:
        """Return what is left."""
        ...


def encoder_for(name: str, columns: Sequence[Column], *, has_bom: bool = False) -> Encoder:
    """Return an encoder for one of ``FORMATS``; ``has_bom`` begins CSV with what Excel knows UTF-8 by."""
    if name == CSV:
        return CsvEncoder(columns, has_bom=has_bom)
    return ParquetEncoder(columns) if name == PARQUET else JsonLinesEncoder(columns)


class CsvEncoder:
    """RFC 4180 in UTF-8. No cell begins a formula but numbers of our own; what is missing is an empty cell."""

    def __init__(self, columns: Sequence[Column], *, has_bom: bool = False) -> None:
        self._columns = columns
        self._has_bom = has_bom

    def begin(self) -> bytes:
        mark = "\ufeff" if self._has_bom else ""
        return mark.encode() + _written([[column.name for column in self._columns]])

    def add(self, rows: Values) -> bytes:
        kinds = [column.kind for column in self._columns]
        return _written([[_cell(kind, value) for kind, value in zip(kinds, row, strict=True)] for row in rows])

    def end(self) -> bytes:
        return b""


class JsonLinesEncoder:
    """One JSON object a line; documents are nested, not quoted."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        self._encoder = msgspec.json.Encoder()

    def begin(self) -> bytes:
        return b""

    def add(self, rows: Values) -> bytes:
        named = [
            {column.name: shown_value(column, value) for column, value in zip(self._columns, row, strict=True)}
            for row in rows
        ]
        return self._encoder.encode_lines(named)

    def end(self) -> bytes:
        return b""


class ParquetEncoder:
    """Parquet with types: ``int64``, ``bool``, ``string``, and ``timestamp[ms, UTC]``; groups of bounded size.

    Its library is large, so it is loaded when the first such file begins.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        self._waiting: list[list[Any]] = []

    def begin(self) -> bytes:
        import pyarrow
        from pyarrow import parquet

        kinds = {Kind.INTEGER: pyarrow.int64(), Kind.FLAG: pyarrow.bool_(), Kind.TIME: pyarrow.timestamp("ms", "UTC")}
        fields = [
            pyarrow.field(column.name, kinds.get(column.kind, pyarrow.string()), metadata=_about(column))
            for column in self._columns
        ]
        self._schema = pyarrow.schema(fields)
        self._sink = _Sink()
        self._writer = parquet.ParquetWriter(pyarrow.PythonFile(self._sink, mode="w"), self._schema, compression="zstd")
        return self._sink.taken()

    def add(self, rows: Values) -> bytes:
        self._waiting += rows
        while len(self._waiting) >= ROWS_IN_A_GROUP:
            group, self._waiting = self._waiting[:ROWS_IN_A_GROUP], self._waiting[ROWS_IN_A_GROUP:]
            self._write(group)
        return self._sink.taken()

    def end(self) -> bytes:
        if self._waiting:
            self._write(self._waiting)
            self._waiting = []
        self._writer.close()
        return self._sink.taken()

    def _write(self, rows: Values) -> None:
        import pyarrow

        arrays = [
            pyarrow.array(values, type=field.type)
            for values, field in zip(zip(*rows, strict=True), self._schema, strict=True)
        ]
        self._writer.write_table(pyarrow.Table.from_arrays(arrays, schema=self._schema), row_group_size=ROWS_IN_A_GROUP)


class Gzipped:
    """Another encoder's file, compressed."""

    def __init__(self, inner: Encoder) -> None:
        self._inner = inner
        self._packing = zlib.compressobj(_FAST, zlib.DEFLATED, 16 + zlib.MAX_WBITS)

    def begin(self) -> bytes:
        return self._packing.compress(self._inner.begin())

    def add(self, rows: Values) -> bytes:
        return self._packing.compress(self._inner.add(rows))

    def end(self) -> bytes:
        return self._packing.compress(self._inner.end()) + self._packing.flush()


class _Sink(io.RawIOBase):
    """Where a Parquet writer writes to: what it wrote is taken away piece by piece."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []
        self._length = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._length

    def write(self, piece: Any) -> int:
        written = bytes(piece)
        self._pieces.append(written)
        self._length += len(written)
        return len(written)

    def taken(self) -> bytes:
        taken, self._pieces = b"".join(self._pieces), []
        return taken


def _cell(kind: Kind, value: Any) -> str:
    if value is None:
        return ""
    if kind in _STRANGERS:
        return harmless(str(value))
    if kind is Kind.TIME:
        return iso(value)
    return ("true" if value else "false") if kind is Kind.FLAG else str(value)


def _written(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _about(column: Column) -> dict[str, str]:
    unit = {} if column.unit is None else {"unit": column.unit}
    return {"kind": str(column.kind), **unit}
