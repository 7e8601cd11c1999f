"""Topping a wallet up: the ordinary purchase that a run makes of what its customer agreed to.

A run is begun by the commit that spent too much (``commit/watch_steps.py``). Its job buys with the saved method, under
an idempotency key that is the run's id: however often it is run, and whoever dies meanwhile, there is one purchase and
one charge. How the purchase ends closes the run in the same commit (``auto_top_up_moves.py``).
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from storefront.core.auto_top_up_moves import SOFT, fail, note_distrusted
from storefront.core.auto_top_up_rows import (
    CHARGING,
    DUE,
    OFF,
    ON,
    OPEN,
    OPEN_RUN,
    RUN,
    TERMS,
    WAITING,
    CannotTopUp,
    Link,
    count_charged,
)
from storefront.core.clock import HOUR_MS
from storefront.core.commit.outcome import KeyInFlight, Stale
from storefront.core.commit.plan import Change, IdempotencyKey, Plan, Watch
from storefront.core.errors import NotFound, StorefrontError, Unavailable
from storefront.core.gateways import GatewayFailed
from storefront.core.jobs import Again
from storefront.core.purchasing import read_purchase
from storefront.core.reading import Row
from storefront.core.services import Services

CALLER = "auto_top_up"
OPERATION = "auto top-up"
TIMES_DECIDED = 5


def key_of(run_id: str) -> IdempotencyKey:
    """Return the one key under which a run buys."""
    return IdempotencyKey(CALLER, OPERATION, run_id, hashlib.sha256(run_id.encode()).digest())


async def add_top_up(plan: Plan, services: Services, run_id: str, purchase: dict[str, Any]) -> None:
    """Add to the plan that begins a run's purchase that it is for it, and count it into its day.

    Raises:
        CannotTopUp: its customer has switched it off, or it costs more than they agreed to.
        Stale: what they agreed to has changed since the purchase was decided.
    """
    run, terms = await _read(services, run_id)
    config = services.config.auto_top_up
    if not config.allowed:
        raise CannotTopUp("The operator has switched automatic top-ups off.", reason="not_allowed")
    if run["state"] != DUE or terms["state"] != ON:
        raise CannotTopUp("It was switched off, or is under way.", reason="switched_off")
    if any(purchase[name] != terms[name] for name in ("sku", "quantity", "currency")):
        raise Stale("another purchase is agreed to now")
    if purchase["total"] > terms["at_most"]:
        raise CannotTopUp(
            f"It costs {purchase['total']}, agreed to are at most {terms['at_most']}.", reason="price_rose"
        )
    anchor, now = run["customer_id"], purchase["created_at"]
    purchase["auto_top_up"] = Link(run_id, run["asset"]).to_text()
    purchase["expires_at"] = now + config.confirm_within_hours * HOUR_MS
    begun = {"state": CHARGING, "purchase_id": purchase["id"], "amount": purchase["total"],
             "currency": purchase["currency"], "updated_at": now}  # fmt: skip
    plan.add(Change("auto_top_up_runs", (run_id,), anchor, {"state": DUE}, begun))
    stays = {"version": terms["version"], "state": ON}
    plan.add(Change("auto_top_ups", (anchor, run["asset"]), anchor, stays, {"version": terms["version"] + 1}))
    plan.add(*count_charged(purchase, run["asset"], at_most=terms["daily_cap"], times=config.most_per_day))


async def close_run(services: Services, run_id: str, reason: str) -> None:
    """Close a run that came to no purchase; one that did, or is over, stays as it is."""
    for _ in range(TIMES_DECIDED):
        run, terms = await _read(services, run_id)
        if run["state"] not in OPEN or run["purchase_id"] is not None:
            return
        plan = Plan(actor=CALLER, anchors={run["customer_id"]})
        plan.add(*fail(run, terms, reason, services.clock.now(), pauses=reason not in SOFT))
        try:
            await services.engine.commit(plan)
        except Stale:
            continue
        return
    raise Unavailable("Too much is changing at once; try again.")


async def retry_top_up(services: Services, payload: Mapping[str, Any]) -> Again | None:
    """Watch a wallet again after a failure; if it still has too little, the next run begins at once."""
    anchor, asset = payload["customer_id"], payload["asset"]
    for _ in range(TIMES_DECIDED):
        terms = await services.reader.first(TERMS, customer_id=anchor, asset=asset)
        if terms is None or terms["state"] != WAITING:
            return None
        now = services.clock.now()
        if now < terms["retry_at"]:
            return Again(terms["retry_at"])
        plan = Plan(actor=CALLER, anchors={anchor})
        changes = {"state": ON, "retry_at": None, "updated_at": now, "version": terms["version"] + 1}
        plan.add(Change("auto_top_ups", (anchor, asset), anchor, {"version": terms["version"]}, changes))
        plan.add(Watch(anchor, asset, terms["below"], expect=None, begins=True))
        payload_told = {"id": terms["id"], "customer_id": anchor, "asset": asset}
        plan.emit("auto_top_up.resumed", anchor=anchor, subject=terms["id"], payload=payload_told)
        try:
            await services.engine.commit(plan)
        except Stale:
            continue
        return None
    raise Unavailable("Too much is changing at once; try again.")


async def top_up_state(services: Services, customer_id: str, asset: str) -> str | None:
    """Tell somebody who is short what their automatic top-up does: ``under_way``, or the state of what they agreed to.

    None: they have agreed to nothing, or the shop does not do it.
    """
    if not services.config.auto_top_up.allowed:
        return None
    terms = await services.reader.first(TERMS, customer_id=customer_id, asset=asset)
    if terms is None or terms["state"] == OFF:
        return None
    run = await services.reader.first(OPEN_RUN, customer_id=customer_id, asset=asset)
    return str(terms["state"]) if run is None else "under_way"


async def distrust(services: Services, purchase_id: str, cause: str) -> None:
    """Switch off the top-up that made a purchase, if one did: its payer's bank has warned of fraud."""
    for _ in range(TIMES_DECIDED):
        purchase = await read_purchase(services, purchase_id)
        if Link.of(purchase) is None:
            return
        plan = Plan(actor=CALLER, anchors={purchase["customer_id"]})
        note_distrusted(plan, purchase, cause)
        try:
            await services.engine.commit(plan)
        except Stale:
            continue
        return
    raise Unavailable("Too much is changing at once; try again.")


def reason_of(refused: StorefrontError) -> str:
    """Return in a word why nothing could be bought."""
    if isinstance(refused, NotFound) and refused.code == NotFound.code:
        return "payment_method_gone"
    return str(refused.facts.get("reason", refused.code)) if isinstance(refused, CannotTopUp) else refused.code


def is_passing(error: StorefrontError) -> bool:
    """Tell whether an error says nothing about the purchase: the job tries again under the same key."""
    return isinstance(error, Unavailable | KeyInFlight | GatewayFailed)


async def _read(services: Services, run_id: str) -> tuple[Row, Row]:
    run = await services.reader.first(RUN, id=run_id)
    if run is None:
        raise NotFound("There is no such top-up.")
    terms = await services.reader.first(TERMS, customer_id=run["customer_id"], asset=run["asset"])
    assert terms is not None, "a run stands for what somebody agreed to"
    return run, terms
