"""What use cases work with: built once in ``app.create_app``, handed to every function that needs it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from storefront.core.analytics.metrics import AllFigures
from storefront.core.catalog import Catalogs
from storefront.core.clock import Clock
from storefront.core.commit.engine import CommitEngine
from storefront.core.commit.merging import Moves
from storefront.core.config.model import Config
from storefront.core.customers import Customers
from storefront.core.errors import FieldError, Invalid
from storefront.core.exposures import Exposures
from storefront.core.gateways import Gateway
from storefront.core.hooks import Hooks
from storefront.core.kinds import OfferKind
from storefront.core.pins import Pins
from storefront.core.principals import Principal, Role
from storefront.core.privacy.register import Held
from storefront.core.reading import Reader
from storefront.core.states import CustomerStates
from storefront.core.turns import Turns
from storefront.core.watching import Watchers

T = TypeVar("T")


@dataclass(slots=True)
class Services:
    """The joined parts of one running shop."""

    config: Config
    clock: Clock
    reader: Reader
    engine: CommitEngine
    customers: Customers
    catalogs: Catalogs
    states: CustomerStates
    exposures: Exposures
    kinds: Mapping[str, OfferKind]
    gateways: dict[str, Gateway]
    hooks: Hooks
    pins: Pins
    public_url: str
    figures: AllFigures = field(default_factory=AllFigures)
    moves: Sequence[Moves] = ()
    personal_data: Sequence[Held] = ()
    watchers: Watchers = field(default_factory=Watchers)
    turns: Turns = field(default_factory=Turns)
    settlements: dict[str, asyncio.Task[Any]] = field(default_factory=dict)
    reconciliations: dict[str, Any] = field(default_factory=dict)
    _capabilities: dict[tuple[str, type[Any]], Any] = field(default_factory=dict)

    @property
    def is_live(self) -> bool:
        return self.config.mode == "live"

    @property
    def default_gateway(self) -> str | None:
        """The gateway that takes real money when a buyer names none: the first of the configuration."""
        return next(iter(self.gateways), None)

    def kind_as(self, name: str, capability: type[T]) -> T | None:
        """Return an offer kind as one of the protocols of ``kinds.py`` if it satisfies it; asked once per kind."""
        known = (name, capability)
        if known not in self._capabilities:
            kind = self.kinds.get(name)
            self._capabilities[known] = kind if isinstance(kind, capability) else None
        found: T | None = self._capabilities[known]
        return found

    async def learn_merges(self) -> None:
        """Take over who was merged, here or in another process: names, sessions and streams follow at once."""
        for customer_id in await self.customers.look():
            self.watchers.end(customer_id)

    async def customer_of(self, principal: Principal, named: str | None, *, pointer: str = "/customer") -> str:
        """Return whose things a caller means: a customer's own, or the one that a server names.

        Raises:
            Invalid: a server named nobody, or a customer named somebody.
            NotFound: there is no such customer.
        """
        if principal.role is Role.CUSTOMER:
            if named is not None and named != principal.external_id:
                raise Invalid("Only a server may name a customer.", errors=[FieldError(pointer, "must be absent")])
            assert principal.customer_id is not None, "a session belongs to a customer"
            return principal.customer_id
        if named is None:
            raise Invalid("A server names the customer.", errors=[FieldError(pointer, "is missing")])
        return await self.customers.need(named)

    def gateway(self, name: str) -> Gateway:
        """Return a configured gateway; raises ``Invalid``."""
        found = self.gateways.get(name)
        if found is None:
            known = ", ".join(["wallet", *self.gateways])
            raise Invalid(
                f"{name} takes no payments here.", errors=[FieldError("/pay_with", f"must be one of {known}")]
            )
        return found
