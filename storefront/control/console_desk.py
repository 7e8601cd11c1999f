"""What the operator's shell asks about operators of the console: the operations ``operators.*``."""

from collections.abc import Mapping
from typing import Any

from storefront.control.operations import Answer, Operation
from storefront.core.clock import iso
from storefront.core.operators.people import (
    Operator,
    add_operator,
    change_role,
    end_operator,
    list_operators,
    reset_codes,
    take_back_operator,
)
from storefront.core.operators.roles import OperatorRole
from storefront.core.operators.signing_in import make_link
from storefront.core.services import Services


class ConsoleDesk:
    """Adds operators and lets them in; whoever has the shell has the shop, so nothing is asked of them."""

    def __init__(self, services: Services, *, actor: str) -> None:
        self._services = services
        self._actor = actor
        self.operations: Mapping[str, Operation] = {
            "operators.list": self._list,
            "operators.add": self._add,
            "operators.link": self._link,
            "operators.role": self._role,
            "operators.end": self._end,
            "operators.take_back": self._take_back,
            "operators.reset": self._reset,
        }

    async def _list(self, _: Mapping[str, Any]) -> Answer:
        return {"data": [one.as_json() for one in await list_operators(self._services)]}

    async def _add(self, asked: Mapping[str, Any]) -> Answer:
        role = OperatorRole(asked["role"])
        made = await add_operator(self._services, asked["login"], role, actor=self._actor)
        return await self._let_in(made)

    async def _link(self, asked: Mapping[str, Any]) -> Answer:
        return await self._let_in(asked["operator"])

    async def _role(self, asked: Mapping[str, Any]) -> Answer:
        role = OperatorRole(asked["role"])
        return (await change_role(self._services, asked["operator"], role, actor=self._actor)).as_json()

    async def _end(self, asked: Mapping[str, Any]) -> Answer:
        return (await end_operator(self._services, asked["operator"], actor=self._actor)).as_json()

    async def _take_back(self, asked: Mapping[str, Any]) -> Answer:
        return (await take_back_operator(self._services, asked["operator"], actor=self._actor)).as_json()

    async def _reset(self, asked: Mapping[str, Any]) -> Answer:
        return (await reset_codes(self._services, asked["operator"], actor=self._actor)).as_json()

    async def _let_in(self, who: Operator | str) -> Answer:
        named = who if isinstance(who, str) else who.id
        operator, code, expires_at = await make_link(self._services, named, actor=self._actor)
        url = f"{self._services.public_url.rstrip('/')}/console/sign-in#code={code}"
        return {**operator.as_json(), "url": url, "expires_at": iso(expires_at)}
