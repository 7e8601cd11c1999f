"""The headers that every answer carries, and which other origins may read it.

CORS, in three sentences: the JSON API may be called from the origins in ``web.return_origins`` with an
``Authorization`` header; cookies are never shared with another origin; a preflight is answered for every
path. Cookies are honoured on unsafe methods only if the browser says that our own page made the request.
"""

from collections.abc import Iterable

from aiohttp import HttpVersion11, hdrs, web
from multidict import istr

from storefront.answers import Answer

REQUEST_ID_HEADER = istr("X-Request-Id")

_FETCH_SITE = istr("Sec-Fetch-Site")
_ALLOWED_HEADERS = (
    "Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, Overlay-Ticket, X-Customer-Version, "
    "X-Request-Id"
)
_EXPOSED_HEADERS = "ETag, Idempotent-Replayed, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id"
_HEADERS = (
    (istr("X-Content-Type-Options"), "nosniff"),
    (istr("Cache-Control"), "no-store"),
    (istr("Referrer-Policy"), "no-referrer"),
    (istr("Content-Security-Policy"), "default-src 'none'; frame-ancestors 'none'"),
    (istr("Server"), "storefront"),
)
_HSTS = (istr("Strict-Transport-Security"), "max-age=31536000")
_COOP = istr("Cross-Origin-Opener-Policy")


class EdgeHeaders:
    """Decorates answers; what a handler has set itself is kept."""

    def __init__(self, public_url: str, allowed_origins: Iterable[str]) -> None:
        self._own_origin = public_url.rstrip("/")
        self._allowed = frozenset(allowed_origins)
        self._always = (*_HEADERS, _HSTS) if public_url.startswith("https://") else _HEADERS
        self._constant = "".join(f"{name}: {value}\r\n" for name, value in self._always).encode("ascii")

    def go_straight(self, request: web.Request, response: web.StreamResponse, request_id: str) -> bool:
        """Let a plain JSON answer to a plain request be written in one piece; ``False`` if either is special."""
        if type(response) is not Answer or hdrs.ORIGIN in request.headers or request.method == hdrs.METH_HEAD:
            return False
        if not request.keep_alive or request.version != HttpVersion11:
            return False
        return response.send_straight(self._constant, request_id)

    def decorate(self, request: web.Request, response: web.StreamResponse, request_id: str) -> None:
        """Add what is missing; called before the headers are sent."""
        headers = response.headers
        for name, value in self._always:
            headers.setdefault(name, value)
        headers[REQUEST_ID_HEADER] = request_id
        if hdrs.ORIGIN in request.headers:
            self._share(request, response)

    def decorate_page(self, request: web.Request, response: web.StreamResponse, request_id: str) -> None:
        """Add what is missing on an HTML page."""
        response.headers.setdefault(_COOP, "same-origin")
        self.decorate(request, response, request_id)

    def is_same_site(self, request: web.Request) -> bool:
        """Tell whether our own page made this request, by the browser's word that scripts cannot forge."""
        site = request.headers.get(_FETCH_SITE)
        if site is not None:
            return site == "same-origin"
        return bool(self._own_origin) and request.headers.get(hdrs.ORIGIN) == self._own_origin

    def preflight(self, request: web.Request, methods: Iterable[str]) -> web.Response:
        """Answer OPTIONS: what the path takes, and to an allowed origin what it may send."""
        allowed = ", ".join(sorted({*methods, "OPTIONS"}))
        response = web.Response(status=204, headers={hdrs.ALLOW: allowed})
        if request.headers.get(hdrs.ORIGIN) in self._allowed:
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = allowed
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = _ALLOWED_HEADERS
            response.headers[hdrs.ACCESS_CONTROL_MAX_AGE] = "600"
        return response

    def _share(self, request: web.Request, response: web.StreamResponse) -> None:
        origin = request.headers[hdrs.ORIGIN]
        if self._allowed:
            response.headers.add(hdrs.VARY, hdrs.ORIGIN)
        if origin in self._allowed:
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
            response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = _EXPOSED_HEADERS
