"""Where the console leads back to: pages of its own, whatever an address said, with what narrowed them."""

import re
from urllib.parse import quote, urlencode

from aiohttp import web
from yarl import URL

from storefront.routing import Call

_HOME = "/console"
_OURS = re.compile(
    r"/console(/(?!\.{1,2}(/|$|\?))[A-Za-z0-9_.~-]+)*(\?([A-Za-z0-9_.~*+:,&=-]|%(?!0[0-9A-F]|5C)[0-9A-F]{2})*)?"
)
MOST = 500
"""Characters of such an address."""


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


def _wanted(call: Call) -> str:
    kept = [(name, value) for name, value in call.request.query.items() if name != "says"]
    whole = f"{call.request.path}?{urlencode(kept, quote_via=quote, safe='')}" if kept else call.request.path
    return whole if ours(whole) == whole else ours(call.request.path)
