"""Payments by the SDK: saved methods, refunds through a gateway, receipts, and the errors of each."""

import asyncio

import pytest
from storefront_sdk import (
    AlreadyRefunded,
    BlockingStorefront,
    GoodsUsed,
    NoReceipt,
    NotFound,
    PaymentDeclined,
    RefundFailed,
)

from storefront.testing import SERVER_KEY


async def paid(shop, purchase):
    """Pay on the payment page, and wait until the shop knows."""
    await shop.pay(purchase.raw)
    await shop.settled(purchase.raw)


async def test_a_card_is_saved_with_a_purchase_and_charged_for_the_next(shop, ada):
    first = await ada.purchase("gems-500", pay_with="sandbox", save_payment_method=True)
    await paid(shop, first)
    (card,) = await ada.payment_methods.list()
    second = await ada.purchase("gems-500", pay_with="sandbox", payment_method=card.id)

    assert (card.gateway, card.kind, card.brand, card.last4) == ("sandbox", "card", "visa", "4242")
    assert (second.status, second.redirect_url) == ("completed", None)
    assert (await ada.wallet("gems")).balance == 1500  # 500 she had

    await ada.payment_methods.forget(card)
    await ada.payment_methods.forget(card.id)
    with pytest.raises(NotFound):
        await ada.payment_methods.forget("pmt_" + "a" * 26)
    assert await ada.payment_methods.list() == ()


async def test_a_card_is_saved_without_paying(shop, server):
    await server.sessions.create("ada")
    opened = await server.payment_methods.setup(customer="ada", currency="USD")
    assert (opened.state, opened.payment_method) == ("open", None)
    await shop.pay({"payment": {"redirect_url": opened.redirect_url}})
    saved = await server.payment_methods.get_setup(opened, customer="ada")
    methods = await server.payment_methods.list(customer="ada")
    assert (saved.state, saved.payment_method, saved.redirect_url) == ("saved", methods[0].id, None)
    with pytest.raises(NotFound):
        await server.payment_methods.get_setup("set_none", customer="ada")


async def test_a_saved_card_that_is_declined_is_told(shop, ada):
    opened = await ada.payment_methods.setup(currency="USD")
    # This card can be saved, and is declined when it is charged.
    await shop.pay({"payment": {"redirect_url": opened.redirect_url}}, card="4000000000000341")
    await ada.payment_methods.get_setup(opened)
    (card,) = await ada.payment_methods.list()
    with pytest.raises(PaymentDeclined):
        await ada.purchase("gems-500", pay_with="sandbox", payment_method=card.id)


async def test_a_refund_goes_back_through_the_gateway_once(shop, server):
    pack = await shop.bought("gems-500")
    made = await server.refund(pack["id"], reason="a mistake", idempotency_key="r1")
    again = await server.refund(pack["id"], reason="a mistake", idempotency_key="r1")
    (listed,) = await server.refunds(pack["id"])

    assert (made.state, made.is_pending, made.amount) == ("completed", False, (499, "USD"))
    assert (again, again.is_replay) == (made, True)
    assert listed.id == made.id
    assert [one["amount"] for one in (await shop.sandbox.books())["refunds"]] == [499]
    with pytest.raises(AlreadyRefunded):
        await server.refund(pack["id"], reason="a mistake")


async def test_goods_that_are_gone_refuse_or_are_owed(shop, server):
    pack = await shop.bought("gems-500")
    await shop.bought("sword")
    with pytest.raises(GoodsUsed):
        await server.refund(pack["id"], reason="a mistake")
    made = await server.refund(pack["id"], reason="a mistake", strategy="debt")
    assert made.taken_back["credits"][0]["owed"] == 120


async def test_a_refund_that_the_gateway_does_not_make_is_told(shop, server):
    pack = await shop.bought("gems-500")
    await shop.sandbox.refund_by_hand(pack)
    with pytest.raises((RefundFailed, AlreadyRefunded)):
        await server.refund(pack["id"], reason="a mistake")
    assert sum(one["amount"] for one in (await shop.sandbox.books())["refunds"]) == 499


async def test_a_receipt_is_signed_and_gets_its_credit_note(shop, server):
    pack = await shop.bought("gems-500")
    await shop.until(lambda: shop.query("SELECT number FROM receipts"))
    receipt = await server.receipt(pack["id"])
    await server.refund(pack["id"], reason="a mistake")
    await shop.until(lambda: len(shop.query("SELECT number FROM receipts")) == 2)
    with_note = await server.receipt(pack["id"])

    assert receipt.label is not None
    assert receipt.jws.count(".") == 2
    assert receipt.credit_notes == ()
    assert [note.purchase for note in with_note.credit_notes] == [pack["id"]]


async def test_what_took_no_money_has_no_receipt(shop, ada):
    potion = await ada.purchase("potion")
    with pytest.raises(NoReceipt):
        await ada.receipt(potion)


async def test_the_blocking_client_does_the_same(shop):
    pack = await shop.bought("gems-500")

    def play():
        with BlockingStorefront(shop.url, key=SERVER_KEY) as server:
            assert server.payment_methods.list(customer="ada") == ()
            made = server.refund(pack["id"], reason="a mistake")
            return made.state, server.refunds(pack["id"])[0].id == made.id, server.receipt(pack["id"]).purchase

    assert await asyncio.to_thread(play) == ("completed", True, pack["id"])
