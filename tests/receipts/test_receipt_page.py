"""The receipt's page: for its buyer, in words, marked as a test, and honest about a number that is not there yet."""

from contextlib import asynccontextmanager

from storefront.testing import Shop
from storefront.testing.tiny_shop import OPERATOR_KEY


@asynccontextmanager
async def page_of(shop: Shop, purchase_id: str, customer: str | None = "ada"):
    headers = {} if customer is None else {"Cookie": f"storefront_session={await shop.session(customer)}"}
    async with shop.http.get(f"/receipts/{purchase_id}", headers=headers) as answer:
        yield answer.status, await answer.text(), answer.headers


async def test_it_shows_number_lines_tax_and_seller(taxed: Shop) -> None:
    purchase = await taxed.bought("gems-500", currency="EUR", quantity=2)
    await taxed.until(lambda: taxed.query("SELECT 1 FROM receipts"))

    async with page_of(taxed, purchase["id"]) as (status, page, headers):
        assert status == 200
        assert headers["Cache-Control"] == "no-store"
    for words in (
        "TEST-R-000001",
        "2 × 500 gems",
        "€9.58",
        "€8.05",
        "19% VAT (Germany)",
        "€1.53",
        "Lowtide Games GmbH",
        "Tax number DE123456789",
        "This is a test.",
        "(test)</title>",
    ):
        assert words in page
    assert 'http-equiv="refresh"' not in page


async def test_a_number_that_is_not_there_yet_follows_in_a_moment(taxed: Shop) -> None:
    leading = taxed.parts.leading
    await leading.stop()  # nobody numbers
    purchase = await taxed.bought("gems-500")

    answer = await taxed.as_customer().get(f"/v1/purchases/{purchase['id']}/receipt")
    async with page_of(taxed, purchase["id"]) as (status, page, _):
        pass

    assert (answer.status, answer.json["number"], answer.json["jws"]) == (200, None, None)
    assert answer.json["document"]["total"] == {"amount": 499, "currency": "USD"}
    assert status == 200
    assert "Number follows in a moment" in page
    assert 'http-equiv="refresh" content="3"' in page


async def test_nobody_sees_another_ones(taxed: Shop) -> None:
    purchase = await taxed.bought("gems-500")

    for customer in ("bob", None):
        async with page_of(taxed, purchase["id"], customer) as (status, page, _):
            assert status == 404
            assert purchase["id"] not in page
    async with page_of(taxed, "pur_nothing") as (status, _, _):
        assert status == 404
    with_key = {"Authorization": f"Bearer {OPERATOR_KEY}"}
    async with taxed.http.get(f"/receipts/{purchase['id']}", headers=with_key) as answer:
        assert answer.status == 200


async def test_the_shop_leads_to_it_after_a_payment_and_to_none_after_a_wallet_purchase(taxed: Shop) -> None:
    paid, sword = await taxed.bought("gems-500"), await taxed.bought("sword")
    cookie = {"Cookie": f"storefront_session={await taxed.session('ada')}"}

    async with taxed.http.get(f"/shop?purchase={paid['id']}", headers=cookie) as answer:
        assert f'href="/receipts/{paid["id"]}"' in await answer.text()
    async with taxed.http.get(f"/shop?purchase={sword['id']}", headers=cookie) as answer:
        assert f'href="/receipts/{sword["id"]}"' not in await answer.text()


async def test_a_purchase_that_waits_for_its_payment_has_none_yet_and_the_page_says_so(taxed: Shop) -> None:
    purchase = (await taxed.buy("gems-500")).json
    cookie = {"Cookie": f"storefront_session={await taxed.session('ada')}", "Accept": "text/html"}

    async with taxed.http.get(f"/receipts/{purchase['id']}", headers=cookie) as answer:
        page = await answer.text()

    assert answer.status == 409
    assert "There is no receipt yet" in page
    assert "It comes once the purchase is completed." in page
