"""What an importer is, and what it reads out of a message of the service that it knows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from storefront.core.money import Money


@dataclass(frozen=True, slots=True)
class Contribution:
    """What a fan gave elsewhere.

    ``id``: the service's own, which is the same however often it tells of it. ``fan``: what tells its fans apart there
    (of which only a hash is kept), or None. ``name`` and ``message`` as they came; None: they want none shown.
    """

    id: str
    fan: str | None
    name: str | None
    message: str
    amount: Money


class Importer(Protocol):
    """Reads messages of one service. ``schema`` is of its section in the operator's part, below the creator."""

    name: ClassVar[str]
    schema: ClassVar[Mapping[str, Any]]

    def __init__(self, section: Mapping[str, Any]) -> None: ...

    def read(self, headers: Mapping[str, str], body: bytes) -> Contribution | None:
        """Return what a message tells of; None: nothing that is given.

        Raises:
            Unauthorized: it is not from the service.
            Invalid: it cannot be read.
        """
        ...
