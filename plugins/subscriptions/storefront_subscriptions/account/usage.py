"""Words what tiers charge for usage: the prices before one begins, and what is used and pending after that."""

from collections.abc import Iterator
from decimal import Decimal

from babel.numbers import format_decimal

from storefront.core.config.model import Offer
from storefront.core.config.model_usage import MICRO, Charge, ChargeModel
from storefront.design.money import parse_locale
from storefront_subscriptions.account.reading import Standing
from storefront_subscriptions.account.views import Figure, UsageView
from storefront_subscriptions.account.wording import Wording
from storefront_subscriptions.period_lines import lines_of_period
from storefront_subscriptions.rows import ACTIVE, TRIALING, will_renew
from storefront_subscriptions.usage_lines import Metered, read_metered, usage_due
from storefront_subscriptions.usage_terms import charges_of, title_of


def usage_terms(wording: Wording, offer: Offer) -> tuple[str, ...]:
    """Return a sentence for each feature that a tier charges: ``API calls: 1,000 included, then $0.005 each.``"""
    return tuple(
        f"{title_of(offer, feature)}: {_terms(wording, charge, offer.sku, charge.included)}."
        for feature, charge in charges_of(offer).items()
    )


def with_usage(offer: Offer) -> str:
    """Return what is said after a tier's price: that usage comes on top of it, if it does."""
    return " plus usage" if charges_of(offer) else ""


def _terms(wording: Wording, charge: Charge, sku: str, included: int) -> str:
    prices = _prices(wording, charge, sku)
    return f"{_count(wording, included)} included, then {prices}" if included else prices


def _prices(wording: Wording, charge: Charge, sku: str) -> str:
    match charge.model:
        case ChargeModel.PER_UNIT:
            return f"{wording.unit_price(charge.price, charge.asset, sku)} each"
        case ChargeModel.PACKAGE:
            price = wording.unit_price(charge.price, charge.asset, sku)
            return f"{price} for every {_count(wording, charge.package)}"
        case ChargeModel.GRADUATED:
            return ", ".join(_steps(wording, charge, sku))
        case ChargeModel.VOLUME:
            return f"{', '.join(_steps(wording, charge, sku))}; the last price is that of all"


def _steps(wording: Wording, charge: Charge, sku: str) -> Iterator[str]:
    for at, tier in enumerate(charge.tiers):
        flat = f" and {wording.unit_price(tier.flat, charge.asset, sku)}" if tier.flat else ""
        price = f"{wording.unit_price(tier.price, charge.asset, sku)} each{flat}"
        if tier.up_to is not None:
            price += f" up to {_count(wording, tier.up_to)}"
        yield f"then {price}" if at else price


def _count(wording: Wording, quantity: int) -> str:
    number = Decimal(quantity) / MICRO
    return str(format_decimal(number, locale=parse_locale(wording.language), decimal_quantization=False))


async def usage_view(wording: Wording, one: Standing) -> UsageView | None:
    """Return what a plan has used, line by line, and what its next payment is by that; None where it charges none."""
    row, services = one.row, wording.services
    offer = (await services.catalogs.version(row["catalog_version"])).offer(row["sku"])
    charges, known = charges_of(offer), await read_metered(services, row, wording.now)
    lines = [_figure(wording, found) for found in known if found.is_due or _is_present(one, found)]
    running = {found.charge.feature for found in known if _is_present(one, found)}
    is_tried = row["billing_state"] == TRIALING
    for feature, charge in charges.items():
        if feature not in running:
            told = f"{title_of(offer, feature)}{'' if is_tried else ': 0'}"
            nothing = "Free" if is_tried else wording.amount(0, charge.asset)
            lines.append(Figure(told, nothing, _terms(wording, charge, row["sku"], charge.included)))
    if not lines:
        return None
    pending = {
        asset: sum(found.pending for found in known if found.charge.asset == asset)
        for asset in dict.fromkeys(found.charge.asset for found in known)
    }
    sums = [Figure("Used and not paid yet", wording.due(due, asset, row["sku"])) for asset, due in pending.items()]
    ahead = await _next_payment(wording, one)
    return UsageView(tuple(lines), tuple(sums if ahead is None else [ahead]))


async def _next_payment(wording: Wording, one: Standing) -> Figure | None:
    """Return what the next payment is as it stands; None where none follows."""
    row, ahead = one.row, one.ahead
    if row["billing_state"] not in (ACTIVE, TRIALING) or not will_renew(row) or row["gifted"]:
        return None
    usage = await usage_due(wording.services, row, ahead["currency"])
    lines, _, _ = await lines_of_period(wording.services, ahead, usage=usage)
    due = sum(amount for _, amount in lines)
    return Figure("Next payment so far", wording.due(due, ahead["currency"], ahead["sku"]))


def _is_present(one: Standing, found: Metered) -> bool:
    row, segment = one.row, found.segment
    agreed = (row["period"], row["sku"], row["catalog_version"])
    return (segment.period, segment.sku, segment.catalog_version) == agreed


def _figure(wording: Wording, found: Metered) -> Figure:
    told = f"{found.title}: {_count(wording, found.quantity)}"
    if found.lined:
        told += f" instead of {_count(wording, int(found.lined[-1]['quantity']))}"
    amount = wording.due(found.pending, found.charge.asset, found.segment.sku)
    included = found.segment.included(found.charge)
    return Figure(told, amount, _terms(wording, found.charge, found.segment.sku, included))
