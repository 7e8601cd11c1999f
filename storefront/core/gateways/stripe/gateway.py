"""The Stripe gateway, whole: what each noun's file can do, as one object."""

from storefront.core.gateways.stripe.amounts import charge_problem
from storefront.core.gateways.stripe.balance import BalanceCalls
from storefront.core.gateways.stripe.checkout import CheckoutCalls
from storefront.core.gateways.stripe.connect import ConnectCalls
from storefront.core.gateways.stripe.disputes import DisputeCalls
from storefront.core.gateways.stripe.events import EventReading
from storefront.core.gateways.stripe.meters import MeterCalls
from storefront.core.gateways.stripe.methods import MethodCalls
from storefront.core.gateways.stripe.payouts import PayoutCalls
from storefront.core.gateways.stripe.refunds import RefundCalls
from storefront.core.gateways.stripe.standing import StandingCalls
from storefront.core.money import Money


class StripeGateway(
    CheckoutCalls,
    MethodCalls,
    RefundCalls,
    DisputeCalls,
    ConnectCalls,
    PayoutCalls,
    BalanceCalls,
    MeterCalls,
    EventReading,
    StandingCalls,
):
    """A Stripe account, or our emulator of one. ``webhook_secrets`` holds two while one is being replaced."""

    def can_charge(self, amount: Money) -> str | None:
        return charge_problem(amount, self._minimums)
