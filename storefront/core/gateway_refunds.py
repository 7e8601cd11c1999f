"""Refunds of purchases that a gateway was paid for: commit the intent → call → commit what the gateway says.

The reversal stands as ``pending``, its goods set aside, before the gateway is called under the reversal's own id. A
lost reply, a crash or a refund that takes days change nothing: the same call is made again, or asked after, until
the gateway has said how it ended.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from storefront.core.asking_gateways import make_refund, told_of_dispute
from storefront.core.bundle_refunds import RefundTooLarge, named_by
from storefront.core.clock import DAY_MS, MINUTE_MS
from storefront.core.commit.outcome import Answer, KeyReused
from storefront.core.commit.plan import IdempotencyKey
from storefront.core.config.currencies import show_amount
from storefront.core.errors import Conflict, StorefrontError, Unavailable
from storefront.core.gateways import Disputes, Refunds, RefundsInSteps
from storefront.core.idempotency import RECORD
from storefront.core.jobs import Again
from storefront.core.purchasing import Status, read_payment, read_purchase
from storefront.core.reading import Row
from storefront.core.refunds import (
    DISPUTE,
    HOLDING,
    RefundRequest,
    Strategy,
    TakenBack,
    is_effective,
    read_reversals,
    refund_json,
    taken_back,
)
from storefront.core.reversal_moves import Told
from storefront.core.reversing import (
    AlreadyRefunded,
    Decision,
    GoodsUsed,
    NotRefundable,
    RefundTooFine,
    decide,
)
from storefront.core.services import Services
from storefront.core.taking_back import TIMES_DECIDED, Beginning, Overtaken, advance, begin, is_short, need_reversal

LONGEST_PAUSE_MS = DAY_MS // 4


class RefundFailed(Conflict):
    code = "refund_failed"
    title = "The payment gateway did not make this refund"


async def refund_at_gateway(services: Services, wanted: RefundRequest) -> tuple[Answer, bool]:
    """Refund a purchase through its gateway, once per key; return the answer and whether it is a replay.

    201 when the money is on its way for good, 202 while the gateway still thinks.

    Raises:
        NotRefundable, AlreadyRefunded, RefundTooLarge, RefundTooFine, GoodsUsed: nothing was written.
        GatewayUnavailable, OutcomeUnknown: the refund is stored and goes on by itself; the same key may be sent again.
        RefundFailed: the gateway refused; nothing was given back, nothing taken.
    """
    key = wanted.idempotency
    for _ in range(TIMES_DECIDED):
        record = await _record_of(services, key)
        if record is not None:
            return await _again(services, record, wanted), True
        try:
            begun = await _begin(services, wanted)
        except Overtaken:
            continue  # what is left now decides
        except StorefrontError:
            # What would be refused now may have begun under the same key, when it was not yet so.
            if await _record_of(services, key) is None:
                raise
            continue
        return begun if isinstance(begun, tuple) else (await _finish(services, begun, wanted), False)
    raise Unavailable("Too much is changing at once; try again.")


async def _record_of(services: Services, key: IdempotencyKey) -> Row | None:
    return await services.reader.first(RECORD, caller=key.caller, operation=key.operation, key=key.key)


async def _again(services: Services, record: Row, wanted: RefundRequest) -> Answer:
    """Answer a key that is known: as it was answered, or by going on with what it began."""
    if record["fingerprint"] != wanted.idempotency.fingerprint:
        raise KeyReused
    if record["state"] == "answered":
        return Answer(record["status"], record["body"])
    return await _finish(services, record["object_id"], wanted)


async def _begin(services: Services, wanted: RefundRequest) -> str | tuple[Answer, bool]:
    """Decide a refund and write it as ``pending``; return its id, or the answer of a dry run or of a replayed key.

    Raises:
        Overtaken: another one was written since it was decided, and nothing of this one was.
    """
    purchase = await read_purchase(services, wanted.purchase_id)
    decision = await _decide(services, purchase, wanted)
    if wanted.is_dry_run:
        shown = _shown(wanted, purchase, decision, services.clock.now())
        return Answer(200, msgspec.json.encode(refund_json(shown, is_dry_run=True))), False
    begins = Beginning(
        cause="refund",
        amount=decision.amount,
        quantity=decision.taken.quantity,
        lines=decision.taken.lines,
        strategy=wanted.strategy,
        actor=wanted.idempotency.caller,
        reason=wanted.reason,
        at_most_left=True,
        number=decision.number,
        idempotency=wanted.idempotency,
    )
    begun = await begin(services, purchase["id"], begins, Told("pending"))
    if isinstance(begun, str):
        return begun
    assert begun.answer is not None, "only an answered key is replayed in a commit"
    return begun.answer, True


async def _decide(services: Services, purchase: Row, wanted: RefundRequest) -> Decision:
    """Decide a refund that the purchase's gateway can make; raises what ``refund_at_gateway`` does."""
    if not isinstance(services.gateways.get(purchase["pay_with"]), Refunds):
        raise NotRefundable(f"The gateway {purchase['pay_with']} gives no money back; refund it there by hand.")
    is_rejected = purchase["status"] in (Status.REJECTED, Status.CANCELED) and purchase["payment_state"] == "received"
    if purchase["status"] == Status.PAID or is_rejected:
        decision = await _money_alone(services, purchase, wanted)
    else:
        lines, quantity = named_by(purchase, wanted)
        decision = await decide(
            services, purchase, amount=wanted.amount, quantity=quantity, lines=lines, strategy=wanted.strategy
        )
    if decision.amount == 0:
        raise AlreadyRefunded
    await _refuse_too_fine(services, purchase, decision.amount)
    return decision


