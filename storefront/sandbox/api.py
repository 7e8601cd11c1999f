"""The HTTP edge of the emulated API: keys, versions, faults, idempotency, and Stripe's error documents."""

from __future__ import annotations

import base64
import binascii
import hmac
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from storefront.sandbox import (
    account_links,
    accounts,
    balance,
    balance_transactions,
    charges,
    checkout_sessions,
    customers,
    disputes,
    events,
    external_accounts,
    fraud_warnings,
    idempotency,
    mandates,
    meter_events,
    meters,
    payment_intents,
    payment_methods,
    payouts,
    refunds,
    reviews,
    setup_intents,
    transfer_reversals,
    transfers,
    webhook_endpoints,
)
from storefront.sandbox.errors import ApiError, invalid
from storefront.sandbox.faults import Manner, Rule
from storefront.sandbox.forms import Tree, decode
from storefront.sandbox.idempotency import Reply
from storefront.sandbox.operations import Operation, expand
from storefront.sandbox.params import Checked, check
from storefront.sandbox.sandbox import Sandbox
from storefront.sandbox.store import PLATFORM, Body
from storefront.sandbox.suffering import Lost, dropped, suffer_after, suffer_before
from storefront.sandbox.world import API_VERSION, Cause, World, encoded, new_id

log = logging.getLogger(__name__)

OPERATIONS: tuple[Operation, ...] = (
    *account_links.OPERATIONS,
    *accounts.OPERATIONS,
    *balance.OPERATIONS,
    *balance_transactions.OPERATIONS,
    *charges.OPERATIONS,
    *checkout_sessions.OPERATIONS,
    *customers.OPERATIONS,
    *disputes.OPERATIONS,
    *events.OPERATIONS,
    *external_accounts.OPERATIONS,
    *fraud_warnings.OPERATIONS,
    *mandates.OPERATIONS,
    *meter_events.OPERATIONS,
    *meters.OPERATIONS,
    *payment_intents.OPERATIONS,
    *payment_methods.OPERATIONS,
    *payouts.OPERATIONS,
    *refunds.OPERATIONS,
    *reviews.OPERATIONS,
    *setup_intents.OPERATIONS,
    *transfer_reversals.OPERATIONS,
    *transfers.OPERATIONS,
    *webhook_endpoints.OPERATIONS,
)
MOST_BODY_BYTES = 512 * 1024
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Call:
    """One request, read and matched to its operation."""

    line: str  # "POST /v1/refunds"
    operation: Operation
    ids: Sequence[str]
    parameters: Tree
    key: str | None
    request_id: str
    account: str = PLATFORM  # the connected account that ``Stripe-Account`` names

    @property
    def key_of_account(self) -> str | None:
        """The idempotency key as it is kept: each account has its own."""
        return f"{self.account} {self.key}" if self.key and self.account != PLATFORM else self.key


class Api:
    """Answers everything under ``/v1/``."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._keys_in_use: set[str] = set()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Handle one request from key check to reply, suffering whatever fault was ordered for it."""
        request_id = new_id("req", 14)
        fault: Rule | None = None
        try:
            check_secret_key(request, self._sandbox.secret_key)
            _check_headers(request)
            call = await _read(request, request_id)
            fault = self._sandbox.faults.take(call.line)
            reply = await self._reply(request, call, fault)
        except ApiError as error:
            reply = Reply(error.status, encoded(error.body()), request_id)
        except Lost:
            return dropped(request, fault.manner if fault else Manner.CLOSE)
        except Exception:  # the edge: a bug answers 500 in Stripe's shape, and its trace goes to the log
            log.exception("the sandbox failed on %s %s", request.method, request.path)
            failure = ApiError(500, "The sandbox failed; its log says why.", type="api_error")
            reply = Reply(500, encoded(failure.body()), request_id)
        return await suffer_after(request, fault, _response(request, reply, request_id), self._older_id)

    async def _older_id(self, answer: Body) -> str | None:
        """The id of the object of the same kind that was made just before this one."""

        def look(world: World) -> str | None:
            position = world.records.position(answer["object"], answer["id"])
            older = world.records.select(answer["object"], [("seq < ?", position)], limit=1)
            return str(older[0]["id"]) if older else None

        return await self._sandbox.act(look) if {"object", "id"} <= set(answer) else None

    async def _reply(self, request: web.Request, call: Call, fault: Rule | None) -> Reply:
        key = call.key_of_account
        if key is None:
            await suffer_before(request, fault)
            return await self._run(call)
        if key in self._keys_in_use:
            raise idempotency.key_in_use()
        self._keys_in_use.add(key)
        try:
            await suffer_before(request, fault)
            return await self._run(call)
        finally:
            self._keys_in_use.discard(key)

    async def _run(self, call: Call) -> Reply:
        parameters = idempotency.digest(call.parameters)
        key = call.key_of_account

        def work(world: World) -> Reply:
            records = world.records
            if call.account:
                accounts.check_access(world, call.account)
                records.owner = call.account
            if key:
                kept = idempotency.kept_reply(records, key, call.line, parameters, world.now_ms)
                if kept:
                    return kept
            checked = check(call.operation.table, call.parameters)
            try:
                body = _run_whole(world, call, checked)
                reply = Reply(200, encoded(body), call.request_id)
            except ApiError as error:
                if not error.is_kept:
                    raise
                reply = Reply(error.status, encoded(error.body()), call.request_id)
            if key:
                idempotency.keep_reply(
                    records,
                    key,
                    operation=call.line,
                    parameters=parameters,
                    reply=reply,
                    now_ms=world.now_ms,
                )
            return reply

        return await self._sandbox.act(work, cause=Cause(call.request_id, call.key))


