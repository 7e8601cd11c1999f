"""The console's routes, made from its pages: every page and every act asks who is signed in and what they may.

A page or act without a scope cannot be declared, so none is open by mistake. Forms carry a secret of their session and
must come from our own page; one that asks for proof is shown again with a field for it.
"""

from typing import Any

from aiohttp import web

from storefront.console.desk import HOME, Desk, SignedOut, see
from storefront.console.exporting import add_exports, with_export
from storefront.console.forms import checked_fields, form_schema
from storefront.console.problems import problem_of
from storefront.console.proof import prove
from storefront.console.returning import to_sign_in
from storefront.console.signing import add_signing_in
from storefront.console.sure import ask_sure, told_of
from storefront.core.commit.acting import acting_as
from storefront.core.errors import Forbidden, Invalid, NotFound, StorefrontError
from storefront.core.exporting.running import Exports
from storefront.core.operators.signing_in import Session
from storefront.pages import refuse_other_sites
from storefront.panels import ConsoleAct, ConsolePage, Done, PageView
from storefront.routing import Call, Role, Routes
from storefront.shapes import closed

SAYS = {"type": "string", "maxLength": 40}


def console_routes(desk: Desk, exports: Exports) -> Routes:
    """Return all routes of the console."""
    routes = Routes("core", tags=["console"])
    add_signing_in(routes, desk)
    add_exports(routes, desk, exports)
    for page in desk.pages:
        _add_page(routes, desk, page)
    return routes


def _add_page(routes: Routes, desk: Desk, page: ConsolePage) -> None:
    query = {**closed({**page.query, "says": SAYS}), "additionalProperties": True}

    async def show(call: Call) -> web.StreamResponse:
        """Show a page of the console to an operator whose role may see it."""
        try:
            session = await _admitted(desk, call, page.scope)
        except SignedOut:
            return to_sign_in(call)
        if session.lacks_codes:
            return see(f"{HOME}/you")
        asking = desk.asking(call, session)
        view = await with_export(page, asking, await page.show(asking))
        says = _said(page, call.query.get("says"))
        return await desk.answer(call, session, view, here=page.path, says=says)

    _name(show, "show", page.path)
    routes.get(page.path, allow=Role.PUBLIC, query=query, page=True, tags=["console"])(show)
    for act in page.acts:
        _add_act(routes, desk, page, act)


def _add_act(routes: Routes, desk: Desk, page: ConsolePage, act: ConsoleAct) -> None:
    path = f"{page.path.rstrip('/')}/{act.name}"

    async def do(call: Call) -> web.StreamResponse:
        """Do what a form of the console asks for, as the operator who sent it."""
        refuse_other_sites(call)
        try:
            session = await desk.sender(call)
        except SignedOut:
            return to_sign_in(call)
        desk.allow(session, page.scope)  # what is refused is said on the page
        desk.allow(session, act.scope)
        if session.lacks_codes:
            return see(f"{HOME}/you")
        try:
            if not call.body.get("key"):  # it could not be told from the same sent again
                raise Invalid("This form came without its key. Load this page again and fill it in anew.")
            done = await _done(desk, call, session, page, act)
        except StorefrontError as refused:
            if isinstance(refused, NotFound | Forbidden):
                raise
            return await _again(desk, call, session, page, act, refused=refused)
        if isinstance(done, web.StreamResponse):
            return done
        if isinstance(done, Done):
            return see(f"{done.url}{'&' if '?' in done.url else '?'}says={done.says}")
        return await desk.answer(call, session, done, here=page.path)

    _name(do, "send", path)
    form = form_schema(act.fields)
    routes.post(path, allow=Role.PUBLIC, form=form, page=True, limit="write", tags=["console"])(do)


async def _done(
    desk: Desk, call: Call, session: Session, page: ConsolePage, act: ConsoleAct
) -> Done | PageView | web.StreamResponse:
    """Do an act, or return the page that asks first: whether that is wanted, or for proof of who wants it."""
    is_sure = act.sure is None or call.body.get("sure") == "yes"
    later = set() if is_sure or act.sure is None else {field.name for field in act.sure.fields}
    needed = [name for name in act.needed if name not in later]
    asking = desk.asking(call, session, form=checked_fields(call.body, act.fields, needed))
    if not is_sure:
        return await ask_sure(act, page, asking, call.request.path)
    asks = act.asks_proof if isinstance(act.asks_proof, bool) else await act.asks_proof(asking)
    if asks:
        unproved = await prove(desk, session, call, words=await told_of(act, page, asking))
        if unproved is not None:
            return unproved
    with acting_as(session.operator.id, session.operator.role.value):
        return await act.do(asking)


async def _again(
    desk: Desk, call: Call, session: Session, page: ConsolePage, act: ConsoleAct, *, refused: StorefrontError
) -> web.StreamResponse:
    """Show the page again with what is wrong on top, and what was typed; the one that asks, if that was confirmed."""
    asking = desk.asking(call, session)
    if act.sure is not None and act.sure.fields and call.body.get("sure") == "yes":
        sent = desk.asking(call, session, form=checked_fields(call.body, act.fields, ()))
        view: PageView = await ask_sure(act, page, sent, call.request.path)
    else:
        view = await page.show(asking)
    typed = {name: value for name, value in call.body.items() if name not in ("csrf", "key", "proof", "sure")}
    problem = problem_of(asking, act, view, call.request.path, refused)
    return await desk.answer(call, session, view, here=page.path, problem=problem, typed=typed)


async def _admitted(desk: Desk, call: Call, scope: str) -> Session:
    session = await desk.session(call)
    desk.allow(session, scope)
    return session


def _said(page: ConsolePage, code: str | None) -> str | None:
    if code is None:
        return None
    return page.says.get(code) or next((act.says[code] for act in page.acts if code in act.says), None)


def _name(handler: Any, verb: str, path: str) -> None:
    words = path.replace("{", "").replace("}", "").replace("-", "_").strip("/").replace("/", "_")
    handler.__name__ = handler.__qualname__ = f"{verb}_{words}"