async def _refuse_too_fine(services: Services, purchase: Row, amount: int) -> None:
    """Raise ``RefundTooFine`` for an amount between two of the gateway's steps, naming those it can give back."""
    gateway, currency = services.gateways[purchase["pay_with"]], purchase["currency"]
    step = gateway.refund_step(currency) if isinstance(gateway, RefundsInSteps) else 1
    if amount % step == 0:
        return
    rows = await read_reversals(services.reader, purchase["id"])
    left = purchase["total"] - sum(row["amount"] for row in rows if is_effective(row))
    below = amount - amount % step
    nearest = [one for one in (below, below + step) if 0 < one <= left]
    raise RefundTooFine(
        f"{purchase['pay_with']} gives {currency} back in steps of {show_amount(step, currency)}: "
        f"{show_amount(amount, currency)} is between two of them. Nearest: "
        f"{' or '.join(show_amount(one, currency) for one in nearest) or 'none'}.",
        step={"amount": step, "currency": currency},
        nearest=[{"amount": one, "currency": currency} for one in nearest],
    )


async def _money_alone(services: Services, purchase: Row, wanted: RefundRequest) -> Decision:
    """Decide a refund of money whose goods were never given: any part of what was received, and of nothing else."""
    payment = await read_payment(services, purchase["id"])
    assert payment is not None, "what is paid at a gateway has a payment"
    rows = await read_reversals(services.reader, purchase["id"])
    left = payment["received_amount"] - sum(row["amount"] for row in rows if is_effective(row))
    amount = left if wanted.amount is None else wanted.amount
    if left <= 0:
        raise AlreadyRefunded
    if amount > left:
        raise RefundTooLarge(left={"amount": left, "currency": payment["received_currency"]}, quantity_left=0)
    taken = TakenBack(strategy=str(wanted.strategy), quantity=0)
    return Decision(len(rows) + 1, amount, "full" if amount == left else "part", taken, (), ())


async def _finish(services: Services, reversal_id: str, wanted: RefundRequest) -> Answer:
    row = await need_reversal(services, reversal_id)
    _refuse_ended(row)
    told = await _ask(services, row)
    is_answered = told.state not in ("failed", "canceled")
    row, answer = await advance(services, reversal_id, told, key=wanted.idempotency if is_answered else None)
    _refuse_ended(row)
    assert answer is not None, "the key is answered in that commit"
    return answer


def _refuse_ended(row: Row) -> None:
    """Refuse a refund that has ended without giving anything back: under its key it is not begun again."""
    if row["state"] == "failed":
        raise RefundFailed(reason=msgspec.json.decode(row["facts"]).get("failure"))
    if row["state"] == "canceled" and row["gateway_ref"] is not None:
        raise RefundFailed(reason="canceled at the gateway")
    if row["state"] == "canceled":
        raise GoodsUsed("Some of the goods were used meanwhile.")


async def _ask(services: Services, row: Row) -> Told:
    """Ask the gateway for a refund, or how it stands; one that must take all its goods, and lacks some, is canceled.

    What is set aside never becomes less, so one that lacks some now was never asked for.
    """
    is_strict = taken_back(row).strategy == Strategy.FAIL
    if is_strict and row["state"] in HOLDING and row["gateway_ref"] is None and await is_short(services, row["id"]):
        return Told("canceled")
    return await make_refund(services, row)


async def sweep_reversal(services: Services, payload: Mapping[str, Any]) -> Again | None:
    """Ask after a reversal that waits for its gateway, later and later; the job of every one that waits."""
    row = await need_reversal(services, payload["reversal_id"])
    if row["state"] not in HOLDING:
        return None
    if row["cause"] == DISPUTE:
        gateway = services.gateway(row["gateway"])
        assert isinstance(gateway, Disputes), "only gateways with disputes have some"
        told = told_of_dispute(await gateway.look_up_dispute(row["gateway_ref"]))
    else:
        told = await _ask(services, row)
    row, _ = await advance(services, row["id"], told)
    if row["state"] not in HOLDING:
        return None
    now = services.clock.now()
    return Again(now + min(max(now - row["created_at"], MINUTE_MS), LONGEST_PAUSE_MS))


def _shown(wanted: RefundRequest, purchase: Row, decision: Decision, now: int) -> dict[str, Any]:
    """Return a reversal's row as it would be, for a dry run."""
    return {
        "id": "",
        "purchase_id": purchase["id"],
        "number": decision.number,
        "cause": "refund",
        "state": "pending",
        "amount": decision.amount,
        "currency": purchase["currency"],
        "taken_back": msgspec.json.encode(_taken(decision.taken)).decode(),
        "reason": wanted.reason,
        "actor": wanted.idempotency.caller,
        "created_at": now,
    }


def _taken(decided: TakenBack) -> TakenBack:
    """Return what would be taken, as ``demands.taken_of`` tells it afterwards: with debt, what is missing is owed."""
    if decided.strategy != Strategy.DEBT:
        return decided
    credits = (msgspec.structs.replace(one, written_off=0, owed=one.written_off) for one in decided.credits)
    return msgspec.structs.replace(decided, credits=tuple(credits))
