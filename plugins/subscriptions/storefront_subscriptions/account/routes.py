"""The account page's handlers: one page, and forms that lead back to it. All of it works without script."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web
from yarl import URL

from storefront.core.commit.plan import IdempotencyKey
from storefront.core.errors import StorefrontError
from storefront.core.finalizing import PaymentProcessing, finalize
from storefront.core.finalizing import cancel as cancel_purchase
from storefront.core.idempotency import idempotency_key
from storefront.core.money import Money
from storefront.core.payment_methods import list_methods, show_setup
from storefront.core.principals import Role
from storefront.core.services import Services
from storefront.design import asset_url
from storefront.networks import network_of
from storefront.pages import Browser, keep_playing, make_templates, page_frame, reader_of
from storefront.routing import Call, Handler, Routes
from storefront.shapes import closed
from storefront_subscriptions.account import news
from storefront_subscriptions.account.choices import Chosen
from storefront_subscriptions.account.page import Reader, account_view
from storefront_subscriptions.account.replacing import open_replacement, use_saved
from storefront_subscriptions.canceling import cancel_at_end
from storefront_subscriptions.cards import newest_kept
from storefront_subscriptions.changing import ChangeRequest, change, revoke
from storefront_subscriptions.config import DAY_MS, Settings
from storefront_subscriptions.pausing import PauseRequest, pause, resume
from storefront_subscriptions.rows import ACTIVE, OVER, PAUSED, need
from storefront_subscriptions.subscribing import SubscribeRequest, subscribe
from storefront_subscriptions.usage_lines import charges_usage

HERE = Path(__file__).parent
STATIC = HERE / "static"
SHEET = "/account/account.css"
CSRF = {"type": "string", "maxLength": 100}
KEY = {"type": "string", "pattern": "^[!-~]{1,255}$"}
ID = {"type": "string", "maxLength": 40}
PLAN = {"type": "string", "maxLength": 200, "pattern": r"^[^|]{1,100}\|[a-z0-9 ]{1,40}\|[^|]{1,40}$"}
TOTAL = {"type": "integer", "minimum": 0, "maximum": 2**53}
SEATS = {"type": "integer", "minimum": 1, "maximum": 10_000}
OF_ONE = closed({"subscription": ID, "csrf": CSRF}, required=["subscription", "csrf"])
PAUSE = closed(
    {"subscription": ID, "days": {"type": "integer", "minimum": 1, "maximum": 3_650}, "csrf": CSRF},
    required=["subscription", "days", "csrf"],
)
CHANGE = closed(
    {"subscription": ID, "token": {"type": "string", "maxLength": 8_192}, "idempotency_key": KEY, "csrf": CSRF},
    required=["subscription", "token", "idempotency_key", "csrf"],
)
BEGIN = closed(
    {"plan": PLAN, "trial": {"type": "string", "enum": ["yes"]}, "total": TOTAL, "idempotency_key": KEY, "csrf": CSRF},
    required=["plan", "idempotency_key", "csrf"],
)
JUST_THAT = closed({"csrf": CSRF}, required=["csrf"])
# Links to pages are shared and collect parameters of others on their way: these are passed over.
SHEET_QUERY = {**closed({"v": ID}), "additionalProperties": True}
QUERY = {
    **closed(
        {
            "note": ID,
            "purchase": ID,
            "before": ID,
            "subscription": ID,
            "plan": PLAN,
            "seats": SEATS,
            "timing": {"type": "string", "enum": ["now", "period_end"]},
        }
    ),
    "additionalProperties": True,
}
RETURN = {
    **closed({"purchase": ID, "setup": ID, "canceled": {"type": "string", "maxLength": 1}}),
    "additionalProperties": True,
}


def add_account_routes(routes: Routes, services: Services, settings: Settings) -> None:
    """Declare the account page and what its forms do."""
    desk = _Desk(services, settings)
    templates = make_templates(HERE / "templates")
    templates.globals.update(sheet=lambda base: asset_url("account.css", base=base, folder=STATIC, mount="/account"))
    css = (STATIC / "account.css").read_text()

    @routes.get(news.PATH, allow=Role.PUBLIC, query=QUERY, page=True, menu="Membership", tags=["pages"])
    async def show_account(call: Call) -> web.StreamResponse:
        """Show a customer their plans, what changes would cost, how they pay, and their invoices."""
        browser, customer_id = Browser.of(call), call.principal.customer_id
        customer = None if customer_id is None else await services.customers.external_id(customer_id)
        reader = Reader(page_frame(call, services, browser), customer_id, customer, call.principal.country, call.query)
        view = await account_view(services, settings, reader)
        response = browser.answer_with_forms(templates.get_template("account.html").render(view=view, page=view.page))
        if customer is not None:
            keep_playing(call, response, customer)
        return response

    @routes.get(SHEET, allow=Role.PUBLIC, page=True, tags=["pages"], query=SHEET_QUERY)
    async def show_sheet(call: Call) -> web.StreamResponse:
        """Answer the page's style sheet, whose address changes when it does."""
        caching = {"Cache-Control": "public, max-age=31536000, immutable" if "v" in call.query else "no-cache"}
        return web.Response(text=css, content_type="text/css", headers=caching)

    @routes.get(news.RETURN, allow=Role.PUBLIC, query=RETURN, page=True, tags=["pages"])
    async def come_back(call: Call) -> web.StreamResponse:
        """Take a customer back from a page of the gateway's: settle what they paid or saved there."""
        return await desk.come_back(call)

    for path, form, act, limit in (
        ("subscribe", BEGIN, desk.begin, "checkout"),
        ("change", CHANGE, desk.change, "checkout"),
        ("cancel", OF_ONE, desk.cancel, "write"),
        ("resume", OF_ONE, desk.resume, "write"),
        ("pause", PAUSE, desk.pause, "write"),
        ("keep", OF_ONE, desk.keep, "write"),
        ("payment-method", JUST_THAT, desk.replace_method, "checkout"),
    ):
        declare = routes.post(
            f"{news.PATH}/{path}", allow=Role.PUBLIC, form=form, page=True, limit=limit, tags=["pages"]
        )
        declare(_pressed(act))


