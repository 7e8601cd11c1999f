"""Which meters an event counts for, and what it says to them."""

import hashlib
from binascii import b2a_base64
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from storefront.core.clock import HOUR_MS
from storefront.core.commit.usage import Part
from storefront.core.config.model_usage import LARGEST_VALUE, MICRO, Aggregation, Meter
from storefront.core.metered import period_around


class BadValue(Exception):
    """The event's data lack what a meter needs; the message says what is wrong where."""


def parts_of(meters: Sequence[tuple[str, Meter]], data: Mapping[str, Any], at: int) -> tuple[Part, ...]:
    """Return what an event of these meters' type, at ``at`` (ms), says to those whose filters it passes.

    Raises:
        BadValue: a meter's field is missing or no number.
    """
    window = at - at % HOUR_MS
    parts = []
    for key, meter in meters:
        if meter.filters is None or passes(meter.filters, data):
            period, ends_at = period_around(meter.period, at)
            parts.append(Part(key, meter.aggregation, window, period, ends_at, at, _value(meter, data)))
    return tuple(parts)


def only_count(meters: Sequence[tuple[str, Meter]]) -> bool:
    """Tell whether all events of one hour say the same to these meters: each counts, whatever its data say."""
    return all(meter.aggregation is Aggregation.COUNT and meter.filters is None for _, meter in meters)


def passes(filters: Mapping[str, tuple[str, ...]], data: Mapping[str, Any]) -> bool:
    """Tell whether the data say what all filters ask for; numbers and booleans are compared by their JSON text."""
    return all(_as_text(data.get(field)) in wanted for field, wanted in filters.items())


def _as_text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None or isinstance(value, dict | list) else str(value)


def _value(meter: Meter, data: Mapping[str, Any]) -> int | str:
    if meter.aggregation is Aggregation.COUNT:
        return MICRO
    assert meter.value is not None, "the configuration says that all others have one"
    value = data.get(meter.value)
    if meter.aggregation is Aggregation.UNIQUE:
        told = _as_text(value)
        if told is None or not told:
            raise BadValue(f"data.{meter.value} must be a text or a number")
        return hash_of(told)
    return _millionths(meter.value, value)


def _millionths(field: str, value: Any) -> int:
    """Return a number, or a text that holds one, in millionths."""
    if type(value) is int and 0 <= value <= LARGEST_VALUE:
        return value * MICRO
    if isinstance(value, str):
        try:
            value = Decimal(value) if len(value) <= 40 else None
        except ArithmeticError:
            value = None
    if type(value) is Decimal and value.is_finite() and 0 <= value <= LARGEST_VALUE:
        scaled = value * MICRO
        if scaled == scaled.to_integral_value():
            return int(scaled)
    says = f"data.{field} must be a number from 0 to {LARGEST_VALUE} with at most six decimals"
    raise BadValue(says)


def hash_of(text: str) -> str:
    """Return 128 bits that stand for a text, as 22 characters."""
    digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
    return b2a_base64(digest, newline=False)[:22].decode("ascii")
