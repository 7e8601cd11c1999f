"""Contracts of money that goes back: refunds that we make, disputes that banks make."""

from typing import Any, ClassVar

import pytest

from storefront.core.errors import NotFound
from storefront.core.gateways import (
    Disputes,
    DisputeState,
    EvidenceRequest,
    GatewayRefused,
    PaymentFacts,
    RefundRequest,
    Refunds,
    RefundsInSteps,
    RefundState,
)
from storefront.core.ids import new_id
from storefront.core.money import Money
from storefront.testing.gateway_contract.base import UNKNOWN, Contract, until_known
from storefront.testing.gateway_contract.driver import BankDriver, LineDriver, PayerDriver

UNDER_WAY = (RefundState.PENDING, RefundState.SUCCEEDED)


class RefundContract(Contract):
    capability: ClassVar[Any] = Refunds

    def back(self, paid: PaymentFacts, minor: int, **more: Any) -> RefundRequest:
        """Return a refund to ask for."""
        assert paid.payment is not None
        assert paid.purchase_id is not None
        amount = Money(minor, paid.amount.currency)
        return RefundRequest(new_id("rev"), paid.purchase_id, paid.payment, amount, **more)

    async def test_a_refund_happens_once(self, driver: PayerDriver) -> None:
        paid = await self.paid(driver)
        wanted = self.back(paid, 500)
        first = await driver.gateway.refund(wanted)
        again = await driver.gateway.refund(wanted)
        seen = await driver.gateway.reversals(paid.payment)

        assert (first.payment, first.amount.amount_minor, first.reversal_id) == (
            paid.payment, 500, wanted.reversal_id,
        )  # fmt: skip
        assert first.state in UNDER_WAY
        assert again.reference == first.reference
        assert [refund.reference for refund in seen.refunds] == [first.reference]
        assert (await driver.gateway.look_up_refund(first.reference)).amount == first.amount

    async def test_parts_add_up_to_the_whole_and_not_beyond(self, driver: PayerDriver) -> None:
        paid = await self.paid(driver)
        whole = paid.amount.amount_minor
        parts = [await driver.gateway.refund(self.back(paid, minor)) for minor in (1, whole - 2, 1)]

        with pytest.raises(GatewayRefused):
            await driver.gateway.refund(self.back(paid, 1))
        seen = await driver.gateway.reversals(paid.payment)
        assert [refund.reference for refund in seen.refunds] == [part.reference for part in parts]
        assert sum(refund.amount.amount_minor for refund in seen.refunds) == whole
        assert (await driver.gateway.look_up(paid.reference)).refunded == whole

    async def test_more_than_was_paid_is_refused_and_nothing_happens(self, driver: PayerDriver) -> None:
        paid = await self.paid(driver)

        with pytest.raises(GatewayRefused):
            await driver.gateway.refund(self.back(paid, paid.amount.amount_minor + 1))
        assert (await driver.gateway.reversals(paid.payment)).refunds == ()

    async def test_a_refund_whose_reply_is_lost_happens_once(self, driver: LineDriver) -> None:
        paid = await self.paid(driver)  # type: ignore[arg-type]
        wanted = self.back(paid, 500)
        await driver.lose_reply()

        refund = await until_known(lambda: driver.gateway.refund(wanted))

        seen = await driver.gateway.reversals(paid.payment)
        assert [each.reference for each in seen.refunds] == [refund.reference]

    async def test_every_amount_goes_back_to_the_unit(self, driver: PayerDriver) -> None:
        for amount in driver.takes:
            paid = await self.paid(driver, amount)
            refund = await driver.gateway.refund(self.back(paid, amount.amount_minor))
            assert refund.amount == amount

    async def test_a_payment_is_found_by_the_gateways_id_of_it(self, driver: PayerDriver) -> None:
        paid = await self.paid(driver)

        assert await driver.gateway.find_checkout(paid.payment) == paid.reference
        assert await driver.gateway.find_checkout(UNKNOWN) is None

    async def test_a_fresh_payment_has_no_reversals(self, driver: PayerDriver) -> None:
        seen = await driver.gateway.reversals((await self.paid(driver)).payment)

        assert (seen.refunds, seen.disputes, seen.warnings) == ((), (), ())

    async def test_unknown_ones_are_not_found(self, driver: PayerDriver) -> None:
        paid = await self.paid(driver)
        unknown = RefundRequest(new_id("rev"), new_id("pur"), UNKNOWN, Money(1, paid.amount.currency))

        with pytest.raises(NotFound):
            await driver.gateway.refund(unknown)
        with pytest.raises(NotFound):
            await driver.gateway.look_up_refund(UNKNOWN)


class RefundStepContract(RefundContract):
    capability = RefundsInSteps

    async def test_a_step_goes_back_and_less_than_a_step_does_not(self, driver: PayerDriver) -> None:
        steps = {amount: driver.gateway.refund_step(amount.currency) for amount in driver.takes}
        assert max(steps.values()) > 1, "the driver's takes hold no currency that goes back in steps"
        for amount, step in steps.items():
            paid = await self.paid(driver, amount)
            if step > 1:
                with pytest.raises(GatewayRefused):
                    await driver.gateway.refund(self.back(paid, step - 1))
            refund = await driver.gateway.refund(self.back(paid, step))
            assert refund.amount.amount_minor == step


class DisputeContract(Contract):
    capability = Disputes

    async def disputed(self, driver: BankDriver) -> tuple[PaymentFacts, str]:
        """Return a payment and the reference of its dispute."""
        paid = await self.paid(driver)
        assert paid.payment is not None
        await driver.dispute(paid.payment)
        (dispute,) = (await driver.gateway.reversals(paid.payment)).disputes
        return paid, dispute.reference

    async def test_a_dispute_is_seen_with_what_it_took(self, driver: BankDriver) -> None:
        paid, reference = await self.disputed(driver)
        facts = await driver.gateway.look_up_dispute(reference)

        assert (facts.payment, facts.amount, facts.state) == (paid.payment, paid.amount, DisputeState.OPEN)
        assert facts.is_withdrawn
        assert (await driver.gateway.look_up(paid.reference)).is_disputed

    async def test_evidence_may_be_staged_and_is_submitted_when_we_say_so(self, driver: BankDriver) -> None:
        _, reference = await self.disputed(driver)
        texts = {"uncategorized_text": "The gems were spent on 3 May."}

        staged = await driver.gateway.answer_dispute(EvidenceRequest(reference, texts))
        submitted = await driver.gateway.answer_dispute(EvidenceRequest(reference, texts, submits=True))

        assert staged.state is DisputeState.OPEN
        assert submitted.reference == reference

    async def test_a_dispute_that_is_given_up_is_lost(self, driver: BankDriver) -> None:
        _, reference = await self.disputed(driver)

        for _ in range(2):
            assert (await driver.gateway.accept_dispute(reference)).state is DisputeState.LOST

    async def test_a_warning_is_seen(self, driver: BankDriver) -> None:
        paid = await self.paid(driver)
        assert paid.payment is not None
        await driver.warn(paid.payment)

        (warning,) = (await driver.gateway.reversals(paid.payment)).warnings

        assert (warning.payment, warning.is_actionable) == (paid.payment, True)

    async def test_an_unknown_dispute_is_not_found(self, driver: BankDriver) -> None:
        with pytest.raises(NotFound):
            await driver.gateway.look_up_dispute(UNKNOWN)
