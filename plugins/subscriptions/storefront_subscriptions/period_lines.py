"""The lines of a whole period: its price, what it takes over from before, and what a gateway takes no charge for."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from storefront.core.catalog import text_in
from storefront.core.gateways.capabilities import Gateway
from storefront.core.money import Money
from storefront.core.services import Services
from storefront_subscriptions.carrying import read_carried
from storefront_subscriptions.intervals import Period
from storefront_subscriptions.proration import half_even
from storefront_subscriptions.usage_lines import UsageLine

Lines = list[tuple[str, int]]
THOUSAND = 1000
"""A gateway that knows no cents, or of three decimals two, charges such an amount and its half."""


async def lines_of_period(
    services: Services,
    agreed: Mapping[str, Any],
    *,
    part: tuple[int, Period] | None = None,
    usage: Sequence[UsageLine] = (),
) -> tuple[Lines, int, int]:
    """Return the lines of a period by what was agreed to, what they take over, and what there was to take.

    ``usage`` is what was used before it and is asked with it.
    With ``part`` it is the rest of a period from an instant on (business ms), to the millisecond, half to even.
    """
    catalog = await services.catalogs.version(agreed["catalog_version"])
    offer = catalog.offer(agreed["sku"])
    title = text_in(offer.title, None, catalog.default_language) or offer.sku
    price = agreed["price"] * agreed["seats"]
    due, named = price, f"{title}, {agreed['interval']}"
    if part is not None:
        since, whole = part
        due, named = half_even(Fraction(price * (whole.end - since), whole.total)), f"{named}, rest of the period"
    lines = [(named, due), *((one.title, one.amount) for one in usage)]
    due += sum(one.amount for one in usage)
    found = await read_carried(services, agreed["customer_id"], agreed["family"], agreed["currency"])
    taken = max(found, -due)
    if taken:
        lines.append((_name(taken, due), taken))
    rest = due + taken
    later = rest - chargeable(services, agreed["pay_with"], Money(rest, agreed["currency"]), price=price)
    if later:
        lines.append(("Due with the next invoice", -later))
        taken -= later
    return lines, taken, found


def _name(taken: int, due: int) -> str:
    """Name what is taken over, or, where usage became cheaper than the rest costs, what is left for the next one."""
    if due < 0:
        return "Credit for the next invoice"
    return "Credit" if taken < 0 else "Due from before"


def chargeable(services: Services, pay_with: str, amount: Money, *, price: int) -> int:
    """Return how much of an amount is charged now (minor units): all, or as near below as the gateway can, or nothing.

    Some take no less than half a dollar, or of three decimals only two, and each has its most; what is left waits for
    the next invoice. Of a gateway that does not even take a ``price`` all is asked, and the purchase says why not.
    """
    gateway, whole = services.gateways.get(pay_with), amount.amount_minor
    if gateway is None or whole == 0 or (price and gateway.can_charge(Money(price, amount.currency)) is not None):
        return whole
    for possible in (whole, whole - whole % 10):
        if possible and gateway.can_charge(Money(possible, amount.currency)) is None:
            return possible
    return _most(gateway, amount, price) if whole > price else 0


def _most(gateway: Gateway, amount: Money, price: int) -> int:
    """Return the most of a too large amount that the gateway charges with half as much again for tax, in thousands.

    No less than the ``price``, which it takes.
    """
    low, high = price // THOUSAND, amount.amount_minor // THOUSAND
    while low < high:
        middle = (low + high + 1) // 2
        if gateway.can_charge(Money(middle * THOUSAND * 3 // 2, amount.currency)) is None:
            low = middle
        else:
            high = middle - 1
    return max(price, low * THOUSAND)
