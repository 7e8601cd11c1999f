"""Reversals in odd orders: booked back and taken anew, beside each other, cut off in the midst; the books agree."""

import pytest

from storefront.core import reversal_moves, taking_back
from storefront.testing import TINY_SHOP, running_shop
from tests.shop.test_disputes import disputed, drink
from tests.shop.test_gateway_refunds import refund, refunded_there
from tests.shop.test_holds import act, hold
from tests.shop.test_mixed_reversals import SLOW_TO_REFUND, fail_refund, owed_chest, pay_slowly
from tests.shop.test_tax import RATES, of_country


async def end(shop, status, number=0):
    """Let a refund end at the gateway."""
    await shop.sandbox.end_refund((await shop.sandbox.books())["refunds"][number]["id"], status)
    await shop.quiet()


async def german_pack(shop):
    german = await of_country(shop, "DE")
    pack = await shop.bought("gems-500", customer=german, currency="EUR")
    assert shop.balance("tax:DE:EUR") == 76
    return pack


async def test_a_refund_after_a_failed_one_returns_the_tax(tmp_path):
    async with running_shop(tmp_path, TINY_SHOP + RATES.format(prices="inclusive")) as shop:
        pack = await german_pack(shop)
        assert (await refund(shop, pack)).status == 201
        assert shop.balance("tax:DE:EUR") == 0
        await fail_refund(shop)
        assert shop.balance("tax:DE:EUR") == 76
        assert (await refund(shop, pack)).status == 201
        assert (shop.balance("tax:DE:EUR"), shop.balance("platform:revenue:EUR")) == (0, 0)


async def test_a_dispute_that_changes_its_mind_makes_up_no_tax(tmp_path):
    async with running_shop(tmp_path, TINY_SHOP + RATES.format(prices="inclusive")) as shop:
        pack = await german_pack(shop)
        for status in ("lost", "won", "lost", "won", "lost", "won"):
            await disputed(shop, pack, status)
        assert (shop.balance("tax:DE:EUR"), shop.balance("platform:revenue:EUR")) == (76, 479 - 76)


async def test_parts_of_which_one_failed_leave_no_tax_behind(tmp_path):
    async with running_shop(tmp_path, TINY_SHOP + RATES.format(prices="inclusive")) as shop:
        pack = await german_pack(shop)
        for _ in range(2):
            assert (await refund(shop, pack, amount=3)).status == 201
        await fail_refund(shop)
        assert (await refund(shop, pack, amount=3)).status == 201
        assert (await refund(shop, pack)).status == 201
        assert (await shop.seen(pack))["refunded"] == "full"
        assert (shop.balance("tax:DE:EUR"), shop.balance("platform:revenue:EUR")) == (0, 0)


async def test_what_is_beyond_the_payment_is_a_loss_also_after_a_failed_refund(shop):
    pack = await pay_slowly(shop)
    assert (await refund(shop, pack)).status == 202
    await end(shop, "succeeded")
    await fail_refund(shop)
    assert (await refund(shop, pack)).status == 202
    await disputed(shop, pack, "lost")
    await end(shop, "succeeded", 1)
    assert shop.balance("platform:revenue:USD") == 0
    assert shop.balance("platform:losses:USD") == -499
    assert [row["kind"] for row in shop.query("SELECT kind FROM alarms")] == ["reversed_more_than_received"]


async def test_a_refund_that_completes_beside_a_lost_dispute_names_what_it_took(shop):
    pack = await pay_slowly(shop)
    assert (await refund(shop, pack)).status == 202
    await disputed(shop, pack, "lost")
    await end(shop, "succeeded")
    assert shop.balance("customer:ada:gems") == 0


async def test_a_part_after_a_refund_that_failed_is_booked_anew(shop):
    pack = await shop.bought("gems-500")
    assert (await refund(shop, pack)).status == 201
    await fail_refund(shop)
    assert (await refund(shop, pack, amount=100)).status == 201
    assert shop.balance("platform:revenue:USD") == 399


