"""Contracts of the hosted page, and of money that is authorised first and taken later."""

import pytest

from storefront.core.errors import NotFound
from storefront.core.gateways import Captures, Checkouts, PaymentState
from storefront.core.money import Money
from storefront.testing.gateway_contract.base import UNKNOWN, Contract, until_known
from storefront.testing.gateway_contract.driver import LineDriver, PayerDriver


class CheckoutContract(Contract):
    capability = Checkouts

    async def test_what_is_opened_awaits_the_payer(self, driver: PayerDriver) -> None:
        wanted = self.request(driver)
        checkout = await driver.gateway.open_checkout(wanted)
        facts = await driver.gateway.look_up(checkout.reference)

        assert checkout.redirect_url.startswith(("http://", "https://"))
        assert (facts.reference, facts.state) == (checkout.reference, PaymentState.AWAITING)
        assert (facts.amount, facts.purchase_id, facts.is_live) == (wanted.amount, wanted.purchase_id, False)

    async def test_the_same_request_opens_the_same_checkout(self, driver: PayerDriver) -> None:
        wanted = self.request(driver)

        assert await driver.gateway.open_checkout(wanted) == await driver.gateway.open_checkout(wanted)

    async def test_a_lost_reply_is_had_by_asking_again(self, driver: LineDriver) -> None:
        wanted = self.request(driver)
        await driver.lose_reply()

        checkout = await until_known(lambda: driver.gateway.open_checkout(wanted))

        assert checkout == await driver.gateway.open_checkout(wanted)
        assert (await driver.gateway.look_up(checkout.reference)).purchase_id == wanted.purchase_id

    async def test_what_is_paid_is_received(self, driver: PayerDriver) -> None:
        wanted = self.request(driver)
        checkout = await driver.gateway.open_checkout(wanted)
        await driver.pay(checkout)
        facts = await driver.gateway.look_up(checkout.reference)

        assert (facts.state, facts.amount) == (PaymentState.RECEIVED, wanted.amount)
        assert (facts.purchase_id, facts.refunded, facts.is_disputed) == (wanted.purchase_id, 0, False)
        assert facts.payment

    async def test_every_amount_arrives_to_the_unit(self, driver: PayerDriver) -> None:
        for amount in driver.takes:
            assert driver.gateway.can_charge(amount) is None, amount
            facts = await self.paid(driver, amount)
            assert (facts.state, facts.amount) == (PaymentState.RECEIVED, amount)

    async def test_amounts_that_cannot_be_charged_are_named(self, driver: PayerDriver) -> None:
        for amount in driver.refuses:
            assert driver.gateway.can_charge(amount), amount

    async def test_who_walks_away_may_come_back(self, driver: PayerDriver) -> None:
        checkout = await self.open(driver)
        await driver.walk_away(checkout)
        left = await driver.gateway.look_up(checkout.reference)
        await driver.pay(checkout)

        assert left.state is PaymentState.AWAITING
        assert (await driver.gateway.look_up(checkout.reference)).state is PaymentState.RECEIVED

    async def test_who_is_declined_may_try_again(self, driver: PayerDriver) -> None:
        checkout = await self.open(driver)
        await driver.be_declined(checkout)
        declined = await driver.gateway.look_up(checkout.reference)
        await driver.pay(checkout)

        assert declined.state is PaymentState.AWAITING
        assert (await driver.gateway.look_up(checkout.reference)).state is PaymentState.RECEIVED

    async def test_what_is_closed_stays_closed(self, driver: PayerDriver) -> None:
        checkout = await self.open(driver)

        for _ in range(2):
            assert (await driver.gateway.close_checkout(checkout.reference)).state is PaymentState.VOIDED
        assert (await driver.gateway.look_up(checkout.reference)).state is PaymentState.VOIDED

    async def test_closing_what_is_paid_says_so(self, driver: PayerDriver) -> None:
        paid = await self.paid(driver)

        assert (await driver.gateway.close_checkout(paid.reference)).state is PaymentState.RECEIVED

    async def test_a_closing_whose_reply_is_lost_is_had_by_asking_again(self, driver: LineDriver) -> None:
        checkout = await self.open(driver)
        await driver.lose_reply()

        facts = await until_known(lambda: driver.gateway.close_checkout(checkout.reference))

        assert facts.state is PaymentState.VOIDED

    async def test_an_unknown_reference_is_not_found(self, driver: PayerDriver) -> None:
        with pytest.raises(NotFound):
            await driver.gateway.look_up(UNKNOWN)
        with pytest.raises(NotFound):
            await driver.gateway.close_checkout(UNKNOWN)

    async def test_every_capability_has_its_contract(self, driver: PayerDriver) -> None:
        has = {each.capability for each in type(self).__mro__ if issubclass(each, Contract)} - {None}
        missing = [each.__name__ for each in _capabilities() if isinstance(driver.gateway, each) and each not in has]

        assert missing == []


