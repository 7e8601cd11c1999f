"""All that is held about one customer, and taking it away, over HTTP: GDPR, articles 15 and 17."""

from contextlib import aclosing
from typing import Any

from aiohttp import hdrs, web

from storefront.core.principals import Role
from storefront.core.privacy.erasing import ErasureRequest, erase, preview_erasure
from storefront.core.privacy.exporting import find_person, stream_customer
from storefront.routing import Call, Routes, respond
from storefront.web.exports import send_piece
from storefront.web.services import SERVICES

SCOPE, ERASES = "privacy:read", "privacy:write"
_TIME = {"type": ["string", "null"], "format": "date-time"}
ERASE: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["reason"],
    "properties": {
        "reason": {"type": "string", "minLength": 1, "maxLength": 500,
                   "description": "Why, for the audit trail. It stays: name nobody."},
        "end": {"type": "boolean", "default": False, "description": "End what can be ended on the way."},
        "forfeit": {"type": "boolean", "default": False, "description": "Take out what is left in the wallets."},
        "dry_run": {"type": "boolean", "default": False, "description": "Only tell what would happen."},
    },
}  # fmt: skip
_OBSTACLE = {
    "type": "object",
    "required": ["what", "id", "how", "ends"],
    "properties": {
        "what": {"type": "string"},
        "id": {"type": "string"},
        "how": {"type": "string"},
        "ends": {"type": "boolean"},
    },
}
ERASURE: dict[str, Any] = {
    "type": "object",
    "required": ["id", "state"],
    "properties": {
        "id": {"type": "string"},
        "state": {"enum": ["possible", "refused", "erasing", "done"]},
        "begun_at": _TIME,
        "done_at": _TIME,
        "last_error": {"type": ["string", "null"]},
        "obstacles": {"type": "array", "items": _OBSTACLE},
        "wallets": {"type": "object", "additionalProperties": {"type": "integer"}},
        "erases": {"type": "object", "additionalProperties": {"type": "integer"}},
        "keeps": {"type": "array", "items": {"type": "object"}},
        "undeclared": {"type": "array", "items": {"type": "string"}},
    },
}

routes = Routes("core", tags=["privacy"])


@routes.get("/v1/customers/{customer}/export", allow=Role.SERVER | Role.OPERATOR, answers={200: None}, scope=SCOPE)
async def export_customer(call: Call) -> web.StreamResponse:
    """Send everything that is held about a customer as one JSON document, streamed: a section for each table.

    `{"customer", "id", "exported_at", "sections": {table: [row]}}`; plugins' tables are among them, and a table that
    holds nothing is an empty list. `customer` is the game's id or ours. It is written into the audit trail. A
    connection that breaks off before the end means that the document is not whole. It may name others (who gave a
    gift) and how fraud is told: read it before you hand it out.
    """
    return await send_person(call, call.principal.caller)


async def send_person(call: Call, actor: str) -> web.StreamResponse:
    """Send everything that is held about the customer whom the address names; raises ``NotFound``."""
    services = call.app[SERVICES]
    person = await find_person(services, call.path("customer"))
    headers: dict[str, str] = {
        hdrs.CONTENT_DISPOSITION: f'attachment; filename="{person.id}.json"',
        hdrs.CACHE_CONTROL: "no-store",
    }
    response = await call.stream("application/json", headers=headers)
    if call.request.method != hdrs.METH_HEAD:
        async with aclosing(stream_customer(services, person, actor=actor)) as pieces:
            async for piece in pieces:
                await send_piece(response, piece)
    await response.write_eof()
    return response


@routes.post(
    "/v1/customers/{customer}/erase",
    allow=Role.SERVER | Role.OPERATOR,
    body=ERASE,
    answers={200: ERASURE},
    idempotent=True,
    scope=ERASES,
    refusals=["erasure_refused", "plugin_away"],
)
async def erase_customer(call: Call) -> web.StreamResponse:
    """Erase a customer (the game's id, or ours) for good: everything personal goes, the books stay.

    Refused while anything is under way, with what and how to end it (`obstacles`); `end` ends what can be ended, and
    `forfeit` takes out what is left in wallets. From the answer on the game's id is unknown, sessions are refused, and
    nothing is charged any more; `state` says whether a job still blanks rows (`erasing`). Repeat it by our own id
    (`id`) to ask. Whoever was merged into them is erased with them; the name of one who was merged is refused.
    With `dry_run` nothing is written: `erases` counts rows by table, `keeps` says what the law keeps, and
    `undeclared` names tables of plugins that do not say what they hold: nothing in them is erased.
    """
    services, body = call.app[SERVICES], call.body
    named = call.path("customer")
    if body.get("dry_run", False):
        return respond(await preview_erasure(services, named))
    wanted = ErasureRequest(
        named, body["reason"], call.principal.caller, call.key, ends=body.get("end", False),
        forfeits=body.get("forfeit", False),
    )  # fmt: skip
    return respond(await erase(services, wanted))
