"""Disputes: the payer's bank takes money back, or asks about it, and somebody wins."""

from __future__ import annotations

from collections.abc import Sequence

from storefront.sandbox import balance_transactions, fraud_warnings, reviews
from storefront.sandbox.dispute_objects import EVIDENCE, evidence_details, new_dispute
from storefront.sandbox.due import schedule, unschedule
from storefront.sandbox.errors import ApiError, invalid
from storefront.sandbox.operations import Operation, filters, list_page, retrieving
from storefront.sandbox.params import EXPAND, PAGE, Checked, Choice, Flag, Metadata, Object, Text, When
from storefront.sandbox.store import Body
from storefront.sandbox.world import World, merged_metadata

DISPUTE_FEE_MINOR = 1500
ANSWER_WITHIN_SECONDS = 9 * 24 * 3600
INQUIRY_SECONDS = 120 * 24 * 3600
INQUIRY = ("warning_needs_response", "warning_under_review", "warning_closed")
OPEN = ("needs_response", "under_review", "appeal_needs_response", "appeal_under_review")
CLOSED = ("won", "lost", "warning_closed", "prevented")
STATUSES = (*INQUIRY, *OPEN, "won", "lost", "prevented")
_WITHDRAWN = (*OPEN, "lost")  # in these the disputed sum is not ours
_ANSWERED = {
    "needs_response": "under_review",
    "warning_needs_response": "warning_under_review",
    "appeal_needs_response": "appeal_under_review",
}
# Stripe's own words for tests: as `uncategorized_text` of evidence they decide.
_DECIDING_WORDS = {"winning_evidence": "won", "losing_evidence": "lost"}


def open_dispute(
    world: World, charge: Body, *, reason: str, status: str = "needs_response", amount: int | None = None
) -> Body:
    """Dispute a captured charge; an inquiry (``warning_…``) or a prevented one moves no money.

    Raises:
        ApiError: nothing was captured, or it is disputed already.
    """
    _check_disputable(world, charge, amount)
    sum_minor = amount or charge["amount_captured"] - charge["amount_refunded"] or charge["amount_captured"]
    is_inquiry = status in INQUIRY
    due_by = world.now + ANSWER_WITHIN_SECONDS
    dispute = new_dispute(world, charge, amount=sum_minor, reason=reason, status=status, due_by=due_by)
    world.insert(dispute)
    charge["disputed"] = not is_inquiry
    world.save(charge)
    world.emit("charge.dispute.created", dispute)
    if status in _WITHDRAWN:
        _withdraw(world, dispute)
    if status in CLOSED:
        world.emit("charge.dispute.closed", dispute)
    else:
        schedule(world, world.now + INQUIRY_SECONDS if is_inquiry else due_by, "dispute_runs_out", dispute["id"])
    fraud_warnings.settle(world, charge["id"])
    if not is_inquiry:
        reviews.close_of_charge(world, charge["id"], "disputed")
    return dispute


def _check_disputable(world: World, charge: Body, amount: int | None) -> None:
    if not charge["captured"]:
        raise invalid(f"Charge {charge['id']} has not been captured: there is nothing to dispute.", param="charge")
    earlier = of_charge(world, charge["id"])
    if any(dispute["status"] not in CLOSED for dispute in earlier):
        raise invalid(f"Charge {charge['id']} has an open dispute already.", param="charge")
    if amount is not None and not 0 < amount <= charge["amount_captured"]:
        raise invalid("The disputed amount must be between 1 and what was captured.", param="amount")


def of_charge(world: World, charge_id: str) -> list[Body]:
    """Every dispute of a charge, newest first."""
    return world.records.select("dispute", [("json_extract(body, '$.charge') = ?", charge_id)])


def is_refundable(world: World, charge_id: str) -> bool:
    """Whether the shop may still refund the charge itself: not while, or after, its bank took the money back."""
    return not any(dispute["status"] in _WITHDRAWN for dispute in of_charge(world, charge_id))


def move(world: World, dispute: Body, status: str) -> Body:
    """Bring a dispute to another status, with the money and the events that go with it."""
    before = dispute["status"]
    if before == status:
        return dispute
    dispute["status"] = status
    dispute["is_charge_refundable"] = status in INQUIRY
    world.save(dispute)
    if before in INQUIRY and status not in INQUIRY:
        world.save({**world.get("charge", dispute["charge"]), "disputed": True})
    if before not in _WITHDRAWN and status in _WITHDRAWN:
        _withdraw(world, dispute)
    if before in _WITHDRAWN and status not in _WITHDRAWN:
        _reinstate(world, dispute)
    if status in CLOSED:
        unschedule(world, "dispute_runs_out", dispute["id"])
        world.emit("charge.dispute.closed", dispute)
    else:
        world.emit("charge.dispute.updated", dispute, {"status": before})
    return dispute


