"""What the console says is said as people say it: titles, how often, days and times, one and many."""

import re

import pytest

from storefront.testing import running_shop
from tests.analytics.mall import LUNA, MALL, wall_at
from tests.subscriptions.subscribing import subscribe


@pytest.fixture
async def mall(data_folder, database_url):
    (data_folder / "luna.yaml").write_text(LUNA)
    async with running_shop(data_folder, MALL, wall=wall_at("2031-01-30T12:00:00Z"), database=database_url) as shop:
        yield shop


async def test_the_catalog_says_titles_and_how_often_each_price_is_paid(mall, signed_in):
    seen = await (await signed_in(mall, "read_only")).get("/console/catalog")
    assert "Premium premium Subscription $9.99 a month, €8.99 a month, $99.90 a year" in seen.text
    assert "500 gems gems-500 Currency pack $4.99, €4.79" in seen.text


async def test_filters_that_a_link_brought_are_said_in_words(mall, signed_in):
    asked = "from=2031-01-30T00:00:00.000Z&to=2031-01-31T09:30:00.000Z&kind=currency_pack&sku=gems-500&source=sales"
    seen = await (await signed_in(mall, "read_only")).get(f"/console/purchases?{asked}")
    for words in ("From: 30 Jan 2031 ", "Until: 31 Jan 2031, 09:30 UTC", "Kind: Currency pack", "Item: 500 gems",
                  "Source: Sales"):  # fmt: skip
        assert words in seen.text


async def test_a_purchase_is_named_by_its_title_and_its_customers_things_too(mall, signed_in):
    bought = await mall.bought("gems-500", currency="USD")
    await mall.bought("sword")
    console = await signed_in(mall, "support")
    page = await console.get(f"/console/purchases/{bought['id']}")
    assert "500 gems Completed Customer ada" in page.text
    assert "SKU gems-500" in page.text
    customer = mall.query("SELECT id FROM customers WHERE external_id = 'ada'")[0]["id"]
    of_customer = await console.get(f"/console/customers/{customer}")
    assert "Sword sword Item 1 never May wield the sword sword Right – never" in of_customer.text
    assert "ada Sword 120 gems" in of_customer.text


async def test_figures_that_cannot_be_told_yet_say_why(mall, signed_in):
    console = await signed_in(mall, "read_only")
    empty = await console.get("/console")
    assert "Per member – Needs a first member" in empty.text
    await subscribe(mall, "basic")
    await mall.quiet()
    await mall.parts.roller.fold_all()
    seen = await console.get("/console")
    assert "Churn – Nobody paid yet when it began" in seen.text
    assert "Lifetime value – Nobody has left yet" in seen.text
    assert "Jan 2031" in seen.text


async def test_what_never_lapses_says_so_beside_the_name_of_its_column(mall, signed_in):
    await mall.bought("gems-500", currency="USD")
    customer = mall.query("SELECT id FROM customers WHERE external_id = 'ada'")[0]["id"]
    seen = await (await signed_in(mall, "support")).get(f"/console/customers/{customer}")
    assert re.search(r'data-label="Lapses" class="at-rest [^>]*>\s*<span[^>]*>never<', seen.markup)


async def test_each_list_of_the_exports_has_its_formats_together(mall, signed_in):
    seen = await (await signed_in(mall, "support")).get("/console/exports")
    cells = re.findall(r'data-label="As"[^>]*>(.*?)</td>', seen.markup, re.DOTALL)
    (cell,) = [one for one in cells if "/exports/purchases?" in one]
    assert re.findall(r"format=(\w+)", cell) == ["csv", "parquet", "jsonl"]


async def test_a_wallet_that_nothing_moved_says_so_instead_of_drawing_nothing(mall, signed_in):
    console = await signed_in(mall, "read_only")
    for page in ("/console", "/console/wallets"):
        assert "Nothing came in or went out in this time." in (await console.get(page)).text
