"""Pay per use over HTTP: events come in, sums and lines are looked at, a feature is used up by quantity."""

import re

from aiohttp import web

from storefront.core.clock import parse_iso
from storefront.core.errors import FieldError, Invalid, Malformed
from storefront.core.idempotency import idempotency_key
from storefront.core.principals import Role
from storefront.core.usage.consuming import ConsumeFeature, consume_feature
from storefront.core.usage.events import MOST_EVENTS
from storefront.core.usage.ingesting import ingest_usage
from storefront.core.usage.reading import accounts_of, default_start, list_lines, need_meter, usage_of
from storefront.routing import Call, Routes, respond, respond_once
from storefront.web.services import SERVICES
from storefront.web.shapes import OF_CUSTOMER, PAGE
from storefront.web.strict_json import require_media
from storefront.web.usage_documents import parse_events
from storefront.web.usage_shapes import (
    CONSUME,
    CONSUMED,
    INGESTED,
    USAGE_EVENT,
    USAGE_EVENTS,
    USAGE_LINES,
    USAGE_QUERY,
    USAGE_SUMS,
)

routes = Routes("core", tags=["usage"])
_BATCH, _EVENT, _JSON = "application/cloudevents-batch+json", "application/cloudevents+json", "application/json"
_MEDIA_TYPE = re.compile(
    r"application/(?:json|cloudevents(?:-batch)?\+json)\s*(?:;\s*charset=\"?utf-?8\"?\s*)?", re.IGNORECASE
)
BODY_LIMIT_BYTES = 4 * 2**20


class TooManyEvents(Malformed):
    code = "too_many_events"
    title = "So many usage events do not go into one request"


@routes.post(
    "/v1/usage",
    allow=Role.SERVER,
    raw_body=True,
    media={_BATCH: USAGE_EVENTS, _EVENT: USAGE_EVENT, _JSON: {"anyOf": [USAGE_EVENTS, USAGE_EVENT]}},
    body_limit=BODY_LIMIT_BYTES,
    answers={200: INGESTED},
    scope="usage:write",
    refusals=["too_many_events"],
)
async def report_usage(call: Call) -> web.StreamResponse:
    """Report usage: one CloudEvent, or up to 1,000 of them.

    Each event counts once by its `source` and `id`, which is why no Idempotency-Key is needed: send the same events
    again until they are answered. An event that cannot count is named in `rejected`; it spoils no other, and its id
    stays free. A customer is made on first sight.
    """
    require_media(call.request, _MEDIA_TYPE, f"{_BATCH}, {_EVENT} or {_JSON}")
    document = parse_events(call.raw)
    documents = document if isinstance(document, list) else [document]
    if not documents or not isinstance(document, list | dict):
        raise Invalid("Send a CloudEvent, or a list of them.", errors=[FieldError("", "must hold at least one event")])
    if len(documents) > MOST_EVENTS:
        raise TooManyEvents(f"At most {MOST_EVENTS} events go into one request.", at_most=MOST_EVENTS)
    found = await ingest_usage(call.app[SERVICES], documents, actor=call.principal.caller)
    rejected = [{"index": one.place, "reason": one.reason, "detail": one.detail} for one in found.rejected]
    return respond({"accepted": found.accepted, "duplicates": found.duplicates, "rejected": rejected})


@routes.get(
    "/v1/usage",
    allow=Role.CUSTOMER | Role.SERVER,
    query=USAGE_QUERY,
    answers={200: USAGE_SUMS},
    scope="usage:read",
)
async def show_usage(call: Call) -> web.StreamResponse:
    """Sum up what a meter counted for a customer, by UTC hours or days; hours without events are left out.

    `until` is now if absent, and `from` the beginning of the meter's period around `until` (of a lifetime: thirty days
    before). `accounts` are of prepaid features that the meter charges, over all time.
    """
    services, query = call.app[SERVICES], call.query
    customer_id = await services.customer_of(call.principal, query.get("customer"))
    meter = need_meter(services, query["meter"])
    # Just after the present moment, so that its own hour is among them.
    end = _instant(query, "until") if "until" in query else services.clock.now() + 1
    begin = _instant(query, "from") if "from" in query else default_start(meter, end - 1)
    data, quantity = await usage_of(services, customer_id, meter, begin=begin, end=end, step=query["step"])
    events = sum(one["events"] for one in data)
    accounts = await accounts_of(services, customer_id, meter)
    return respond({"meter": meter.name, "quantity": quantity, "events": events, "data": data, "accounts": accounts})


@routes.get(
    "/v1/usage/lines",
    allow=Role.SERVER | Role.OPERATOR,
    query={**PAGE, "properties": {**PAGE["properties"], **OF_CUSTOMER["properties"]}},
    answers={200: USAGE_LINES},
    scope="usage:read",
)
async def show_lines(call: Call) -> web.StreamResponse:
    """List what closed periods of postpaid usage cost, and corrections, oldest first: of all customers, or of one."""
    services, named = call.app[SERVICES], call.query.get("customer")
    customer_id = None if named is None else await services.customers.need(named)
    shown, following = await list_lines(services, customer_id, limit=call.query["limit"], after=call.query.get("after"))
    return respond({"data": shown, "next": following})


@routes.post(
    "/v1/entitlements/{key:[^/]+}/consume",
    allow=Role.SERVER,
    body=CONSUME,
    answers={200: CONSUMED},
    idempotent=True,
    scope="usage:write",
    refusals=["insufficient_funds", "not_consumable"],
)
async def consume(call: Call) -> web.StreamResponse:
    """Use up a quantity of a metered feature, as a usage event would, once per Idempotency-Key.

    A feature whose wallet cannot pay for it refuses, if it says `on_exhausted: reject`; `usage.exhausted` is sent as
    for an event.
    """
    services, body, feature = call.app[SERVICES], call.body, call.path("key")
    operation = "POST /v1/entitlements/{key}/consume"
    wanted = ConsumeFeature(
        idempotency=idempotency_key(call.principal.caller, operation, call.key, {**body, "key": feature}),
        customer_id=await services.customers.need(body["customer"]),
        feature=feature,
        quantity=body.get("quantity", 1),
    )
    answer, is_replay = await consume_feature(services, wanted)
    return respond_once(answer, is_replay=is_replay)


def _instant(query: dict[str, str], name: str) -> int:
    try:
        return parse_iso(query[name])
    except (ValueError, OverflowError) as wrong:
        message = "must be an RFC 3339 time with its zone"
        raise Invalid("This is not an instant.", errors=[FieldError(f"?{name}", message)]) from wrong
