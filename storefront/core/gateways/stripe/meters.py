"""Billing meters: usage that Stripe bills. The same identifier counts once."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from storefront.core.gateways import GatewayRefused, UsageRecord
from storefront.core.gateways.stripe.client import StripeAccount, options

METER_EVENTS = "billing.meter_events"
AT_ONCE = 10

# Stripe has counted this identifier before, so what we wanted has happened.
_COUNTED = "duplicate_meter_event"


class _MeterEvent(msgspec.Struct):
    identifier: str


class MeterCalls(StripeAccount):
    """Reporting usage."""

    async def report_usage(self, records: Sequence[UsageRecord]) -> None:
        """Report all, a few at once; raises for the first in order that is refused, when the others are through."""
        for start in range(0, len(records), AT_ONCE):
            batch = records[start : start + AT_ONCE]
            answers = await asyncio.gather(*(self._report(record) for record in batch), return_exceptions=True)
            for answer in answers:
                if isinstance(answer, BaseException):
                    raise answer

    async def _report(self, record: UsageRecord) -> None:
        parameters: Any = {
            "event_name": record.meter,
            "payload": {"stripe_customer_id": record.payer, "value": str(record.value)},
            "identifier": record.identifier,
            "timestamp": record.at // 1000,
        }
        try:
            await self._write(
                METER_EVENTS,
                _MeterEvent,
                lambda client: client.v1.billing.meter_events.create_async(
                    parameters, options(f"usage:{record.identifier}")
                ),
            )
        except GatewayRefused as refused:
            if refused.facts.get("reason") != _COUNTED:
                raise
