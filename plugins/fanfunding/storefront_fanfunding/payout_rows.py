"""Rows of payouts, how they read on the wire, and how asking for what cannot be is refused.

created ──► in_progress ──► paid
   │             │            │      created: waits for a second person, where two are needed
   └─────────────┴────────────┴──► failed: all of it is back with its creator
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, select

from storefront.core.clock import iso
from storefront.core.commit.plan import Key
from storefront.core.errors import Conflict, Forbidden, NotFound, Refused
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront_fanfunding.accounts import money_anchor
from storefront_fanfunding.tables import creators, payouts

PAYOUTS = "fanfunding_payouts"
CREATED, IN_PROGRESS, PAID, FAILED = "created", "in_progress", "paid", "failed"
STATES = (CREATED, IN_PROGRESS, PAID, FAILED)
SEND = "fanfunding.payout"
"""The job that lets a gateway transfer a payout."""

WITH_NAME = select(payouts, creators.c.name.label("creator")).join(creators, creators.c.id == payouts.c.creator_id)
_PAYOUT = Query(WITH_NAME.where(payouts.c.id == bindparam("id")))


_TIMES = ("approved_at", "paid_at", "failed_at", "approvable_from")


class PayoutNotPossible(Refused):
    code = "payout_not_possible"
    title = "This creator cannot be paid that"


class WrongPayoutState(Conflict):
    code = "payout_in_another_state"
    title = "This payout stands otherwise"


class SecondPersonNeeded(Forbidden):
    code = "second_person_needed"
    title = "Another person has to approve this"


async def need_payout(services: Services, payout_id: str) -> Row:
    """Return a payout's row with the name of its ``creator``; raises ``NotFound``."""
    row = await services.reader.first(_PAYOUT, id=payout_id)
    if row is None:
        raise NotFound("There is no such payout.")
    return row


def payout_key(payout_id: str, creator_id: str) -> Key:
    return Key(PAYOUTS, (payout_id,), money_anchor(creator_id))


def send_key(payout_id: str) -> str:
    """Return the unique key of the job that sends a payout."""
    return f"{SEND}:{payout_id}"


def show_payout(row: Mapping[str, Any], creator: str) -> dict[str, Any]:
    """Return what an operator sees of a payout."""
    times = {name: None if row[name] is None else iso(row[name]) for name in _TIMES}
    return {
        "id": row["id"],
        "creator": creator,
        "state": row["state"],
        "amount": {"amount": row["amount"], "currency": row["currency"]},
        "returned": row["returned"],
        "pay_with": row["pay_with"],
        "account": row["account"],
        "reference": row["reference"],
        "reason": row["reason"],
        "four_eyes": bool(row["four_eyes"]),
        "created_by": row["created_by"],
        "approved_by": row["approved_by"],
        "created_at": iso(row["created_at"]),
        **times,
    }


def payout_event(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a ``payout.*`` event tells."""
    return {
        "id": row["id"],
        "creator_id": row["creator_id"],
        "amount": {"amount": row["amount"], "currency": row["currency"]},
        "returned": row["returned"],
        "state": row["state"],
        "pay_with": row["pay_with"],
    }
