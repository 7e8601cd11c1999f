"""What the console says where a request gets no page: what is missing, who can help, and the way back."""

from collections.abc import Mapping

from aiohttp import web

from storefront.console.desk import HOME, Desk
from storefront.pages.browser import frame_of
from storefront.pages.rendering import answer_page
from storefront.web.browsing import error_page, wants_json
from storefront.web.errors import ErrorView

_AGAIN = "Nothing was changed."
_TITLES: Mapping[str, str] = {
    "forbidden": "That was refused",
    "unauthorized": "You are signed out",
    "not_found": "There is nothing here",
    "method_not_allowed": "There is nothing here",
    "cross_site_request": "That came from another site",
    "rate_limited": "That was a lot at once",
    "internal_error": "That did not work",
}
_MANY, _OURS = "Wait a minute, then try again.", "The fault is ours. The server's log says more under the number below."


class Refusals:
    """Answers errors: of the console in its own words, of all other pages in the shop's."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def __call__(self, request: web.Request, view: ErrorView, request_id: str) -> web.Response:
        is_console = request.path == HOME or request.path.startswith(f"{HOME}/")
        if not is_console or wants_json(request):
            return error_page(request, view, request_id)
        title, words = _words(view)
        html = self._desk.render(
            "refusal.html",
            page=frame_of(request, self._desk.services, csrf=""),
            title=title,
            words=words,
            back=view.facts.get("page", HOME),
            request_id=request_id if view.status >= 500 else "",
        )
        return answer_page(request.app, html, status=view.status)


def _words(view: ErrorView) -> tuple[str, list[str]]:
    """Return a title, and sentences: what is wrong with what, and what to do."""
    if "may" in view.facts:
        who = " and ".join(view.facts["may"])
        return "That is for others", [f"{view.detail} This is for {who}. An owner can change your role.", _AGAIN]
    if view.fields:
        wrong = [f"{field.pointer.lstrip('/') or 'The address'}: {field.message}." for field in view.fields]
        return "The address asks for what cannot be", wrong
    if view.status >= 500:
        return _TITLES["internal_error"], [_OURS if view.status == 500 else view.detail]
    words = [view.detail, *([_MANY] if view.code == "rate_limited" else [])]
    return _TITLES.get(view.code, view.title), [*words, _AGAIN] if view.code != "not_found" else words
