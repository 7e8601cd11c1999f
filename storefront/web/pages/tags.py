"""Price tags: the button that buys, its name for screen readers, and the hidden fields of its form."""

from decimal import Decimal

from storefront.core.money import Money
from storefront.design.money import exponent_of, is_real
from storefront.web.pages.desk import Desk
from storefront.web.pages.offers import Choice, Offer
from storefront.web.pages.views import AmountField, PriceTag


def price_tag(desk: Desk, offer: Offer, price: Money, *, what: str) -> PriceTag:
    """Make the tag that buys an offer at this price; every tag has an idempotency key of its own."""
    is_virtual = price in offer.virtual_prices
    fields = {"sku": offer.sku, "currency": price.currency}
    choice = offer.choices.get(price.currency)
    if choice is None:
        fields["expected_price"] = str(price.amount_minor)
    fields["idempotency_key"] = desk.new_key()
    if price.currency in offer.discounts:
        fields["promo_code"] = offer.discounts[price.currency].code
    charged = ""
    if is_virtual:
        fields["pay_with"] = "wallet"
    elif desk.payment is not None:
        fields |= desk.payment.fields
        charged = f", charged to {desk.payment.pays_at_once}" if desk.payment.pays_at_once else ""
    amount = desk.amount(price)
    if choice is not None:
        asked = _ask(desk, offer, choice, price.currency)
        return PriceTag("Pay", f"Pay what you want for {what}{charged}", fields, asked)
    return PriceTag("Get" if is_virtual else amount, f"Buy {what} for {amount}{charged}", fields)


def _ask(desk: Desk, offer: Offer, choice: Choice, code: str) -> AmountField:
    exponent = exponent_of(code) if is_real(code) else desk.asset(code).exponent
    value, least, most = (
        f"{Decimal(part).scaleb(-exponent):f}" for part in (choice.suggested, choice.least, choice.most)
    )
    between = f"{desk.amount(Money(choice.least, code))} to {desk.amount(Money(choice.most, code))}"
    step = f"{Decimal(1).scaleb(-exponent):f}"
    unit = code if is_real(code) else desk.asset(code).name
    return AmountField(f"amount-{offer.sku}-{code}", between, unit, value, least, most, step)
