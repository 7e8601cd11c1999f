"""The plugin: config in, hooks out."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import Table

from storefront.core.audit import Check
from storefront.core.commit.merging import Moves
from storefront.core.config import ConfigCheck
from storefront.core.events import Event
from storefront.core.exporting.lists import Export
from storefront.core.hooks import Gauge, JobHandlers, Operations
from storefront.core.jobs import Again
from storefront.core.kinds import JsonSchema
from storefront.core.privacy.register import Held
from storefront.core.services import Services
from storefront.hookspecs import hookimpl
from storefront.routing import Routes
from storefront_mail.addresses import ADDRESS
from storefront_mail.auditing import CHECKS
from storefront_mail.checks import check_mail
from storefront_mail.config import SCHEMA, Settings
from storefront_mail.desk import operations_of
from storefront_mail.exporting import EXPORTS
from storefront_mail.merging import MOVES
from storefront_mail.operating import read_gauges
from storefront_mail.privacy import REGISTER
from storefront_mail.reacting import SEND, order_mail
from storefront_mail.relay import Relay
from storefront_mail.routes import make_routes
from storefront_mail.sending import send
from storefront_mail.tables import TABLES


class MailPlugin:
    """Tells customers by mail what happened."""

    api_version: ClassVar[int] = 1
    config_schema: ClassVar[JsonSchema] = SCHEMA
    config_checks: ClassVar[Sequence[ConfigCheck]] = (check_mail,)
    exports: ClassVar[Sequence[Export]] = EXPORTS
    merging: ClassVar[Sequence[Moves]] = MOVES
    migrations: ClassVar[Path] = Path(__file__).parent / "migrations"
    audit_checks: ClassVar[Sequence[Check]] = CHECKS
    personal_data: ClassVar[Sequence[Held]] = REGISTER
    tables: ClassVar[Sequence[Table]] = TABLES

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._settings = Settings.of(config)
        self._relay = Relay(self._settings)

    @hookimpl
    def register_routes(self, services: Services) -> Sequence[Routes]:
        return [make_routes(services, self._settings)]

    @hookimpl
    def register_jobs(self, services: Services) -> JobHandlers:
        async def send_one(payload: Mapping[str, Any]) -> Again | None:
            return await send(services, self._settings, self._relay, payload)

        return {SEND: send_one}

    @hookimpl
    def register_operations(self, services: Services) -> Operations:
        return operations_of(services, self._settings, self._relay)

    @hookimpl
    def register_gauges(self, services: Services) -> Sequence[Callable[[], Awaitable[Sequence[Gauge]]]]:
        return [partial(read_gauges, services)]

    async def mailbox_of(self, services: Services, customer_id: str) -> str | None:
        """Tell who asks by what a customer is known where they get mail (``core/identities.py``)."""
        row = await services.reader.first(ADDRESS, customer_id=customer_id)
        return None if row is None else str(row["email"])

    @hookimpl
    async def on_event(self, services: Services, event: Event) -> None:
        """Order the mail of what happened; its own job sends it, which may take longer than an event may."""
        await order_mail(services, self._settings, event)
