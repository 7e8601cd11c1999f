"""A Stripe gateway that speaks to the emulator through the strict checker."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.gateways.stripe_driver import StripeDriver, stripe_driver


@pytest.fixture
async def stripe(tmp_path: Path) -> AsyncIterator[StripeDriver]:
    async with stripe_driver(tmp_path) as driver:
        yield driver