def run_out(world: World, dispute_id: str) -> None:
    """The time to answer has passed: an unanswered dispute is lost, an inquiry closes."""
    dispute = world.get("dispute", dispute_id)
    if dispute["status"] in INQUIRY:
        move(world, dispute, "warning_closed")
    elif dispute["status"] in ("needs_response", "appeal_needs_response"):
        dispute["evidence_details"]["past_due"] = True
        move(world, dispute, "lost")


def close_inquiries(world: World, charge_id: str) -> None:
    """A full refund answers every open inquiry."""
    for dispute in of_charge(world, charge_id):
        if dispute["status"] in ("warning_needs_response", "warning_under_review"):
            move(world, dispute, "warning_closed")


def _withdraw(world: World, dispute: Body) -> None:
    is_first = not dispute["balance_transactions"]
    _book(world, dispute, -dispute["amount"], fee=DISPUTE_FEE_MINOR if is_first else 0, category="dispute")
    world.emit("charge.dispute.funds_withdrawn", dispute)


def _reinstate(world: World, dispute: Body) -> None:
    _book(world, dispute, dispute["amount"], fee=0, category="dispute_reversal")
    world.emit("charge.dispute.funds_reinstated", dispute)


def _book(world: World, dispute: Body, amount: int, *, fee: int, category: str) -> None:
    verb = "withdrawal" if amount < 0 else "reversal"
    movement = balance_transactions.book(
        world,
        amount=amount,
        fee=fee,
        currency=dispute["currency"],
        source=dispute["id"],
        type="adjustment",
        description=f"Chargeback {verb} for {dispute['charge']}",
        reporting_category=category,
        fee_description="Dispute fee",
        available_after=balance_transactions.NOW,
    )
    dispute["balance_transactions"].append(movement)
    world.save(dispute)


def _update(world: World, params: Checked, ids: Sequence[str]) -> Body:
    dispute = world.get("dispute", ids[0])
    if "metadata" in params:
        dispute["metadata"] = merged_metadata(dispute["metadata"], params["metadata"])
    if "evidence" not in params:
        world.save(dispute)
        if "metadata" in params:
            world.emit("charge.dispute.updated", dispute)
        return dispute
    if dispute["status"] in CLOSED:
        raise invalid("This dispute is already closed", code="dispute_closed")
    if dispute["status"] not in _ANSWERED and dispute["evidence_details"]["submission_count"]:
        raise invalid("Evidence for this dispute has already been submitted.", param="evidence")
    dispute["evidence"].update(params["evidence"])
    is_sent = params.get("submit", True)
    dispute["evidence_details"] = evidence_details(dispute, is_sent=is_sent)
    world.save(dispute)
    if not is_sent:
        world.emit("charge.dispute.updated", dispute)
        return dispute
    status: str = dispute["status"]
    return _judge(world, move(world, dispute, _ANSWERED.get(status, status)))


def _judge(world: World, dispute: Body) -> Body:
    word: str = dispute["evidence"]["uncategorized_text"] or ""
    if word == "escalate_inquiry_evidence" and dispute["status"] == "warning_under_review":
        return move(world, dispute, "needs_response")
    if word in _DECIDING_WORDS and dispute["status"] in OPEN:
        return move(world, dispute, _DECIDING_WORDS[word])
    if word == "winning_evidence" and dispute["status"] in INQUIRY:
        return move(world, dispute, "warning_closed")
    return dispute


def _close(world: World, params: Checked, ids: Sequence[str]) -> Body:
    dispute = world.get("dispute", ids[0])
    if dispute["status"] in CLOSED:
        raise ApiError(400, "This dispute is already closed", code="dispute_closed")
    return move(world, dispute, "warning_closed" if dispute["status"] in INQUIRY else "lost")


def _list(world: World, params: Checked, ids: Sequence[str]) -> Body:
    conditions = filters(params, "charge", "payment_intent")
    return list_page(world, "dispute", params, url="/v1/disputes", conditions=conditions)


OPERATIONS = (
    Operation("GET", "disputes", {
        "charge": Text(), "created": When(), "payment_intent": Text(), **PAGE,
    }, _list),
    Operation("GET", "disputes/{}", EXPAND, retrieving("dispute")),
    Operation("POST", "disputes/{}", {
        "evidence": Object(EVIDENCE),
        "intended_submission_method": Choice(("manual", "prefer_manual")),
        "metadata": Metadata(),
        "submit": Flag(),
        **EXPAND,
    }, _update),
    Operation("POST", "disputes/{}/close", EXPAND, _close),
)  # fmt: skip
