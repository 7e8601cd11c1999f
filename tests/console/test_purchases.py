"""A purchase in the console: what a refund would do before it does it, what is left, and when a bank wants to know."""

import re
from datetime import datetime
from urllib.parse import quote

from storefront.testing import OPERATOR_KEY
from tests.shop.test_disputes import disputed


async def page_of(shop, sku="gems-500"):
    purchase = await shop.bought(sku)
    return purchase, f"/console/purchases/{purchase['id']}"


async def test_a_part_refund_says_that_the_goods_stay_and_a_whole_one_that_they_go(shop, signed_in):
    _, page = await page_of(shop)
    finance = await signed_in(shop, "finance")
    assert "$4.99 can go back." in (await finance.get(page)).text

    part = await finance.send(page, f"{page}/refund", amount="2.50", reason="half was late")
    assert "The buyer keeps the goods." in part.text
    assert "half was late" in part.text
    assert "takes the goods back" not in part.text
    whole = await finance.send(page, f"{page}/refund", amount="", reason="never arrived")
    assert "takes the goods back" in whole.text
    assert "500 gems" in whole.text


async def test_what_went_back_stands_in_the_timeline_and_what_is_left_in_the_form(shop, signed_in):
    purchase, page = await page_of(shop)
    finance = await signed_in(shop, "finance")
    sent = await finance.send(page, f"{page}/refund", amount="2.50", reason="half was late")
    done = await finance.post(f"{page}/refund", sent.forms()[f"{page}/refund"])
    assert done.status == 200, done.text
    await shop.settled(purchase)
    seen = await finance.get(page)
    assert "$2.49 can go back." in seen.text
    assert "$2.50: half was late" in seen.text


async def test_a_dispute_says_until_when_evidence_is_taken_and_nothing_is_left_to_refund(shop, signed_in):
    purchase, page = await page_of(shop)
    finance = await signed_in(shop, "finance")
    await disputed(shop, purchase)
    seen = await finance.get(page)
    [dispute] = (await shop.bearing(OPERATOR_KEY).get("/v1/disputes")).json["data"]
    due = datetime.fromisoformat(dispute["evidence_due_by"])
    assert f"evidence by {due.day} {due:%b %Y, %H:%M} UTC, at the gateway" in seen.text
    first = await finance.get("/console")
    assert f"1 dispute is open. It takes evidence until {due.day} {due:%b %Y, %H:%M} UTC" in first.text
    assert f"{page}/refund" not in seen.forms()


async def test_books_that_were_compared_with_no_gateway_do_not_say_that_they_agree(shop, signed_in):
    owner = await signed_in(shop, "owner")
    fresh = await owner.get("/console/books")
    assert "Nothing was compared yet" in fresh.text
    assert "They agree" not in fresh.text
    compared = await owner.send("/console/books", "/console/books/reconcile-sandbox")
    assert "They agree, to the cent." in compared.text
    assert re.search(r"sandbox compared \d+ \w{3} 20\d\d, \d\d:\d\d UTC", compared.text)


async def test_what_came_into_wallets_leads_to_the_purchases_that_brought_it(shop, signed_in):
    _, page = await page_of(shop)
    await shop.bought("potion")
    await shop.parts.roller.fold_all()
    finance = await signed_in(shop, "finance")
    links = [one for one in (await finance.get("/console/wallets")).links() if "/purchases?" in one]
    brought = next(one for one in links if "kind=currency_pack" in one)
    assert page in [one.partition("?")[0] for one in (await finance.get(brought)).links()]
    spent = next(one for one in links if "kind=item" in one)
    assert len([one for one in (await finance.get(spent)).links() if "/purchases/pur_" in one]) == 1


async def test_a_purchase_leads_back_to_its_list_as_it_was_narrowed_and_nowhere_else(shop, signed_in):
    _, page = await page_of(shop)
    support = await signed_in(shop, "support")
    narrowed = "/console/purchases?q=ada&status=completed"
    (way,) = [one for one in (await support.get(narrowed)).links() if one.startswith(page)]
    assert narrowed in (await support.get(way)).links()
    for hostile in ("q=%0d%0aSet-Cookie:x", "x=<script>", "//evil.example", "q=" + "a" * 480):
        seen = await support.get(f"{page}?within={quote(hostile, safe='')}")
        assert seen.status == 200
        back = [one for one in seen.links() if one.startswith("/console/purchases?")]
        assert [one for one in back if not re.fullmatch(r"/console/purchases\?[A-Za-z0-9=&/.%]+", one)] == []
    assert "/console/purchases" in (await support.get(page)).links()


async def test_the_timeline_has_fee_receipt_and_what_the_gateway_told_each_where_more_of_it_stands(shop, signed_in):
    purchase, page = await page_of(shop)
    finance = await signed_in(shop, "finance")
    sent = await finance.send(page, f"{page}/refund", amount="2.50", reason="half was late")
    await finance.post(f"{page}/refund", sent.forms()[f"{page}/refund"])
    await shop.settled(purchase)
    await shop.advance("1h")
    await shop.quiet()
    await shop.until(lambda: len(shop.query("SELECT 1 FROM receipts")) == 2)
    seen = await finance.get(page)
    assert "Gateway's fee" in seen.text
    assert "Checkout session completed" in seen.text
    assert "sandbox told it: processed" in seen.text
    assert seen.links().count(f"{page}/receipt") == 2
    receipt = await finance.get(f"{page}/receipt")
    assert receipt.status == 200, receipt.text
    assert "Total $4.99" in receipt.text
    assert "Credit note" in receipt.text
    assert "Total $2.50" in receipt.text
    unpaid = (await shop.buy("gems-500", customer="eve")).json["id"]
    assert "Checkout session completed" not in (await finance.get(f"/console/purchases/{unpaid}")).text
    assert (await finance.get(f"/console/purchases/{unpaid}/receipt")).status == 409
