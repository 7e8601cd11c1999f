"""Reports as lines: one figure of one day, month or period each, the same for JSON, CSV and the shell."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from storefront.core.analytics.shapes import Link, Value, to_json, value_json
from storefront.core.spreadsheets import harmless

COLUMNS = ("figure", "date", "asset", "kind", "key", "unit", "value", "count")


@dataclass(frozen=True, slots=True)
class Line:
    """One figure. ``date`` is a day, a month, or empty: the whole period. ``unit``: ``money`` (smallest unit of
    ``asset``), ``share`` (of 1), ``hours`` or ``count``. ``value`` None: there is nothing to work it out from.
    """

    figure: str
    unit: str
    value: Value
    date: str = ""
    asset: str = ""
    kind: str = ""
    key: str = ""
    count: int | None = None
    link: Link | None = None

    def to_json(self) -> dict[str, Any]:
        told: dict[str, Any] = {name: getattr(self, name) for name in COLUMNS}
        return {**told, "value": value_json(self.value, self.unit), "link": to_json(self.link)}


@dataclass(frozen=True, slots=True)
class Report:
    """What one report tells of the days from ``first`` to ``last``; ``formulas``: figure -> how it is worked out."""

    name: str
    first: str
    last: str
    counted_until: str | None
    formulas: Mapping[str, str]
    lines: Sequence[Line] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return {
            "report": self.name,
            "from": self.first,
            "to": self.last,
            "counted_until": self.counted_until,
            "formulas": dict(self.formulas),
            "figures": [line.to_json() for line in self.lines],
        }


def csv_of(figures: Sequence[Mapping[str, Any]]) -> str:
    """Write the ``figures`` of a report's JSON as CSV (RFC 4180), the same numbers; no cell is taken for a formula."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for figure in figures:
        writer.writerow([_cell(figure[name], is_number=name in ("value", "count")) for name in COLUMNS])
    return text.getvalue()


def _cell(value: object, *, is_number: bool) -> str:
    text = "" if value is None else str(value)
    return text if is_number else harmless(text)
