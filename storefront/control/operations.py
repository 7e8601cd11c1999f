"""What an operation is: a name, arguments and an answer, all of them JSON."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from storefront.core.services import Services

Answer = dict[str, Any]
Operation = Callable[[Mapping[str, Any]], Awaitable[Answer]]


def with_catalog(services: Services, operations: Mapping[str, Operation]) -> dict[str, Operation]:
    """Return the operations such that, without a server, they go by the catalog of the YAML, as the next start will."""

    def with_it(operation: Operation) -> Operation:
        async def carry_out(asked: Mapping[str, Any]) -> Answer:
            services.catalogs.take(services.config)
            return await operation(asked)

        return carry_out

    return {name: with_it(operation) for name, operation in operations.items()}
