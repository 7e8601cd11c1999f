"""Payouts through the sandbox's gateway, by the real Stripe library: one transfer each, whatever its reply."""

import re
from contextlib import asynccontextmanager

from storefront.testing import OPERATOR_KEY, running_shop
from tests.fanfunding.test_payouts import events, under_way
from tests.fanfunding.tipping import FAN_SHOP, LUNA, PAYOUTS, begin_payout, move_payout, purse, tip

BY_GATEWAY = "share: 90%, hold_days: 1, payout: sandbox, account: {}"
TRANSFERS = "POST /v1/transfers"


@asynccontextmanager
async def paying_shop(folder, database):
    """Luna's shop, which transfers to her account at the sandbox, with 900 of hers to be paid, and money for that."""
    (folder / "luna.yaml").write_text(LUNA)
    async with running_shop(folder, FAN_SHOP, database=database) as shop:
        account = (await shop.sandbox.call("accounts", {"type": "express", "country": "US"}))["id"]
        form = {"account": account, "type": "account_onboarding", "return_url": shop.url, "refresh_url": shop.url}
        url = (await shop.sandbox.call("account_links", form))["url"]
        async with shop.http.post(url, data={"action": "finish"}, allow_redirects=False) as done:
            assert done.status == 303
        (folder / "shop.yaml").write_text(FAN_SHOP.replace("share: 90%, hold_days: 1", BY_GATEWAY.format(account)))
        await shop.restart()
        await tip(shop, 1000)
        await shop.advance("9d")
        yield shop


async def transfers(shop):
    """Return the gateway's transfers, oldest first: the judge of "paid once"."""
    headers = {"Authorization": f"Bearer {shop.sandbox.secret_key}"}
    async with shop.http.get("/sandbox/v1/transfers", headers=headers) as response:
        return list(reversed((await response.json())["data"]))


async def seen(shop, payout):
    return (await shop.as_server().get(f"{PAYOUTS}/{payout['id']}")).json


async def test_a_payout_is_transferred_once_and_a_transfer_taken_back_is_payable_again(data_folder, database_url):
    async with paying_shop(data_folder, database_url) as shop:
        begun = (await begin_payout(shop, 800)).json
        await shop.quiet()
        (made,) = await transfers(shop)
        paid = await seen(shop, begun)
        assert (made["amount"], made["destination"], made["transfer_group"]) == (800, paid["account"], begun["id"])
        assert (paid["state"], paid["pay_with"], paid["reference"]) == ("paid", "sandbox", made["id"])
        assert (under_way(shop), shop.balance("gateway:sandbox:transfers:USD")) == (0, 0)
        by_hand = await move_payout(shop, begun, "failed", reason="it went wrong")
        assert (by_hand.status, by_hand.json["code"]) == (409, "payout_in_another_state")

        await shop.sandbox.call(f"transfers/{made['id']}/reversals", {"amount": "300"})
        await shop.quiet()
        assert ((await seen(shop, begun))["state"], purse(shop)["payable"]) == ("paid", 400)
        await shop.sandbox.webhooks("drop")
        await shop.sandbox.call(f"transfers/{made['id']}/reversals", {})
        await shop.advance("7h")  # nobody told: the gateway is asked what it told
        failed = await seen(shop, begun)
        assert (failed["state"], failed["returned"], purse(shop)["payable"]) == ("failed", 800, 900)
        assert failed["reason"] == "sandbox has taken 800 of the transfer back"
        assert shop.balance("gateway:sandbox:transfers:USD") == 0
        assert events(shop) == ["created", "in_progress", "paid", "returned", "failed"]


async def lost(shop, amount: int, fault: str = "lose_reply"):
    """Begin a payout whose transfer is made, while its reply is lost or wrong; return it."""
    await shop.sandbox.webhooks("hold")
    await shop.sandbox.misbehave(fault, on=TRANSFERS, times=3)  # the library asks three times
    begun = (await begin_payout(shop, amount)).json
    failed = "SELECT 1 AS n FROM jobs WHERE kind = 'fanfunding.payout' AND last_error IS NOT NULL"
    await shop.until(lambda: shop.query(failed))
    assert (await seen(shop, begun))["state"] == "in_progress"
    return begun


async def test_a_lost_reply_a_restart_and_a_refusal_after_it_pay_once(data_folder, database_url):
    async with paying_shop(data_folder, database_url) as shop:
        first = await lost(shop, 300)
        await shop.restart()
        await shop.advance("1m")
        second = await lost(shop, 400)
        await shop.sandbox.misbehave("status", on="GET /v1/transfers", status=401)
        await shop.advance("1m")
        made = [(one["transfer_group"], one["amount"]) for one in await transfers(shop)]
        assert made == [(first["id"], 300), (second["id"], 400)]
        assert [(await seen(shop, one))["state"] for one in (first, second)] == ["paid", "paid"]
        third = await lost(shop, 200, "other_amount")  # the reply speaks of another amount than was asked for
        await shop.advance("1m")
        assert ((await seen(shop, third))["state"], len(await transfers(shop))) == ("paid", 3)
        assert (under_way(shop), purse(shop)["payable"]) == (0, 0)
        await shop.sandbox.webhooks("normal")


async def test_what_the_gateway_refuses_is_payable_again_and_an_alarm(data_folder, database_url):
    async with paying_shop(data_folder, database_url) as shop:
        await tip(shop, 40_000)
        await shop.advance("25h")  # released here, and not settled there
        await shop.sandbox.pay_out(800)
        begun = (await begin_payout(shop)).json
        await shop.quiet()
        failed = await seen(shop, begun)
        assert (failed["state"], failed["returned"]) == ("failed", begun["amount"]["amount"])
        assert "balance_insufficient" in failed["reason"]
        assert (await transfers(shop), purse(shop)["payable"]) == ([], begun["amount"]["amount"])
        (alarm,) = shop.query("SELECT kind, about FROM alarms WHERE kind = 'payout_failed'")
        assert alarm["about"] == begun["id"]


async def test_another_account_than_before_takes_two_people(data_folder, database_url):
    async with paying_shop(data_folder, database_url) as shop:
        await begin_payout(shop, 300)
        await shop.quiet()
        path = data_folder / "shop.yaml"
        path.write_text(re.sub("account: acct_[A-Za-z0-9]*", "account: acct_another", path.read_text()))
        await shop.restart()
        moved, other = (await begin_payout(shop, 300)).json, shop.bearing(OPERATOR_KEY)
        assert (moved["state"], moved["account"], moved["four_eyes"]) == ("created", "acct_another", True)
        # That somebody has asked for it makes the account no better known.
        again = (await begin_payout(shop, 100)).json
        assert (again["state"], again["four_eyes"]) == ("created", True)
        await move_payout(shop, again, "failed", reason="one is enough")
        assert (await begin_payout(shop, 100)).json["state"] == "created"
        assert (await move_payout(shop, moved, "approve")).json["code"] == "second_person_needed"
        early = await move_payout(shop, moved, "approve", by=other)
        assert (early.status, early.json["code"], early.json["reason"]) == (409, "payout_not_possible", "new_account")
        assert early.json["possible_from"] == moved["approvable_from"]
        await shop.advance("71h")
        assert (await move_payout(shop, moved, "approve", by=other)).status == 409
        await shop.advance("1h")
        assert (await move_payout(shop, moved, "approve", by=other)).json["state"] == "in_progress"
        await shop.quiet()  # the gateway does not know that account
        assert ((await seen(shop, moved))["state"], purse(shop)["payable"]) == ("failed", 500)
        assert len(await transfers(shop)) == 1
