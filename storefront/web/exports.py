"""Exports over HTTP: which lists there are, and one of them as a file, streamed."""

import asyncio
from contextlib import aclosing

from aiohttp import hdrs, web

from storefront.core.exporting.formats import FORMATS, PARQUET, Encoder, Gzipped, encoder_for
from storefront.core.exporting.lists import NAMES, Export, Wanted
from storefront.core.exporting.running import Exports
from storefront.core.principals import Principal, Role
from storefront.routing import Call, Routes, respond
from storefront.web.errors import MissingScope
from storefront.web.export_shapes import EXPORT_QUERY, EXPORTS

SCOPE = "exports:read"
IDLE_SECONDS = 60.0
"""A client that takes nothing for so long has gone away: its read keeps the database from tidying up."""


def make_routes(exports: Exports) -> Routes:
    """Return the routes of a shop's exports."""
    routes = Routes("core", tags=["exports"])

    @routes.get("/v1/exports", allow=Role.OPERATOR, answers={200: EXPORTS}, scope=SCOPE)
    async def list_exports(call: Call) -> web.StreamResponse:
        """Say which lists can be taken out, by what each can be narrowed, and what its columns are."""
        return respond({"data": [one.to_json() for one in exports.lists.values()], "next": None})

    @routes.get("/v1/exports/{list}", allow=Role.OPERATOR, query=EXPORT_QUERY, answers={200: None}, scope=SCOPE)
    async def export_list(call: Call) -> web.StreamResponse:
        """Send a list as a file: all of its rows as they are at one moment, streamed, compressed if asked.

        CSV (RFC 4180, no cell begins a formula), Parquet (typed), or JSON lines. Beside `exports:read` the key needs
        the list's own scope. Few run at once: 503 says when to come back. Each is written into the audit trail. A
        connection that breaks off before the end means that the file is not whole.
        """
        return await send_export(call, exports, call.principal)

    return routes


async def send_export(call: Call, exports: Exports, principal: Principal) -> web.StreamResponse:
    """Send the list that the address and its query (``EXPORT_QUERY``) ask for, if the caller may read it.

    Raises:
        NotFound: there is no such list.
        MissingScope: it is not theirs to read.
    """
    export = need_export(exports, call.path("list"), principal)
    given = {name: call.query[name] for name in NAMES if name in call.query}
    return await send_rows(call, exports, await exports.read_filters(export, given), principal)


def need_export(exports: Exports, name: str, principal: Principal) -> Export:
    """Return a list that the caller may read; raises ``NotFound``, ``MissingScope``."""
    export = exports.need(name)
    if not principal.may(export.scope):
        raise MissingScope(scope=export.scope)
    return export


async def send_rows(call: Call, exports: Exports, wanted: Wanted, principal: Principal) -> web.StreamResponse:
    """Send rows of a list as the file that the query asks for (``FORMATS_QUERY``)."""
    export = wanted.export
    async with exports.slot():
        encoder = _encoder(call, export)
        response = await call.stream(FORMATS[call.query["format"]], headers=_headers(call, export, encoder))
        if call.request.method != hdrs.METH_HEAD:
            pieces = exports.stream(wanted, encoder, format_name=call.query["format"], actor=principal.caller)
            async with aclosing(pieces):
                async for piece in pieces:
                    await send_piece(response, piece)
        await response.write_eof()
    return response


def _encoder(call: Call, export: Export) -> Encoder:
    found = encoder_for(call.query["format"], export.columns, has_bom=call.query["bom"])
    asked = call.request.headers.get(hdrs.ACCEPT_ENCODING, "").lower()
    accepted = {one.strip() for one in asked.split(",")}
    # A Parquet file is compressed already.
    return Gzipped(found) if "gzip" in accepted and call.query["format"] != PARQUET else found


def _headers(call: Call, export: Export, encoder: Encoder) -> dict[str, str]:
    packed: dict[str, str] = {hdrs.CONTENT_ENCODING: "gzip"} if isinstance(encoder, Gzipped) else {}
    return {
        hdrs.CONTENT_DISPOSITION: f'attachment; filename="{export.name}.{call.query["format"]}"',
        hdrs.CACHE_CONTROL: "no-store",
        hdrs.VARY: str(hdrs.ACCEPT_ENCODING),
        **packed,
    }


async def send_piece(response: web.StreamResponse, piece: bytes) -> None:
    """Send a piece of a file; raises ``ConnectionResetError`` if the client takes nothing for a minute."""
    try:
        async with asyncio.timeout(IDLE_SECONDS):
            await response.write(piece)
    except TimeoutError as error:
        raise ConnectionResetError("The client takes nothing any more.") from error
