"""The plugin: config in, hooks out."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import Table

from storefront.core.assessing import Assessment, PaymentAttempt, PurchaseAttempt
from storefront.core.audit import Check
from storefront.core.commit.apply import LateStep
from storefront.core.commit.merging import Moves
from storefront.core.commit.plan import Plan
from storefront.core.config import ConfigCheck
from storefront.core.events import Cursor, Event
from storefront.core.exporting.lists import Export
from storefront.core.hooks import Gauge, JobHandlers, Operations
from storefront.core.kinds import JsonSchema
from storefront.core.privacy.register import Held
from storefront.core.services import Services
from storefront.hookspecs import hookimpl
from storefront.panels import ConsolePage, ConsolePanel
from storefront.routing import Routes
from storefront_fraud.attributes import Stage
from storefront_fraud.auditing import CHECKS
from storefront_fraud.checks import check_rules, describe_rules
from storefront_fraud.collecting import SCORES, Collector
from storefront_fraud.config import Settings
from storefront_fraud.config_schema import SCHEMA
from storefront_fraud.console.pages import console_parts
from storefront_fraud.counting import COUNT_STEP, count_later, count_step
from storefront_fraud.exporting import EXPORTS
from storefront_fraud.feeding import FirstReport, latest, report_on_lists
from storefront_fraud.forgetting import FORGET, forget, schedule_forgetting
from storefront_fraud.judging import COUNT, JUDGE, JUDGE_PAYMENT, Judge, judge_payment_step, judge_step
from storefront_fraud.learning import LEARN, Lessons, learn
from storefront_fraud.lists import Lists
from storefront_fraud.merging import MOVES
from storefront_fraud.metering import METER, schedule_metering, score_meters
from storefront_fraud.network import Countries
from storefront_fraud.operating import operations_of, read_gauges
from storefront_fraud.privacy import REGISTER
from storefront_fraud.routes import make_routes
from storefront_fraud.scoring import Scorer
from storefront_fraud.tables import TABLES


class FraudPlugin:
    """Refuses, challenges or sets aside purchases as the operator's rules say, and writes down why."""

    api_version: ClassVar[int] = 1
    config_schema: ClassVar[JsonSchema] = SCHEMA
    config_checks: ClassVar[Sequence[ConfigCheck]] = (check_rules,)
    config_notes: ClassVar[Callable[[Mapping[str, Any]], Any]] = staticmethod(describe_rules)
    audit_checks: ClassVar[Sequence[Check]] = CHECKS
    exports: ClassVar[Sequence[Export]] = EXPORTS
    merging: ClassVar[Sequence[Moves]] = MOVES
    personal_data: ClassVar[Sequence[Held]] = REGISTER
    migrations: ClassVar[Path] = Path(__file__).parent / "migrations"
    tables: ClassVar[Sequence[Table]] = TABLES

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._settings = Settings.of(config)
        self._rules = self._settings.compiled()
        self._judge: Judge | None = None
        self._first_report = FirstReport()
        self._lessons = Lessons()
        attributes = self._settings.attributes
        self._groups = {attributes[name].group for reads in self._rules.reads.values() for name in reads}
        self._learns = SCORES in self._groups
        self._scorer: Scorer | None = None
        self._has_ordered = False

    @property
    def judges_payments(self) -> bool:
        """Whether a rule reads a payment, so that money is not to be taken before."""
        return bool(self._rules.sets[Stage.PAYMENT].rules)

    @hookimpl
    def register_late_steps(self) -> Mapping[str, LateStep]:
        steps = {JUDGE: judge_step, JUDGE_PAYMENT: judge_payment_step, COUNT_STEP: count_step}
        return {name.removeprefix("fraud."): step for name, step in steps.items()}

    @hookimpl
    def register_jobs(self, services: Services) -> JobHandlers:
        self._join(services)
        assert self._scorer is not None, "it was joined"
        return {
            COUNT: partial(count_later, services),
            FORGET: partial(forget, services, self._settings),
            LEARN: partial(learn, services, self._scorer),
            METER: partial(score_meters, services),
        }

    @hookimpl
    def register_routes(self, services: Services) -> Sequence[Routes | ConsolePage | ConsolePanel]:
        routes = make_routes(services, self._settings, self._rules)
        return [routes, *console_parts(self._settings, self._rules)]

    @hookimpl
    def register_operations(self, services: Services) -> Operations:
        return operations_of(services, self._settings, self._rules)

    @hookimpl
    def register_gauges(self, services: Services) -> Sequence[Callable[[], Awaitable[Sequence[Gauge]]]]:
        return [partial(read_gauges, services)]

    @hookimpl
    async def assess_purchase(self, services: Services, attempt: PurchaseAttempt, plan: Plan) -> Assessment | None:
        return await self._join(services).assess_purchase(attempt, plan)

    @hookimpl
    async def assess_payment(self, services: Services, attempt: PaymentAttempt) -> Assessment | None:
        return await self._join(services).assess_payment(attempt)

    async def events_matter_after(self, services: Services) -> Cursor | None:
        """Name the first report of a gateway; until then nothing is read for the lists, but for what is learned."""
        await self._see_to_jobs(services)
        found = await self._first_report.find(services)
        return await latest(services) if found is None and self._learns else found

    @hookimpl
    async def on_event(self, services: Services, event: Event) -> None:
        """Put on lists whom banks warn of, and whose payments they dispute; learn of the others."""
        await self._see_to_jobs(services)
        if self._learns:
            await self._lessons.order(services, event)
        await report_on_lists(services, self._settings, event)

    async def _see_to_jobs(self, services: Services) -> None:
        """Order the jobs that come again, once in a process: whoever follows events is asked soon after the start."""
        if not self._has_ordered:
            await schedule_forgetting(services)
            if "meter" in self._groups:
                await schedule_metering(services)
            self._has_ordered = True

    def _join(self, services: Services) -> Judge:
        """Return the judge of this shop, which is made when the shop is joined."""
        if self._judge is None:
            settings = self._settings
            lists = Lists(services, settings)
            services.engine.follow(lists.on_commit)
            services.engine.follow(self._first_report.on_commit)
            countries = None
            if settings.ip_countries is not None:
                countries = Countries.read(services.config.files[0].parent / settings.ip_countries)
            self._scorer = Scorer(services)
            services.engine.follow(self._scorer.on_commit)
            collector = Collector(services, settings.attributes, settings.reference, countries=countries,
                                  scorer=self._scorer)  # fmt: skip
            services.engine.follow(collector.on_commit)
            self._judge = Judge(services, settings, self._rules, lists=lists, collector=collector)
        return self._judge
