"""What of mail moves when two customers become one: whoever has an address keeps it."""

from collections.abc import Mapping
from typing import Any

from storefront.core.commit.merging import Moves, Parties, Row
from storefront_mail.tables import addresses, messages


def _keep_theirs(row: Row, theirs: Row, parties: Parties) -> Mapping[str, Any]:
    return theirs


MOVES: tuple[Moves, ...] = (Moves(addresses, join=_keep_theirs), Moves(messages))