class CaptureContract(Contract):
    capability = Captures

    async def test_an_authorisation_is_captured_whole_and_once(self, driver: PayerDriver) -> None:
        held = await self.paid(driver, is_captured=False)
        assert (held.state, held.amount) == (PaymentState.AUTHORIZED, self.amount)

        for _ in range(2):
            facts = await driver.gateway.capture(held.payment, self.amount)
            assert (facts.state, facts.amount) == (PaymentState.RECEIVED, self.amount)
        assert (await driver.gateway.look_up(held.reference)).state is PaymentState.RECEIVED

    async def test_a_part_may_be_captured_and_the_rest_is_let_go(self, driver: PayerDriver) -> None:
        held = await self.paid(driver, is_captured=False)
        part = Money(self.amount.amount_minor // 2, self.amount.currency)

        facts = await driver.gateway.capture(held.payment, part)

        assert (facts.state, facts.amount, facts.refunded) == (PaymentState.RECEIVED, part, 0)

    async def test_a_capture_whose_reply_is_lost_happens_once(self, driver: LineDriver) -> None:
        held = await self.paid(driver, is_captured=False)  # type: ignore[arg-type]
        await driver.lose_reply()

        facts = await until_known(lambda: driver.gateway.capture(held.payment, self.amount))

        assert (facts.state, facts.amount) == (PaymentState.RECEIVED, self.amount)

    async def test_an_authorisation_is_given_back(self, driver: PayerDriver) -> None:
        held = await self.paid(driver, is_captured=False)

        for _ in range(2):
            facts = await driver.gateway.void(held.payment)
            assert (facts.reference, facts.state) == (held.reference, PaymentState.VOIDED)

    async def test_what_is_captured_is_not_voided(self, driver: PayerDriver) -> None:
        held = await self.paid(driver, is_captured=False)
        await driver.gateway.capture(held.payment, self.amount)

        assert (await driver.gateway.void(held.payment)).state is PaymentState.RECEIVED

    async def test_what_is_voided_is_not_captured(self, driver: PayerDriver) -> None:
        held = await self.paid(driver, is_captured=False)
        await driver.gateway.void(held.payment)

        assert (await driver.gateway.capture(held.payment, self.amount)).state is PaymentState.VOIDED

    async def test_an_unknown_payment_is_neither_captured_nor_voided(self, driver: PayerDriver) -> None:
        with pytest.raises(NotFound):
            await driver.gateway.capture(UNKNOWN, self.amount)
        with pytest.raises(NotFound):
            await driver.gateway.void(UNKNOWN)


def _capabilities() -> list[type]:
    from storefront.core import gateways

    return [
        gateways.BalanceBook,
        gateways.Captures,
        gateways.Checkouts,
        gateways.CreatorAccounts,
        gateways.Disputes,
        gateways.OffSession,
        gateways.Refunds,
        gateways.RefundsInSteps,
        gateways.SavesMethods,
        gateways.UsageMeters,
        gateways.Webhooks,
    ]
