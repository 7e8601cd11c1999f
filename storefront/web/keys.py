"""API keys over HTTP, for operators."""

from aiohttp import web

from storefront.core.api_keys import SCOPES, KeyKind, unknown_scope
from storefront.core.clock import DAY_MS, iso
from storefront.core.errors import FieldError, Invalid
from storefront.core.principals import ALL_SCOPES, Role
from storefront.routing import Call, Routes, respond
from storefront.web.services import KEYS, SERVICES
from storefront.web.shapes import CREATE_KEY, NEW_KEY
from storefront.web.shapes import KEYS as KEY_LIST

routes = Routes("core", tags=["keys"])
KINDS = {"server": KeyKind.SERVER, "publishable": KeyKind.PUBLISHABLE, "operator": KeyKind.OPERATOR}


@routes.get("/v1/keys", allow=Role.OPERATOR, answers={200: KEY_LIST}, scope="keys:write")
async def list_keys(call: Call) -> web.StreamResponse:
    """List the keys that were made here, newest first; a key itself is never shown again."""
    return respond({"data": await call.app[KEYS].all(), "next": None})


@routes.post("/v1/keys", allow=Role.OPERATOR, body=CREATE_KEY, answers={201: NEW_KEY}, scope="keys:write")
async def create_key(call: Call) -> web.StreamResponse:
    """Make a key. It is answered once and only its hash is kept, so this route takes no Idempotency-Key."""
    scopes = call.body.get("scopes", [ALL_SCOPES])
    unknown = unknown_scope(scopes, call.app[SERVICES].config.plugins)
    if unknown is not None:
        words = f"must be one of {', '.join(sorted(SCOPES))}, or *"
        raise Invalid(f"There is no scope called {unknown}.", errors=[FieldError("/scopes", words)])
    days = call.body.get("expires_in_days")
    now = call.app[SERVICES].clock.wall()
    expires_at = None if days is None else now + days * DAY_MS
    kind = KINDS[call.body["kind"]]
    made = await call.app[KEYS].create(
        kind, name=call.body["name"], scopes=scopes, expires_at=expires_at, actor=call.principal.caller
    )
    return respond(
        {
            "id": made.record.key_id,
            "kind": call.body["kind"],
            "name": call.body["name"],
            "scopes": sorted(scopes),
            "created_at": iso(now),
            "expires_at": None if expires_at is None else iso(expires_at),
            "revoked_at": None,
            "key": made.plaintext,
        },
        status=201,
    )


@routes.delete("/v1/keys/{id}", allow=Role.OPERATOR, answers={204: None}, scope="keys:write")
async def revoke_key(call: Call) -> web.StreamResponse:
    """Revoke a key at once. Safe to repeat."""
    await call.app[KEYS].revoke(call.path("id"), actor=call.principal.caller)
    return web.Response(status=204)
