"""Merging customers over HTTP."""

from aiohttp import web

from storefront.core.idempotency import idempotency_key
from storefront.core.merging.merge import OPERATION, MergeRequest, merge
from storefront.core.principals import Role
from storefront.routing import Call, Routes, respond_once
from storefront.shapes import BOOLEAN, CUSTOMER, INTEGER, TEXT, JsonSchema, closed, nullable, table
from storefront.web.services import SERVICES
from storefront.web.shapes import REASON

routes = Routes("core", tags=["customers"])

_COUNTS: JsonSchema = {"type": "object", "additionalProperties": INTEGER}
_SIDE: JsonSchema = {"type": "object", "properties": {"id": TEXT}, "required": ["id"]}
MERGE: JsonSchema = closed(
    {
        "into": {**CUSTOMER, "description": "Who they are from now on; by your id, which must be known here."},
        "reason": REASON,
        "dry_run": {"type": "boolean", "default": False, "description": "Show what would move, and write nothing."},
    },
    required=["into", "reason"],
)
MERGED: JsonSchema = table(
    {
        "id": nullable(TEXT),
        "dry_run": BOOLEAN,
        "source": _SIDE,
        "target": _SIDE,
        "merged_at": nullable(TEXT),
        "wallets": {**_COUNTS, "description": "What moved of each virtual currency."},
        "debts": {**_COUNTS, "description": "What the target owes on top."},
        "unapplied": {**_COUNTS, "description": "Money received for goods that could not be given."},
        "items": {**_COUNTS, "description": "How many of each SKU moved."},
        "rows": {**_COUNTS, "description": "How many records of each kind are the target's now."},
    }
)


@routes.post(
    "/v1/customers/{customer:[^/]+}/merge",
    allow=Role.SERVER | Role.OPERATOR,
    body=MERGE,
    answers={200: MERGED},
    idempotent=True,
    scope="customers:merge",
    refusals=["merge_not_possible", "already_merged"],
)
async def merge_customers(call: Call) -> web.StreamResponse:
    """Make one customer another: all that is theirs moves, and their id is a name of the other from then on.

    It cannot be undone. While a purchase, hold, refund or review of one of the two is under way it is refused, with
    all `hindrances`: what it is, at whom, and how it ends. `dry_run` answers with what would move.
    """
    named, body = call.path("customer"), call.body
    wanted = MergeRequest(
        idempotency=idempotency_key(call.principal.caller, OPERATION, call.key, {"customer": named, **body}),
        source=named,
        target=body["into"],
        reason=body["reason"],
        is_dry_run=body.get("dry_run", False),
    )
    answer, is_replay = await merge(call.app[SERVICES], wanted)
    return respond_once(answer, is_replay=is_replay)
