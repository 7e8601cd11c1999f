"""Giving back what was received for a purchase that was rejected: a refund of all that is left, begun once."""

from collections.abc import Mapping
from typing import Any

from storefront.core.alarms import raise_alarm
from storefront.core.asking_gateways import make_refund
from storefront.core.commit.outcome import Taken
from storefront.core.gateways import Refunds
from storefront.core.purchasing import read_payment, read_purchase
from storefront.core.refunds import Strategy, is_effective, read_reversals
from storefront.core.reversal_moves import Told
from storefront.core.services import Services
from storefront.core.taking_back import Beginning, advance, begin, need_reversal


async def give_back_rejected(services: Services, payload: Mapping[str, Any]) -> None:
    """Refund a rejected purchase through its gateway; the job of every one whose money was received.

    Raises:
        GatewayFailed: the refund is stored, and goes on by a job of its own.
    """
    purchase = await read_purchase(services, payload["purchase_id"])
    payment = await read_payment(services, purchase["id"])
    assert payment is not None, "what was received has a payment"
    if not isinstance(services.gateways.get(payment["gateway"]), Refunds):
        await raise_alarm(services, "refund_by_hand", purchase["id"], {"gateway": payment["gateway"]})
        return
    against = sum(row["amount"] for row in await read_reversals(services.reader, purchase["id"]) if is_effective(row))
    left = payment["received_amount"] - against
    if left <= 0:
        return
    begins = Beginning(
        cause="refund",
        amount=left,
        strategy=Strategy.FLOOR,
        actor="jobs",
        reason=f"the purchase was {purchase['status']}: {purchase['reason']}",
        claim=f"give_back:{purchase['id']}",
    )
    try:
        begun = await begin(services, purchase["id"], begins, Told("pending"))
    except Taken as taken:
        begun = taken.holder
    assert isinstance(begun, str), "there is no key that could be replayed"
    row = await need_reversal(services, begun)
    if row["state"] == "pending":
        await advance(services, begun, await make_refund(services, row))
