"""Reads what a request brings, as its route declared it: idempotency key, query, body."""

import re

from aiohttp import web
from multidict import istr

from storefront.core.errors import Malformed
from storefront.routing import Call, Route
from storefront.web.errors import IdempotencyKeyInvalid, IdempotencyKeyRequired
from storefront.web.parameters import NO_PARAMETERS, Parameters
from storefront.web.strict_json import parse, read_body, require_form, require_json
from storefront.web.validation import BodySchema

_IDEMPOTENCY_KEY = istr("Idempotency-Key")
_VISIBLE = re.compile(r"[!-~]{1,255}")
_NO_QUERY = Parameters(NO_PARAMETERS, prefix="?")


class RequestReader:
    """Compiled once per route; ``has_body`` tells whether ``read`` must be awaited at all."""

    __slots__ = ("_body", "_form", "_idempotent", "_limit", "_may_lack", "_query", "_raw", "_seconds", "has_body")

    def __init__(self, route: Route, *, body_limit: int, body_seconds: float) -> None:
        self._seconds = body_seconds
        self._limit = route.body_limit or body_limit
        self._idempotent = route.idempotent
        self._raw = route.raw_body
        self._may_lack = route.may_lack_body
        self._body = BodySchema(route.body) if route.body is not None else None
        self._form = Parameters(route.form, prefix="/") if route.form is not None else None
        self._query = self._parameters(route)
        self.has_body = self._raw or self._body is not None or self._form is not None

    def admit(self, call: Call, query: str) -> None:
        """Check what needs no waiting: the query and the idempotency key."""
        if self._query is not None:
            call.query = self._query.parse(query)
        if self._idempotent:
            given = call.request.headers.getall(_IDEMPOTENCY_KEY, [])
            if not given:
                raise IdempotencyKeyRequired
            if len(given) > 1 or not _VISIBLE.fullmatch(given[0]):
                raise IdempotencyKeyInvalid
            call.idempotency_key = given[0]

    async def read(self, call: Call) -> None:
        """Read, parse and check the body."""
        request = call.request
        if self._body is not None:
            if self._may_lack and not request.body_exists:
                return
            require_json(request)
            parsed = parse(await self._bytes(request))
            self._body.check(parsed.document, odd_numbers=parsed.odd_numbers)
            call.body = parsed.document
        elif self._form is not None:
            require_form(request)
            call.body = self._form.parse(_ascii(await self._bytes(request)))
        else:
            call.raw = await self._bytes(request)

    async def _bytes(self, request: web.Request) -> bytes:
        return await read_body(request, limit=self._limit, seconds=self._seconds)

    @staticmethod
    def _parameters(route: Route) -> Parameters | None:
        if route.query is not None:
            return Parameters(route.query, prefix="?")
        # Links to pages collect foreign parameters (utm_…), and a gateway may add its own.
        return None if route.page or route.raw_body else _NO_QUERY


def _ascii(body: bytes) -> str:
    try:
        return body.decode("ascii")
    except UnicodeDecodeError:
        raise Malformed("A form is sent in ASCII, everything else percent-encoded.") from None
