"""W1, W2 and O2: what gateways told, what was received, and what was delivered, in the books of a shop that ran."""

import sqlite3
from pathlib import Path

import pytest

from storefront.core.audit import Report, verify_file
from storefront.testing import running_shop
from tests.webhooks.conftest import Operator, allowing, receiving, settled

# What the plant is called -> (check, statement, what the audit says).
PLANTS = {
    "an event that nothing will process": (
        "W1",
        "UPDATE inbox SET state = 'received', processed_at = NULL WHERE type = 'checkout.session.completed'",
        "is received, but no job will process it",
    ),
    "an event that was processed at no time": (
        "W1",
        "UPDATE inbox SET processed_at = NULL WHERE type = 'checkout.session.completed'",
        "is processed, but not when it was processed",
    ),
    "a payment of less than was asked": (
        "W2",
        "UPDATE payments SET received_amount = 498",
        "is completed for 499 USD, but its payment",
    ),
    "a payment in another currency": (
        "W2",
        "UPDATE payments SET received_currency = 'EUR'",
        "received 499 EUR",
    ),
    "a delivery of an event that never was": (
        "O2",
        "UPDATE webhook_deliveries SET event_id = 'evt_none'",
        "delivery of evt_none to whe_",
    ),
    "a delivery to nobody": (
        "O2",
        "UPDATE webhook_endpoints SET id = 'whe_other'",
        "is delivered, but that endpoint does not exist",
    ),
    "a delivery that never arrived": (
        "O2",
        "UPDATE webhook_attempts SET status = 500",
        "is delivered, but no attempt was answered with success",
    ),
    "a delivery that waits and is closed": (
        "O2",
        "UPDATE webhook_deliveries SET state = 'waiting'",
        "it is waiting and closed",
    ),
    "an endpoint that was not counted": (
        "O2-counter",
        "UPDATE counters SET value = 0 WHERE key = 'webhook_endpoints'",
        "counter webhook_endpoints says 0, but there are 1",
    ),
}


@pytest.fixture
async def told(tmp_path: Path) -> Path:
    """The books of a shop that was paid, told so by its gateway, and told it on; copied so that they can be spoiled."""
    async with receiving() as receiver, running_shop(tmp_path, allowing(receiver)) as shop:
        await Operator(shop).add(receiver.url, "purchase.completed")
        await shop.bought("gems-500")
        await shop.quiet()
        await settled(shop)
        assert shop.query("SELECT state FROM webhook_deliveries") == [{"state": "delivered"}]
        path = shop.database.path
    copy = tmp_path / "copy.sqlite"
    source, target = sqlite3.connect(path), sqlite3.connect(copy)
    source.backup(target)
    source.close()
    target.close()
    return copy


@pytest.mark.parametrize("name", PLANTS)
async def test_exactly_this_check_sees(told: Path, name: str) -> None:
    check, statement, message = PLANTS[name]
    assert failed(await verify_file(told, deep=True)) == set()
    connection = sqlite3.connect(told, isolation_level=None)
    assert connection.execute(statement).rowcount == 1
    connection.close()

    report = await verify_file(told, deep=True)

    assert failed(report) == {check}, report.violations
    assert any(message in one.message for one in report.violations), report.violations


def failed(report: Report) -> set[str]:
    return {check.name for check in report.checks if not check.has_passed}
