"""The plans of real purchases, as ``buy`` makes them: recorded in place of being committed.

What the engine and the raw replay are measured with is so never a copy that drifts from the shop's own code.
"""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from aiohttp import web

from storefront.app import PARTS, create_app
from storefront.core.accounts import issuance
from storefront.core.commit.engine import CommitEngine
from storefront.core.commit.outcome import Outcome
from storefront.core.commit.plan import Deposit, IdempotencyKey, LotTerms, Plan
from storefront.core.purchases import buy
from storefront.core.purchasing import OPERATION
from storefront.core.quoting import PurchaseRequest
from storefront.core.services import Services
from storefront.joining import Parts
from storefront.plugins import load

CONFIG = Path(__file__).parent / "shop.yaml"
POTION = "health-potion"
FULL = 10**12


class _Recorded(Exception):
    """Ends a purchase where its plan is complete."""


@dataclass(slots=True)
class _Recorder:
    """Stands where the engine does, and keeps the plan."""

    plan: Plan | None = None

    async def commit(self, plan: Plan) -> Outcome:
        self.plan = plan
        raise _Recorded


def shop_environment(data: Path, postgres: str | None) -> dict[str, str]:
    """Return the variables that the benchmark's configuration asks for."""
    url = postgres or f"sqlite:///{data}/storefront.sqlite"
    return {**os.environ, "DATA": str(data), "DATABASE_URL": url}


@asynccontextmanager
async def open_shop(data: Path, *, postgres: str | None = None) -> AsyncIterator[Parts]:
    """Open a whole shop in this process, without a listener, with its files in ``data``."""
    app = create_app(load(CONFIG, shop_environment(data, postgres)), own_url="http://127.0.0.1:1")
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        yield app[PARTS]
    finally:
        await runner.cleanup()


async def fill_wallets(services: Services, count: int) -> list[str]:
    """Make ``count`` customers with full wallets and return their ids; the engine books it, so it balances."""
    customer_ids = []
    for number in range(count):
        customer_id = await services.customers.ensure(f"bench-{number}", actor="benchmark")
        plan = Plan(actor="benchmark", anchors={customer_id})
        plan.entry("benchmark.opening", about=customer_id, anchor=customer_id)
        plan.add(Deposit("entry", customer_id, "gems", FULL, issuance("gems"), LotTerms(source="granted")))
        await services.engine.commit(plan)
        customer_ids.append(customer_id)
    return customer_ids


async def purchase_plans(
    services: Services, customer_ids: Sequence[str], count: int, *, prefix: str, sku: str = POTION
) -> list[Plan]:
    """Return ``count`` plans that buy ``sku`` from the wallet, the customers taking turns; nothing is committed."""
    recorder = _Recorder()
    recording = replace(services, engine=cast(CommitEngine, recorder))
    plans = []
    for number in range(count):
        customer_id = customer_ids[number % len(customer_ids)]
        key = IdempotencyKey(f"customer:{customer_id}", OPERATION, f"{prefix}-{number}", b"\0" * 32)
        try:
            await buy(recording, PurchaseRequest(idempotency=key, customer_id=customer_id, sku=sku))
        except _Recorded:
            assert recorder.plan is not None, "a recorded purchase has a plan"
            plans.append(recorder.plan)
    return plans
