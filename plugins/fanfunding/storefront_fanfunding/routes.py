"""HTTP under ``/v1/fanfunding/``: creators, their tips, and giving one."""

from aiohttp import web

from storefront.core.commit.outcome import Taken
from storefront.core.customers import is_introduced
from storefront.core.finalizing import finalize
from storefront.core.principals import Role
from storefront.core.services import Services
from storefront.routing import Call, Routes, respond, respond_once
from storefront_fanfunding.asking import asked_for
from storefront_fanfunding.board_routes import add_boards
from storefront_fanfunding.config import Settings
from storefront_fanfunding.control.inviting import add_inviting
from storefront_fanfunding.control.routes import add_control_page
from storefront_fanfunding.creators import all_creators, creator_name, find_creator_id, need_creator
from storefront_fanfunding.importing.routes import add_importing
from storefront_fanfunding.overlay_pages import add_overlay_pages
from storefront_fanfunding.overlay_preview import add_preview
from storefront_fanfunding.overlay_routes import add_overlay_tokens
from storefront_fanfunding.overlay_stream import add_stream
from storefront_fanfunding.page.routes import add_tip_page
from storefront_fanfunding.payout_routes import ERRORS as OF_PAYOUTS
from storefront_fanfunding.payout_routes import add_payouts
from storefront_fanfunding.pledge_routes import ERRORS as OF_PLEDGES
from storefront_fanfunding.pledge_routes import add_pledges
from storefront_fanfunding.rows import PENDING, SHOWN, need_tip
from storefront_fanfunding.shapes import (
    CREATOR,
    CREATORS,
    GIVE,
    LANGUAGE,
    PAGE,
    RECENT,
    TIP,
    show_creator,
    show_tip,
)
from storefront_fanfunding.statement_routes import add_statements
from storefront_fanfunding.steering import add_steering
from storefront_fanfunding.tipping import give_tip

PATH = "/v1/fanfunding"
OPERATION = f"POST {PATH}/creators/{{creator}}/tips"
_EVERYBODY = Role.PUBLIC
_GIVERS = Role.PUBLIC | Role.CUSTOMER | Role.SERVER
_REFUSALS = (
    "amount_out_of_range",
    "insufficient_funds",
    "debt_open",
    "purchase_refused",
    "amount_not_chargeable",
    "gateway_unavailable",
    "gateway_refused",
    "payment_declined",
    "too_many_pending",
    "too_many_declines",
    "assessment_unavailable",
)


def make_routes(services: Services, settings: Settings) -> Routes:
    """Return this plugin's routes."""
    routes = Routes("fanfunding", errors=(*OF_PAYOUTS, *OF_PLEDGES))
    _add_looking(routes, services, settings)
    _add_giving(routes, services, settings)
    add_tip_page(routes, services, settings)
    add_overlay_tokens(routes, services, settings)
    add_steering(routes, services, settings)
    add_stream(routes, services, settings)
    add_boards(routes, services, settings)
    add_pledges(routes, services, settings)
    add_preview(routes, services, settings)
    add_overlay_pages(routes)
    add_importing(routes, services, settings)
    add_inviting(routes, services, settings)
    add_control_page(routes, services, settings)
    add_payouts(routes, services, settings)
    add_statements(routes, services)
    return routes


def _add_looking(routes: Routes, services: Services, settings: Settings) -> None:
    @routes.get(PATH + "/creators", allow=_EVERYBODY, query=LANGUAGE, answers={200: CREATORS})
    async def list_creators(call: Call) -> web.StreamResponse:
        """List creators, in the order of their files."""
        language = call.query.get("language")
        return respond({"data": [show_creator(one, language) for one in all_creators(services, settings)]})

    @routes.get(PATH + "/creators/{creator}", allow=_EVERYBODY, query=LANGUAGE, answers={200: CREATOR})
    async def show_one(call: Call) -> web.StreamResponse:
        """Show a creator: what they take, and what becomes of it on stream."""
        creator = need_creator(services, settings, call.path("creator"))
        return respond(show_creator(creator, call.query.get("language")))

    @routes.get(PATH + "/creators/{creator}/tips", allow=_EVERYBODY, query=PAGE, answers={200: RECENT})
    async def list_tips(call: Call) -> web.StreamResponse:
        """List a creator's tips, newest first.

        Those that wait to be read, and those whose money went back, are left out. `next` is the `before` of older ones.
        """
        creator = need_creator(services, settings, call.path("creator"))
        identity, most = await find_creator_id(services, creator.name), call.query["limit"]
        before = call.query.get("before", 2**53)
        found = await services.reader.all(SHOWN, creator_id=identity or "", before=before, most=most + 1)
        following = str(found[most - 1]["sequence"]) if len(found) > most else None
        return respond({"data": [show_tip(row, creator.name) for row in found[:most]], "next": following})

    @routes.get(PATH + "/tips/{id}", allow=_EVERYBODY, answers={200: TIP})
    async def show_tip_now(call: Call) -> web.StreamResponse:
        """Show what everybody may see of a tip, as it is now."""
        row = await need_tip(services, call.path("id"))
        return respond(show_tip(row, await creator_name(services, row["creator_id"])))


def _add_giving(routes: Routes, services: Services, settings: Settings) -> None:
    @routes.post(OPERATION.removeprefix("POST "), allow=_GIVERS, body=GIVE, answers={201: None, 202: None},
                 idempotent=True, limit="checkout", scope="purchases:write", refusals=_REFUSALS)  # fmt: skip
    async def give(call: Call) -> web.StreamResponse:
        """Give a creator a tip. No account is needed; the answer is its purchase, whose details name the tip.

        202: send the fan to `payment.redirect_url`. 201: it was paid from the wallet. A session gives for its customer,
        a server for the `customer` it names; everybody else is a guest, the same one for the same `fan`.
        """
        while True:
            wanted = await asked_for(services, call, OPERATION)
            try:
                bought = await give_tip(services, settings, wanted)
            except Taken as taken:
                if not is_introduced(taken):
                    raise
                continue  # another request has just made this fan, whom this one finds now
            return respond_once(bought.answer, is_replay=bought.is_replay)

    @routes.post(PATH + "/tips/{id}/finalize", allow=_EVERYBODY, answers={200: TIP}, limit="checkout",
                 refusals=["gateway_unavailable"])  # fmt: skip
    async def finalize_tip(call: Call) -> web.StreamResponse:
        """Ask the gateway for the truth now: for whoever comes back from its page. Safe to repeat."""
        row = await need_tip(services, call.path("id"))
        if row["state"] == PENDING:
            await finalize(services, row["purchase_id"], owner=None)
        row = await need_tip(services, row["id"])
        return respond(show_tip(row, await creator_name(services, row["creator_id"])))