async def short_refund(shop, pack, monkeypatch):
    """Refund whole and strictly while the goods are just being spent; what is found missing refuses it."""
    real = taking_back.want_back

    async def spent_meanwhile(*arguments, **named):
        wanted = await real(*arguments, **named)
        monkeypatch.setattr(taking_back, "want_back", real)
        assert (await shop.buy("sword")).status == 201
        return wanted

    monkeypatch.setattr(taking_back, "want_back", spent_meanwhile)
    return await refund(shop, pack, key="same")


async def test_a_refund_that_was_refused_for_used_goods_is_not_made_by_its_key(shop, monkeypatch):
    pack = await shop.bought("gems-500")
    for _ in range(2):
        refused = await short_refund(shop, pack, monkeypatch)
        monkeypatch.undo()
        assert (refused.status, refused.json["code"]) == (409, "goods_used")
    await shop.advance("2d")
    await shop.quiet()
    assert await refunded_there(shop) == 0
    assert shop.balance("customer:ada:gems") == 380


async def test_an_amount_that_was_given_back_without_goods_takes_none_when_others_are_over(shop):
    pack = await shop.bought("gems-500")
    assert (await refund(shop, pack, amount=300)).status == 201
    await shop.sandbox.dispute(pack, amount=199)
    await shop.quiet()
    await disputed(shop, pack, "won")
    assert shop.balance("customer:ada:gems") == 500


async def test_freed_goods_go_to_the_bank_before_they_go_to_goodwill(shop):
    pack = await pay_slowly(shop)
    assert (await refund(shop, pack, amount=100)).status == 202
    assert (await refund(shop, pack)).status == 202
    await disputed(shop, pack)
    await end(shop, "succeeded")
    await fail_refund(shop, 1)
    await disputed(shop, pack, "won")
    assert shop.balance("customer:ada:gems") == 500


async def test_goods_that_were_freed_are_claimed_also_if_whoever_freed_them_dies(shop, monkeypatch):
    pack = await pay_slowly(shop)
    assert (await refund(shop, pack)).status == 202
    await disputed(shop, pack)

    async def dies(*_):
        monkeypatch.undo()
        raise RuntimeError("it ends here")

    monkeypatch.setattr(taking_back, "claim_freed", dies)
    await fail_refund(shop)
    await shop.advance("10m")
    await disputed(shop, pack, "lost")
    await shop.quiet()
    assert shop.balance("customer:ada:gems") == 0


@pytest.mark.parametrize("then", ["refund", "lost"])
async def test_what_was_given_again_and_paid_another_debt_is_asked_back(shop, then):
    first = await shop.bought("gems-500")
    await disputed(shop, first, "lost")
    second = await shop.bought("gems-500")
    await shop.bought("potion", quantity=8)
    await drink(shop, 8)
    assert (await refund(shop, second, strategy="debt")).status == 201
    await disputed(shop, first, "won")
    assert shop.balance("customer:ada:gems") == 380
    if then == "refund":
        assert (await refund(shop, first, strategy="debt")).status == 201
    else:
        await disputed(shop, first, "lost")
    assert shop.balance("customer:ada:gems") == 0
    assert [row["amount"] for row in shop.query("SELECT amount FROM debts")] == [120]


@pytest.mark.parametrize("first", ["lost", "needs_response"])
@pytest.mark.parametrize("ending", ["won", "lost"])
async def test_a_dispute_that_is_opened_again_when_nothing_is_left_ends_all_the_same(shop, first, ending):
    pack = await shop.bought("gems-500")
    await disputed(shop, pack, first)
    await disputed(shop, pack, "won")
    assert (await refund(shop, pack)).status == 201
    await disputed(shop, pack, "under_review")
    await shop.sandbox.dispute(pack, ending)
    await shop.advance("1d")
    assert (await shop.seen(pack))["dispute"] == ending


