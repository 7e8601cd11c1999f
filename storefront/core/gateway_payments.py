"""The payment behind a movement of a gateway's balance, and its purchase, brought up to date.

One that cannot be worked out is set aside: an alarm says so, a job tries it again later and later, and the books go on
to what is behind it. Its movements are booked all the same; those that nobody could call ours yet are explained then.
A gateway that does not answer is asked again for a while first: mostly that is over soon, and is no payment's fault.
"""

import structlog
from sqlalchemy import bindparam, select

from storefront.core.adopting import adopt_money
from storefront.core.alarms import add_alarm, close_alarm
from storefront.core.clock import MINUTE_MS
from storefront.core.commit.plan import Plan
from storefront.core.errors import NotFound, Unavailable
from storefront.core.gateways import BalanceKind, BalanceTransaction, Checkouts, GatewayFailed, GatewayRefused, Refunds
from storefront.core.purchasing import read_payment
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront.core.tables import alarms, payments
from storefront.core.up_to_date import bring_up_to_date

ALARM = "payment_set_aside"
WORK_OUT = "payment.work_out"
PATIENCE_MS = 15 * MINUTE_MS
"""How long after its movement a payment may hold up the books because its gateway does not answer about it."""
OF_PAYMENTS = frozenset(
    {
        BalanceKind.PAYMENT,
        BalanceKind.REFUND,
        BalanceKind.REFUND_FAILURE,
        BalanceKind.DISPUTE,
        BalanceKind.DISPUTE_REVERSAL,
    }
)
_PAYMENT = Query(
    select(payments).where(
        payments.c.gateway == bindparam("gateway"), payments.c.gateway_payment == bindparam("payment")
    )
)
_BY_CHECKOUT = Query(
    select(payments).where(payments.c.gateway == bindparam("gateway"), payments.c.gateway_ref == bindparam("reference"))
)

log = structlog.get_logger("storefront.gateway_books")


def anchor_of(gateway: str) -> str:
    """Return the anchor of a gateway's books."""
    return f"gateway:{gateway}"


async def payment_of(services: Services, gateway: str, told: BalanceTransaction) -> Row | None:
    """Find the payment behind a movement; bring its purchase up to date, for its webhook may never have come.

    Raises:
        GatewayFailed: it did not answer, and the movement is new; ask again later.
        Unavailable: nobody can say yet whose money this is, likewise.
    """
    if told.payment is None or told.kind not in OF_PAYMENTS:
        return None
    try:
        return await work_out(services, gateway, told.payment)
    except Exception as error:  # what befalls one payment is nothing to those behind it
        is_new = services.clock.now() - told.created_at < PATIENCE_MS
        if is_new and isinstance(error, GatewayFailed | Unavailable):
            raise
        log.error("payment_not_worked_out", gateway=gateway, payment=told.payment, exc_info=error)
        await _set_aside(services, gateway, told, error)
    return await services.reader.first(_PAYMENT, gateway=gateway, payment=told.payment)


async def work_out(services: Services, gateway: str, payment: str) -> Row | None:
    """Bring the purchase of a gateway's payment up to date, and return its row; None if it is not ours."""
    known = await services.reader.first(_PAYMENT, gateway=gateway, payment=payment)
    if known is None:
        known = await _by_checkout(services, gateway, payment)
    if known is None:
        return None
    try:
        await bring_up_to_date(services, known["purchase_id"])
    except (GatewayRefused, Unavailable) as failed:
        if isinstance(failed, Unavailable) and known["gateway_payment"] is None:
            raise  # until it is settled nobody can say whose money this is
        # What this one purchase needs cannot be had: the movement is booked all the same, and those after it.
        log.error("purchase_not_brought_up_to_date", purchase=known["purchase_id"], reason=failed.detail)
    return await services.reader.first(_PAYMENT, gateway=gateway, payment=payment)


async def close_alarms(services: Services, gateway: str, payment: str) -> None:
    """Close what was raised for a payment that was set aside; called once it is worked out."""
    raised = select(alarms.c.id).where(
        alarms.c.kind == ALARM, alarms.c.about.startswith(_about(gateway, payment, ""), autoescape=True)
    )
    for row in await services.reader.scan(raised):
        await close_alarm(services, row["id"])


async def _set_aside(services: Services, gateway: str, told: BalanceTransaction, error: Exception) -> None:
    """Raise an alarm for the movement, and order that its payment is tried again; what stands already is not added."""
    anchor, now, payment = anchor_of(gateway), services.clock.now(), str(told.payment)
    plan = Plan(actor=anchor, anchors={anchor})
    facts = {"payment": payment, "error": type(error).__name__}
    add_alarm(services, plan, ALARM, _about(gateway, payment, told.id), facts)
    plan.schedule(WORK_OUT, anchor=anchor, unique_key=f"{WORK_OUT}:{gateway}:{payment}", due_at=now + MINUTE_MS,
                  now=now, payload={"gateway": gateway, "payment": payment})  # fmt: skip
    await services.engine.commit(plan)


def _about(gateway: str, payment: str, movement: str) -> str:
    return f"{gateway}:{payment}:{movement}"


async def _by_checkout(services: Services, gateway_name: str, payment: str) -> Row | None:
    gateway = services.gateway(gateway_name)
    if not isinstance(gateway, Refunds):
        return None
    try:
        reference = await gateway.find_checkout(payment)
    except NotFound:
        return None
    if reference is None:
        return None
    known = await services.reader.first(_BY_CHECKOUT, gateway=gateway_name, reference=reference)
    if known is not None or not isinstance(gateway, Checkouts):
        return known
    ours = (await gateway.look_up(reference)).purchase_id
    unopened = None if ours is None else await read_payment(services, ours)
    if unopened is None or unopened["gateway"] != gateway_name or unopened["gateway_ref"] not in (None, reference):
        return None
    # The answer to its opening may have come since the look by its checkout: then there is nothing to adopt.
    return unopened if unopened["gateway_ref"] else await adopt_money(services, unopened, payment)
