"""Credit notes: each reversal of a receipt gets one, numbered like receipts, with its part of the tax.

There are no refunds at a gateway yet, so the reversals are planned here as they will be. The audit of refunds knows
only those that go back into wallets, so these shops are not audited when their test is over.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from storefront.core.accounts import clearing
from storefront.core.commit.plan import Insert, Plan
from storefront.core.money import Money
from storefront.core.purchasing import read_purchase
from storefront.core.taxes import return_revenue
from storefront.testing import Shop
from storefront.testing.calling import Wall

from .conftest import TAXED_SHOP


@pytest.fixture
async def unaudited(data_folder: Path) -> AsyncIterator[Shop]:
    path = data_folder / "shop.yaml"
    path.write_text(TAXED_SHOP)
    shop = Shop(path, {"DATA": str(data_folder / "data")}, Wall())
    try:
        await shop.start()
        yield shop
    finally:
        await shop.close()


async def give_back(shop: Shop, purchase_id: str, number: int, amount: int, *, before: int, state: str) -> str:
    services = shop.parts.services
    purchase = await read_purchase(services, purchase_id)
    anchor, reversal_id = purchase["customer_id"], f"rev_{number}"
    plan = Plan(actor="test", anchors={anchor})
    entry_id = plan.entry("refund", about=reversal_id, anchor=anchor, reverses=purchase["entry_id"])
    return_revenue(plan, purchase, clearing("sandbox", "EUR"), Money(amount, "EUR"), before=before)
    row: dict[str, Any] = {
        "id": reversal_id,
        "purchase_id": purchase_id,
        "number": number,
        "customer_id": anchor,
        "cause": "refund",
        "amount": amount,
        "currency": "EUR",
        "state": state,
        "taken_back": '{"strategy":"floor","quantity":0,"items":[],"credits":[],"entitlements":[]}',
        "reason": "test",
        "actor": "test",
        "entry_id": entry_id,
        "created_at": services.clock.now(),
        "closed_at": None,
    }
    plan.add(Insert("reversals", (reversal_id,), anchor, row))
    plan.emit("purchase.refunded", anchor=anchor, subject=purchase_id, payload={})
    await services.engine.commit(plan)
    return reversal_id


async def test_parts_of_a_price_take_parts_of_its_tax_and_all_of_it_in_the_end(unaudited: Shop) -> None:
    shop = unaudited
    purchase = await shop.bought("gems-500", currency="EUR")
    for number, amount, before in ((1, 200, 0), (2, 200, 200), (3, 79, 400)):
        await give_back(shop, purchase["id"], number, amount, before=before, state="completed")
    await shop.until(lambda: len(shop.query("SELECT 1 FROM receipts")) == 4)

    receipt = (await shop.as_customer().get(f"/v1/purchases/{purchase['id']}/receipt")).json
    notes = receipt["credit_notes"]

    assert (receipt["label"], receipt["document"]["tax"][0]["total"]["amount"]) == ("TEST-R-000001", 76)
    assert [note["label"] for note in notes] == ["TEST-C-000001", "TEST-C-000002", "TEST-C-000003"]
    assert [note["document"]["receipt"] for note in notes] == [{"series": "TEST-R", "number": 1}] * 3
    # 76 × 200/479 = 31.73, 76 × 400/479 = 63.47
    assert [note["document"]["tax"][0]["total"]["amount"] for note in notes] == [32, 31, 13]
    assert [note["document"]["net"]["amount"] for note in notes] == [168, 169, 66]
    assert shop.balance("tax:DE:EUR") == 0
    assert shop.balance("platform:revenue:EUR") == 0


async def test_what_has_not_gone_back_yet_has_no_note(unaudited: Shop) -> None:
    shop = unaudited
    purchase = await shop.bought("gems-500", currency="EUR")
    await give_back(shop, purchase["id"], 1, 100, before=0, state="pending")
    await shop.until(lambda: shop.query("SELECT 1 FROM receipts"))
    await shop.parts.numberer.number_all()

    assert [row["kind"] for row in shop.query("SELECT kind FROM receipts")] == ["receipt"]


async def test_the_page_shows_them(unaudited: Shop) -> None:
    shop = unaudited
    purchase = await shop.bought("gems-500", currency="EUR")
    await give_back(shop, purchase["id"], 1, 200, before=0, state="completed")
    await shop.until(lambda: len(shop.query("SELECT 1 FROM receipts")) == 2)
    cookie = {"Cookie": f"storefront_session={await shop.session('ada')}"}

    async with shop.http.get(f"/receipts/{purchase['id']}", headers=cookie) as answer:
        page = await answer.text()

    assert answer.status == 200
    assert "Credit note TEST-C-000001" in page
    assert "−€2.00" in page
    assert "19% VAT (Germany)" in page
