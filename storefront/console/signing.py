"""Signing in and out of the console, and an operator's own page: their password and their one-time codes."""

from contextlib import suppress

import segno
from aiohttp import web
from markupsafe import Markup

from storefront.console.desk import HOME, Desk, SignedOut, see
from storefront.console.forms import checked_fields, form_schema, text
from storefront.console.proof import prove
from storefront.console.returning import MOST, ours, to_sign_in
from storefront.core.errors import FieldError, Invalid, StorefrontError, Unauthorized
from storefront.core.operators.people import set_codes, set_password
from storefront.core.operators.provider import Provider, ProviderAway
from storefront.core.operators.signing_in import (
    Session,
    sign_in_by_link,
    sign_in_by_password,
    sign_in_by_provider,
    sign_out,
    unconfirmed_secret,
)
from storefront.pages import Browser, refuse_other_sites
from storefront.routing import Call, Role, Routes
from storefront.shapes import closed
from storefront.web.services import LIMITER

SIGN_IN, YOU = f"{HOME}/sign-in", f"{HOME}/you"
AT_PROVIDER = f"{SIGN_IN}/provider"
BACK = f"{AT_PROVIDER}/back"
"""Where the provider sends operators back to."""
UNDER_WAY = "storefront_console_sign_in"
_NEXT = text(MOST)
_ENDED = "Your session ended. Sign in to go on where you were; what you had just sent was not done."
_QUERY = {**closed({"next": _NEXT, "says": text(40)}), "additionalProperties": True}
_WITH_PASSWORD = closed(
    {"login": text(100), "password": text(300), "code": text(20), "next": _NEXT}, required=["login", "password"]
)
_WITH_LINK = closed({"code": text(1000), "next": _NEXT}, required=["code"])
_PASSWORD = {"password": text(300), "again": text(300)}
_CODES = {"secret": text(64), "code": text(20)}
_SAYS = {"password": "Your password is set. You are signed out everywhere else.", "codes": "Your codes are set up."}


def add_signing_in(routes: Routes, desk: Desk) -> None:
    """Declare where operators sign in and out, and their own page."""
    counter = SigningIn(desk)
    public = Role.PUBLIC

    @routes.get(SIGN_IN, allow=public, query=_QUERY, page=True, tags=["console"])
    async def show_sign_in(call: Call) -> web.StreamResponse:
        """Show where an operator signs in."""
        says = _ENDED if call.query.get("says") == "ended" else None
        return counter.ask(call, next_page=ours(call.query.get("next")), says=says)

    @routes.post(f"{SIGN_IN}/password", allow=public, form=_WITH_PASSWORD, page=True, limit="sign_in", tags=["console"])
    async def sign_operator_in(call: Call) -> web.StreamResponse:
        """Take a login, a password and a one-time code."""
        return await counter.by_password(call)

    @routes.post(f"{SIGN_IN}/link", allow=public, form=_WITH_LINK, page=True, limit="sign_in", tags=["console"])
    async def sign_operator_in_by_link(call: Call) -> web.StreamResponse:
        """Take a code that is good once."""
        return await counter.by_link(call)

    if desk.provider is not None:
        _add_provider(routes, counter)

    @routes.post(f"{HOME}/sign-out", allow=public, form=form_schema({}), page=True, limit="write", tags=["console"])
    async def sign_operator_out(call: Call) -> web.StreamResponse:
        """End this session."""
        return await counter.sign_out(call)

    _add_you(routes, desk, counter)


def _add_you(routes: Routes, desk: Desk, counter: "SigningIn") -> None:
    public = Role.PUBLIC

    @routes.get(YOU, allow=public, query=_QUERY, page=True, tags=["console"])
    async def show_you(call: Call) -> web.StreamResponse:
        """Show an operator how they sign in, and let them change it."""
        try:
            session = await desk.session(call)
        except SignedOut:
            return to_sign_in(call)
        return await counter.you(call, session, says=_SAYS.get(call.query.get("says", "")))

    @routes.post(
        f"{YOU}/password", allow=public, form=form_schema(_PASSWORD), page=True, limit="sign_in", tags=["console"]
    )
    async def send_password(call: Call) -> web.StreamResponse:
        """Set an operator's own password."""
        return await counter.set_password(call)

    @routes.post(f"{YOU}/codes", allow=public, form=form_schema(_CODES), page=True, limit="sign_in", tags=["console"])
    async def send_codes(call: Call) -> web.StreamResponse:
        """Set up an operator's own one-time codes."""
        return await counter.set_codes(call)


