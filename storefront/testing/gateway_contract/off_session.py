"""Contracts of methods that are kept, and of charges while the payer is away."""

from typing import Any

import pytest

from storefront.core.errors import NotFound
from storefront.core.gateways import (
    ActionRequired,
    ChargeRequest,
    Declined,
    OffSession,
    PaymentState,
    SavesMethods,
    SetupRequest,
)
from storefront.core.ids import new_id
from storefront.testing.gateway_contract.base import UNKNOWN, Contract, until_known
from storefront.testing.gateway_contract.driver import LineDriver, SavingDriver

RETURN_URL = "https://shop.example/back"


class _Saving(Contract):
    """How payers and their methods are made."""

    def setup(self, payer: str) -> SetupRequest:
        return SetupRequest(
            setup_id=new_id("set"),
            customer_id=new_id("cus"),
            payer=payer,
            currency="USD",
            success_url=RETURN_URL,
            cancel_url="https://shop.example/left",
        )

    async def payer(self, driver: SavingDriver) -> str:
        payer: str = await driver.gateway.make_payer(new_id("cus"))
        return payer

    async def saved(self, driver: SavingDriver, payer: str) -> str:
        """Let a payer save a good method; returns its reference."""
        page = await driver.gateway.open_setup(self.setup(payer))
        await driver.save(page)
        facts = await driver.gateway.look_up_setup(page.reference)
        reference: str = facts.method.reference
        return reference


class SavingContract(_Saving):
    capability = SavesMethods

    async def test_a_payer_is_made_once(self, driver: SavingDriver) -> None:
        customer_id = new_id("cus")

        assert await driver.gateway.make_payer(customer_id) == await driver.gateway.make_payer(customer_id)
        assert await driver.gateway.make_payer(new_id("cus")) != await driver.gateway.make_payer(customer_id)

    async def test_a_setup_saves_a_method(self, driver: SavingDriver) -> None:
        payer = await self.payer(driver)
        wanted = self.setup(payer)
        page = await driver.gateway.open_setup(wanted)
        assert page == await driver.gateway.open_setup(wanted)
        before = await driver.gateway.look_up_setup(page.reference)
        await driver.save(page)
        after = await driver.gateway.look_up_setup(page.reference)

        assert (before.state, before.method) == (PaymentState.AWAITING, None)
        assert (after.state, after.setup_id, after.payer) == (PaymentState.RECEIVED, wanted.setup_id, payer)
        assert [after.method] == list(await driver.gateway.saved_methods(payer))

    async def test_a_method_is_forgotten_once_and_for_all(self, driver: SavingDriver) -> None:
        payer = await self.payer(driver)
        method = await self.saved(driver, payer)

        for _ in range(2):
            await driver.gateway.forget_method(method)
        assert list(await driver.gateway.saved_methods(payer)) == []

    async def test_a_payment_keeps_what_the_payer_allowed(self, driver: SavingDriver) -> None:
        payer = await self.payer(driver)
        kept = await self.paid(driver, payer=payer, saves_method=True)

        assert kept.payer == payer
        assert [kept.method] == list(await driver.gateway.saved_methods(payer))

    async def test_an_unknown_setup_is_not_found(self, driver: SavingDriver) -> None:
        with pytest.raises(NotFound):
            await driver.gateway.look_up_setup(UNKNOWN)


class OffSessionContract(_Saving):
    capability = OffSession

    def charge_of(self, payer: str, method: str, **more: Any) -> ChargeRequest:
        return ChargeRequest(
            purchase_id=more.pop("purchase_id", None) or new_id("pur"),
            customer_id=new_id("cus"),
            amount=self.amount,
            payer=payer,
            method=method,
            title="Gold, monthly",
            **more,
        )

    async def test_a_charge_happens_once(self, driver: SavingDriver) -> None:
        payer = await self.payer(driver)
        wanted = self.charge_of(payer, await self.saved(driver, payer))

        first = await driver.gateway.charge(wanted)
        again = await driver.gateway.charge(wanted)

        assert (first.state, first.amount) == (PaymentState.RECEIVED, self.amount)
        assert first.purchase_id == wanted.purchase_id
        assert again.payment == first.payment
        assert (await driver.gateway.look_up(first.reference)).payment == first.payment

    async def test_a_charge_whose_reply_is_lost_happens_once(self, driver: LineDriver) -> None:
        payer = await self.payer(driver)  # type: ignore[arg-type]
        wanted = self.charge_of(payer, await self.saved(driver, payer))  # type: ignore[arg-type]
        await driver.lose_reply()

        facts = await until_known(lambda: driver.gateway.charge(wanted))

        assert facts.state is PaymentState.RECEIVED
        assert (await driver.gateway.charge(wanted)).payment == facts.payment

    async def test_a_decline_is_definite_and_the_next_attempt_is_another(self, driver: SavingDriver) -> None:
        payer = await self.payer(driver)
        bad = await driver.save_declining(payer)
        wanted = self.charge_of(payer, bad)
        references = []
        for _ in range(2):
            with pytest.raises(Declined) as declined:
                await driver.gateway.charge(wanted)
            assert declined.value.kind in ("soft", "hard")
            references.append(declined.value.reference)
        good = await self.saved(driver, payer)
        paid = await driver.gateway.charge(self.charge_of(payer, good, purchase_id=wanted.purchase_id, attempt=2))

        assert references[0] is not None
        assert references[0] == references[1]
        assert (await driver.gateway.look_up(references[0])).state is PaymentState.FAILED
        assert paid.state is PaymentState.RECEIVED
        assert paid.reference != references[0]

    async def test_a_bank_that_asks_is_answered_on_the_same_charge(self, driver: SavingDriver) -> None:
        payer = await self.payer(driver)
        method = await driver.save_asking(payer)
        wanted = self.charge_of(payer, method)
        with pytest.raises(ActionRequired) as asked:
            await driver.gateway.charge(wanted)
        reference = asked.value.reference
        assert reference is not None
        assert (await driver.gateway.look_up(reference)).state is PaymentState.AWAITING

        with pytest.raises(ActionRequired) as page:
            await driver.gateway.confirm(reference, method=method, return_url=RETURN_URL)
        assert page.value.reference == reference
        assert page.value.url is not None
        await driver.confirm(page.value.url)

        facts = await driver.gateway.look_up(reference)
        assert (facts.state, facts.amount, facts.purchase_id) == (
            PaymentState.RECEIVED, self.amount, wanted.purchase_id,
        )  # fmt: skip
        again = await driver.gateway.confirm(reference, method=method, return_url=RETURN_URL)
        assert again.payment == facts.payment

    async def test_a_charge_that_waits_for_the_payer_can_be_closed(self, driver: SavingDriver) -> None:
        payer = await self.payer(driver)
        wanted = self.charge_of(payer, await driver.save_asking(payer))
        with pytest.raises(ActionRequired) as asked:
            await driver.gateway.charge(wanted)

        assert (await driver.gateway.close_checkout(asked.value.reference)).state is PaymentState.VOIDED

    async def test_a_charge_may_only_authorise(self, driver: SavingDriver) -> None:
        payer = await self.payer(driver)
        wanted = self.charge_of(payer, await self.saved(driver, payer), is_captured=False)

        assert (await driver.gateway.charge(wanted)).state is PaymentState.AUTHORIZED