def _run_whole(world: World, call: Call, checked: Checked) -> Body:
    """Do the operation, or nothing of it; a refusal that keeps its work (a declined card) is raised after."""
    refusal: ApiError | None = None
    body: Body = {}
    with world.savepoint():
        try:
            body = call.operation.run(world, checked, call.ids)
        except ApiError as error:
            if not error.keeps_work:
                raise
            refusal = error
        else:
            body = expand(world, body, checked.get("expand", ()))
    if refusal is not None:
        raise refusal
    return body


def check_secret_key(request: web.Request, secret_key: str) -> None:
    """Let the configured test key in, by Bearer or as the Basic user name.

    Raises:
        ApiError: 401 without a key or with another one.
    """
    given = _given_key(request.headers.get("Authorization", ""))
    if not given:
        raise ApiError(
            401,
            "You did not provide an API key. You need to provide your API key in the Authorization header, using "
            "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
        )
    if not hmac.compare_digest(given.encode(), secret_key.encode()):
        if given.startswith(("sk_live_", "rk_live_")):
            raise ApiError(401, "Live API keys have no meaning in the sandbox. Use its test key.")
        shown = given[:8] + "*" * 8 + given[-4:] if len(given) > 16 else "*" * 8
        raise ApiError(401, f"Invalid API Key provided: {shown}")


def _given_key(header: str) -> str:
    scheme, _, rest = header.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(rest.strip(), validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""


def _check_headers(request: web.Request) -> None:
    version = request.headers.get("Stripe-Version", API_VERSION)
    if version != API_VERSION:
        raise invalid(f"Invalid Stripe API version: {version}. The sandbox speaks {API_VERSION} only.")


async def _read(request: web.Request, request_id: str) -> Call:
    tail = request.match_info["tail"]
    operation, ids = _find(request.method, tail)
    text = request.rel_url.raw_query_string
    if request.method == "POST":
        if text:
            raise invalid("POST parameters belong into the body, not into the query string.")
        text = await _form_text(request)
    key = request.headers.get("Idempotency-Key") if request.method == "POST" else None
    if key:
        idempotency.check_key(key)
    account = request.headers.get("Stripe-Account", PLATFORM)
    return Call(f"{request.method} /v1/{tail}", operation, ids, decode(text), key or None, request_id, account)


def _find(method: str, tail: str) -> tuple[Operation, Sequence[str]]:
    # Fixed paths win over ids: `payment_methods` of a customer before a customer named so.
    for operation in OPERATIONS:
        ids = operation.match(method, tail)
        if ids is not None:
            return operation, ids
    raise ApiError(
        404,
        f"Unrecognized request URL ({method}: /v1/{tail}). The sandbox answers a part of Stripe's API; "
        "its README lists the operations.",
    )


async def _form_text(request: web.Request) -> str:
    body = bytearray()
    async for chunk in request.content.iter_chunked(65_536):
        body += chunk
        if len(body) > MOST_BODY_BYTES:
            raise ApiError(413, "The request is too large.")
    if body and request.content_type != _FORM:
        raise invalid(f"Invalid request: the body must be {_FORM}, not {request.content_type}.")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise invalid("The request's parameters could not be read as form data.") from error


def _response(request: web.Request, reply: Reply, request_id: str) -> web.Response:
    headers = {"Request-Id": request_id, "Stripe-Version": API_VERSION, "Cache-Control": "no-cache, no-store"}
    key = request.headers.get("Idempotency-Key")
    if key and re.fullmatch(r"[\x20-\x7e]{1,255}", key):
        headers["Idempotency-Key"] = key
    if reply.is_replayed:
        headers["Idempotent-Replayed"] = "true"
        headers["Original-Request"] = reply.request_id
    return web.Response(status=reply.status, body=reply.body, content_type="application/json", headers=headers)
