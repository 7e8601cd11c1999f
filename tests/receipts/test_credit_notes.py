"""Credit notes: each refund of a receipt gets one, numbered like receipts, with its part of the tax."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storefront.core.ids import new_id
from storefront.testing import Shop, running_shop

from .conftest import TAXED_SHOP

SLOW_TO_REFUND = "4000 0000 0000 7726"


@pytest.fixture
async def taxed(data_folder: Path) -> AsyncIterator[Shop]:
    async with running_shop(data_folder, TAXED_SHOP) as shop:
        yield shop


async def give_back(shop: Shop, purchase_id: str, amount: int) -> str:
    """Refund a part through the gateway, and return how it stands."""
    body = {"reason": "test", "amount": amount, "strategy": "floor"}
    answer = await shop.as_server().post(f"/v1/purchases/{purchase_id}/refunds", body, key=new_id("key"))
    assert answer.status in (201, 202), answer
    return str(answer.json["state"])


async def test_parts_of_a_price_take_parts_of_its_tax_and_all_of_it_in_the_end(taxed: Shop) -> None:
    shop = taxed
    purchase = await shop.bought("gems-500", currency="EUR")
    for amount in (200, 200, 79):
        assert await give_back(shop, purchase["id"], amount) == "completed"
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


async def test_what_has_not_gone_back_yet_has_no_note(taxed: Shop) -> None:
    shop = taxed
    answer = await shop.buy("gems-500", currency="EUR")
    assert await shop.pay(answer, SLOW_TO_REFUND) == 303
    purchase = await shop.settled(answer)
    assert await give_back(shop, purchase["id"], 100) == "pending"
    await shop.until(lambda: shop.query("SELECT 1 FROM receipts"))
    await shop.parts.numberer.number_all()

    assert [row["kind"] for row in shop.query("SELECT kind FROM receipts")] == ["receipt"]


async def test_the_page_shows_them(taxed: Shop) -> None:
    shop = taxed
    purchase = await shop.bought("gems-500", currency="EUR")
    assert await give_back(shop, purchase["id"], 200) == "completed"
    await shop.until(lambda: len(shop.query("SELECT 1 FROM receipts")) == 2)
    cookie = {"Cookie": f"storefront_session={await shop.session('ada')}"}

    async with shop.http.get(f"/receipts/{purchase['id']}", headers=cookie) as answer:
        page = await answer.text()

    assert answer.status == 200
    assert "Credit note TEST-C-000001" in page
    assert "−€2.00" in page
    assert "19% VAT (Germany)" in page


async def test_on_the_page_what_went_back_has_a_minus_and_so_has_its_tax(taxed: Shop) -> None:
    purchase = await taxed.bought("gems-500", currency="EUR")
    assert await give_back(taxed, purchase["id"], 200) == "completed"
    await taxed.until(lambda: len(taxed.query("SELECT 1 FROM receipts")) == 2)
    cookie = {"Cookie": f"storefront_session={await taxed.session('ada')}"}

    async with taxed.http.get(f"/receipts/{purchase['id']}", headers=cookie) as answer:
        page = await answer.text()

    note = page[page.index("Credit note TEST-C-000001") :]
    assert "<dd>−€2.00</dd>" in note
    assert "<dd>−€0.32</dd>" in note
    assert "4242" not in page
