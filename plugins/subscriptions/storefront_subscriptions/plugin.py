"""The plugin: config in, hooks out."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import Table

from storefront.core.audit import Check
from storefront.core.catalog_changes import CatalogEffects
from storefront.core.commit.apply import LateStep
from storefront.core.commit.merging import Moves
from storefront.core.config import ConfigCheck
from storefront.core.events import Event
from storefront.core.exporting.lists import Export
from storefront.core.hooks import Gauge, JobHandlers, Operations, read_rarely
from storefront.core.jobs import Again
from storefront.core.kinds import JsonSchema, OfferKind
from storefront.core.privacy.register import Held
from storefront.core.reading import PointReader
from storefront.core.services import Services
from storefront.core.states import StatePart
from storefront.hookspecs import hookimpl
from storefront.panels import ConsolePage, ConsolePanel
from storefront.routing import Routes
from storefront_subscriptions.advancing import advance
from storefront_subscriptions.auditing import CHECKS
from storefront_subscriptions.auditing_changes import CHECKS as CHANGE_CHECKS
from storefront_subscriptions.auditing_credits import CHECKS as CREDIT_CHECKS
from storefront_subscriptions.auditing_dunning import CHECKS as DUNNING_CHECKS
from storefront_subscriptions.auditing_finals import CHECKS as FINAL_CHECKS
from storefront_subscriptions.auditing_gifts import CHECKS as GIFT_CHECKS
from storefront_subscriptions.auditing_pauses import CHECKS as PAUSE_CHECKS
from storefront_subscriptions.auditing_prices import CHECKS as PRICE_CHECKS
from storefront_subscriptions.auditing_reminders import CHECKS as REMINDER_CHECKS
from storefront_subscriptions.auditing_usage import CHECKS as USAGE_CHECKS
from storefront_subscriptions.carrying import CARRY, carry_step
from storefront_subscriptions.change_moves import LATE_STEPS as CHANGE_STEPS
from storefront_subscriptions.checks import check_changes, check_policy, check_reminders, check_tiers
from storefront_subscriptions.config import KIND, Settings
from storefront_subscriptions.config_schema import SCHEMA, SUBSCRIPTION
from storefront_subscriptions.console.pages import console_parts
from storefront_subscriptions.exporting import EXPORTS
from storefront_subscriptions.final_moves import LATE_STEPS as FINAL_STEPS
from storefront_subscriptions.gauges import read_gauges
from storefront_subscriptions.kinds import SubscriptionKind
from storefront_subscriptions.merging import MOVES
from storefront_subscriptions.moves import ADVANCE, LATE_STEPS
from storefront_subscriptions.pause_moves import LATE_STEPS as PAUSE_STEPS
from storefront_subscriptions.price_effects import effects_on_subscriptions
from storefront_subscriptions.privacy import REGISTER
from storefront_subscriptions.reacting import REACT, order_reaction, react
from storefront_subscriptions.reading_figures import operations_of
from storefront_subscriptions.rolling import FIGURES
from storefront_subscriptions.routes import make_routes
from storefront_subscriptions.rows import CHANGES_AHEAD, OF_CUSTOMER, OVER, terms_of, told
from storefront_subscriptions.showing import told_change
from storefront_subscriptions.tables import TABLES
from storefront_subscriptions.usage_terms import check_usage


class SubscriptionsPlugin:
    """Sells tiers that renew by themselves."""

    api_version: ClassVar[int] = 1
    config_schema: ClassVar[JsonSchema] = SCHEMA
    offer_kind_schemas: ClassVar[Mapping[str, JsonSchema]] = {KIND: SUBSCRIPTION}
    config_checks: ClassVar[Sequence[ConfigCheck]] = (
        check_tiers,
        check_changes,
        check_reminders,
        check_policy,
        check_usage,
    )
    audit_checks: ClassVar[Sequence[Check]] = (
        *CHECKS,
        *PRICE_CHECKS,
        *CHANGE_CHECKS,
        *CREDIT_CHECKS,
        *DUNNING_CHECKS,
        *FINAL_CHECKS,
        *GIFT_CHECKS,
        *PAUSE_CHECKS,
        *REMINDER_CHECKS,
        *USAGE_CHECKS,
    )
    catalog_effects: ClassVar[Sequence[CatalogEffects]] = (effects_on_subscriptions,)
    figures = FIGURES
    personal_data: ClassVar[Sequence[Held]] = REGISTER
    exports: ClassVar[Sequence[Export]] = EXPORTS
    merging: ClassVar[Sequence[Moves]] = MOVES
    migrations: ClassVar[Path] = Path(__file__).parent / "migrations"
    tables: ClassVar[Sequence[Table]] = TABLES

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._settings = Settings.of(config)

    @hookimpl
    def register_offer_kinds(self) -> Sequence[OfferKind]:
        return [SubscriptionKind(self._settings)]

    @hookimpl
    def register_routes(self, services: Services) -> Sequence[Routes | ConsolePage | ConsolePanel]:
        return [make_routes(services, self._settings), *console_parts(self._settings)]

    @hookimpl
    def register_late_steps(self) -> Mapping[str, LateStep]:
        return {**LATE_STEPS, **CHANGE_STEPS, **PAUSE_STEPS, **FINAL_STEPS, CARRY: carry_step}

    @hookimpl
    def register_jobs(self, services: Services) -> JobHandlers:
        async def go_on(payload: Mapping[str, Any]) -> Again | None:
            return await advance(services, self._settings, payload["subscription"])

        async def react_to(payload: Mapping[str, Any]) -> Again | None:
            return await react(services, self._settings, payload)

        return {ADVANCE: go_on, REACT: react_to}

    @hookimpl
    def register_gauges(self, services: Services) -> Sequence[Callable[[], Awaitable[Sequence[Gauge]]]]:
        return [read_rarely(partial(read_gauges, services), services.clock)]

    @hookimpl
    def register_operations(self, services: Services) -> Operations:
        return operations_of(services)

    @hookimpl
    async def customer_state(self, reader: PointReader, customer_id: str, now: int) -> StatePart | None:
        """Show a customer the subscriptions that are not over, and those whose access is not."""
        rows = await reader.all(OF_CUSTOMER, customer_id=customer_id)
        live = [row for row in rows if row["billing_state"] not in OVER or (row["access_until"] or 0) > now]
        instants = [row[name] for row in live for name in ("access_until", "period_end")]
        ahead = {}
        if any(row["change_id"] is not None for row in live):
            ahead = {one["id"]: told_change(one) for one in await reader.all(CHANGES_AHEAD, customer_id=customer_id)}
        shown = [{**told(row, now), "pending_change": ahead.get(row["change_id"])} for row in live]
        rights = {row["id"]: terms_of(row, now) for row in live}
        return StatePart(subscriptions=shown, rights=rights, instants=instants) if live else None

    @hookimpl
    async def on_event(self, services: Services, event: Event) -> None:
        """Order what a payment that has moved, or another method, means for a subscription: its own job does it.

        Doing it may ask a gateway, which may take longer than an event may.
        """
        await order_reaction(services, event)
