"""HTTP of pledges: making one, looking at it, taking it back."""

from aiohttp import web

from storefront.core.commit.outcome import Taken
from storefront.core.customers import is_introduced
from storefront.core.errors import NotFound
from storefront.core.principals import Role
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront.routing import Call, ErrorDoc, Routes, respond, respond_once
from storefront_fanfunding.asking import asked_for
from storefront_fanfunding.campaigns import (
    AlreadyPledged,
    GoalNotOpen,
    PledgeOver,
    need_campaign,
    need_pledge,
    total_of,
)
from storefront_fanfunding.config import Settings
from storefront_fanfunding.creators import creator_name
from storefront_fanfunding.guests import meet_guest
from storefront_fanfunding.overlay_routes import CREATOR_PATH
from storefront_fanfunding.pledge_links import action_of, setup_page_of
from storefront_fanfunding.pledge_shapes import PLEDGE, PLEDGE_BODY, WHOSE, show_pledge
from storefront_fanfunding.pledging import finalize_pledge, make_pledge, withdraw_pledge

OPERATION = f"POST {CREATOR_PATH}/goals/{{goal}}/pledges"
ONE = "/v1/fanfunding/pledges/{id}"
_FANS = Role.PUBLIC | Role.CUSTOMER | Role.SERVER
_REFUSALS = (
    "goal_not_open",
    "already_pledged",
    "amount_out_of_range",
    "amount_not_chargeable",
    "insufficient_funds",
    "debt_open",
    "too_many_holds",
    "gateway_unavailable",
    "gateway_refused",
    "too_many_declines",
)
ERRORS = (
    ErrorDoc("goal_not_open", 409, GoalNotOpen.title,
             "The fact reason says why: over (its deadline is past), keep_it_all (it takes tips), inactive."),
    ErrorDoc("already_pledged", 409, AlreadyPledged.title,
             "A fan has one open pledge to a goal: withdraw it to pledge another amount."),
    ErrorDoc("pledge_over", 409, PledgeOver.title,
             "The fact state says how it stands. A pledge can be withdrawn until its goal's deadline."),
)  # fmt: skip


def add_pledges(routes: Routes, services: Services, settings: Settings) -> None:
    """Add the routes of pledges."""

    @routes.post(OPERATION.removeprefix("POST "), allow=_FANS, body=PLEDGE_BODY, answers={201: PLEDGE, 202: PLEDGE},
                 idempotent=True, limit="checkout", scope="purchases:write", refusals=_REFUSALS)  # fmt: skip
    async def pledge(call: Call) -> web.StreamResponse:
        """Pledge to a goal that is all or nothing. Nothing is charged before its deadline, or if it is missed.

        202: send the fan to `setup.redirect_url`, where they save a payment method; only then the pledge is open. 201:
        it is open, by a method that was saved before, or by what is set aside of the wallet. A session pledges for its
        customer, a server for the `customer` it names; everybody else is a guest, the same one for the same `fan`.
        """
        while True:
            wanted = await asked_for(services, call, OPERATION, goal=call.path("goal"))
            try:
                answer, is_replay = await make_pledge(services, settings, call.path("goal"), wanted)
            except Taken as taken:
                if not is_introduced(taken):
                    raise
                continue  # another request has just made this fan, whom this one finds now
            return respond_once(answer, is_replay=is_replay)

    @routes.get(ONE, allow=Role.PUBLIC, answers={200: PLEDGE})
    async def show_one_pledge(call: Call) -> web.StreamResponse:
        """Show how a pledge stands. It has no name and no message: these are the tip's, once it is paid."""
        return await _shown(services, await need_pledge(services, call.path("id")))

    @routes.post(ONE + "/finalize", allow=_FANS, body=WHOSE, may_lack_body=True, answers={200: PLEDGE},
                 limit="checkout", scope="purchases:write", refusals=["gateway_unavailable"])  # fmt: skip
    async def finalize(call: Call) -> web.StreamResponse:
        """Ask the gateway now whether the method is saved, for whoever comes back from its page. Safe to repeat.

        Its fan is told where to go on: `setup.redirect_url` while it is pending, `action.redirect_url` if a bank asks
        for them.
        """
        row = await finalize_pledge(services, await _own(services, call))
        return await _shown(services, row, is_fans=True)

    @routes.post(ONE + "/withdraw", allow=_FANS, body=WHOSE, may_lack_body=True, answers={200: PLEDGE},
                 limit="checkout", scope="purchases:write", refusals=["pledge_over"])  # fmt: skip
    async def withdraw(call: Call) -> web.StreamResponse:
        """Take a pledge back, until its goal's deadline. Safe to repeat.

        What was set aside of a wallet is free again; a guest's saved method is forgotten.
        """
        row = await _own(services, call)
        return await _shown(services, await withdraw_pledge(services, row["id"]))


async def _own(services: Services, call: Call) -> Row:
    """Return a pledge of the caller's own, or any to a server; another's answers like a missing one."""
    row, role = await need_pledge(services, call.path("id")), call.principal.role
    token = call.body.get("fan")
    if role is Role.SERVER:
        return row
    if role is Role.CUSTOMER:
        is_own = call.principal.customer_id == row["customer_id"]
    else:
        is_own = token is not None and await meet_guest(services, token) == row["customer_id"]
    if not is_own:
        raise NotFound("There is no such pledge.")
    return row


async def _shown(services: Services, row: Row, *, is_fans: bool = False) -> web.StreamResponse:
    setup_url = await setup_page_of(services, row) if is_fans else None
    action_url = await action_of(services, row) if is_fans else None
    campaign, name = await need_campaign(services, row), await creator_name(services, row["creator_id"])
    return respond(
        show_pledge(row, campaign, name, total=total_of(services, row), setup_url=setup_url, action_url=action_url)
    )
