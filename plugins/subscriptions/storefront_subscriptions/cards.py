"""Which saved method a subscription is charged with, and when a card is good no more."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from storefront.core.clock import SECOND_MS
from storefront.core.reading import Row


def charged_method(methods: Sequence[Mapping[str, Any]], row: Row) -> Mapping[str, Any] | None:
    """Return which saved method a subscription is charged with: its own, else the one that was saved last."""
    own = next((one for one in methods if one["id"] == row["method"]), None)
    of_gateway = [one for one in methods if one["gateway"] == row["pay_with"]]
    return own or newest_kept(of_gateway)


def newest_kept(methods: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the method that was saved last, if there is one."""
    return max(methods, key=lambda one: str(one["created_at"]), default=None)


def gone_at(method: Mapping[str, Any]) -> int | None:
    """Return from when on a card is good no more (ms): the end of its month. None of what does not expire."""
    if not method["expires"]:
        return None
    year, month = (int(part) for part in method["expires"].split("-"))
    return int(datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC).timestamp()) * SECOND_MS
