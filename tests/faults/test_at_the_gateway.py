"""What no use case of the shop reaches yet, at the gateway itself × each trouble: done once by the emulator's books.

A call under trouble fails in one of the gateway's own ways, or answers; made again, as it is, it ends well.
"""

import math
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from storefront.core.gateways import (
    CheckoutRequest,
    GatewayFailed,
    OnboardingRequest,
    PaymentFacts,
    PaymentState,
    PayoutRequest,
    TransferRequest,
)
from storefront.core.gateways.stripe import Patience, StripeGateway
from storefront.core.ids import new_id
from storefront.core.money import Money
from storefront.sandbox.behaviour import Behaviour
from storefront.sandbox.testing import ENDPOINT_SECRET, RunningSandbox, running_sandbox
from tests.faults.troubles import ALL, HASTY_SECONDS, Trouble

pytestmark = pytest.mark.asyncio(loop_scope="module")

TRIES = 3
DAY_MS = 24 * 3600 * 1000
HELD, TAKEN, MOVED = Money(2000, "USD"), Money(1500, "USD"), Money(120, "USD")
TO_CALLS = [trouble for trouble in ALL if trouble.order or trouble.base]

Call = Callable[[StripeGateway], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Bench:
    """An emulator with money in its balance, a creator's account, and a gateway that waits for its answers."""

    box: RunningSandbox
    gateway: StripeGateway
    account: str

    def speaks_to(self, trouble: Trouble) -> StripeGateway:
        """Return a gateway that waits for no more than a moment, and asks once."""
        return gateway_at(trouble.base or self.box.url, Patience(HASTY_SECONDS, network_retries=0, limited_retries=0))

    async def held(self) -> str:
        """Let a payer authorise a payment that is not captured; return the intent."""
        return str((await paid(self.box, self.gateway, HELD, is_captured=False)).payment)

    async def of(self, kind: str, member: str, wanted: str) -> list[Any]:
        """Return what the emulator's books hold of a kind about our id ``wanted``."""
        return [one for one in (await self.box.sandbox.books())[kind] if one["metadata"].get(member) == wanted]


def gateway_at(base: str, patience: Patience) -> StripeGateway:
    return StripeGateway(
        "stripe",
        secret_key="sk_test_" + "sandbox_key_for_tests",
        webhook_secrets=[ENDPOINT_SECRET],
        api_base=base,
        requests_per_second=math.inf,
        patience=patience,
    )


async def paid(box: RunningSandbox, gateway: StripeGateway, amount: Money, *, is_captured: bool = True) -> PaymentFacts:
    request = CheckoutRequest(
        purchase_id=new_id("pur"),
        customer_id=new_id("cus"),
        amount=amount,
        title="500 gems",
        quantity=1,
        description=None,
        success_url="https://shop.example/back",
        cancel_url="https://shop.example/left",
        expires_at=box.sandbox.now_ms + 3_600_000,
        is_captured=is_captured,
    )
    checkout = await gateway.open_checkout(request)
    assert (await box.pay(checkout.redirect_url)).status == 303
    return await gateway.look_up(checkout.reference)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bench(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bench]:
    folder = tmp_path_factory.mktemp("sandbox")
    async with running_sandbox(folder, behaviour=Behaviour(automatic_payouts=False)) as box:
        gateway = gateway_at(box.url, Patience())
        creator = OnboardingRequest(new_id("crt"), "US", "https://shop.example/back", "https://shop.example/again")
        page = await gateway.onboard(creator)
        assert (await box.post(page.redirect_url, {"action": "finish"})).status == 303
        await paid(box, gateway, Money(90_000, "USD"))
        # There are older objects of each kind, whose ids an answer may bear by mistake.
        await paid(box, gateway, Money(90_000, "USD"))
        await box.sandbox.set_clock(box.sandbox.now_ms + 8 * DAY_MS)
        await gateway.transfer(TransferRequest(new_id("trf"), page.reference, MOVED))
        await gateway.pay_out(PayoutRequest(new_id("pay"), MOVED))
        yield Bench(box, gateway, page.reference)
        await gateway.close()


async def ends_well(bench: Bench, trouble: Trouble, on: str, call: Call) -> Any:
    """Make a call under trouble, then again when it is over; return what the last one says."""
    hasty = bench.speaks_to(trouble)
    if trouble.order:
        bench.box.misbehave(on=on, times=TRIES, **trouble.order)
    for _ in range(TRIES):
        try:
            await call(hasty)
        except GatewayFailed:
            continue
    bench.box.sandbox.faults.clear()
    await hasty.close()
    return await call(bench.gateway)


@pytest.mark.parametrize("trouble", TO_CALLS, ids=lambda trouble: trouble.name)
async def test_a_capture_takes_once(bench: Bench, trouble: Trouble) -> None:
    payment = await bench.held()

    facts = await ends_well(
        bench, trouble, "POST /v1/payment_intents/*/capture", lambda gateway: gateway.capture(payment, TAKEN)
    )

    assert (facts.state, facts.amount) == (PaymentState.RECEIVED, TAKEN)
    books = [one for one in (await bench.box.sandbox.books())["payments"] if one["payment_intent"] == payment]
    assert [(one["times_charged"], one["captured"]) for one in books] == [(1, TAKEN.amount_minor)]


@pytest.mark.parametrize("trouble", TO_CALLS, ids=lambda trouble: trouble.name)
async def test_what_is_voided_takes_nothing(bench: Bench, trouble: Trouble) -> None:
    payment = await bench.held()

    facts = await ends_well(bench, trouble, "POST /v1/payment_intents/*/cancel", lambda gateway: gateway.void(payment))

    assert facts.state is PaymentState.VOIDED
    books = [one for one in (await bench.box.sandbox.books())["payments"] if one["payment_intent"] == payment]
    assert [(one["times_charged"], one["captured"]) for one in books] == [(0, 0)]


@pytest.mark.parametrize("trouble", TO_CALLS, ids=lambda trouble: trouble.name)
async def test_a_transfer_moves_once(bench: Bench, trouble: Trouble) -> None:
    wanted = TransferRequest(new_id("trf"), bench.account, MOVED)

    facts = await ends_well(bench, trouble, "POST /v1/transfers", lambda gateway: gateway.transfer(wanted))

    assert (facts.amount, facts.account, facts.transfer_id) == (MOVED, bench.account, wanted.transfer_id)
    books = await bench.of("transfers", "transfer_id", wanted.transfer_id)
    assert [(one["id"], one["amount"]) for one in books] == [(facts.reference, MOVED.amount_minor)]


@pytest.mark.parametrize("trouble", TO_CALLS, ids=lambda trouble: trouble.name)
async def test_a_payout_leaves_once(bench: Bench, trouble: Trouble) -> None:
    wanted = PayoutRequest(new_id("pay"), MOVED)

    facts = await ends_well(bench, trouble, "POST /v1/payouts", lambda gateway: gateway.pay_out(wanted))

    assert (facts.amount, facts.payout_id) == (MOVED, wanted.payout_id)
    books = await bench.of("payouts", "payout_id", wanted.payout_id)
    assert [(one["id"], one["amount"]) for one in books] == [(facts.reference, MOVED.amount_minor)]
