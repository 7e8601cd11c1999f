"""Taking over payments of ours whose opening reply was never stored: known by our reference at the gateway alone."""

import structlog

from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Change, Plan
from storefront.core.errors import NotFound
from storefront.core.gateways import Checkouts, Refunds
from storefront.core.purchasing import read_payment
from storefront.core.reading import Row
from storefront.core.services import Services

log = structlog.get_logger("storefront.payments")


async def adopt(services: Services, payment: Row, reference: str) -> None:
    """Store the gateway's reference of a payment that has none; if another process was first, it stored the same."""
    plan = Plan(actor=f"gateway:{payment['gateway']}", anchors={payment["customer_id"]})
    expect = {"gateway_ref": None}
    plan.add(Change("payments", (payment["id"],), payment["customer_id"], expect, {"gateway_ref": reference}))
    try:
        await services.engine.commit(plan)
    except Stale:
        log.info("payment_already_known", payment=payment["id"])


async def adopt_money(services: Services, payment: Row, money: str) -> Row:
    """Take over money of the gateway's for a payment without a reference, if the gateway says that it is ours."""
    gateway = services.gateway(payment["gateway"])
    assert isinstance(gateway, Refunds), "only such gateways tell of money apart from its checkout"
    assert isinstance(gateway, Checkouts), "only gateways with a checkout get payments"
    try:
        reference = await gateway.find_checkout(money)
        facts = None if reference is None else await gateway.look_up(reference)
    except NotFound:
        return payment
    if reference is not None and facts is not None and facts.purchase_id == payment["purchase_id"]:
        await adopt(services, payment, reference)
    return await read_payment(services, payment["purchase_id"]) or payment
