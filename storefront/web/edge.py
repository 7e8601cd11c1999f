"""Mounts declared routes: everything that happens around a handler, in one flat coroutine per route.

Order: request id → credential → rule and scope → rate limit → query → idempotency key → body → handler →
problem document, headers, metrics, log. There is no chain of middlewares, because each costs every
request; the one outer middleware answers what matched no route. Two routes that clash fail the start.
"""

import logging
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol

import structlog
import uuid_utils
from aiohttp import hdrs, web

from storefront.core.errors import Forbidden, Malformed, NotFound, StorefrontError, Unauthorized, Unavailable
from storefront.core.principals import Principal, Role
from storefront.routing import Call, Route, RouteError, Routes
from storefront.web.addresses import ClientAddress
from storefront.web.auth import Authenticator
from storefront.web.errors import CrossSiteRequest, ErrorTable, ErrorView, MethodNotAllowed, MissingScope
from storefront.web.headers import REQUEST_ID_HEADER, EdgeHeaders
from storefront.web.logs import REQUEST_ID, write_access
from storefront.web.metrics import UNMATCHED, HttpMetrics, RouteMetrics
from storefront.web.reading import RequestReader

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

ErrorPage = Callable[[web.Request, ErrorView, str], web.Response]
"""Renders an error as HTML; the text is the request id."""

_VISIBLE = re.compile(r"[!-~]{1,128}")
_access = logging.getLogger("storefront.access")
_log = structlog.stdlib.get_logger("storefront.access")


class Limiter(Protocol):
    """What the edge needs of a rate limiter; both raise ``RateLimited``."""

    def check(self, limit_class: str, principal: Principal, address: str) -> None:
        """Take a token for this request."""

    def failed_sign_in(self, address: str) -> None:
        """Count a dead credential."""


@dataclass(frozen=True, slots=True)
class EdgeSettings:
    """``public_url`` and ``allowed_origins`` are origins; ``session_cookies`` are tried in their order."""

    public_url: str = ""
    allowed_origins: frozenset[str] = frozenset()
    trusted_proxies: tuple[str, ...] = ()
    body_limit_bytes: int = 1_048_576
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

    def drain(self) -> None:
        """Refuse new requests with 503 from now on; those at work finish."""
        self.is_draining = True

    def principal(self, request: web.Request, address: str) -> Principal:
        """Authenticate by header, else by the session cookie of our own pages."""
        headers = request.headers
        if hdrs.AUTHORIZATION not in headers:
            if hdrs.COOKIE in headers:
                return self._by_cookie(request, address)
            return self.authenticator.authenticate(None, None, address)
        given = headers.getall(hdrs.AUTHORIZATION)
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

    @web.middleware
    async def unmatched(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Answer what no route matched; errors of handlers that were not mounted here end here too."""
        raised = request.match_info.http_exception
        if raised is None:
            try:
                return await handler(request)
            except web.HTTPException as error:
                raised = error
            except Exception as error:
                return self._plain_failure(request, error)
        return self._plain_failure(request, raised)

    def _plain_failure(self, request: web.Request, error: Exception) -> web.StreamResponse:
        began = perf_counter()
        request_id = request_id_of(request)
        if request.method == "OPTIONS" and isinstance(error, web.HTTPMethodNotAllowed):
            answer = self.headers.preflight(request, error.allowed_methods)
        else:
            wants_page = "text/html" in request.headers.get(hdrs.ACCEPT, "") and request.method in SAFE_METHODS
            answer = self.failure(request, error, request_id, page=wants_page)
        self.headers.decorate(request, answer, request_id)
        method = request.method if request.method in hdrs.METH_ALL else "other"
        metrics = self._unmatched.get(method)
        if metrics is None:
            metrics = self._unmatched[method] = self.metrics.route(method, UNMATCHED)
        metrics.answered(answer.status, perf_counter() - began)
        _log.info("answered", method=method, path=request.path, status=answer.status)
        return answer

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
        self._reader = RequestReader(route, body_limit=edge.settings.body_limit_bytes)
        self._allowed = _allowed_roles(route.allow)
        self._metrics = edge.metrics.route(route.method, route.template)
        self._decorate = edge.headers.decorate_page if route.page else edge.headers.decorate
        self._is_read = route.method == "GET"

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        began = perf_counter()
        request_id = request_id_of(request)
        call: Call | None = None
        try:
            call = self._admit(request, request_id)
            if self._reader.has_body:
                await self._reader.read(call)
            response = await self._handler(call)
        except Exception as error:
            if call is not None and call.started is not None:
                response = _cut_off(request, call.started, error)
            else:
                response = self._edge.failure(request, error, request_id, page=self._route.page)
        if not response.prepared:
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
        path, _, query = request.raw_path.partition("?")
        if "%00" in path:
            raise NotFound
        address = edge.address_of(request)
        principal = edge.principal(request, address)
        if principal.role not in self._allowed:
            raise _refused(principal)
        scope = self._route.scope
        if scope is not None and principal.role is not Role.PUBLIC and not principal.may(scope):
            raise MissingScope(scope=scope)
        edge.limiter.check(self._route.limit, principal, address)
        call = Call(request, principal, address=address, request_id=request_id, decorate=self._decorate)
        self._reader.admit(call, query)
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
                "caller": None if call is None else call.principal.caller,
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
        endpoint = Endpoint(route, edge)
        if route.method == "GET":
            app.router.add_get(route.path, endpoint.serve)
        else:
            app.router.add_route(route.method, route.path, endpoint.serve)
    app.middlewares.append(edge.unmatched)
    return edge


def request_id_of(request: web.Request) -> str:
    """Echo a sane ``X-Request-Id`` or make one; log lines of this task carry it from here on."""
    request_id = request.headers.get(REQUEST_ID_HEADER)
    if request_id is None or not _VISIBLE.fullmatch(request_id):
        request_id = f"req_{uuid_utils.uuid7().hex}"
    REQUEST_ID.set(request_id)
    return request_id


def _allowed_roles(allow: Role) -> frozenset[Role]:
    everybody = allow.value == Role.PUBLIC.value
    return frozenset(role for role in Role if everybody or role.value & allow.value)


def _refused(principal: Principal) -> StorefrontError:
    if principal.role is Role.PUBLIC and principal.key_id is None:
        return Unauthorized("This route needs a credential.")
    return Forbidden("This kind of credential may not call this route.")


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
