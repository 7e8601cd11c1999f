"""The gateway for payments by hand keeps the contract, on both databases."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storefront.core.clock import Clock
from storefront.core.commit.engine import CommitEngine
from storefront.core.database import Database
from storefront.core.gateways import Checkout, PaymentState, RefundState
from storefront.core.gateways.manual import RECEIVED, VOIDED, ManualGateway, WrongState
from storefront.core.money import Money
from storefront.core.postgres_database import PostgresDatabase
from storefront.core.sqlite_database import SqliteDatabase
from storefront.testing.empty_files import lay_tables
from storefront.testing.gateway_contract import CheckoutContract, RefundContract


class ManualDriver:
    """The payer pays and the operator sees it; the line is our own database, so that no reply is lost."""

    takes = (Money(1, "USD"), Money(2**53 - 1, "USD"), Money(1, "JPY"), Money(1234, "KWD"), Money(5, "ISK"))
    refuses = (Money(0, "USD"),)

    def __init__(self, gateway: ManualGateway) -> None:
        self.gateway = gateway

    def now(self) -> int:
        return time.time_ns() // 1_000_000

    async def pay(self, checkout: Checkout) -> None:
        await self.gateway.mark(checkout.reference, RECEIVED, actor="operator:ann")

    async def be_declined(self, checkout: Checkout) -> None:
        """Nobody is asked, so nobody says no."""

    async def walk_away(self, checkout: Checkout) -> None:
        """There is nothing to leave."""

    async def lose_reply(self) -> None:
        """There is no line."""


@pytest.fixture
async def manual(data_folder: Path, database_url: str | None) -> AsyncIterator[ManualDriver]:
    path = data_folder / "data" / "storefront.sqlite"
    database: Database = SqliteDatabase(path) if database_url is None else PostgresDatabase(database_url)
    await lay_tables(database)
    await database.open(mode="sandbox")
    clock = Clock()
    engine = CommitEngine(database.store, clock)
    engine.start()
    gateway = ManualGateway(
        "manual",
        database.reader,
        engine,
        clock,
        public_url="https://shop.example",
        is_live=False,
        instructions={"en": "Send it."},
    )
    yield ManualDriver(gateway)
    await engine.stop()
    await database.close()


class TestManual(CheckoutContract, RefundContract):
    @pytest.fixture
    async def driver(self, manual: ManualDriver) -> ManualDriver:
        return manual

    async def test_a_refund_waits_until_the_operator_has_sent_it(self, driver: ManualDriver) -> None:
        paid = await self.paid(driver)
        refund = await driver.gateway.refund(self.back(paid, 500))
        first = await driver.gateway.mark_refunds_sent(paid.reference, actor="operator:ann")
        again = await driver.gateway.mark_refunds_sent(paid.reference, actor="operator:ann")

        assert refund.state is RefundState.PENDING
        assert (first, again) == ([refund.reference], [])
        assert (await driver.gateway.look_up_refund(refund.reference)).state is RefundState.SUCCEEDED

    async def test_what_has_ended_otherwise_is_not_marked(self, driver: ManualDriver) -> None:
        paid = await self.paid(driver)
        left = await self.open(driver)
        await driver.gateway.close_checkout(left.reference)

        with pytest.raises(WrongState):
            await driver.gateway.mark(paid.reference, VOIDED, actor="operator:ann")
        with pytest.raises(WrongState):
            await driver.gateway.mark(left.reference, RECEIVED, actor="operator:ann")
        assert (await driver.gateway.look_up(left.reference)).state is PaymentState.VOIDED
