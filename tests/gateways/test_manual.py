"""Payments by hand from the buyer's page to the goods: by operators' routes and by the shell."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storefront.control.desk import Desk
from storefront.testing import OPERATOR_KEY, TINY_SHOP, Shop, running_shop

SHOP = TINY_SHOP.replace(
    "gateways: {sandbox: {}}",
    "gateways: {manual: {instructions: {en: Send it to IBAN DE89., de: Bitte an IBAN DE89 senden.}}}",
)


@pytest.fixture
async def by_hand(data_folder: Path) -> AsyncIterator[Shop]:
    async with running_shop(data_folder, SHOP) as shop:
        yield shop


async def opened(shop: Shop, sku: str = "gems-500") -> tuple[str, str]:
    """Buy something; returns the purchase's id and the payment's reference."""
    answer = await shop.buy(sku)
    assert answer.status == 202, answer
    return answer.json["id"], answer.json["payment"]["redirect_url"].rpartition("/")[2]


async def test_the_page_says_how_to_pay_in_the_buyers_language(by_hand: Shop) -> None:
    _, reference = await opened(by_hand)
    async with by_hand.http.get(f"/pay/manual/{reference}", headers={"Accept-Language": "de"}) as page:
        text = await page.text()

    assert page.status == 200
    assert "Bitte an IBAN DE89 senden." in text
    assert reference in text
    assert "4.99" in text or "4,99" in text


async def test_an_unknown_reference_is_a_page_that_is_not_there(by_hand: Shop) -> None:
    async with by_hand.http.get("/pay/manual/man_nothing") as page:
        assert page.status == 404


async def test_what_an_operator_receives_is_given_once(by_hand: Shop) -> None:
    purchase, reference = await opened(by_hand)
    operator = by_hand.bearing(OPERATOR_KEY)
    listed = await operator.get("/v1/manual-payments?state=awaiting")

    for _ in range(2):
        answer = await operator.post(f"/v1/manual-payments/{reference}/receive")
        assert (answer.status, answer.json["state"]) == (200, "received")

    assert [one["reference"] for one in listed.json["data"]] == [reference]
    assert (await by_hand.seen({"id": purchase}))["status"] == "completed"
    assert by_hand.balance("customer:ada:gems") == 500
    actions = by_hand.query("SELECT action, about FROM audit_actions WHERE action LIKE 'manual%'")
    assert actions == [{"action": "manual_payment.received", "about": reference}]


async def test_what_is_voided_ends_the_purchase(by_hand: Shop) -> None:
    purchase, reference = await opened(by_hand)
    operator = by_hand.bearing(OPERATOR_KEY)

    assert (await operator.post(f"/v1/manual-payments/{reference}/void")).json["state"] == "voided"

    assert (await by_hand.seen({"id": purchase}))["status"] == "canceled"
    late = await operator.post(f"/v1/manual-payments/{reference}/receive")
    assert (late.status, late.json["code"]) == (409, "payment_in_another_state")
    assert by_hand.balance("customer:ada:gems") == 0


async def test_only_operators_mark_payments(by_hand: Shop) -> None:
    _, reference = await opened(by_hand)

    for caller in (by_hand.as_server(), by_hand.as_customer(), by_hand.as_nobody()):
        answer = await caller.post(f"/v1/manual-payments/{reference}/receive")
        assert answer.status in (401, 403)
    assert by_hand.balance("customer:ada:gems") == 0


async def test_the_shell_does_the_same(by_hand: Shop) -> None:
    purchase, reference = await opened(by_hand)
    desk = Desk(by_hand.parts, url=None, read=lambda: by_hand.parts.host)

    (listed,) = (await desk.ask("payments.list", {"state": None}))["data"]
    received = await desk.ask("payments.receive", {"reference": reference})

    assert json.loads(json.dumps(listed))["amount"] == {"amount": 499, "currency": "USD"}
    assert received["state"] == "received"
    assert (await by_hand.seen({"id": purchase}))["status"] == "completed"
