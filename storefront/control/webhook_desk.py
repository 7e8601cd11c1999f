"""What an operator's shell does with outgoing webhooks: the same use cases as over HTTP."""

from collections.abc import Mapping
from typing import Any

from storefront.control.operations import Answer, Operation
from storefront.core.clock import parse_iso
from storefront.core.errors import FieldError, Invalid
from storefront.core.events import Cursor, read_cursor
from storefront.core.outgoing_webhooks.endpoints import TEST
from storefront.joining import Webhooks


class WebhookDesk:
    """The operations ``webhooks.*``; every one but ``list`` and ``add`` takes the endpoint's ``id``."""

    def __init__(self, webhooks: Webhooks, *, actor: str) -> None:
        self._endpoints = webhooks.endpoints
        self._deliveries = webhooks.deliveries
        self._actor = actor
        self.operations: Mapping[str, Operation] = {
            "webhooks.list": self._list,
            "webhooks.add": self._add,
            "webhooks.show": lambda asked: self._endpoints.show(asked["id"]),
            "webhooks.update": self._update,
            "webhooks.pause": lambda asked: self._endpoints.pause(asked["id"], actor=actor),
            "webhooks.resume": lambda asked: self._endpoints.resume(asked["id"], actor=actor),
            "webhooks.rotate": lambda asked: self._endpoints.rotate(asked["id"], actor=actor),
            "webhooks.remove": self._remove,
            "webhooks.test": self._test,
            "webhooks.deliveries": self._list_deliveries,
            "webhooks.delivery": lambda asked: self._deliveries.show(asked["id"], asked["event"]),
            "webhooks.replay": self._replay,
        }

    async def _list(self, _: Mapping[str, Any]) -> Answer:
        return {"data": await self._endpoints.all()}

    async def _add(self, asked: Mapping[str, Any]) -> Answer:
        return await self._endpoints.create(
            asked["url"], description=asked["description"], event_types=asked["event_types"], actor=self._actor
        )

    async def _update(self, asked: Mapping[str, Any]) -> Answer:
        return await self._endpoints.update(
            asked["id"],
            url=asked["url"],
            description=asked["description"],
            event_types=asked["event_types"],
            actor=self._actor,
        )

    async def _remove(self, asked: Mapping[str, Any]) -> Answer:
        await self._endpoints.delete(asked["id"], actor=self._actor)
        return {"id": asked["id"], "removed": True}

    async def _test(self, asked: Mapping[str, Any]) -> Answer:
        await self._endpoints.test(asked["id"], actor=self._actor)
        return {"queued": True, "type": TEST}

    async def _list_deliveries(self, asked: Mapping[str, Any]) -> Answer:
        data, following = await self._deliveries.page(
            asked["id"], state=asked["state"], limit=asked["limit"], after=asked["after"]
        )
        return {"data": data, "next": following}

    async def _replay(self, asked: Mapping[str, Any]) -> Answer:
        if asked["event"] is not None:
            return await self._deliveries.replay(asked["id"], asked["event"], actor=self._actor)
        if asked.get("milliseconds_ago") is not None:
            return await self._deliveries.replay_last(asked["id"], asked["milliseconds_ago"], actor=self._actor)
        return await self._deliveries.replay_since(asked["id"], _since(asked), actor=self._actor)


def _since(asked: Mapping[str, Any]) -> int | Cursor:
    if asked["after"] is not None:
        return read_cursor(asked["after"])
    try:
        return parse_iso(asked["since"])
    except ValueError as error:
        raise Invalid(f"This is not a time: {error}.", errors=[FieldError("/since", str(error))]) from error
