"""How a route is declared, by the core's handlers and by a plugin's alike.

A ``Routes`` registry collects declarations and touches nothing else; ``web/edge.py`` mounts them. A
handler takes one ``Call`` (caller, checked body, converted query) and answers with ``respond``; what
goes wrong it raises (``core/errors.py``), and the edge writes the problem document.

    routes = Routes("core")

    @routes.post("/v1/purchases", allow=Role.CUSTOMER | Role.SERVER, body=CREATE_PURCHASE, answers={201: PURCHASE},
                 idempotent=True, limit="checkout")
    async def create_purchase(call: Call) -> web.StreamResponse:
        \"\"\"Buy one offer.\"\"\"
"""

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import getdoc
from typing import Any, TypedDict, Unpack

from aiohttp import hdrs, web

from storefront.answers import not_modified, problem, redirect, respond, respond_bytes, respond_once
from storefront.core.principals import Principal, Role
from storefront.networks import network_of

__all__ = (
    "CALLER",
    "Call",
    "ErrorDoc",
    "Handler",
    "JsonSchema",
    "Role",
    "Route",
    "RouteError",
    "RouteOptions",
    "Routes",
    "not_modified",
    "problem",
    "redirect",
    "respond",
    "respond_bytes",
    "respond_once",
)

JsonSchema = Mapping[str, Any]
CALLER = web.RequestKey("caller", str)
"""Under this a request says who sent it where only its handler finds out, such as an operator: for the access log."""
LIMIT_CLASSES = ("read", "write", "checkout", "sign_in", "webhook")
METHODS_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})

_PARAMETER = re.compile(r"\{(\w+)(?::[^{}]+)?\}")


class RouteError(Exception):
    """A route is declared wrongly; the start fails with this message."""


@dataclass(frozen=True, slots=True)
class ErrorDoc:
    """One line of the error reference: a stable ``code``, its status, and what the caller can do."""

    code: str
    status: int
    title: str
    advice: str


