"""What goes over the wire for currencies that differ at Stripe, and what comes back of it."""

from dataclasses import dataclass
from urllib.parse import parse_qs

import pytest

from storefront.core.gateways import GatewayFailed, GatewayRefused, PayoutRequest
from storefront.core.gateways.stripe.amounts import from_stripe, payout_problem, signed_from_stripe, to_stripe
from storefront.core.ids import new_id
from storefront.core.money import Money
from storefront.testing.gateway_contract import RefundContract
from tests.gateways.stripe_driver import StripeDriver


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount of ours, and the integer that Stripe takes for it."""

    ours: Money
    at_stripe: int


AMOUNTS = [
    Amount(Money(499, "USD"), 499),  # 4.99
    Amount(Money(500, "JPY"), 500),  # 500 yen: no decimals
    Amount(Money(5120, "KWD"), 5120),  # 5.120 dinars: three decimals, the last is 0
    Amount(Money(500, "ISK"), 50_000),  # 500 krónur: sent as if there were two decimals
    Amount(Money(5000, "UGX"), 500_000),  # 5000 shillings: likewise
    Amount(Money(17_550, "HUF"), 17_550),  # 175.50 forints: charged with two decimals
    Amount(Money(1_000_000, "MGA"), 10_000),  # 10 000 ariary: two decimals with us, none there
]


@pytest.mark.parametrize("amount", AMOUNTS, ids=lambda amount: amount.ours.currency)
def test_an_amount_at_stripe_and_back(amount: Amount) -> None:
    assert to_stripe(amount.ours) == amount.at_stripe
    assert from_stripe(amount.at_stripe, amount.ours.currency.lower()) == amount.ours
    assert signed_from_stripe(-amount.at_stripe, amount.ours.currency) == -amount.ours.amount_minor


@pytest.mark.parametrize("amount", AMOUNTS, ids=lambda amount: amount.ours.currency)
async def test_a_payment_and_its_refund_at_the_wire(stripe: StripeDriver, amount: Amount) -> None:
    contract = RefundContract()
    paid = await contract.paid(stripe, amount.ours)
    refund = await stripe.gateway.refund(contract.back(paid, amount.ours.amount_minor))

    assert (paid.amount, refund.amount) == (amount.ours, amount.ours)
    assert sent(stripe, "/v1/checkout/sessions", "line_items[0][price_data][unit_amount]") == str(amount.at_stripe)
    assert sent(stripe, "/v1/checkout/sessions", "line_items[0][price_data][currency]") == amount.ours.currency.lower()
    assert sent(stripe, "/v1/refunds", "amount") == str(amount.at_stripe)


@pytest.mark.parametrize("amount", [Money(5123, "KWD"), Money(1_000_050, "MGA"), Money(1001, "TND")])
def test_what_stripe_cannot_say_is_never_sent(amount: Money) -> None:
    with pytest.raises(GatewayRefused):
        to_stripe(amount)


@pytest.mark.parametrize(
    ("amount", "currency"), [(550, "isk"), (500_001, "ugx"), (-1, "usd"), (2**60, "usd"), (100, "xyz"), (100, "")]
)
def test_what_stripe_cannot_mean_is_not_believed(amount: int, currency: str) -> None:
    with pytest.raises(GatewayFailed):
        from_stripe(amount, currency)


async def test_payouts_of_forints_are_whole(stripe: StripeDriver) -> None:
    with pytest.raises(GatewayRefused):
        await stripe.gateway.pay_out(PayoutRequest(new_id("pay"), Money(17_550, "HUF")))

    assert stripe.gateway.can_pay_out(Money(17_550, "HUF")) is not None
    assert stripe.gateway.can_pay_out(Money(17_500, "HUF")) is None
    assert payout_problem(Money(17_550, "USD")) is None
    assert "POST /v1/payouts" not in stripe.strict.seen


def sent(stripe: StripeDriver, path: str, name: str) -> str:
    """Return a parameter of the last request to a path."""
    last = next(one for one in reversed(stripe.strict.requests) if (one.method, one.path) == ("POST", path))
    return parse_qs(last.body.decode())[name][0]