def _pressed(act: Callable[[Call, str], Awaitable[str]]) -> Handler:
    """Return the handler of a form: it leads to where ``act`` says, or back with the reason why not."""

    async def press(call: Call) -> web.StreamResponse:
        try:
            return _see(await act(call, reader_of(call)))
        except StorefrontError as refusal:
            return _see(_told(refusal.code))

    press.__doc__ = act.__doc__
    press.__qualname__ = act.__qualname__
    return press


class _Desk:
    """What the page's forms do; each answers the address to go on to."""

    def __init__(self, services: Services, settings: Settings) -> None:
        self._services = services
        self._settings = settings
        self._back = f"{services.public_url}{news.RETURN}"

    async def begin(self, call: Call, customer_id: str) -> str:
        """Begin a subscription: with the saved card, from the wallet, or on the gateway's page."""
        services, chosen = self._services, Chosen.parse(call.body["plan"])
        method, total = None, call.body.get("total")
        if not services.catalogs.active.is_virtual(chosen.currency):
            methods = await list_methods(services, customer_id)
            method = newest_kept([one for one in methods if one["gateway"] == services.default_gateway])
        asked = SubscribeRequest(
            idempotency=_key(call, "subscribe", {"plan": chosen.plan, "trial": "trial" in call.body, "total": total}),
            customer_id=customer_id,
            sku=chosen.tier,
            interval=chosen.interval,
            currency=chosen.currency,
            payment_method=None if method is None else method["id"],
            trial="trial" in call.body,
            expected_price=None if total is None else Money(total, chosen.currency),
            return_url=self._back,
            address=call.address,
            network=network_of(call.address),
            country=call.principal.country,
        )
        return _after(call, msgspec.json.decode((await subscribe(services, asked)).answer.body))

    async def change(self, call: Call, customer_id: str) -> str:
        """Make the change that was shown, or none."""
        row = await need(self._services, call.body["subscription"], owner=customer_id)
        asked = ChangeRequest(
            idempotency=_key(call, "change", {"id": row["id"], "token": call.body["token"]}),
            subscription_id=row["id"],
            wanted=None,
            token=call.body["token"],
            return_url=self._back,
            address=call.address,
            network=network_of(call.address),
            country=call.principal.country,
        )
        bought = await change(self._services, self._settings, asked)
        if bought.answer.status == 200:
            return _told(news.SCHEDULED)
        return _after(call, msgspec.json.decode(bought.answer.body))

    async def cancel(self, call: Call, customer_id: str) -> str:
        """End a subscription with what is paid; one of which nothing is paid ends at once."""
        row = await need(self._services, call.body["subscription"], owner=customer_id)
        actor = call.principal.caller
        row = await cancel_at_end(self._services, self._settings, row["id"], is_on=True, actor=actor)
        if row["billing_state"] not in OVER:
            return _told(news.CANCELED)
        asks = self._settings.at_end.is_asked and await charges_usage(self._services, row)
        return _told(news.ENDED_USED if asks else news.ENDED)

    async def resume(self, call: Call, customer_id: str) -> str:
        """Take back that a subscription ends or pauses, or let it go on out of a pause."""
        services, row = self._services, await need(self._services, call.body["subscription"], owner=customer_id)
        was_paused = row["billing_state"] == PAUSED
        row = await resume(services, self._settings, row["id"], keeps_anchor=None, actor=call.principal.caller)
        if not was_paused:
            return _told(news.RESUMED)
        return _told(news.UNPAUSED if row["billing_state"] == ACTIVE else news.DUE)

    async def pause(self, call: Call, customer_id: str) -> str:
        """Pause a subscription with the period that is paid, for so many days."""
        row = await need(self._services, call.body["subscription"], owner=customer_id)
        ends = row["period_end"] + call.body["days"] * DAY_MS
        asked = PauseRequest(row["id"], call.principal.caller, resume_at=ends)
        await pause(self._services, self._settings, asked)
        return _told(news.PAUSED)

    async def keep(self, call: Call, customer_id: str) -> str:
        """Take back a change that is not done yet."""
        row = await need(self._services, call.body["subscription"], owner=customer_id)
        await revoke(self._services, self._settings, row["id"], actor=call.principal.caller)
        return _told(news.KEPT)

    async def replace_method(self, call: Call, customer_id: str) -> str:
        """Open the gateway's page on which another payment method is saved."""
        return await open_replacement(
            self._services, customer_id, return_url=self._back, network=network_of(call.address)
        )

    async def come_back(self, call: Call) -> web.Response:
        customer_id, has_left = call.principal.customer_id, bool(call.query.get("canceled"))
        if customer_id is None:
            return _see(_told(news.LEFT if has_left else news.UNSEEN))
        if "setup" in call.query:
            return _see(await self._saved(customer_id, call.query["setup"]))
        if "purchase" not in call.query:
            return _see(news.PATH)
        act, purchase_id = cancel_purchase if has_left else finalize, call.query["purchase"]
        try:
            await act(self._services, purchase_id, owner=customer_id)
        except PaymentProcessing:
            has_left = False
        except StorefrontError as unknown:
            # The gateway is away: its webhook and the sweep do the rest. Or it is nobody's: then nothing is told.
            if has_left:
                return _see(_told(unknown.code))
        return _see(_told(news.LEFT) if has_left else str(URL(news.PATH).with_query(purchase=purchase_id)))

    async def _saved(self, customer_id: str, setup_id: str) -> str:
        try:
            setup = await show_setup(self._services, customer_id, setup_id)
        except StorefrontError as refusal:
            return _told(refusal.code)
        if setup["state"] != "saved":
            return _told(news.LEFT_CARD)
        await use_saved(self._services, customer_id, setup["payment_method"])
        return _told(news.SAVED)


def _key(call: Call, form: str, terms: Mapping[str, Any]) -> IdempotencyKey:
    return idempotency_key(call.principal.caller, f"POST {news.PATH}/{form}", call.body["idempotency_key"], terms)


def _after(call: Call, purchase: Mapping[str, Any]) -> str:
    """Return where to go with a purchase that was begun: to its payment, or back to the page, which leads there."""
    address = purchase["payment"].get("redirect_url")
    if address is not None and Browser.of(call).may_lead_to(address):
        return str(address)
    return str(URL(news.PATH).with_query(purchase=purchase["id"]))


def _told(note: str) -> str:
    return str(URL(news.PATH).with_query(note=note))


def _see(address: str) -> web.Response:
    return web.Response(status=303, headers={"Location": address})
