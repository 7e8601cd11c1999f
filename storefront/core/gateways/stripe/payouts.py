"""Payouts: money that leaves for a bank, of our own balance or of a creator's account."""

from typing import Any, Literal

import msgspec

from storefront.core.gateways import GatewayRefused, PayoutFacts, PayoutRequest, PayoutState
from storefront.core.gateways.stripe.amounts import from_stripe, payout_problem, to_stripe
from storefront.core.gateways.stripe.client import MOST_PER_PAGE, StripeAccount, options
from storefront.core.money import Money

PAYOUTS = "payouts"

_STATES = {
    "pending": PayoutState.PENDING,
    "in_transit": PayoutState.PENDING,
    "paid": PayoutState.PAID,
    "failed": PayoutState.FAILED,
    "canceled": PayoutState.CANCELED,
}


class Payout(msgspec.Struct, tag_field="object", tag="payout"):
    id: str
    amount: int
    currency: str
    livemode: bool
    status: Literal["pending", "in_transit", "paid", "failed", "canceled"]
    arrival_date: int | None = None
    failure_code: str | None = None
    metadata: dict[str, str] | None = None

    def as_facts(self) -> PayoutFacts:
        return PayoutFacts(
            reference=self.id,
            state=_STATES[self.status],
            amount=from_stripe(self.amount, self.currency),
            is_live=self.livemode,
            payout_id=(self.metadata or {}).get("payout_id"),
            failure=self.failure_code,
            arrives_at=None if self.arrival_date is None else self.arrival_date * 1000,
        )


class _PayoutPage(msgspec.Struct):
    data: list[Payout]


class PayoutCalls(StripeAccount):
    """Starting payouts and looking them up."""

    def can_pay_out(self, amount: Money) -> str | None:
        return payout_problem(amount)

    async def pay_out(self, request: PayoutRequest) -> PayoutFacts:
        """Send money to a bank; a payout that Stripe knows already is not made again.

        Stripe forgets keys after a day, so the account's newest hundred are looked through first.
        """
        problem = payout_problem(request.amount)
        if problem is not None:
            raise GatewayRefused(f"This amount {problem}.", reason="payout_amount")
        known = await self._find_payout(request)
        if known is not None:
            return known.as_facts()
        parameters: Any = {
            "amount": to_stripe(request.amount),
            "currency": request.amount.currency.lower(),
            "metadata": {"payout_id": request.payout_id},
        }
        made = await self._write(
            PAYOUTS,
            Payout,
            lambda client: client.v1.payouts.create_async(
                parameters, options(f"payout:{request.payout_id}", account=request.account)
            ),
        )
        return made.as_facts()

    async def look_up_payout(self, reference: str, *, account: str | None = None) -> PayoutFacts:
        found = await self._read(
            PAYOUTS, Payout, lambda client: client.v1.payouts.retrieve_async(reference, {}, _of(account))
        )
        return found.as_facts()

    async def _find_payout(self, request: PayoutRequest) -> Payout | None:
        parameters: Any = {"limit": MOST_PER_PAGE}
        page = await self._read(
            PAYOUTS, _PayoutPage, lambda client: client.v1.payouts.list_async(parameters, _of(request.account))
        )
        return next((each for each in page.data if (each.metadata or {}).get("payout_id") == request.payout_id), None)


def _of(account: str | None) -> Any:
    return {} if account is None else {"stripe_account": account}
