"""Disputes as an operator sees them: what is asked back and until when, answering with evidence, giving up."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec
import structlog
from sqlalchemy import bindparam, select

from storefront.core.asking_gateways import told_of_dispute
from storefront.core.clock import iso
from storefront.core.commit.plan import Plan
from storefront.core.errors import Conflict, FieldError, Invalid, NotFound
from storefront.core.gateways import DisputeFacts, Disputes, EvidenceRequest, GatewayFailed, GatewayRefused
from storefront.core.opened_moves import opened_id
from storefront.core.operating.customers import freeze_json
from storefront.core.operating.pages import read_page
from storefront.core.privileged import record_action
from storefront.core.purchasing import read_purchase, receiver_of
from storefront.core.reading import Query, Row
from storefront.core.redaction import redact_text
from storefront.core.refunds import DISPUTE, refund_json, taken_back
from storefront.core.reversal_moves import clawed_back_for, freeze_id
from storefront.core.services import Services
from storefront.core.tables import purchases, reversals
from storefront.core.tables_freezes import freezes
from storefront.core.tables_purchases import IS_WAITING
from storefront.core.taking_back import REVERSAL, advance

STATES = ("warning", "open", "closed", "won", "lost")
"""``warning`` is an inquiry: nothing is taken yet. ``open`` waits for the bank; the goods are frozen."""
UNDECIDED = frozenset({"warning", "open"})


_FREEZE = Query(select(freezes).where(freezes.c.id == bindparam("id")))
_UNDONE = Query(
    select(reversals.c.purchase_id, reversals.c.amount, reversals.c.currency, purchases.c.sku, purchases.c.quantity)
    .join(purchases, purchases.c.id == reversals.c.purchase_id)
    .where(
        # They are the purchases of whoever received the currency.
        reversals.c.customer_id == bindparam("customer_id"),
        reversals.c.cause == "clawback",
        reversals.c.reason == bindparam("reason"),
    )
    .order_by(reversals.c.id)
)

log = structlog.get_logger("storefront.operating")


class DisputeDecided(Conflict):
    code = "dispute_decided"
    title = "This dispute is decided"


async def list_disputes(
    services: Services, *, state: str | None = None, limit: int = 50, after: str | None = None
) -> dict[str, Any]:
    """Return a page of disputes, newest first, in one of ``STATES`` or all."""
    statement = select(reversals).where(reversals.c.cause == DISPUTE)
    if state is not None:
        statement = statement.where(reversals.c.state == state)
    by = (reversals.c.created_at, reversals.c.id)
    return await read_page(services.reader, statement, by, limit=limit, after=after, shown=dispute_json)


async def next_evidence_due(services: Services) -> int | None:
    """Return until when (ms) the bank that decides first takes evidence, of disputes that are open."""
    waiting = select(reversals.c.facts).where(IS_WAITING, reversals.c.cause == DISPUTE, reversals.c.state == "open")
    due = [msgspec.json.decode(row["facts"]).get("evidence_due_by") for row in await services.reader.scan(waiting)]
    now = services.clock.now()
    return min((one for one in due if one is not None and one > now), default=None)


async def show_dispute(services: Services, dispute_id: str) -> dict[str, Any]:
    """Return a dispute, with what it took of the goods; raises ``NotFound``."""
    return dispute_json(await need_dispute(services, dispute_id))


async def show_dispute_in_full(services: Services, dispute_id: str) -> dict[str, Any]:
    """Return a dispute with what is frozen for it, what it undid, and the evidence that its gateway has.

    ``evidence`` is asked of the gateway while the dispute is undecided: field → text; None if it does not say.
    ``undone`` are purchases that were undone for the currency it took (``clawing_back``).

    Raises:
        NotFound: there is no such dispute.
    """
    row = await need_dispute(services, dispute_id)
    freezes_of_it = await _open_freezes(services, row)
    receiver = receiver_of(await read_purchase(services, row["purchase_id"]))
    undone = await services.reader.all(_UNDONE, customer_id=receiver, reason=clawed_back_for(row["id"]))
    return {
        **dispute_json(row),
        "frozen": freeze_json(*freezes_of_it) if freezes_of_it else None,
        "undone": [
            {"purchase": one["purchase_id"], "sku": one["sku"], "quantity": one["quantity"],
             "amount": {"amount": one["amount"], "currency": one["currency"]}}
            for one in undone
        ],
        "evidence": await _evidence(services, row),
    }  # fmt: skip


async def _open_freezes(services: Services, row: Row) -> Sequence[Row]:
    """Return what waits for a dispute: the freeze of what its purchase gave, then those of what became of that."""
    name = freeze_id(row["id"], msgspec.json.decode(row["facts"]))
    freeze = await services.reader.first(_FREEZE, id=name)
    if freeze is None or freeze["state"] != "open":
        return ()
    openings = range(len(taken_back(row).openings))
    beside = [await services.reader.first(_FREEZE, id=opened_id(name, number)) for number in openings]
    return (freeze, *(one for one in beside if one is not None))


async def _evidence(services: Services, row: Row) -> Mapping[str, str] | None:
    gateway = services.gateways.get(row["gateway"])
    if row["state"] not in UNDECIDED or not isinstance(gateway, Disputes):
        return None
    try:
        return (await gateway.look_up_dispute(row["gateway_ref"])).evidence
    except GatewayFailed as away:
        log.warning("evidence_not_shown", dispute=row["id"], reason=away.code)
        return None


async def answer_dispute(
    services: Services, dispute_id: str, texts: Mapping[str, str], *, submits: bool, actor: str
) -> dict[str, Any]:
    """Hand evidence to the gateway, under its own names of the fields; the dispute is returned as it is then.

    Without ``submits`` it is only staged there: it can be changed and added to. What is submitted goes to the bank,
    once and for all.

    Raises:
        NotFound, DisputeDecided, Invalid: nothing was done; the gateway says which field it does not take.
        GatewayFailed: it does not answer; do it again.
    """
    row = await _need_undecided(services, dispute_id)
    request = EvidenceRequest(dispute=row["gateway_ref"], texts=texts, submits=submits)
    action = "dispute.evidence_submitted" if submits else "dispute.evidence_staged"
    # Names of fields alone: what they say may be personal, and the books are kept for ever. A name is free text, too.
    await _record(services, row, action, {"fields": [redact_text(name) for name in sorted(texts)]}, actor)
    try:
        return await _bring_in(services, row, lambda gateway: gateway.answer_dispute(request))
    except GatewayRefused as refused:
        says = f"{row['gateway']} does not take this: {refused.detail}"
        raise Invalid(says, errors=[FieldError("/texts", refused.detail)]) from refused


async def accept_dispute(services: Services, dispute_id: str, *, actor: str) -> dict[str, Any]:
    """Give a dispute up: it is lost, and its goods are taken. There is no way back.

    Raises:
        NotFound, DisputeDecided: nothing was done.
        GatewayFailed: it does not answer; do it again.
    """
    row = await _need_undecided(services, dispute_id)
    await _record(services, row, "dispute.accepted", {"amount": row["amount"], "currency": row["currency"]}, actor)
    return await _bring_in(services, row, lambda gateway: gateway.accept_dispute(row["gateway_ref"]))


def dispute_json(row: Row) -> dict[str, Any]:
    """Return a dispute as an operator sees it; after ``evidence_due_by`` the bank decides without us."""
    shown, facts = refund_json(row), msgspec.json.decode(row["facts"])
    due_by = facts.get("evidence_due_by")
    return {
        "id": row["id"],
        "purchase": row["purchase_id"],
        "gateway": row["gateway"],
        "reference": row["gateway_ref"],
        "state": row["state"],
        "amount": shown["amount"],
        "reason": row["reason"],
        "evidence_due_by": None if due_by is None else iso(due_by),
        "strategy": shown["strategy"],
        "quantity": shown["quantity"],
        "taken_back": shown["taken_back"],
        "created_at": shown["created_at"],
        "updated_at": iso(row["updated_at"]),
        "closed_at": None if row["closed_at"] is None else iso(row["closed_at"]),
    }


async def _bring_in(
    services: Services, row: Row, call: Callable[[Disputes], Awaitable[DisputeFacts]]
) -> dict[str, Any]:
    """Call the gateway, and move our dispute to where it says it is."""
    gateway = services.gateway(row["gateway"])
    if not isinstance(gateway, Disputes):
        raise Conflict(f"Disputes of {row['gateway']} are answered there.")
    after, _ = await advance(services, row["id"], told_of_dispute(await call(gateway)))
    return dispute_json(after)


async def _record(services: Services, row: Row, action: str, facts: Mapping[str, Any], actor: str) -> None:
    """Write down what an operator is about to do: a lost reply must not hide it."""
    plan = Plan(actor=actor, anchors={row["customer_id"]})
    facts = {"purchase": row["purchase_id"], **facts}
    record_action(plan, action, actor=actor, about=row["id"], facts=facts, now=services.clock.now(),
                  wall=services.clock.wall())  # fmt: skip
    await services.engine.commit(plan)


async def _need_undecided(services: Services, dispute_id: str) -> Row:
    row = await need_dispute(services, dispute_id)
    if row["state"] not in UNDECIDED:
        raise DisputeDecided(f"It is {row['state']}: nothing can be said to it any more.", state=row["state"])
    return row


async def need_dispute(services: Services, dispute_id: str) -> Row:
    """Return a dispute's row; raises ``NotFound``."""
    row = await services.reader.first(REVERSAL, id=dispute_id)
    if row is None or row["cause"] != DISPUTE:
        raise NotFound("There is no such dispute.")
    return row
