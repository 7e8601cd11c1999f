"""Mounts declared routes: everything that happens around a handler, in one flat coroutine per route.

Order: request id → credential → rule and scope → rate limit → query → idempotency key → body → handler →
problem document, headers, metrics, log. There are no middlewares, because each costs every request; a last
resource answers what matched no route. Two routes that clash fail the start.
"""

import logging
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from itertools import count
from time import perf_counter
from typing import Any, Protocol

import structlog
from aiohttp import hdrs, web

from storefront.core.errors import Forbidden, Malformed, NotFound, StorefrontError, Unauthorized, Unavailable
from storefront.core.principals import Principal, Role
from storefront.core.redaction import looks_secret, redact_text
from storefront.routing import CALLER, Call, Route, RouteError, Routes
from storefront.web.addresses import ClientAddress
from storefront.web.auth import Authenticator
from storefront.web.errors import (
    CrossSiteRequest,
    ErrorTable,
    ErrorView,
    HeadersTooLarge,
    MethodNotAllowed,
    MissingScope,
)
from storefront.web.headers import REQUEST_ID_HEADER, EdgeHeaders
from storefront.web.logs import ACCESS_LOGGER, REQUEST_ID, write_access
from storefront.web.metrics import UNMATCHED, HttpMetrics, RouteMetrics
from storefront.web.reading import RequestReader

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
SERVER_OPTIONS: Mapping[str, Any] = {
    "access_log": None,
    "auto_decompress": False,
    "lingering_time": 2.0,
    "max_line_size": 32_768,
    "max_field_size": 32_768,
}
"""For ``web.AppRunner``: the edge writes the access lines; no body is unpacked before it was refused; and
what is left of a refused body is read for 2 s, so that its sender gets to see the answer. Headers are read up to a
length at which the edge has long refused them; what is longer still, aiohttp refuses in its own words."""

HEADER_BYTES = 8_190
"""How long a header's value, or the address with its query, may be."""

UNMATCHED_PATH = r"/{unmatched:[\s\S]*}"

ErrorPage = Callable[[web.Request, ErrorView, str], web.Response]
"""Renders an error as HTML; the text is the request id."""

_VISIBLE = re.compile(r"[!-~]{1,128}")
_access = logging.getLogger(ACCESS_LOGGER)
CLIENT_GONE = 499
"""What is counted where the client has hung up before its answer began: nobody reads it. nginx counts it so, too."""
_log = structlog.stdlib.get_logger("storefront.edge")


class Limiter(Protocol):
    """What the edge needs of a rate limiter; both raise ``RateLimited``."""

    def check(self, limit_class: str, principal: Principal, address: str) -> None:
        """Take a token for this request."""

    def failed_sign_in(self, address: str) -> None:
        """Count a dead credential."""


@dataclass(frozen=True, slots=True)
class EdgeSettings:
    """How the edge is set up.

    ``public_url`` and ``allowed_origins`` are origins; ``session_cookies`` are tried in their order;
    ``body_seconds`` is how long a client may take to send a whole body.
    """

    public_url: str = ""
    allowed_origins: frozenset[str] = frozenset()
    trusted_proxies: tuple[str, ...] = ()
    body_limit_bytes: int = 1_048_576
    body_seconds: float = 20.0
    session_cookies: tuple[str, ...] = ("__Host-storefront_session", "storefront_session")


