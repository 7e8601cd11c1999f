"""Stripe's own books: every movement of our balance, oldest first, and what it holds for us."""

from collections import deque
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from storefront.core.gateways import BalanceKind, BalanceTransaction
from storefront.core.gateways.stripe.amounts import from_stripe, signed_from_stripe
from storefront.core.gateways.stripe.client import MOST_PER_PAGE, StripeAccount

MOVEMENTS = "balance_transactions"

_KINDS = {
    "charge": BalanceKind.PAYMENT,
    "payment": BalanceKind.PAYMENT,
    "refund": BalanceKind.REFUND,
    "payment_refund": BalanceKind.REFUND,
    "payment_failure_refund": BalanceKind.REFUND,
    "payment_reversal": BalanceKind.REFUND,
    "refund_failure": BalanceKind.REFUND_FAILURE,
    "transfer": BalanceKind.TRANSFER,
    "transfer_refund": BalanceKind.TRANSFER_REVERSAL,
    "transfer_cancel": BalanceKind.TRANSFER_REVERSAL,
    "transfer_failure": BalanceKind.TRANSFER_REVERSAL,
    "payout": BalanceKind.PAYOUT,
    "payout_cancel": BalanceKind.PAYOUT_FAILURE,
    "payout_failure": BalanceKind.PAYOUT_FAILURE,
    "application_fee": BalanceKind.FEE,
    "application_fee_refund": BalanceKind.FEE,
    "stripe_fee": BalanceKind.FEE,
    "stripe_fx_fee": BalanceKind.FEE,
    "tax_fee": BalanceKind.FEE,
}
# A dispute has no type of its own: it is an adjustment, and its category says which way it goes.
_ADJUSTMENTS = {"dispute": BalanceKind.DISPUTE, "dispute_reversal": BalanceKind.DISPUTE_REVERSAL}


class _Source(msgspec.Struct):
    """What a movement came from: a charge, a refund, a dispute, a payout … with what they have in common."""

    id: str
    amount: int | None = None
    currency: str | None = None
    payment_intent: str | None = None


class _Movement(msgspec.Struct, tag_field="object", tag="balance_transaction"):
    id: str
    amount: int
    created: int
    currency: str
    fee: int
    net: int
    type: str
    exchange_rate: float | None = None
    reporting_category: str | None = None
    source: _Source | str | None = None

    def as_transaction(self) -> BalanceTransaction:
        source = self.source if isinstance(self.source, _Source) else None
        presented = None
        if source is not None and source.amount is not None and source.currency is not None:
            presented = from_stripe(abs(source.amount), source.currency)
        rate = self.exchange_rate
        return BalanceTransaction(
            id=self.id,
            kind=kind_of(self.type, self.reporting_category),
            type=self.type,
            amount_minor=signed_from_stripe(self.amount, self.currency),
            fee_minor=signed_from_stripe(self.fee, self.currency),
            currency=self.currency.upper(),
            created_at=self.created * 1000,
            source=self.source if isinstance(self.source, str) else None if source is None else source.id,
            payment=None if source is None else source.payment_intent,
            presented=presented,
            exchange_rate=None if rate is None else f"{Decimal(str(rate)):f}",
        )


class _MovementPage(msgspec.Struct):
    data: list[_Movement]
    has_more: bool


class _Amount(msgspec.Struct):
    amount: int
    currency: str


class _Balance(msgspec.Struct, tag_field="object", tag="balance"):
    available: list[_Amount]
    pending: list[_Amount]


class BalanceCalls(StripeAccount):
    """Reading the balance and its history."""

    async def balance_page(self, *, after: str | None, since: int | None, at_most: int) -> Sequence[BalanceTransaction]:
        """Return the movements that follow ``after``, or those from ``since`` (ms) on, oldest first.

        Stripe lists backwards. From a known movement it can be asked for what came next; to find where a time
        begins, the list is walked back to there.
        """
        if after is None:
            found = await self._oldest(since, at_most)
        else:
            found = await self._following(after, at_most)
        return [movement.as_transaction() for movement in found]

    async def balances(self) -> Mapping[str, int]:
        """Sum up what is available and what is pending, as the movements do."""
        balance = await self._read("balance", _Balance, lambda client: client.v1.balance.retrieve_async())
        sums: dict[str, int] = {}
        for part in (*balance.available, *balance.pending):
            code = part.currency.upper()
            sums[code] = sums.get(code, 0) + signed_from_stripe(part.amount, code)
        return sums

    async def _following(self, after: str, at_most: int) -> list[_Movement]:
        found: list[_Movement] = []
        while len(found) < at_most:
            limit = min(at_most - len(found), MOST_PER_PAGE)
            page = await self._movements({"ending_before": found[-1].id if found else after, "limit": limit})
            found += reversed(page.data)
            if len(page.data) < limit:
                break
        return found

    async def _oldest(self, since: int | None, at_most: int) -> list[_Movement]:
        wanted: dict[str, Any] = {"limit": MOST_PER_PAGE}
        if since is not None:
            wanted["created"] = {"gte": since // 1000}
        oldest: deque[_Movement] = deque(maxlen=at_most)
        while True:
            page = await self._movements(wanted)
            oldest.extend(page.data)
            if not page.has_more or not page.data:
                return [*reversed(oldest)]
            wanted = {**wanted, "starting_after": page.data[-1].id}

    async def _movements(self, wanted: Mapping[str, Any]) -> _MovementPage:
        parameters: Any = {**wanted, "expand": ["data.source"]}
        return await self._read(
            MOVEMENTS, _MovementPage, lambda client: client.v1.balance_transactions.list_async(parameters)
        )


def kind_of(type: str, reporting_category: str | None) -> BalanceKind:
    """Classify a movement; what Stripe will invent next is ``OTHER``."""
    if type == "adjustment":
        return _ADJUSTMENTS.get(reporting_category or "", BalanceKind.OTHER)
    return _KINDS.get(type, BalanceKind.OTHER)