def _add_provider(routes: Routes, counter: "SigningIn") -> None:
    query = {**closed({"state": text(200), "code": text(4000), "error": text(200)}), "additionalProperties": True}

    @routes.post(AT_PROVIDER, allow=Role.PUBLIC, form=closed({"next": _NEXT}), page=True, limit="sign_in",
                 tags=["console"])  # fmt: skip
    async def sign_operator_in_elsewhere(call: Call) -> web.StreamResponse:
        """Send an operator to the configured OpenID provider."""
        return await counter.to_provider(call)

    @routes.get(BACK, allow=Role.PUBLIC, query=query, page=True, limit="sign_in", tags=["console"])
    async def take_operator_back(call: Call) -> web.StreamResponse:
        """Take what the OpenID provider says of an operator."""
        return await counter.from_provider(call)


class SigningIn:
    """What those pages show and their forms do."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def ask(
        self, call: Call, *, next_page: str, problem: str | None = None, login: str = "", says: str | None = None
    ) -> web.Response:
        """Answer the page to sign in; a refusal says no more than that something is wrong."""
        browser = Browser.of(call)
        html = self._desk.render(
            "sign_in.html",
            page=self._desk.frame(call),
            next_page=next_page,
            problem=problem,
            says=says,
            login=login,
            provider=None if self._desk.provider is None else self._desk.provider.name,
        )
        response = browser.answer(html)
        response.set_status(200 if problem is None else 422)
        return response

    async def by_password(self, call: Call) -> web.Response:
        refuse_other_sites(call)
        body, next_page = call.body, ours(call.body.get("next"))
        try:
            token = await sign_in_by_password(
                self._desk.services, self._desk.codes, body["login"], body["password"], body.get("code", "")
            )
        except Unauthorized as refused:
            return self._refused(call, refused, next_page=next_page, login=body["login"])
        return await self._let_in(call, token, next_page)

    async def by_link(self, call: Call) -> web.Response:
        refuse_other_sites(call)
        code = call.body["code"].strip().rpartition("code=")[2]  # or the whole link, as it was sent to them
        try:
            token = await sign_in_by_link(self._desk.services, code)
        except Unauthorized as refused:
            return self._refused(call, refused, next_page=HOME)
        return await self._let_in(call, token, ours(call.body.get("next")))

    async def to_provider(self, call: Call) -> web.Response:
        """Send the browser to the provider, with a cookie that only this sign-in fits."""
        refuse_other_sites(call)
        provider, next_page = self._need_provider(), ours(call.body.get("next"))
        try:
            address, sealed = await provider.begin(next_page)
        except ProviderAway as away:
            return self.ask(call, next_page=next_page, problem=away.detail)
        # A page of ours that goes on by itself: as a redirect of a form, browsers would hold it to form-action.
        response = self._goes_on(call, address)
        # Lax: the provider's redirect comes from another site, and must bring it.
        response.set_cookie(_under_way(call), sealed, max_age=600, httponly=True, samesite="Lax",
                            secure=Browser.of(call).is_secure, path="/")  # fmt: skip
        return response

    async def from_provider(self, call: Call) -> web.Response:
        provider, query = self._need_provider(), call.query
        try:
            if "code" not in query or "state" not in query:
                raise Unauthorized("The provider did not let you in.")
            sealed = call.request.cookies.get(_under_way(call), "")
            proved, next_page = await provider.finish(sealed, state=query["state"], code=query["code"])
            token = await sign_in_by_provider(self._desk.services, proved.login, by_two_factors=proved.by_two_factors)
        except (Unauthorized, ProviderAway) as refused:
            response = self._refused(call, refused, next_page=HOME)
        else:
            # A strict cookie does not come with the rest of a redirect that began at another site: our page goes on.
            response = self._goes_on(call, ours(next_page))
            await self._desk.hand_over(call, response, token)
        response.del_cookie(_under_way(call), path="/")
        return response

    def _goes_on(self, call: Call, address: str) -> web.Response:
        html = self._desk.render("goes_on.html", page=self._desk.frame(call), address=address)
        return Browser.of(call).answer(html)

    def _need_provider(self) -> Provider:
        assert self._desk.provider is not None, "its routes are declared only where there is one"
        return self._desk.provider

    async def sign_out(self, call: Call) -> web.Response:
        refuse_other_sites(call)
        response = see(SIGN_IN)
        with suppress(SignedOut):  # it has ended by itself, which is what they want
            await sign_out(self._desk.services, await self._desk.sender(call))
        self._desk.drop_cookie(call, response)
        return response

    async def you(
        self, call: Call, session: Session, *, says: str | None = None, problem: Invalid | None = None
    ) -> web.Response:
        """Answer an operator's own page; the secret of new codes stands on it until a code proves that it was taken."""
        desk, operator = self._desk, session.operator
        secret = await unconfirmed_secret(desk.services, desk.codes, session)
        address = desk.codes.address(secret, login=operator.login, shop=desk.services.config.shop.name)
        drawn = segno.make(address, micro=False).svg_inline(scale=4, border=2, svgclass="qr", lineclass="qr__dark")
        html = desk.render(
            "you.html",
            page=desk.frame(call),
            operator=operator,
            csrf=session.csrf,
            secret=secret,
            qr=Markup(drawn),  # noqa: S704 - drawn by a library from our own text
            address=address,
            lacks=session.lacks_codes,
            says=says,
            home=HOME,
            problem=None if problem is None else problem.detail,
            wrong={} if problem is None else {one.pointer.lstrip("/"): one.message for one in problem.errors},
        )
        response = Browser.of(call).answer(html)
        response.set_status(200 if problem is None else 422)
        return response

    async def set_password(self, call: Call) -> web.Response:
        refuse_other_sites(call)
        desk = self._desk
        try:
            session = await desk.sender(call)
        except SignedOut:
            return to_sign_in(call)
        try:
            wanted = checked_fields(call.body, _PASSWORD, ["password", "again"])
            if wanted["password"] != wanted["again"]:
                raise Invalid("The two passwords differ.", errors=[FieldError("/again", "is not the same")])
            unproved = await prove(desk, session, call, words="Set a new password")
            if unproved is not None:
                return unproved
            caller = session.operator.caller
            await set_password(
                desk.services, session.operator.id, wanted["password"], actor=caller, keep=session.digest
            )
        except Invalid as wrong:
            return await self.you(call, session, problem=wrong)
        return see(f"{YOU}?says=password")

    async def set_codes(self, call: Call) -> web.Response:
        refuse_other_sites(call)
        desk = self._desk
        try:
            session = await desk.sender(call)
        except SignedOut:
            return to_sign_in(call)
        try:
            wanted = checked_fields(call.body, _CODES, ["secret", "code"])
            unproved = await prove(desk, session, call, words="Set up new one-time codes")
            if unproved is not None:
                return unproved
            if wanted["secret"] != await unconfirmed_secret(desk.services, desk.codes, session):
                raise Invalid("Load this page again: its code to scan is not the one that waits for you.")
            code = wanted["code"].replace(" ", "")
            caller = session.operator.caller
            await set_codes(
                desk.services,
                desk.codes,
                session.operator.id,
                wanted["secret"],
                code,
                actor=caller,
                keep=session.digest,
            )
        except Invalid as wrong:
            return await self.you(call, session, problem=wrong)
        return see(f"{YOU}?says=codes")

    async def _let_in(self, call: Call, token: str, next_page: str) -> web.Response:
        response = see(next_page)
        await self._desk.hand_over(call, response, token)
        return response

    def _refused(self, call: Call, refused: StorefrontError, *, next_page: str, login: str = "") -> web.Response:
        # Counted against the address as a dead key is, so that guessing logins is slow from everywhere at once.
        call.app[LIMITER].failed_sign_in(call.address)
        return self.ask(call, next_page=next_page, problem=refused.detail, login=login)


def _under_way(call: Call) -> str:
    return f"__Host-{UNDER_WAY}" if Browser.of(call).is_secure else UNDER_WAY
