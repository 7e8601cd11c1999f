"""What all contracts share: requests with ids of their own, and a call that is made until its reply arrives."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, ClassVar, TypeVar

from storefront.core.gateways import Checkout, CheckoutRequest, GatewayUnavailable, OutcomeUnknown, PaymentFacts
from storefront.core.ids import new_id
from storefront.core.money import Money
from storefront.testing.gateway_contract.driver import Driver, PayerDriver

AMOUNT = Money(1999, "USD")
UNKNOWN = "unknown_reference_1"
MOST_TRIES = 3
HOUR_MS = 3_600_000

T = TypeVar("T")


class Contract:
    """A contract asks for a fixture ``driver``. ``amount`` is what most of its cases take."""

    capability: ClassVar[Any] = None
    amount: ClassVar[Money] = AMOUNT

    def request(self, driver: Driver, amount: Money | None = None, **more: Any) -> CheckoutRequest:
        """Return a checkout to open, of a purchase that never was before."""
        plain = CheckoutRequest(
            purchase_id=new_id("pur"),
            customer_id=new_id("cus"),
            amount=amount or self.amount,
            title="500 gems",
            quantity=1,
            description=None,
            success_url="https://shop.example/back",
            cancel_url="https://shop.example/left",
            expires_at=driver.now() + HOUR_MS,
        )
        return replace(plain, **more)

    async def open(self, driver: Driver, amount: Money | None = None, **more: Any) -> Checkout:
        checkout: Checkout = await driver.gateway.open_checkout(self.request(driver, amount, **more))
        return checkout

    async def paid(self, driver: PayerDriver, amount: Money | None = None, **more: Any) -> PaymentFacts:
        """Open a checkout, let the payer pay, and return what the gateway says then."""
        checkout = await self.open(driver, amount, **more)
        await driver.pay(checkout)
        facts: PaymentFacts = await driver.gateway.look_up(checkout.reference)
        return facts


async def until_known(call: Callable[[], Awaitable[T]]) -> T:
    """Make a call again, as it is, until its reply arrives."""
    for _ in range(MOST_TRIES):
        try:
            return await call()
        except (OutcomeUnknown, GatewayUnavailable):
            continue
    return await call()
