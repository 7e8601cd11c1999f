"""Reviews: payments that Radar sets aside for a person to look at."""

from __future__ import annotations

from collections.abc import Sequence

from storefront.sandbox.errors import invalid
from storefront.sandbox.operations import Operation, filters, list_page, retrieving
from storefront.sandbox.params import EXPAND, PAGE, Checked, When
from storefront.sandbox.store import Body
from storefront.sandbox.world import World, new_id


def open_review(world: World, charge: Body, *, reason: str = "rule") -> Body:
    """Set a charge aside for review; ``reason`` is ``rule`` or ``manual``.

    Raises:
        ApiError: it is under review already.
    """
    if any(review["open"] for review in _of_charge(world, charge["id"])):
        raise invalid(f"Charge {charge['id']} is under review already.", param="charge")
    review: Body = {
        "id": new_id("prv"),
        "object": "review",
        "billing_zip": None,
        "charge": charge["id"],
        "closed_reason": None,
        "created": world.now,
        "ip_address": None,
        "ip_address_location": None,
        "livemode": False,
        "open": True,
        "opened_reason": reason,
        "payment_intent": charge["payment_intent"],
        "reason": reason,
        "session": None,
    }
    world.insert(review)
    _mark(world, charge, review["id"])
    world.emit("review.opened", review)
    return review


def close(world: World, review: Body, reason: str) -> Body:
    """End a review: ``approved``, ``refunded``, ``refunded_as_fraud`` or ``disputed``."""
    review.update(open=False, closed_reason=reason, reason=reason)
    world.save(review)
    _mark(world, world.get("charge", review["charge"]), None)
    world.emit("review.closed", review)
    return review


def close_of_charge(world: World, charge_id: str, reason: str) -> None:
    """End the open review of a charge, if it has one."""
    for review in _of_charge(world, charge_id):
        if review["open"]:
            close(world, review, reason)


def _of_charge(world: World, charge_id: str) -> list[Body]:
    return world.records.select("review", [("json_extract(body, '$.charge') = ?", charge_id)])


def _mark(world: World, charge: Body, review_id: str | None) -> None:
    charge["review"] = review_id
    world.save(charge)
    intent = world.records.find("payment_intent", charge["payment_intent"] or "")
    if intent is not None:
        world.save({**intent, "review": review_id})


def _approve(world: World, params: Checked, ids: Sequence[str]) -> Body:
    review = world.get("review", ids[0])
    if not review["open"]:
        raise invalid("This review is closed already.")
    return close(world, review, "approved")


def _list(world: World, params: Checked, ids: Sequence[str]) -> Body:
    return list_page(world, "review", params, url="/v1/reviews", conditions=filters(params))


OPERATIONS = (
    Operation("GET", "reviews", {"created": When(), **PAGE}, _list),
    Operation("GET", "reviews/{}", EXPAND, retrieving("review")),
    Operation("POST", "reviews/{}/approve", EXPAND, _approve),
)  # fmt: skip
