"""Where the console leads back to: pages of its own, whatever an address said, with what narrowed them."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from aiohttp import web
from yarl import URL

from storefront.pages.lists import link
from storefront.panels import Link
from storefront.routing import Call

_HOME = "/console"
_OURS = re.compile(
    r"/console(/(?!\.{1,2}(/|$|\?))[A-Za-z0-9_.~-]+)*(\?([A-Za-z0-9_.~*+:,&=-]|%(?!0[0-9A-F]|5C)[0-9A-F]{2})*)?"
)
MOST = 500
"""Characters of such an address."""
WITHIN = "within"
"""The query parameter by which a list's filters go along to the page of one thing, so that it leads back to them."""


def ours(wanted: str | None) -> str:
    """Return where to go after signing in: a page of the console, whatever the address said."""
    return wanted if wanted and len(wanted) <= MOST and _OURS.fullmatch(wanted) else _HOME


def to_sign_in(call: Call) -> web.Response:
    """Send whoever is not signed in to where they can, and then back to the page that they wanted or filled in."""
    query = {"next": _wanted(call)} if call.request.method == "GET" else {"next": page_of(call), "says": "ended"}
    if query["next"] == _HOME:
        del query["next"]
    return web.Response(status=303, headers={"Location": str(URL(f"{_HOME}/sign-in").with_query(query))})


def page_of(call: Call) -> str:
    """Return the page that a form stands on: an act's address is that of its page, and a name."""
    return ours(call.request.path.rpartition("/")[0])


def leading_back(path: str, query: Mapping[str, Any]) -> str:
    """Return the address of one thing in a list, with the list's filters, if there are any."""
    kept = link("", query).removeprefix("?")
    return link(path, {WITHIN: kept}) if kept and len(kept) <= MOST else path


def back_to(path: str, label: str, query: Mapping[str, Any]) -> Link:
    """Return the way back to a list as it was narrowed; what is no page of the console leads to the list alone."""
    whole = f"{path}?{query[WITHIN]}" if query.get(WITHIN) else path
    return Link(label, whole if ours(whole) == whole else path)


def _wanted(call: Call) -> str:
    kept = [(name, value) for name, value in call.request.query.items() if name != "says"]
    whole = f"{call.request.path}?{urlencode(kept, quote_via=quote, safe='')}" if kept else call.request.path
    return whole if ours(whole) == whole else ours(call.request.path)
