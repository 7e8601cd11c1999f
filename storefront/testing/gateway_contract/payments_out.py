"""Contracts of money that leaves for creators and banks, of the gateway's own books, and of its meters."""

from typing import Any

import pytest

from storefront.core.errors import NotFound
from storefront.core.gateways import (
    BalanceBook,
    BalanceKind,
    CreatorAccounts,
    GatewayRefused,
    OnboardingRequest,
    PayoutRequest,
    RefundRequest,
    TransferRequest,
    UsageMeters,
    UsageRecord,
)
from storefront.core.ids import new_id
from storefront.core.money import Money
from storefront.testing.gateway_contract.base import UNKNOWN, Contract, until_known
from storefront.testing.gateway_contract.driver import BooksDriver, CreatorDriver, PayerDriver


class CreatorContract(Contract):
    """Accounts, transfers and payouts."""

    capability = CreatorAccounts

    async def creator(self, driver: CreatorDriver) -> str:
        """Return the account of a creator who may be paid, and let there be money to pay."""
        page = await driver.gateway.onboard(self.onboarding())
        await driver.finish_onboarding(page)
        await self.paid(driver, Money(10_000, "USD"))
        await driver.settle()
        return str(page.reference)

    def onboarding(self, **more: Any) -> OnboardingRequest:
        return OnboardingRequest(
            creator_id=more.pop("creator_id", None) or new_id("crt"),
            country="US",
            return_url="https://shop.example/back",
            refresh_url="https://shop.example/again",
            **more,
        )

    async def test_a_creator_is_onboarded_on_one_account(self, driver: CreatorDriver) -> None:
        wanted = self.onboarding()
        page = await driver.gateway.onboard(wanted)
        again = await driver.gateway.onboard(wanted)
        known = await driver.gateway.onboard(self.onboarding(creator_id=wanted.creator_id, account=page.reference))
        before = await driver.gateway.look_up_account(page.reference)
        await driver.finish_onboarding(known)
        after = await driver.gateway.look_up_account(page.reference)

        assert page.reference == again.reference == known.reference
        assert (before.creator_id, before.may_receive, before.may_pay_out) == (wanted.creator_id, False, False)
        assert before.missing
        assert (after.may_receive, after.may_pay_out, after.missing) == (True, True, ())

    async def test_a_transfer_happens_once_and_is_taken_back_once(self, driver: CreatorDriver) -> None:
        account = await self.creator(driver)
        wanted = TransferRequest(new_id("trf"), account, Money(1000, "USD"))
        assert await driver.gateway.find_transfer(wanted) is None
        first = await driver.gateway.transfer(wanted)
        again = await driver.gateway.transfer(wanted)
        assert await driver.gateway.find_transfer(wanted) == first
        reversal = new_id("rev")
        for _ in range(2):
            back = await driver.gateway.reverse_transfer(reversal, first.reference, Money(300, "USD"))
            assert back.reversed_minor == 300

        assert (first.amount, first.account, first.transfer_id) == (wanted.amount, account, wanted.transfer_id)
        assert again.reference == first.reference
        assert (await driver.gateway.look_up_transfer(first.reference)).reversed_minor == 300

    async def test_a_transfer_may_name_what_it_came_from(self, driver: CreatorDriver) -> None:
        account = await self.creator(driver)
        paid = await self.paid(driver, Money(5000, "USD"))

        wanted = TransferRequest(new_id("trf"), account, Money(1000, "USD"), payment=paid.payment)
        moved = await driver.gateway.transfer(wanted)

        assert moved.amount == Money(1000, "USD")
        assert await driver.gateway.find_transfer(wanted) == moved

    async def test_a_transfer_whose_reply_is_lost_happens_once(self, driver: Any) -> None:
        account = await self.creator(driver)
        wanted = TransferRequest(new_id("trf"), account, Money(1000, "USD"))
        await driver.lose_reply()

        moved = await until_known(lambda: driver.gateway.transfer(wanted))

        assert (await driver.gateway.transfer(wanted)).reference == moved.reference

    async def test_a_payout_happens_once(self, driver: CreatorDriver) -> None:
        account = await self.creator(driver)
        await driver.gateway.transfer(TransferRequest(new_id("trf"), account, Money(2000, "USD")))
        await driver.settle()
        wanted = PayoutRequest(new_id("pay"), Money(1500, "USD"), account=account)
        first = await driver.gateway.pay_out(wanted)
        again = await driver.gateway.pay_out(wanted)
        seen = await driver.gateway.look_up_payout(first.reference, account=account)

        assert (first.amount, first.payout_id) == (wanted.amount, wanted.payout_id)
        assert again.reference == first.reference
        assert seen.amount == wanted.amount

    async def test_what_is_not_there_cannot_leave(self, driver: CreatorDriver) -> None:
        account = await self.creator(driver)

        with pytest.raises(GatewayRefused):
            await driver.gateway.transfer(TransferRequest(new_id("trf"), account, Money(10_000_000, "USD")))
        with pytest.raises(GatewayRefused):
            await driver.gateway.pay_out(PayoutRequest(new_id("pay"), Money(10_000_000, "USD"), account=account))

    async def test_unknown_ones_are_not_found(self, driver: CreatorDriver) -> None:
        for look_up in (driver.gateway.look_up_transfer, driver.gateway.look_up_payout):
            with pytest.raises(NotFound):
                await look_up(UNKNOWN)


