"""HTTP of payouts, for the operator's server and for operators; every write under an idempotency key."""

from typing import Any

from aiohttp import web

from storefront.core.commit.plan import IdempotencyKey
from storefront.core.idempotency import idempotency_key
from storefront.core.principals import Role
from storefront.core.redaction import redact_text
from storefront.core.services import Services
from storefront.routing import Call, ErrorDoc, Routes, respond, respond_once
from storefront_fanfunding.config import Settings
from storefront_fanfunding.payout_lists import list_payable, list_payouts
from storefront_fanfunding.payout_moves import approve, mark_failed, mark_paid
from storefront_fanfunding.payout_rows import (
    PayoutNotPossible,
    SecondPersonNeeded,
    WrongPayoutState,
    need_payout,
    show_payout,
)
from storefront_fanfunding.payout_shapes import CREATE, LIST, MARK_FAILED, MARK_PAID, PAYABLE, PAYOUT, PAYOUTS
from storefront_fanfunding.payouts import PayoutRequest, create_payout

PATH = "/v1/fanfunding/payouts"
ONE = PATH + "/{id}"
SCOPE = "fanfunding:payout"
OPERATORS = Role.SERVER | Role.OPERATOR
CREATE_OPERATION = f"POST {PATH}"
ERRORS = (
    ErrorDoc("payout_not_possible", 409, PayoutNotPossible.title,
             "The fact reason says why: not_payable (the fact payable says how much is), below_minimum, "
             "no_account, new_account (the fact possible_from says from when on it can be approved)."),
    ErrorDoc("payout_in_another_state", 409, WrongPayoutState.title,
             "The fact state says how. What a gateway was asked for ends by what that says, not by hand."),
    ErrorDoc("second_person_needed", 403, SecondPersonNeeded.title,
             "Approve it with another key than the one that created it."),
)  # fmt: skip


def add_payouts(routes: Routes, services: Services, settings: Settings) -> None:
    """Add the routes of payouts."""
    _add_looking(routes, services, settings)
    _add_moving(routes, services, settings)


def _add_looking(routes: Routes, services: Services, settings: Settings) -> None:
    @routes.get("/v1/fanfunding/payable", allow=OPERATORS, answers={200: PAYABLE}, scope=SCOPE)
    async def show_payable(call: Call) -> web.StreamResponse:
        """List what creators can be paid now, and what they owe, in each currency."""
        return respond(await list_payable(services, settings))

    @routes.get(PATH, allow=OPERATORS, query=LIST, answers={200: PAYOUTS}, scope=SCOPE)
    async def list_all(call: Call) -> web.StreamResponse:
        """List payouts, newest first."""
        return respond(await list_payouts(services, **call.query))

    @routes.get(ONE, allow=OPERATORS, answers={200: PAYOUT}, scope=SCOPE)
    async def show_one_payout(call: Call) -> web.StreamResponse:
        """Show a payout as it stands."""
        row = await need_payout(services, call.path("id"))
        return respond(show_payout(row, row["creator"]))


def _add_moving(routes: Routes, services: Services, settings: Settings) -> None:
    @routes.post(PATH, allow=OPERATORS, body=CREATE, answers={201: PAYOUT}, idempotent=True, scope=SCOPE,
                 refusals=["payout_not_possible"])  # fmt: skip
    async def create(call: Call) -> web.StreamResponse:
        """Pay a creator out: all that can be paid in a currency, or an `amount` of it. Audited.

        It is set aside at once. A gateway's transfer follows by itself; a payout by hand waits until it is marked as
        paid. Where two people are needed, it waits for the other one first (`created`).
        """
        body: dict[str, Any] = call.body
        key = idempotency_key(call.principal.caller, CREATE_OPERATION, call.key, body)
        asked = PayoutRequest(key, body["creator"], body["currency"], body.get("amount"))
        answer, is_replay = await create_payout(services, settings, asked)
        return respond_once(answer, is_replay=is_replay)

    @routes.post(ONE + "/approve", allow=OPERATORS, answers={200: PAYOUT}, idempotent=True, scope=SCOPE,
                 refusals=["payout_in_another_state", "second_person_needed", "payout_not_possible"])  # fmt: skip
    async def approve_payout(call: Call) -> web.StreamResponse:
        """Let a payout begin that another key has created. Audited."""
        answer, is_replay = await approve(services, call.path("id"), _key(call, "approve"))
        return respond_once(answer, is_replay=is_replay)

    @routes.post(ONE + "/paid", allow=OPERATORS, body=MARK_PAID, answers={200: PAYOUT}, idempotent=True, scope=SCOPE,
                 refusals=["payout_in_another_state"])  # fmt: skip
    async def mark_as_paid(call: Call) -> web.StreamResponse:
        """Say that a payout by hand was sent, and under which reference. Audited."""
        reference = redact_text(call.body["reference"])
        answer, is_replay = await mark_paid(services, call.path("id"), reference, _key(call, "paid"))
        return respond_once(answer, is_replay=is_replay)

    @routes.post(ONE + "/failed", allow=OPERATORS, body=MARK_FAILED, answers={200: PAYOUT}, idempotent=True,
                 scope=SCOPE, refusals=["payout_in_another_state"])  # fmt: skip
    async def mark_as_failed(call: Call) -> web.StreamResponse:
        """Say that a payout comes to nothing, or was sent back: the creator can be paid it anew. Audited.

        A payout by hand can fail at any time, one of a gateway only before it is asked: then it alone says how it ends.
        """
        reason = redact_text(call.body["reason"])
        answer, is_replay = await mark_failed(services, call.path("id"), reason, _key(call, "failed"))
        return respond_once(answer, is_replay=is_replay)


def _key(call: Call, act: str) -> IdempotencyKey:
    body = {**call.body, "payout": call.path("id")}
    return idempotency_key(call.principal.caller, f"POST {ONE}/{act}", call.key, body)
