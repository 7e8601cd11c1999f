"""The Stripe gateway on the emulator keeps the contract; every request of it passes the strict checker."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storefront.testing.gateway_contract import (
    BalanceContract,
    CaptureContract,
    CheckoutContract,
    CreatorContract,
    DisputeContract,
    MeterContract,
    OffSessionContract,
    RefundStepContract,
    SavingContract,
    WebhookContract,
)
from tests.gateways.stripe_driver import StripeDriver, stripe_driver


class TestStripe(
    CheckoutContract,
    CaptureContract,
    SavingContract,
    OffSessionContract,
    RefundStepContract,
    DisputeContract,
    CreatorContract,
    BalanceContract,
    MeterContract,
    WebhookContract,
):
    @pytest.fixture
    async def driver(self, tmp_path: Path) -> AsyncIterator[StripeDriver]:
        async with stripe_driver(tmp_path) as driver:
            yield driver
