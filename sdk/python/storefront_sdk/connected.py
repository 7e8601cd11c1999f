"""What all parts of the client share: the connection, and the state that its answers are merged into."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote as quoted

from storefront_sdk.models import Document, Purchase
from storefront_sdk.state import OwnState
from storefront_sdk.transport import Transport

Merge = Callable[[Document, str | None], None]


class Connected:
    """A client's connection; ``client.py`` makes it."""

    _transport: Transport
    _own: OwnState
    _changed: Callable[[], None]
    """Called when something of the customer's state may have changed."""

    def _merge(self, document: Document, customer: str | None) -> None:
        """Merge what an answer says of the customer whose token the client carries, if it is theirs."""
        if customer is None:
            self._own.merge(document["customer"])


def body_of(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def id_of(purchase: Purchase | str) -> str:
    return purchase.id if isinstance(purchase, Purchase) else quoted(purchase, safe="")
