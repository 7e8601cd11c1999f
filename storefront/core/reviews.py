"""Reviews as rows: purchases that a person is to look at, what waits for that, and how it ended.

``state``: ``awaiting`` the payment of a purchase that was judged ``review`` before it was paid; ``open``: the purchase
is ``in_review``; ``deciding``: decided, and the gateway is still to be asked for the authorised money, or to let it go;
``closed``. ``money`` says what waits: a ``hold`` in the wallet, money that is ``authorized`` or ``received`` at the
gateway, or ``none``. Every change is a compare-and-set, so of approve, reject, expiry and cancel one wins.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import bindparam, select

from storefront.core.clock import DAY_MS, HOUR_MS
from storefront.core.commit.outcome import REVIEW_REASONS
from storefront.core.commit.plan import Change, FromResults, Insert, Plan, Steps
from storefront.core.errors import NotFound
from storefront.core.purchasing import Status
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront.core.tables import reviews

AWAITING, OPEN, DECIDING, CLOSED = "awaiting", "open", "deciding", "closed"
STATES = (AWAITING, OPEN, DECIDING, CLOSED)
NONE, HOLD, AUTHORIZED, RECEIVED = "none", "hold", "authorized", "received"
EXPIRE = "review.expire"
FINISH = "review.finish"
SPARE_MS = DAY_MS
"""A review is over at least so long before its authorisation is: time to give the money back by ourselves."""

_REVIEW = Query(select(reviews).where(reviews.c.purchase_id == bindparam("purchase_id")))


class Decision(StrEnum):
    """How a review ended; ``expired`` is a rejection by time."""

    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELED = "canceled"

    @property
    def refuses(self) -> bool:
        return self is not Decision.APPROVED

    @property
    def status(self) -> Status:
        """What becomes of a purchase that is refused like this."""
        return Status.CANCELED if self is Decision.CANCELED else Status.REJECTED

    @property
    def reason(self) -> str:
        """What stands as the purchase's reason then."""
        return "canceled_by_buyer" if self is Decision.CANCELED else f"review_{self}"


@dataclass(frozen=True, slots=True)
class Ruling:
    """A decision, by whom, and why."""

    decision: Decision
    actor: str
    why: str


def decision_of(review: Row) -> Decision | None:
    return None if review["decision"] is None else Decision(review["decision"])


def hold_of(purchase_id: str) -> str:
    """Return the id of the hold that stands behind a wallet purchase in review."""
    return f"hold_{purchase_id.partition('_')[2]}"


async def read_review(services: Services, purchase_id: str) -> Row | None:
    """Return the review of a purchase, if it ever had one."""
    return await services.reader.first(_REVIEW, purchase_id=purchase_id)


async def need_review(services: Services, purchase_id: str) -> Row:
    """Return the review of a purchase; raises ``NotFound``."""
    row = await read_review(services, purchase_id)
    if row is None:
        raise NotFound("There is no such review.")
    return row


async def is_behind_review(services: Services, hold_id: str) -> bool:
    """Tell whether a hold stands behind a purchase in review, and is nobody's to capture or release."""
    row = await read_review(services, f"pur_{hold_id.partition('_')[2]}")
    return row is not None and row["hold_id"] == hold_id and row["state"] != CLOSED


def over_at(services: Services, now: int, *, authorized_until: int | None = None) -> int:
    """Return when a review that opens ``now`` is rejected by itself (business ms)."""
    over = now + services.config.purchases.review_hours * HOUR_MS
    return over if authorized_until is None else min(over, authorized_until - SPARE_MS)


def await_payment(steps: Steps, purchase: Mapping[str, Any], reasons: Sequence[str]) -> None:
    """Note that a purchase was judged ``review`` before it was paid: its payment is to wait when it comes."""
    row = _row(purchase, AWAITING, NONE, reasons, purchase["created_at"])
    steps.add(Insert("reviews", (purchase["id"],), purchase["customer_id"], row))


def open_review(
    plan: Plan,
    purchase: Mapping[str, Any],
    known: Row | None,
    *,
    money: str,
    reasons: Sequence[str],
    now: int,
    expires_at: int,
) -> None:
    """Open the review of a purchase that comes ``in_review`` in this plan; ``known`` awaited its payment."""
    anchor, purchase_id = purchase["customer_id"], purchase["id"]
    opened = {
        **_row(purchase, OPEN, money, reasons, now),
        "hold_id": hold_of(purchase_id) if money == HOLD else None,
        "opened_at": now,
        "expires_at": expires_at,
    }
    if known is None:
        plan.add(Insert("reviews", (purchase_id,), anchor, opened))
    else:
        changes = {name: value for name, value in opened.items() if name != "created_at"}
        plan.add(Change("reviews", (purchase_id,), anchor, {"state": AWAITING}, changes))
    _schedule(plan, EXPIRE, purchase, due_at=expires_at, now=now)


def note_received(plan: Plan, review: Row, *, now: int) -> None:
    """Say of an open review that its money was taken at the gateway by hand."""
    _change(plan, review, {"money": RECEIVED, "updated_at": now})


def begin_deciding(plan: Plan, review: Row, ruling: Ruling, *, now: int, due_at: int) -> None:
    """Decide a review whose gateway is to be asked; a job sees to it that it is, until it has answered."""
    _change(plan, review, {"state": DECIDING, **_decided(ruling, now), "updated_at": now})
    _schedule(plan, FINISH, {"id": review["purchase_id"], "customer_id": review["customer_id"]}, due_at=due_at, now=now)


def close_review(plan: Plan, review: Row, *, now: int, ruling: Ruling | None = None) -> None:
    """Close a review, with the decision it has or with ``ruling``."""
    decided = {} if ruling is None else _decided(ruling, now)
    _change(plan, review, {"state": CLOSED, **decided, "closed_at": now, "updated_at": now})


def reasons_of(review: Row) -> tuple[str, ...]:
    return tuple(msgspec.json.decode(review["reasons"]))


def _decided(ruling: Ruling, now: int) -> dict[str, Any]:
    return {
        "decision": str(ruling.decision),
        "decided_by": ruling.actor,
        "decided_why": ruling.why,
        "decided_at": now,
    }


def _change(plan: Plan, review: Row, changes: Mapping[str, Any]) -> None:
    expect = {name: review[name] for name in ("state", "money", "decision")}
    plan.add(Change("reviews", (review["purchase_id"],), review["customer_id"], expect, changes))


def _schedule(plan: Plan, kind: str, purchase: Mapping[str, Any], *, due_at: int, now: int) -> None:
    plan.schedule(
        kind,
        anchor=purchase["customer_id"],
        unique_key=f"{kind}:{purchase['id']}",
        due_at=due_at,
        now=now,
        payload={"purchase_id": purchase["id"]},
    )


def _row(purchase: Mapping[str, Any], state: str, money: str, reasons: Sequence[str], now: int) -> dict[str, Any]:
    return {
        "purchase_id": purchase["id"],
        "customer_id": purchase["customer_id"],
        "state": state,
        "money": money,
        "hold_id": None,
        "reasons": FromResults(lambda results: _all_reasons(reasons, results)),
        "decision": None,
        "decided_by": None,
        "decided_why": None,
        "decided_at": None,
        "opened_at": None,
        "expires_at": None,
        "closed_at": None,
        "created_at": now,
        "updated_at": now,
    }


def _all_reasons(reasons: Sequence[str], results: Mapping[str, Any]) -> str:
    """Return the reasons that were known before the commit, and those of the late step that has asked for a review."""
    return msgspec.json.encode(list(dict.fromkeys((*reasons, *results.get(REVIEW_REASONS, ()))))).decode()
