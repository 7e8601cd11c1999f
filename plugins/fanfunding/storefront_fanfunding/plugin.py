"""The plugin: config in, hooks out."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import Table

from storefront.core.audit import Check
from storefront.core.commit.apply import LateStep
from storefront.core.commit.merging import Moves
from storefront.core.config import ConfigCheck, Offer
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
from storefront_fanfunding.alert_queue import TEST_ALERT, add_test_alert
from storefront_fanfunding.auditing import CHECKS
from storefront_fanfunding.auditing_payouts import CHECKS as PAYOUT_CHECKS
from storefront_fanfunding.badges import badges_in_state, judge_badges
from storefront_fanfunding.board_auditing import BOARD_CHECKS
from storefront_fanfunding.board_checks import BOARD_CONFIG_CHECKS
from storefront_fanfunding.board_tables import BOARD_TABLES
from storefront_fanfunding.campaign_ending import give_back as give_pledges_back
from storefront_fanfunding.campaign_ending import go_on_with_campaign
from storefront_fanfunding.campaigns import need_pledge
from storefront_fanfunding.checks import check_creators, check_tips
from storefront_fanfunding.config import Settings, hidden_offers
from storefront_fanfunding.config_schema import SCHEMA
from storefront_fanfunding.console.pages import console_parts
from storefront_fanfunding.control.inviting import operations_of as inviting_operations
from storefront_fanfunding.counting import COUNT, COUNTED_EVENTS, count_tip, count_tip_step
from storefront_fanfunding.creator_schema import creators
from storefront_fanfunding.exporting import EXPORTS
from storefront_fanfunding.gauges import read_gauges
from storefront_fanfunding.goal_granting import GOAL_JOB, GRANT_GOAL, grant_goal, grant_goal_step
from storefront_fanfunding.goal_reaching import REACH, give_anew, reach_goals, reach_step
from storefront_fanfunding.granting import GRANT, grant_step
from storefront_fanfunding.grants_back import settle_grants
from storefront_fanfunding.importing.taking import IMPORT, import_step
from storefront_fanfunding.kinds import TipKind
from storefront_fanfunding.merging import MOVES
from storefront_fanfunding.money_back import TAKE_BACK, take_back
from storefront_fanfunding.payout_checks import check_payouts
from storefront_fanfunding.payout_desk import operations_of as payout_operations
from storefront_fanfunding.payout_moves import GIVE_BACK, give_back
from storefront_fanfunding.payout_rows import SEND
from storefront_fanfunding.payouts import CREATE_STEP, create_step
from storefront_fanfunding.pledge_auditing import PLEDGE_CHECKS
from storefront_fanfunding.pledge_charging import advance_pledge, let_go
from storefront_fanfunding.pledge_following import MOVED_JOB, follow_pledges, note_moved
from storefront_fanfunding.pledge_moves import CAMPAIGN_JOB, GIVE_BACK_JOB, LET_GO_JOB, PLEDGE_JOB
from storefront_fanfunding.pledge_moves import LATE_STEPS as PLEDGE_STEPS
from storefront_fanfunding.pledge_tables import PLEDGE_TABLES
from storefront_fanfunding.privacy import REGISTER
from storefront_fanfunding.reacting import note_gone
from storefront_fanfunding.releasing import RELEASE_STEP, release, release_step
from storefront_fanfunding.rolling import FIGURES
from storefront_fanfunding.routes import make_routes
from storefront_fanfunding.rows import RELEASE, SETTLED
from storefront_fanfunding.sending import TOLD, look_up, send
from storefront_fanfunding.settling import SETTLE, settle_tip
from storefront_fanfunding.showing import show_settled
from storefront_fanfunding.tables import TABLES
from storefront_fanfunding.train import TRAIN_END, drive_train, end_train


class FanfundingPlugin:
    """Lets fans tip creators, and keeps what is the creators'."""

    api_version: ClassVar[int] = 1
    config_schema: ClassVar[JsonSchema] = SCHEMA
    claims: ClassVar[Mapping[str, JsonSchema]] = {"creators": creators()}
    hidden_offers: ClassVar[Callable[[Mapping[str, Any]], Mapping[str, Offer]]] = staticmethod(hidden_offers)
    config_checks: ClassVar[Sequence[ConfigCheck]] = (check_creators, check_tips, check_payouts, *BOARD_CONFIG_CHECKS)
    audit_checks: ClassVar[Sequence[Check]] = (*CHECKS, *PAYOUT_CHECKS, *BOARD_CHECKS, *PLEDGE_CHECKS)
    figures = FIGURES
    personal_data: ClassVar[Sequence[Held]] = REGISTER
    exports: ClassVar[Sequence[Export]] = EXPORTS
    merging: ClassVar[Sequence[Moves]] = MOVES
    migrations: ClassVar[Path] = Path(__file__).parent / "migrations"
    tables: ClassVar[Sequence[Table]] = (*TABLES, *BOARD_TABLES, *PLEDGE_TABLES)

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._settings = Settings.of(config)

    @hookimpl
    def register_offer_kinds(self) -> Sequence[OfferKind]:
        return [TipKind()]

    @hookimpl
    def register_routes(self, services: Services) -> Sequence[Routes | ConsolePage | ConsolePanel]:
        return [make_routes(services, self._settings), *console_parts(self._settings)]

    @hookimpl
    def register_late_steps(self) -> Mapping[str, LateStep]:
        return {
            SETTLE: settle_tip,
            TAKE_BACK: take_back,
            RELEASE_STEP: release_step,
            TEST_ALERT: add_test_alert,
            IMPORT: import_step,
            COUNT: count_tip_step,
            REACH: reach_step,
            GRANT: grant_step,
            GRANT_GOAL: grant_goal_step,
            CREATE_STEP: create_step,
            GIVE_BACK: give_back,
            **PLEDGE_STEPS,
        }

    @hookimpl
    def register_jobs(self, services: Services) -> JobHandlers:
        async def end_hold(payload: Mapping[str, Any]) -> Again | None:
            return await release(services, payload["tip"])

        async def train_is_over(payload: Mapping[str, Any]) -> Again | None:
            return await end_train(services, payload["creator"])

        async def go_on_with_pledge(payload: Mapping[str, Any]) -> Again | None:
            return await advance_pledge(services, self._settings, payload["pledge"])

        async def pledge_has_moved(payload: Mapping[str, Any]) -> Again | None:
            await note_moved(services, self._settings, payload)
            return None

        async def let_method_go(payload: Mapping[str, Any]) -> Again | None:
            await let_go(services, await need_pledge(services, payload["pledge"]), payload["method"])
            return None

        return {
            RELEASE: end_hold,
            TRAIN_END: train_is_over,
            GOAL_JOB: partial(grant_goal, services),
            SETTLED: partial(show_settled, services),
            SEND: partial(send, services),
            TOLD: partial(look_up, services),
            PLEDGE_JOB: go_on_with_pledge,
            MOVED_JOB: pledge_has_moved,
            LET_GO_JOB: let_method_go,
            CAMPAIGN_JOB: partial(go_on_with_campaign, services),
            GIVE_BACK_JOB: partial(give_pledges_back, services),
        }

    @hookimpl
    def register_gauges(self, services: Services) -> Sequence[Callable[[], Awaitable[Sequence[Gauge]]]]:
        return [read_rarely(partial(read_gauges, services), services.clock)]

    @hookimpl
    def register_operations(self, services: Services) -> Operations:
        return {**payout_operations(services, self._settings), **inviting_operations(services, self._settings)}

    @hookimpl
    async def on_event(self, services: Services, event: Event) -> None:
        """Note which tips were never paid, count those that were, and go on with pledges."""
        await note_gone(services, event)
        await follow_pledges(services, self._settings, event)
        if event.type in COUNTED_EVENTS:
            await count_tip(services, event)
            await reach_goals(services, self._settings, event.data["creator_id"])
            if event.type == "tip.paid":
                await drive_train(services, event)
            if event.type in ("tip.refunded", "tip.restored"):
                await settle_grants(services, event)
            if event.type == "tip.restored":
                await give_anew(services, event)
            if event.type != "tip.released":
                await judge_badges(services, self._settings, event)

    @hookimpl
    async def customer_state(self, reader: PointReader, customer_id: str) -> StatePart | None:
        """Show a fan their badges: ``luna/patron``."""
        return StatePart(badges=await badges_in_state(reader, customer_id))