async def test_a_second_warning_after_a_refund_that_failed_is_an_alarm(shop):
    pack = await shop.bought("gems-500")
    await shop.sandbox.warn_of_fraud(pack)
    await shop.quiet()
    await fail_refund(shop)
    await shop.sandbox.warn_of_fraud(pack)
    await shop.quiet()
    assert [row["kind"] for row in shop.query("SELECT kind FROM alarms")] == ["early_fraud_warning"]


@pytest.mark.parametrize("how", ["refund", "dispute"])
async def test_goods_that_are_owed_again_are_tried_again(shop, how):
    given, owed = await owed_chest(shop)
    if how == "refund":
        assert (await refund(shop, owed)).status == 202
        await end(shop, "succeeded")
        await shop.advance("1h")
        await fail_refund(shop)
    else:
        await disputed(shop, owed, "lost")
        await shop.advance("1h")
        await disputed(shop, owed, "won")
    assert (await shop.seen(owed))["status"] == "paid"
    count = len((await shop.sandbox.books())["refunds"])
    assert (await refund(shop, given)).status == 202
    await end(shop, "succeeded", count)
    await shop.advance("2d")
    await shop.quiet()
    assert (await shop.seen(owed))["status"] == "completed"


@pytest.mark.parametrize("statuses", [("lost", "won", "lost", "won")])
async def test_an_item_that_is_taken_twice_is_accounted_for(shop, statuses):
    bought = await shop.bought("pass")
    for status in statuses:
        await disputed(shop, bought, status)
        report = await shop.audit()
        assert report.is_clean, report.explain()


async def test_a_lost_dispute_about_less_than_a_unit_leaves_the_right(shop):
    chest = await shop.bought("chest")
    await shop.sandbox.dispute(chest, amount=300)
    await shop.quiet()
    await disputed(shop, chest, "lost")
    assert (await shop.as_customer().get("/v1/entitlements/chapters")).json["allowed"] is True


async def test_a_hold_that_ends_while_purchases_are_undone_takes_nothing_twice(shop, monkeypatch):
    pack = await shop.bought("gems-500", quantity=2)
    await shop.bought("sword")
    held = await hold(shop, 880)
    await shop.sandbox.dispute(pack, amount=499)
    await shop.quiet()
    real = reversal_moves.find_unused

    async def released_meanwhile(*arguments):
        found = await real(*arguments)
        monkeypatch.undo()
        assert (await act(shop, held, "release")).status == 200
        return found

    monkeypatch.setattr(reversal_moves, "find_unused", released_meanwhile)
    await disputed(shop, pack, "lost")
    state = (await shop.as_customer().get("/v1/me")).json
    assert [item["sku"] for item in state["items"]] == ["sword"]
    assert (state["wallets"]["gems"]["balance"], shop.query("SELECT amount FROM debts WHERE amount > 0")) == (380, [])


async def test_credit_notes_say_the_tax_that_was_booked_whatever_ends_first(tmp_path):
    async with running_shop(tmp_path, TINY_SHOP + RATES.format(prices="inclusive")) as shop:
        german = await of_country(shop, "DE")
        bought = await shop.buy("gems-500", customer=german, currency="EUR")
        assert await shop.pay(bought, SLOW_TO_REFUND) == 303
        pack = await shop.settled(bought)
        for amount in (3, 3, 473):
            assert (await refund(shop, pack, amount=amount)).status == 202
        for documents, number in enumerate((1, 0, 2), start=2):
            await end(shop, "succeeded", number)
            await shop.until(lambda known=documents: len(shop.query("SELECT 1 FROM receipts")) == known)
        receipt = (await shop.as_customer(german).get(f"/v1/purchases/{pack['id']}/receipt")).json
        documents = [note["document"] for note in receipt["credit_notes"]]
        assert sum(one["total"]["amount"] for one in documents) == 479
        assert sum(one["tax"][0]["total"]["amount"] for one in documents) == 76
        assert shop.balance("tax:DE:EUR") == 0
