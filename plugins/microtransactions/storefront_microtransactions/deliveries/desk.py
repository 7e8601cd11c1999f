"""What an operator's shell asks of deliveries (``storefront deliveries``): the same use cases as over HTTP."""

from collections.abc import Mapping
from typing import Any

import msgspec

from storefront.core.hooks import Operations
from storefront.core.idempotency import answered_before, idempotency_key
from storefront.core.services import Services
from storefront_microtransactions.deliveries.operating import cancel, list_deliveries, resend, show_delivery
from storefront_microtransactions.deliveries.routes import OPERATION

SHELL = "operator:shell"


def operations_of(services: Services) -> Operations:
    """Return the operations ``microtransactions.deliveries.*``; every one but ``list`` takes the command's ``id``."""

    async def list_them(asked: Mapping[str, Any]) -> dict[str, Any]:
        return await list_deliveries(services, **asked)

    async def show(asked: Mapping[str, Any]) -> dict[str, Any]:
        return await show_delivery(services, asked["id"])

    async def send_again(asked: Mapping[str, Any]) -> dict[str, Any]:
        key = idempotency_key(SHELL, OPERATION, asked["key"], {"id": asked["id"]})
        answer, _ = await answered_before(services.reader, key, resend(services, asked["id"], key))
        sent: dict[str, Any] = msgspec.json.decode(answer.body)
        return sent

    async def take_out(asked: Mapping[str, Any]) -> dict[str, Any]:
        return await cancel(services, asked["id"], actor=SHELL)

    return {
        "deliveries.list": list_them,
        "deliveries.show": show,
        "deliveries.resend": send_again,
        "deliveries.cancel": take_out,
    }