class Call:
    """One request, after authentication, limits and validation.

    ``body`` is the checked JSON object (or form), ``{}`` on routes without one; ``raw`` are the bytes of
    routes that asked for them. ``query`` holds converted values, defaults filled in. ``address`` is the
    client's, found through the trusted proxies. Path parameters come by ``path("id")``.
    """

    __slots__ = (
        "_decorate",
        "address",
        "body",
        "idempotency_key",
        "principal",
        "query",
        "raw",
        "request",
        "request_id",
        "started",
    )

    def __init__(
        self,
        request: web.Request,
        principal: Principal,
        *,
        address: str,
        request_id: str,
        decorate: Callable[[web.Request, web.StreamResponse, str], None],
    ) -> None:
        self._decorate = decorate
        self.request = request
        self.principal = principal
        self.address = address
        self.request_id = request_id
        self.body: dict[str, Any] = {}
        self.raw: bytes = b""
        self.query: dict[str, Any] = {}
        self.idempotency_key: str | None = None
        self.started: web.StreamResponse | None = None

    @property
    def customers_network(self) -> str | None:
        """Where a customer's own request came from, as limits count it; None of what a server asks for."""
        return network_of(self.address) if self.principal.role is Role.CUSTOMER else None

    @property
    def app(self) -> web.Application:
        """The application, for its typed keys: ``call.app[SERVICES]``."""
        return self.request.app

    @property
    def key(self) -> str:
        """The idempotency key of a route that requires one."""
        assert self.idempotency_key is not None, "declare the route with idempotent=True"
        return self.idempotency_key

    @property
    def version_seen(self) -> int:
        """The last version of the customer's state that the caller says it has seen; 0 if it says none."""
        text = self.request.headers.get("X-Customer-Version", "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0

    def path(self, name: str) -> str:
        """Return a parameter of the path, decoded."""
        return self.request.match_info[name]

    def matches(self, etag: str) -> bool:
        """Tell whether the caller already holds the version named by ``etag`` (quoted, RFC 9110 §13.1.2)."""
        held = self.request.headers.get(hdrs.IF_NONE_MATCH)
        if held is None:
            return False
        return held.strip() == "*" or etag in {item.strip().removeprefix("W/") for item in held.split(",")}

    async def stream(self, content_type: str, *, headers: Mapping[str, str] | None = None) -> web.StreamResponse:
        """Start a streamed answer (server-sent events, a file); the edge's headers are on it."""
        given = {"Content-Type": content_type, "X-Accel-Buffering": "no", **(headers or {})}
        response = web.StreamResponse(headers=given)
        self._decorate(self.request, response, self.request_id)
        await response.prepare(self.request)
        self.started = response
        return response


Handler = Callable[[Call], Awaitable[web.StreamResponse]]


class RouteOptions(TypedDict, total=False):
    """What a declaration may say beside its path and ``allow``.

    ``body``/``form``: JSON Schema of the JSON object / of the flat HTML form; it must say
    ``additionalProperties``. ``query``: a flat object of string, integer, boolean and enum parameters.
    ``answers``: schema per success status. ``refusals``: error codes beyond those that every route has.
    ``idempotent``: the ``Idempotency-Key`` header is required. ``limit``: the rate-limit class (default:
    ``read`` for GET, else ``write``). ``scope``: what the credential must carry. ``raw_body``: the handler
    gets bytes (``call.raw``). ``page``: HTML; its errors are pages too. ``body_limit``: bytes. ``may_lack_body``: no
    body means the same as ``{}``. ``media``: media type -> schema, to document what a handler of raw bytes takes.
    ``menu``: what the shop's page calls this page in its menu.
    """

    summary: str
    body: JsonSchema
    form: JsonSchema
    query: JsonSchema
    answers: Mapping[int, JsonSchema | None]
    refusals: Sequence[str]
    idempotent: bool
    limit: str
    scope: str | None
    raw_body: bool
    page: bool
    tags: Sequence[str]
    body_limit: int
    may_lack_body: bool
    media: Mapping[str, JsonSchema]
    menu: str


@dataclass(frozen=True, slots=True)
class Route:
    """One declaration; ``RouteOptions`` says what the fields mean."""

    owner: str
    method: str
    path: str
    handler: Handler
    allow: Role
    summary: str
    description: str
    body: JsonSchema | None = None
    form: JsonSchema | None = None
    query: JsonSchema | None = None
    answers: Mapping[int, JsonSchema | None] = field(default_factory=dict)
    refusals: tuple[str, ...] = ()
    idempotent: bool = False
    limit: str = "read"
    scope: str | None = None
    raw_body: bool = False
    page: bool = False
    tags: tuple[str, ...] = ()
    body_limit: int | None = None
    may_lack_body: bool = False
    media: Mapping[str, JsonSchema] = field(default_factory=dict)
    menu: str | None = None

    @property
    def template(self) -> str:
        """The path as OpenAPI writes it: parameters without their patterns."""
        return _PARAMETER.sub(r"{\1}", self.path)

    @property
    def parameters(self) -> tuple[str, ...]:
        return tuple(_PARAMETER.findall(self.path))

    @property
    def shape(self) -> tuple[str, str]:
        """What two routes may not share: the method, and the path with its parameters made nameless."""
        return self.method, _PARAMETER.sub("{}", self.path)

    @property
    def place(self) -> str:
        """Where it is declared, for messages: ``fraud (storefront_fraud.routes.list_reviews)``."""
        name = getattr(self.handler, "__qualname__", repr(self.handler))
        return f"{self.owner} ({getattr(self.handler, '__module__', '?')}.{name})"


class Routes:
    """The routes of one owner (``core`` or a plugin's name), in the order of their declaration.

    ``errors`` documents the codes that only this owner's routes answer with.
    """

    def __init__(self, owner: str, *, tags: Sequence[str] = (), errors: Sequence[ErrorDoc] = ()) -> None:
        self.owner = owner
        self.errors = tuple(errors)
        self._tags = tuple(tags) or (owner,)
        self._routes: list[Route] = []

    def __iter__(self) -> Iterator[Route]:
        return iter(self._routes)

    def __len__(self) -> int:
        return len(self._routes)

    def add(
        self, method: str, path: str, *, allow: Role, **options: Unpack[RouteOptions]
    ) -> Callable[[Handler], Handler]:
        """Declare a route; the handler's docstring documents it (first line: summary, rest: description).

        ``allow``: who may call it. ``Role.PUBLIC`` alone opens it to everybody (a valid credential is
        still recognised); in a union the listed roles may, and strangers if PUBLIC is among them.
        """

        def declare(handler: Handler) -> Handler:
            first, _, rest = (getdoc(handler) or "").partition("\n")
            route = Route(
                owner=self.owner,
                method=method,
                path=path,
                handler=handler,
                allow=allow,
                summary=options.get("summary") or first.strip().rstrip("."),
                description=rest.strip(),
                body=options.get("body"),
                form=options.get("form"),
                query=options.get("query"),
                answers=options.get("answers", {}),
                refusals=tuple(options.get("refusals", ())),
                idempotent=options.get("idempotent", False),
                limit=options.get("limit", "read" if method == "GET" else "write"),
                scope=options.get("scope"),
                raw_body=options.get("raw_body", False),
                page=options.get("page", False),
                tags=tuple(options.get("tags", self._tags)),
                body_limit=options.get("body_limit"),
                may_lack_body=options.get("may_lack_body", False),
                media=options.get("media", {}),
                menu=options.get("menu"),
            )
            _check(route)
            self._routes.append(route)
            return handler

        return declare

    def get(self, path: str, *, allow: Role, **options: Unpack[RouteOptions]) -> Callable[[Handler], Handler]:
        """Declare a GET; HEAD comes with it."""
        return self.add("GET", path, allow=allow, **options)

    def post(self, path: str, *, allow: Role, **options: Unpack[RouteOptions]) -> Callable[[Handler], Handler]:
        """Declare a POST."""
        return self.add("POST", path, allow=allow, **options)

    def put(self, path: str, *, allow: Role, **options: Unpack[RouteOptions]) -> Callable[[Handler], Handler]:
        """Declare a PUT."""
        return self.add("PUT", path, allow=allow, **options)

    def delete(self, path: str, *, allow: Role, **options: Unpack[RouteOptions]) -> Callable[[Handler], Handler]:
        """Declare a DELETE."""
        return self.add("DELETE", path, allow=allow, **options)


def _check(route: Route) -> None:
    wrong = _mistake(route)
    if wrong:
        raise RouteError(f"{route.method} {route.path}, declared by {route.place}: {wrong}")


def _mistake(route: Route) -> str | None:
    bodies = sum((route.body is not None, route.form is not None, route.raw_body))
    schemas = {"body": route.body, "form": route.form, "query": route.query}
    open_schema = next((name for name, schema in schemas.items() if schema and not _is_closed(schema)), None)
    found = {
        "say who may call it: allow=Role.…": not isinstance(route.allow, Role) or not route.allow.value,
        "the path must begin with /": not route.path.startswith("/"),
        f"limit must be one of {', '.join(LIMIT_CLASSES)}": route.limit not in LIMIT_CLASSES,
        "write a docstring; its first line is the summary": not route.summary,
        "body, form and raw_body exclude each other": bodies > 1,
        f"a {route.method} has no body": bodies > 0 and route.method not in METHODS_WITH_BODY,
        f"the {open_schema} schema must say additionalProperties: unknown members are refused here": open_schema,
    }
    return next((mistake for mistake, is_made in found.items() if is_made), None)


def _is_closed(schema: JsonSchema) -> bool:
    return schema.get("type") != "object" or "additionalProperties" in schema or "unevaluatedProperties" in schema
