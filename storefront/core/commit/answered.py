"""Idempotency records in a commit: the answer that a key has had, and the record of the one it gets."""

from typing import Any

from storefront.core.commit.outcome import Answer, KeyInFlight, KeyReused, Moment, Outcome
from storefront.core.commit.plan import Plan
from storefront.core.commit.state import Draft


def known_answer(draft: Draft, moment: Moment, plan: Plan) -> Outcome | None:
    """Return what a plan's key was answered with before; None for a new key, and for the plan that finishes its own.

    Raises:
        KeyReused, KeyInFlight: the key belongs to another body, or is still running.
    """
    assert plan.idempotency is not None, "asked only of plans with a key"
    record = draft.row(plan.idempotency.row)
    if record is None or (record["state"] == "open" and record["object_id"] == plan.object_id):
        return None
    if record["fingerprint"] != plan.idempotency.fingerprint:
        raise KeyReused
    if record["state"] == "open":
        raise KeyInFlight(record["object_id"])
    return Outcome(moment, answer=Answer(record["status"], record["body"]), is_replay=True)


def idempotency_row(plan: Plan, outcome: Outcome) -> dict[str, Any]:
    """Return the record of a plan's key: open while a gateway is asked, else with the bytes that a retry gets."""
    key, answer = plan.idempotency, outcome.answer
    assert key is not None
    answered = answer is not None and not plan.is_answer_open
    return {
        "caller": key.caller,
        "operation": key.operation,
        "key": key.key,
        "fingerprint": key.fingerprint,
        "object_id": plan.object_id,
        "state": "answered" if answered else "open",
        "status": answer.status if answer is not None and answered else None,
        "body": answer.body if answer is not None and answered else None,
        "created_at": outcome.moment.wall,
    }
