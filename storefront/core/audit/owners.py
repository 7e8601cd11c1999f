"""Who the customers of the books are now: what happened to one who was merged is a fact about the other."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, select

from storefront.core.tables import customers


class Owners:
    """All customers that were merged; everybody else is who they were."""

    def __init__(self, connection: Connection) -> None:
        statement = select(customers.c.id, customers.c.merged_into).where(customers.c.merged_into.is_not(None))
        self._into: dict[str, str] = {row.id: row.merged_into for row in connection.execute(statement)}

    def of(self, customer_id: Any) -> Any:
        """Return who a customer is now; what is no merged customer's id comes back as it is."""
        return self._into.get(customer_id, customer_id) if isinstance(customer_id, str) else customer_id

    def account(self, account: str) -> str:
        """Return the account that took over what was in this one."""
        owner, _, rest = account.removeprefix("customer:").partition(":")
        return f"customer:{self.of(owner)}:{rest}" if account.startswith("customer:") else account

    def names(self, customer_ids: Iterable[str]) -> set[str]:
        """Return all ids under which the books know these customers."""
        wanted = set(customer_ids)
        return wanted | {one for one, into in self._into.items() if into in wanted}

    def count(self, customer_id: str) -> int:
        """Return how many customers one was before they were merged: 1 where nobody was."""
        return len(self.names([customer_id]))
