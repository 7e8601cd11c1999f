"""The raffle itself: giving numbered tickets, holding buyers to a pace, drawing a winner.

Everything here is added to a plan or runs inside the commit; nothing writes by itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storefront.core.assessing import PurchaseRefused
from storefront.core.clock import HOUR_MS, MINUTE_MS, parse_iso
from storefront.core.commit.apply import LateView
from storefront.core.commit.plan import Count, Insert, Key, Late, Plan, Step, Steps
from storefront.core.config import Offer
from storefront.core.errors import Refused

KIND = "raffle_ticket"
DRAW_JOB = "raffle.draw"


class RaffleClosed(Refused):
    code = "raffle_closed"
    title = "This raffle sells no more tickets"


@dataclass(frozen=True, slots=True)
class Raffle:
    """What an offer of this kind says; ``draws_at`` is business time in ms."""

    sku: str
    draws_at: int
    prize_asset: str
    prize_amount: int

    @classmethod
    def of(cls, offer: Offer) -> "Raffle":
        draws_at, prize = offer.part["draws_at"], offer.part["prize"]
        assert isinstance(draws_at, str), "the schema says so"
        assert isinstance(prize, Mapping), "the schema says so"
        ((asset, amount),) = prize.items()
        return cls(offer.sku, parse_iso(draws_at), asset, amount)

    @property
    def anchor(self) -> str:
        """What everything about this raffle hangs under: whoever buys or draws waits for the others."""
        return f"raffle:{self.sku}"

    @property
    def sold(self) -> Key:
        return Key("counters", (f"raffle:sold:{self.sku}",), self.anchor)

    @property
    def drawn(self) -> Key:
        return Key("raffle_draws", (self.sku,), self.anchor)


def give_tickets(plan: Plan, raffle: Raffle, *, customer_id: str, quantity: int, because_of: str, now: int) -> None:
    """Add tickets to a plan: they are counted and numbered when it is committed. The first one orders the draw.

    Raises:
        RaffleClosed: the draw is due or over.
    """
    if now >= raffle.draws_at:
        raise RaffleClosed(sku=raffle.sku)
    order = Steps()
    order.schedule(
        DRAW_JOB,
        anchor=raffle.anchor,
        unique_key=f"{DRAW_JOB}:{raffle.sku}",
        due_at=raffle.draws_at,
        now=now,
        payload={"raffle": raffle.sku, "asset": raffle.prize_asset, "amount": raffle.prize_amount},
    )
    plan.anchors.add(raffle.anchor)
    plan.count(str(raffle.sold.id[0]), anchor=raffle.anchor, by=quantity, on_cross=[(1, order.list)])
    facts = {"raffle": raffle, "customer_id": customer_id, "purchase_id": because_of, "quantity": quantity}
    plan.add(Late("raffle.number_tickets", (raffle.sold, raffle.drawn), facts))


def number_tickets(view: LateView, facts: Mapping[str, Any]) -> Sequence[Step] | Refused:
    """Late step: give the tickets that were just counted the next numbers. Two buyers never get the same one."""
    raffle: Raffle = facts["raffle"]
    if view.row(raffle.drawn) is not None:
        return RaffleClosed(sku=raffle.sku)
    counter = view.row(raffle.sold)
    assert counter is not None, "the step before has counted"
    last = counter["value"]
    return [
        Insert(
            "raffle_tickets",
            (raffle.sku, number),
            raffle.anchor,
            {
                "raffle": raffle.sku,
                "number": number,
                "customer_id": facts["customer_id"],
                "purchase_id": facts["purchase_id"],
                "bought_at": view.moment.now,
            },
        )
        for number in range(last - facts["quantity"] + 1, last + 1)
    ]


def watch_pace(plan: Plan, *, customer_id: str, quantity: int, at_most: int, now: int) -> None:
    """Refuse, when the plan is committed, whoever buys more than ``at_most`` tickets within any hour."""
    this_hour, last_hour = _pace(customer_id, now // HOUR_MS), _pace(customer_id, now // HOUR_MS - 1)
    facts = {"this": this_hour, "last": last_hour, "quantity": quantity, "at_most": at_most}
    plan.add(Late("raffle.hold_to_pace", (this_hour, last_hour), facts))


def hold_to_pace(view: LateView, facts: Mapping[str, Any]) -> Sequence[Step] | Refused:
    """Late step: a sliding hour from two counters, the last one weighed by how much of it is still in sight."""
    this_hour, last_hour = (_value(view, facts[name]) for name in ("this", "last"))
    minutes_in_sight = 60 - view.moment.now // MINUTE_MS % 60
    recently = this_hour + last_hour * minutes_in_sight // 60
    if recently + facts["quantity"] > facts["at_most"]:
        return PurchaseRefused()
    key: Key = facts["this"]
    assert key.anchor is not None, "a customer's counter hangs under the customer"
    return [Count(str(key.id[0]), key.anchor, facts["quantity"])]


def _pace(customer_id: str, hour: int) -> Key:
    return Key("counters", (f"raffle:pace:{customer_id}:{hour}",), customer_id)


def _value(view: LateView, key: Key) -> int:
    row = view.row(key)
    return 0 if row is None else int(row["value"])
