"""The bytes that are hashed: canonical JSON (RFC 8785) of an entry with all that belongs to it.

Members are sorted, there is no blank, text is UTF-8. Integers beyond 2^53−1 (commit numbers may be) are
written as text, because JSON readers elsewhere would round them. The columns are named here, not taken from
the tables: what was sealed must keep its bytes when a table gets a new column.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from storefront.core.money import MAX_AMOUNT

Document = dict[str, Any]

ENTRY_COLUMNS = ("id", "commit_no", "kind", "about", "anchor", "actor", "reverses", "occurred_at", "recorded_at",
                 "facts")  # fmt: skip
PART_COLUMNS: Mapping[str, Sequence[str]] = {
    "transfers": ("position", "source", "destination", "asset", "amount"),
    "draws": ("position", "transfer", "lot_id", "amount"),
    "credits": ("position", "transfer", "lot_id", "amount", "source", "payment", "cost_amount", "cost_currency",
                "priority", "expires_at"),
}  # fmt: skip

_encoder = msgspec.json.Encoder(order="deterministic")


def canonical_json(value: object) -> bytes:
    """Encode objects, arrays, text, integers within ±(2^53−1) and null as RFC 8785 says."""
    return _encoder.encode(value)


def plain_row(columns: Sequence[str], values: Sequence[Any]) -> Document:
    """Return a row as it is hashed, ``column -> text, integer or null``."""
    return {column: _plain(value) for column, value in zip(columns, values, strict=True)}


def _plain(value: object) -> object:
    kind = type(value)
    if kind is str or value is None:
        return value
    if kind is int and isinstance(value, int):
        return value if -MAX_AMOUNT <= value <= MAX_AMOUNT else str(value)
    # SQLite keeps whatever is put into a column. Nothing of ours writes this, so it equals nothing that was sealed.
    return {kind.__name__: repr(value)}
