"""HTTP: pause a subscription, and let it go on; ``/v1/subscriptions/{id}/pause`` and ``…/resume``."""

from aiohttp import web

from storefront.core.clock import parse_iso
from storefront.core.errors import FieldError, Invalid
from storefront.core.principals import Role
from storefront.core.services import Services
from storefront.routing import Call, Routes, respond
from storefront_subscriptions.config import Settings
from storefront_subscriptions.pausing import PauseRequest, pause, resume
from storefront_subscriptions.rows import need
from storefront_subscriptions.shapes import PAUSE_IT, RESUME, SUBSCRIPTION
from storefront_subscriptions.showing import show

PATH = "/v1/subscriptions/{id}"
_NOT_NOW = ["subscription_over", "payment_due", "renewal_under_way", "ends_with_period"]


def add_pause_routes(routes: Routes, services: Services, settings: Settings) -> None:
    """Declare the routes of pauses."""
    owners = Role.CUSTOMER | Role.SERVER

    @routes.post(PATH + "/pause", allow=owners, body=PAUSE_IT, may_lack_body=True, answers={200: SUBSCRIPTION},
                 scope="purchases:write",
                 refusals=["pausing_not_offered", "pauses_with_period", "pause_too_long", *_NOT_NOW])  # fmt: skip
    async def begin(call: Call) -> web.StreamResponse:
        """Pause a subscription with the period that is paid, or now; or change until when it is paused."""
        row = await need(services, call.path("id"), owner=call.principal.owner)
        asked = PauseRequest(
            subscription_id=row["id"],
            actor=call.principal.caller,
            is_now=call.body.get("at", "period_end") == "now",
            resume_at=_instant(call.body.get("resume_at")),
            keeps_anchor=call.body.get("keep_anchor", False),
            is_trusted=call.principal.owner is None,
        )
        return respond(await show(services, await pause(services, settings, asked)))

    @routes.post(PATH + "/resume", allow=owners, body=RESUME, may_lack_body=True, answers={200: SUBSCRIPTION},
                 scope="purchases:write", refusals=["subscription_over", "no_payment_method"])  # fmt: skip
    async def go_on(call: Call) -> web.StreamResponse:
        """Let a paused subscription go on: its next period is charged now. Or take back that it pauses, or ends."""
        row = await need(services, call.path("id"), owner=call.principal.owner)
        keeps, actor = call.body.get("keep_anchor"), call.principal.caller
        return respond(
            await show(services, await resume(services, settings, row["id"], keeps_anchor=keeps, actor=actor))
        )


def _instant(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return parse_iso(text)
    except (ValueError, OverflowError):
        errors = [FieldError("/resume_at", "must be a time with its zone, such as 2030-01-31T09:30:00Z")]
        raise Invalid("That is no time.", errors=errors) from None
