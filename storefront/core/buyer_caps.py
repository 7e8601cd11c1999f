"""Caps on what one buyer may begin: purchases that wait for their payment, and cards that are tried out.

Both are counters in the database, so that all processes share them. How many purchases wait is decided in the commit
that begins one. Declines are known only afterwards, from the gateway, of cards that pay and of cards that are saved
for later: whoever has too many of them within an hour of the clock begins neither before the next. They may be told
when the purchase is canceled or paid already, so it keeps for some days from where it was begun (``retention.py``).
"""

from sqlalchemy import bindparam, select

from storefront.core.clock import HOUR_MS
from storefront.core.commit.plan import Plan
from storefront.core.errors import Refused, TooManyRequests
from storefront.core.reading import Query
from storefront.core.services import Services
from storefront.core.tables import counters

DECLINED = "declined:"
PENDING = "pending:"
_COUNTER = Query(select(counters.c.value).where(counters.c.key == bindparam("key")))


class TooManyPending(Refused):
    code = "too_many_pending"
    title = "Too many purchases of this customer wait for their payment"


class TooManyDeclines(TooManyRequests):
    code = "too_many_declines"
    title = "Too many payments from here were declined"


def count_begun(plan: Plan, customer_id: str, at_most: int) -> None:
    """Count a purchase that begins to wait; over the cap the plan is refused."""
    detail = f"{at_most} purchases wait for their payment. Pay or cancel some; they also end by themselves."
    refusal = TooManyPending(detail, at_most=at_most)
    plan.count(pending_key(customer_id), anchor=customer_id, at_most=at_most, refusal=refusal)


def count_over(plan: Plan, customer_id: str) -> None:
    """Count a purchase that waits no more."""
    plan.count(pending_key(customer_id), anchor=customer_id, by=-1)


def pending_key(customer_id: str) -> str:
    return f"{PENDING}{customer_id}"


def count_declined(plan: Plan, network: str | None, now: int) -> None:
    """Count a declined payment against the network that it was begun from, if that is known."""
    if network is not None:
        key = declined_key(network, now)
        plan.anchors.add(key)
        plan.count(key, anchor=key)


def declined_key(network: str, now: int) -> str:
    """Return the counter of a network's declines in the clock's hour around ``now`` (ms); older keys sort first."""
    return f"{DECLINED}{now // HOUR_MS * HOUR_MS:015d}:{network}"


async def refuse_card_testing(services: Services, network: str | None) -> None:
    """Raise ``TooManyDeclines`` if a network has had as many declines in this hour as it may."""
    if network is None:
        return
    now = services.clock.now()
    row = await services.reader.first(_COUNTER, key=declined_key(network, now))
    if row is not None and row["value"] >= services.config.purchases.most_declined_per_hour:
        seconds = -(-(HOUR_MS - now % HOUR_MS) // 1000)
        raise TooManyDeclines(f"Try again in {seconds} s.", retry_after_seconds=seconds)