class BalanceContract(Contract):
    capability = BalanceBook

    async def all_pages(self, driver: PayerDriver, size: int) -> list[Any]:
        found: list[Any] = []
        while True:
            after = found[-1].id if found else None
            page = await driver.gateway.balance_page(after=after, since=None, at_most=size)
            found += page
            if len(page) < size:
                return found

    async def test_every_movement_is_told_once_and_they_add_up(self, driver: PayerDriver) -> None:
        payments = [(await self.paid(driver, Money(1000 + step, "USD"))).payment for step in range(3)]
        assert payments[0] is not None
        await driver.gateway.refund(RefundRequest(new_id("rev"), new_id("pur"), payments[0], Money(400, "USD")))

        movements = await self.all_pages(driver, 2)

        assert [(each.kind, each.payment) for each in movements] == [
            *((BalanceKind.PAYMENT, payment) for payment in payments),
            (BalanceKind.REFUND, payments[0]),
        ]
        assert [each.amount_minor for each in movements] == [1000, 1001, 1002, -400]
        assert movements[0].presented == Money(1000, "USD")
        assert sum(each.amount_minor - each.fee_minor for each in movements) == (await driver.gateway.balances())["USD"]
        assert len({each.id for each in movements}) == len(movements)

    async def test_a_page_goes_on_where_the_last_one_ended(self, driver: PayerDriver) -> None:
        await self.paid(driver)
        (first,) = await self.all_pages(driver, 50)
        assert list(await driver.gateway.balance_page(after=first.id, since=None, at_most=10)) == []
        paid = await self.paid(driver)

        (second,) = await driver.gateway.balance_page(after=first.id, since=None, at_most=10)

        assert second.payment == paid.payment


class MeterContract(Contract):
    capability = UsageMeters
    meter = "api_requests"

    async def test_the_same_identifier_counts_once(self, driver: BooksDriver) -> None:
        payer = await driver.gateway.make_payer(new_id("cus"))
        await driver.make_meter(self.meter)
        records = [
            UsageRecord(identifier=new_id("use"), meter=self.meter, payer=payer, value=value, at=driver.now() - 60_000)
            for value in (3, 4)
        ]

        await driver.gateway.report_usage(records)
        await driver.gateway.report_usage(records[:1])

        assert await driver.used(self.meter, payer) == 7

    async def test_usage_of_a_meter_that_is_not_there_is_refused(self, driver: BooksDriver) -> None:
        payer = await driver.gateway.make_payer(new_id("cus"))
        record = UsageRecord(identifier=new_id("use"), meter="no_such_meter", payer=payer, value=1, at=driver.now())

        with pytest.raises(GatewayRefused):
            await driver.gateway.report_usage([record])
