"""A bank debit takes days: what its buyer sees meanwhile, what can be done about it, and how it ends."""

import pytest

PAYS = "DE89370400440532013000"


@pytest.fixture
async def debited(shop):
    """A purchase whose buyer has filled in the page with a bank account and came back."""
    purchase = (await shop.buy("gems-500", currency="EUR")).json
    form = {"iban": PAYS, "action": "pay"}
    async with shop.http.post(purchase["payment"]["redirect_url"], data=form, allow_redirects=False) as answer:
        assert answer.status == 303
    finalized = await shop.as_customer().post(f"/v1/purchases/{purchase['id']}/finalize")
    assert finalized.status == 200
    return purchase


async def test_while_the_money_is_on_its_way_nothing_is_left_to_pay(shop, debited):
    seen = await shop.seen(debited)

    assert (seen["status"], seen["expires_at"]) == ("pending", None)
    assert seen["payment"] == {"state": "processing", "gateway": "sandbox", "redirect_url": None, "failure": None}
    told = shop.query("SELECT type FROM events WHERE subject = ? ORDER BY sequence", debited["id"])
    assert [row["type"] for row in told] == ["purchase.pending", "purchase.processing"]


async def test_it_cannot_be_canceled_and_says_so_each_time(shop, debited):
    for _ in range(2):
        answer = await shop.as_customer().post(f"/v1/purchases/{debited['id']}/cancel")
        assert (answer.status, answer.json["code"], answer.json["purchase"]) == (
            409,
            "payment_processing",
            debited["id"],
        )
    assert (await shop.seen(debited))["payment"]["state"] == "processing"


async def test_the_sweep_asks_on_for_days_and_gives_the_goods_although_every_webhook_is_lost(shop, debited):
    await shop.sandbox.webhooks("drop")
    await shop.advance("2h")
    assert (await shop.seen(debited))["payment"]["state"] == "processing"
    await shop.advance("5d")

    seen = await shop.seen(debited)
    assert (seen["status"], seen["payment"]["state"]) == ("completed", "received")
    assert shop.balance("customer:ada:gems") == 500


async def test_a_debit_that_brings_nothing_fails_and_says_why(shop, debited):
    await shop.sandbox.end_debit(debited, "failed")
    seen = await shop.settled(debited)

    assert (seen["status"], seen["payment"]["state"]) == ("failed", "voided")
    assert seen["payment"]["failure"] == "debit_not_authorized"
    assert shop.balance("customer:ada:gems") == 0


async def test_the_page_lets_its_buyer_go_and_mentions_it_on_the_next_visit(shop, debited):
    cookie = {"Cookie": f"storefront_session={await shop.session('ada')}"}
    back = f"/shop/return?purchase={debited['id']}"
    async with shop.http.get(back, headers=cookie) as answer:
        page = await answer.text()
    assert "You can close this page" in page
    assert 'http-equiv="refresh"' not in page

    async with shop.http.get(f"{back}&canceled=1", headers=cookie) as answer:
        assert "You left the payment" not in await answer.text()
    async with shop.http.get("/shop", headers=cookie) as answer:
        assert "Your payment is on its way." in await answer.text()


async def test_a_payment_page_that_was_left_open_can_be_gone_on_with(shop):
    purchase = (await shop.buy("gems-500")).json
    cookie = {"Cookie": f"storefront_session={await shop.session('ada')}"}
    link = f'href="{purchase["payment"]["redirect_url"]}"'

    async with shop.http.get("/shop", headers=cookie) as answer:
        assert link in await answer.text()
    await shop.advance("25h")
    async with shop.http.get("/shop", headers=cookie) as answer:
        assert link not in await answer.text()