class Edge:
    """What all routes share; ``mount`` makes it."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        limiter: Limiter,
        metrics: HttpMetrics,
        settings: EdgeSettings,
        errors: ErrorTable,
        error_page: ErrorPage | None,
    ) -> None:
        self.authenticator = authenticator
        self.limiter = limiter
        self.metrics = metrics
        self.settings = settings
        self.errors = errors
        self.headers = EdgeHeaders(settings.public_url, settings.allowed_origins)
        self.address_of = ClientAddress(settings.trusted_proxies).of
        self.is_draining = False
        self._error_page = error_page
        self._unmatched: dict[str, RouteMetrics] = {}
        self._resources: dict[web.AbstractResource, None] = {}
        self._run = secrets.token_hex(8)
        self._numbers = count(1)

    def request_id(self, request: web.Request) -> str:
        """Echo a sane ``X-Request-Id`` or make one; log lines of this task carry it from here on."""
        request_id = request.headers.get(REQUEST_ID_HEADER)
        if request_id is None or not _VISIBLE.fullmatch(request_id) or looks_secret(request_id):
            request_id = f"req_{self._run}{next(self._numbers):08x}"
        REQUEST_ID.set(request_id)
        return request_id

    def drain(self) -> None:
        """Refuse new requests with 503 from now on; those at work finish."""
        self.is_draining = True

    def principal(self, request: web.Request, address: str) -> Principal:
        """Authenticate by header, else by the session cookie of our own pages."""
        headers = request.headers
        given = headers.getall(hdrs.AUTHORIZATION, None)
        if given is None:
            if hdrs.COOKIE in headers:
                return self._by_cookie(request, address)
            return self.authenticator.authenticate(None, None, address)
        if len(given) > 1:
            raise Malformed("Send one Authorization header, not several.")
        try:
            return self.authenticator.authenticate(given[0], None, address)
        except Unauthorized:
            self.limiter.failed_sign_in(address)
            raise

    def failure(self, request: web.Request, error: Exception, request_id: str, *, page: bool) -> web.Response:
        """Turn whatever was raised into an answer; unknown errors are logged with their traceback."""
        if isinstance(error, web.HTTPException):
            if error.status < 400:
                return web.Response(status=error.status, headers=error.headers)
            error = _translated(error)
        known = error if isinstance(error, StorefrontError) else StorefrontError()
        view = self.errors.view(known)
        if view.status == 500:
            _log.error("request failed", exc_info=error)
        if not page or self._error_page is None:
            return view.answer(request_id)
        answer = self._error_page(request, view, request_id)
        answer.headers.update(view.headers)
        return answer

    async def unmatched(self, request: web.Request) -> web.StreamResponse:
        """Answer what no route matched: 405 where the path answers other methods, else 404; and preflights."""
        began = perf_counter()
        request_id = self.request_id(request)
        allowed = await self._methods_of(request)
        if allowed and request.method == "OPTIONS":
            answer = self.headers.preflight(request, allowed)
        else:
            wants_page = "text/html" in request.headers.get(hdrs.ACCEPT, "") and request.method in SAFE_METHODS
            error: Exception = MethodNotAllowed(allowed) if allowed else NotFound("There is nothing at this address.")
            try:
                _refuse_large_headers(request)
            except HeadersTooLarge as large:
                error = large
            answer = self.failure(request, error, request_id, page=wants_page)
        self.headers.decorate(request, answer, request_id)
        method = request.method if request.method in hdrs.METH_ALL else "other"
        metrics = self._unmatched.get(method)
        if metrics is None:
            metrics = self._unmatched[method] = self.metrics.route(method, UNMATCHED)
        metrics.answered(answer.status, perf_counter() - began)
        path = redact_text(request.path[:256]).encode("unicode_escape").decode()
        write_access(logging.INFO, {"method": method, "path": path, "status": answer.status})
        return answer

    def add_to(self, router: web.UrlDispatcher, route: Route) -> None:
        """Put one route into the router."""
        endpoint = Endpoint(route, self)
        add = router.add_get if route.method == "GET" else partial(router.add_route, route.method)
        resource = add(route.path, endpoint.serve).resource
        assert resource is not None
        self._resources.setdefault(resource)

    async def _methods_of(self, request: web.Request) -> set[str]:
        allowed: set[str] = set()
        for resource in self._resources:
            _, methods = await resource.resolve(request)
            allowed |= methods
        return allowed

    def _by_cookie(self, request: web.Request, address: str) -> Principal:
        cookies = request.cookies
        token = next((cookies[name] for name in self.settings.session_cookies if name in cookies), None)
        if token is None:
            return self.authenticator.authenticate(None, None, address)
        try:
            principal = self.authenticator.authenticate(None, token, address)
        except Unauthorized:
            # The browser sends a dead cookie by itself: it must not close what is open to strangers.
            return self.authenticator.authenticate(None, None, address)
        if request.method not in SAFE_METHODS and not self.headers.is_same_site(request):
            raise CrossSiteRequest
        return principal


class Endpoint:
    """One mounted route."""

    def __init__(self, route: Route, edge: Edge) -> None:
        self._route = route
        self._edge = edge
        self._handler = route.handler
        self._reader = RequestReader(
            route, body_limit=edge.settings.body_limit_bytes, body_seconds=edge.settings.body_seconds
        )
        self._allowed = _allowed_roles(route.allow)
        self._metrics = edge.metrics.route(route.method, route.template)
        self._decorate = edge.headers.decorate_page if route.page else edge.headers.decorate
        self._scope = route.scope
        self._limit = route.limit
        self._is_read = route.method == "GET"

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        began = perf_counter()
        request_id = self._edge.request_id(request)
        call: Call | None = None
        try:
            _refuse_large_headers(request)
            call = self._admit(request, request_id)
            if self._reader.has_body:
                await self._reader.read(call)
            response = await self._handler(call)
        except Exception as error:
            if call is not None and call.started is not None:
                response = _cut_off(request, call.started, error)
            elif isinstance(error, ConnectionError) and _is_gone(request):
                response = web.Response(status=CLIENT_GONE)
            else:
                response = self._edge.failure(request, error, request_id, page=self._route.page)
        if not response.prepared and not self._edge.headers.go_straight(request, response, request_id):
            self._decorate(request, response, request_id)
        seconds = perf_counter() - began
        self._metrics.answered(response.status, seconds)
        if not self._is_read or response.status >= 400 or _access.isEnabledFor(logging.DEBUG):
            self._write_log(call, response.status, seconds)
        return response

    def _admit(self, request: web.Request, request_id: str) -> Call:
        edge = self._edge
        if edge.is_draining:
            raise Unavailable("The shop is shutting down.", retry_after_seconds=5)
        target = request.raw_path
        if "%00" in target and "%00" in target.partition("?")[0]:
            raise NotFound("There is nothing at this address.")
        address = edge.address_of(request)
        principal = edge.principal(request, address)
        if principal.role not in self._allowed:
            raise _refused(principal)
        scope = self._scope
        if scope is not None and not principal.may(scope) and principal.role is not Role.PUBLIC:
            raise MissingScope(scope=scope)
        edge.limiter.check(self._limit, principal, address)
        call = Call(request, principal, address=address, request_id=request_id, decorate=self._decorate)
        self._reader.admit(call, target.partition("?")[2] if "?" in target else "")
        return call

    def _write_log(self, call: Call | None, status: int, seconds: float) -> None:
        level = logging.WARNING if status >= 500 else logging.DEBUG if self._is_read and status < 400 else logging.INFO
        write_access(
            level,
            {
                "method": self._route.method,
                "route": self._route.template,
                "status": status,
                "milliseconds": round(seconds * 1000, 1),
                "caller": None if call is None else call.request.get(CALLER, call.principal.caller),
            },
        )


def mount(
    app: web.Application,
    routes: Iterable[Routes],
    *,
    authenticator: Authenticator,
    limiter: Limiter,
    metrics: HttpMetrics,
    settings: EdgeSettings | None = None,
    error_page: ErrorPage | None = None,
) -> Edge:
    """Put every declared route into the application's router and return what they share.

    Raises ``RouteError`` naming both when two routes clash, or two owners document one error code.
    """
    registries = list(routes)
    edge = Edge(
        authenticator=authenticator,
        limiter=limiter,
        metrics=metrics,
        settings=settings or EdgeSettings(),
        errors=ErrorTable((registry.owner, doc) for registry in registries for doc in registry.errors),
        error_page=error_page,
    )
    taken: dict[tuple[str, str], Route] = {}
    for route in (route for registry in registries for route in registry):
        other = taken.setdefault(route.shape, route)
        if other is not route:
            raise RouteError(f"{route.method} {route.path} is declared twice: by {other.place} and by {route.place}")
        unknown = set(route.refusals) - set(edge.errors.documented)
        if unknown:
            raise RouteError(f"{route.place} answers with undocumented error codes: {', '.join(sorted(unknown))}")
        edge.add_to(app.router, route)
    # The last resource of all. A middleware would do the same, but costs every request some 5 µs.
    app.router.add_route("*", UNMATCHED_PATH, edge.unmatched)
    return edge


def _refuse_large_headers(request: web.Request) -> None:
    if len(request.raw_path) > HEADER_BYTES or any(len(value) > HEADER_BYTES for _, value in request.raw_headers):
        raise HeadersTooLarge(f"The address and each header may have {HEADER_BYTES:,} bytes.")


@cache
def _allowed_roles(allow: Role) -> frozenset[Role]:
    everybody = allow.value == Role.PUBLIC.value
    return frozenset(role for role in Role if everybody or role.value & allow.value)


def _refused(principal: Principal) -> StorefrontError:
    if principal.role is Role.PUBLIC and principal.key_id is None:
        return Unauthorized("This route needs a credential.")
    return Forbidden("This kind of credential may not call this route.")


def _is_gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


def _cut_off(request: web.Request, started: web.StreamResponse, error: Exception) -> web.StreamResponse:
    # Half an answer is out already: only a broken connection tells the client that it is not whole.
    if not isinstance(error, ConnectionError):
        _log.error("stream failed", exc_info=error)
    if request.transport is not None:
        request.transport.abort()
    return started


def _translated(error: web.HTTPException) -> StorefrontError:
    match error:
        case web.HTTPNotFound():
            return NotFound("There is nothing at this address.")
        case web.HTTPMethodNotAllowed():
            return MethodNotAllowed(error.allowed_methods)
        case web.HTTPForbidden():
            return Forbidden()
    return Malformed() if error.status < 500 else StorefrontError()
