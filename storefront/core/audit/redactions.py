"""Reasons that an erasure is taking away right now: one place says ``erased`` before the others do."""

from typing import Any

from sqlalchemy import Connection, select

from storefront.core.privacy.register import ERASED
from storefront.core.tables import erasures


class Redactions:
    """Excuses what differs only because an erasure has come so far; once none is under way, nothing."""

    def __init__(self, connection: Connection) -> None:
        under_way = select(erasures.c.customer_id).where(erasures.c.state == "erasing").limit(1)
        self._is_under_way = connection.execute(under_way).first() is not None

    def excuse(self, name: str, said: Any, is_so: Any) -> bool:
        return self._is_under_way and name == "reason" and ERASED in (said, is_so)
