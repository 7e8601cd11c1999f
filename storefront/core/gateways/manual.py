"""Payments by hand: the buyer sees how to pay, and an operator says when the money has come.

A checkout is a page of ours with the operator's instructions and the reference to name. What an operator marks is
all that this gateway knows; it calls nobody, so nothing of it is ever unknown. A refund is asked for here, and is
done once the operator says that the money has been sent.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, select

from storefront.core.clock import Clock
from storefront.core.commit.engine import CommitEngine
from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Change, Insert, Plan
from storefront.core.errors import Conflict, NotFound
from storefront.core.gateways import (
    Checkout,
    CheckoutRequest,
    GatewayFailed,
    GatewayRefused,
    PaymentFacts,
    PaymentReversals,
    PaymentState,
    RefundFacts,
    RefundRequest,
    RefundState,
)
from storefront.core.money import Money
from storefront.core.privileged import record_action
from storefront.core.reading import Query, Reader, Row
from storefront.core.tables_manual_payments import manual_payments, manual_refunds

ANCHOR = "manual_payments"
PAGE_PATH = "/pay/manual"
TIMES_DECIDED = 10
MOST_LISTED = 500
AWAITING, RECEIVED, VOIDED = "awaiting", "received", "voided"

_PAYMENT = Query(select(manual_payments).where(manual_payments.c.reference == bindparam("reference")))
_REFUND = Query(select(manual_refunds).where(manual_refunds.c.reference == bindparam("reference")))
_REFUNDS_OF = Query(
    select(manual_refunds)
    .where(manual_refunds.c.payment == bindparam("payment"))
    .order_by(manual_refunds.c.asked_at, manual_refunds.c.reference)
)


class WrongState(Conflict):
    code = "payment_in_another_state"
    title = "This payment has ended otherwise"


class ManualGateway:
    """Payments that an operator marks. ``instructions``: language -> text."""

    def __init__(
        self,
        name: str,
        reader: Reader,
        engine: CommitEngine,
        clock: Clock,
        *,
        public_url: str,
        is_live: bool,
        instructions: Mapping[str, str],
    ) -> None:
        self._name = name
        self._reader = reader
        self._engine = engine
        self._clock = clock
        self._public_url = public_url
        self._is_live = is_live
        self.instructions = instructions

    @property
    def name(self) -> str:
        return self._name

    def can_charge(self, amount: Money) -> str | None:
        return None if amount.amount_minor > 0 else "is nothing to pay"

    async def close(self) -> None:
        """There is nothing to close."""

    async def open_checkout(self, request: CheckoutRequest) -> Checkout:
        """Note what is to be paid; the same purchase always gets the same page."""
        if not request.is_captured or request.saves_method or request.taxes:
            raise GatewayRefused("Payments by hand are neither authorised nor kept, and nothing is added to them.")
        reference = _named("man", request.purchase_id)
        row = {
            "reference": reference,
            "purchase_id": request.purchase_id,
            "title": request.title,
            "amount": request.amount.amount_minor,
            "currency": request.amount.currency,
            "success_url": request.success_url,
            "cancel_url": request.cancel_url,
            "state": AWAITING,
            "refunded": 0,
            "opened_at": self._clock.now(),
            "ended_at": None,
        }
        plan = Plan(actor=f"gateway:{self._name}", anchors={ANCHOR})
        plan.add(Insert("manual_payments", (reference,), ANCHOR, row, once=True))
        await self._engine.commit(plan)
        return Checkout(reference, f"{self._public_url}{PAGE_PATH}/{reference}")

    async def look_up(self, reference: str) -> PaymentFacts:
        return self._facts(await self.payment(reference))

    async def close_checkout(self, reference: str) -> PaymentFacts:
        for _ in range(TIMES_DECIDED):
            row = await self.payment(reference)
            if row["state"] != AWAITING:
                return self._facts(row)
            plan = Plan(actor=f"gateway:{self._name}", anchors={ANCHOR})
            self._end(plan, row, VOIDED)
            await self._try(plan)
        raise GatewayFailed("Too much happens to this payment at once.")

    async def find_checkout(self, payment: str) -> str | None:
        return None if await self._reader.first(_PAYMENT, reference=payment) is None else payment

    async def refund(self, request: RefundRequest) -> RefundFacts:
        """Ask an operator to send money back; the same reversal is asked for once."""
        reference = _named("mre", request.reversal_id)
        for _ in range(TIMES_DECIDED):
            known = await self._reader.first(_REFUND, reference=reference)
            paid = await self.payment(request.payment)
            if known is not None:
                return self._refund_facts(known, paid["currency"])
            left = paid["amount"] - paid["refunded"]
            if paid["state"] != RECEIVED or paid["currency"] != request.amount.currency:
                raise GatewayRefused("This payment has brought no such money.")
            if not 0 < request.amount.amount_minor <= left:
                raise GatewayRefused(f"Of this payment {left} is left to refund.")
            await self._try(self._plan_of_refund(reference, request, paid))
        raise GatewayFailed("Too much happens to this payment at once.")

    async def look_up_refund(self, reference: str) -> RefundFacts:
        row = await self._reader.first(_REFUND, reference=reference)
        if row is None:
            raise NotFound("No refund by hand has this reference.")
        return self._refund_facts(row, (await self.payment(row["payment"]))["currency"])

    async def reversals(self, payment: str) -> PaymentReversals:
        paid = await self.payment(payment)
        rows = await self._reader.all(_REFUNDS_OF, payment=payment)
        return PaymentReversals(refunds=tuple(self._refund_facts(row, paid["currency"]) for row in rows))

    async def payment(self, reference: str) -> Row:
        """Return the row of a payment; raises ``NotFound``."""
        row = await self._reader.first(_PAYMENT, reference=reference)
        if row is None:
            raise NotFound("No payment by hand has this reference.")
        return row

    async def listed(self, state: str | None) -> Sequence[Row]:
        """Return the newest payments, or those in one state, newest first."""
        statement = select(manual_payments).order_by(manual_payments.c.opened_at.desc()).limit(MOST_LISTED)
        return await self._reader.scan(
            statement if state is None else statement.where(manual_payments.c.state == state)
        )

    async def mark(self, reference: str, state: str, *, actor: str) -> None:
        """Mark a payment received or voided, with an audit row. Again: nothing more happens.

        Raises:
            NotFound: no payment has this reference.
            WrongState: it has ended otherwise.
        """
        for _ in range(TIMES_DECIDED):
            row = await self.payment(reference)
            if row["state"] == state:
                return
            if row["state"] != AWAITING:
                raise WrongState(f"This payment is {row['state']}.", state=row["state"])
            plan = Plan(actor=actor, anchors={ANCHOR})
            self._end(plan, row, state)
            facts = {"purchase_id": row["purchase_id"], "amount": row["amount"], "currency": row["currency"]}
            self._audit(plan, f"manual_payment.{state}", reference, facts, actor=actor)
            if await self._try(plan):
                return
        raise GatewayFailed("Too much happens to this payment at once.")

    async def mark_refunds_sent(self, payment: str, *, actor: str) -> list[str]:
        """Mark all refunds of a payment that wait as sent, with an audit row each; returns their references."""
        for _ in range(TIMES_DECIDED):
            await self.payment(payment)
            rows = await self._reader.all(_REFUNDS_OF, payment=payment)
            waiting = [row for row in rows if row["state"] == str(RefundState.PENDING)]
            plan = Plan(actor=actor, anchors={ANCHOR})
            for row in waiting:
                sent = {"state": str(RefundState.SUCCEEDED), "sent_at": self._clock.now()}
                expected = {"state": str(RefundState.PENDING)}
                plan.add(Change("manual_refunds", (row["reference"],), ANCHOR, expected, sent))
                facts = {"reversal_id": row["reversal_id"], "amount": row["amount"]}
                self._audit(plan, "manual_refund.sent", row["reference"], facts, actor=actor)
            if not waiting or await self._try(plan):
                return [row["reference"] for row in waiting]
        raise GatewayFailed("Too much happens to this payment at once.")

    def _plan_of_refund(self, reference: str, request: RefundRequest, paid: Row) -> Plan:
        minor = request.amount.amount_minor
        row = {
            "reference": reference,
            "reversal_id": request.reversal_id,
            "payment": request.payment,
            "amount": minor,
            "state": str(RefundState.PENDING),
            "asked_at": self._clock.now(),
            "sent_at": None,
        }
        plan = Plan(actor=f"gateway:{self._name}", anchors={ANCHOR})
        before, after = {"refunded": paid["refunded"]}, {"refunded": paid["refunded"] + minor}
        plan.add(Change("manual_payments", (request.payment,), ANCHOR, before, after))
        plan.add(Insert("manual_refunds", (reference,), ANCHOR, row))
        return plan

    def _end(self, plan: Plan, row: Row, state: str) -> None:
        ended = {"state": state, "ended_at": self._clock.now()}
        plan.add(Change("manual_payments", (row["reference"],), ANCHOR, {"state": AWAITING}, ended))

    def _audit(self, plan: Plan, action: str, about: str, facts: Mapping[str, Any], *, actor: str) -> None:
        now, wall = self._clock.now(), self._clock.wall()
        record_action(plan, action, actor=actor, about=about, facts=facts, now=now, wall=wall)

    async def _try(self, plan: Plan) -> bool:
        try:
            await self._engine.commit(plan)
        except Stale:
            return False
        return True

    def _facts(self, row: Row) -> PaymentFacts:
        return PaymentFacts(
            reference=row["reference"],
            state=PaymentState(row["state"]),
            amount=Money(row["amount"], row["currency"]),
            is_live=self._is_live,
            purchase_id=row["purchase_id"],
            payment=row["reference"] if row["state"] == RECEIVED else None,
            refunded=row["refunded"],
        )

    def _refund_facts(self, row: Row, currency: str) -> RefundFacts:
        return RefundFacts(
            reference=row["reference"],
            payment=row["payment"],
            state=RefundState(row["state"]),
            amount=Money(row["amount"], currency),
            is_live=self._is_live,
            reversal_id=row["reversal_id"],
            created_at=row["asked_at"],
        )


def _named(prefix: str, our_id: str) -> str:
    """Return a reference that our own id decides, so that asking twice is asking for the same."""
    return f"{prefix}_{our_id.partition('_')[2]}"
