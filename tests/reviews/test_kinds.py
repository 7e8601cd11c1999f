"""What each kind of sale does while it waits for a review: nothing, until it is decided."""

import pytest

from storefront.testing import running_shop
from tests.fanfunding.tipping import LUNA, give, purse
from tests.shop.topping_up import agreed, ended, spend
from tests.subscriptions.conftest import TIERS
from tests.subscriptions.subscribing import begin, into_the_next_period, may, see

from .conftest import Reviews

FANS = """fanfunding:
    share: 50%
    currencies: [USD, gems]
    creators: {luna: {file: luna.yaml, share: 90%, hold_days: 1}}"""
RIGHTS = "chapters: {title: May read on}"
MORE_RIGHTS = f"{RIGHTS}, lounge: {{title: Lounge}}, rooms: {{title: Rooms}}, talk: {{title: May talk}}"


@pytest.fixture
async def shop(judge, strangers, tmp_path):
    """A shop that sells everything, with the judge."""
    (tmp_path / "luna.yaml").write_text(LUNA)
    config = strangers.shop("subscriptions: {}", FANS, "judge: {}").replace(RIGHTS, MORE_RIGHTS)
    async with running_shop(tmp_path, f"{config}{TIERS}\nauto_top_up: {{}}\n") as running:
        yield running


@pytest.fixture
def reviews(shop):
    return Reviews(shop)


async def test_a_subscription_begins_and_renews_when_it_is_approved_and_a_rejected_renewal_is_one_that_failed(
    shop, reviews
):
    reviews.say(purchase="REVIEW")
    begun = await begin(shop, "basic")
    assert await shop.pay(begun) == 303
    await reviews.comes(begun, "in_review")
    assert not await may(shop, "lounge")
    assert (await reviews.decide(begun, "approve")).json["status"] == "completed"
    await shop.quiet()
    assert await may(shop, "lounge")

    subscription = begun.json["details"]["subscription"]
    first = await see(shop, subscription)
    await into_the_next_period(shop, subscription)
    (renewal,) = await reviews.listed()
    assert (renewal["sku"], renewal["money"]) == ("basic", "authorized")
    assert (await see(shop, subscription))["period_end"] == first["period_end"]
    assert await may(shop, "lounge")  # by the grace that a renewal has
    assert (await reviews.decide({"id": renewal["purchase"]}, "approve")).json["status"] == "completed"
    await shop.quiet()
    second = await see(shop, subscription)
    assert (second["billing_state"], second["period_start"]) == ("active", first["period_end"])

    await into_the_next_period(shop, subscription)
    (renewal,) = await reviews.listed()
    reviews.say(purchase="ALLOW")
    assert (await reviews.decide({"id": renewal["purchase"]}, "reject")).json["status"] == "rejected"
    await shop.quiet()
    assert (await see(shop, subscription))["billing_state"] == "past_due"
    assert [amount for _, amount in await shop.sandbox.charged()] == [499, 499, 499]
    assert [(await reviews.money({"id": one["purchase"]}))[1] for one in await reviews.listed("")] == [0, 1, 1]


async def test_a_tier_that_the_wallet_pays_is_refused_instead_of_waiting(shop, reviews):
    await shop.bought("gems-500", currency="USD")
    reviews.say(purchase="REVIEW")
    refused = await begin(shop, "basic", currency="gems")
    assert (refused.status, refused.json["code"]) == (403, "purchase_refused")
    assert await reviews.listed("") == []


async def test_a_tip_reaches_nobody_until_it_is_approved(shop, reviews):
    reviews.say(purchase="REVIEW")
    approved, rejected = await give(shop, 1000), await give(shop, 1000)
    for tip in (approved, rejected):
        assert await shop.pay(tip) == 303
        await reviews.comes(tip, "in_review")
    assert purse(shop) == {"reserve": 0, "payable": 0, "debt": 0}
    seen = await shop.as_nobody().get(f"/v1/fanfunding/tips/{approved.json['details']['tip']}")
    assert seen.json["state"] == "pending"

    assert (await reviews.decide(rejected, "reject")).status == 200
    assert (await reviews.decide(approved, "approve")).status == 200
    await shop.quiet()
    assert purse(shop) == {"reserve": 900, "payable": 0, "debt": 0}
    states = shop.query("SELECT state FROM fanfunding_tips ORDER BY created_at, id")
    assert [row["state"] for row in states] == ["paid", "void"]


async def test_an_automatic_top_up_waits_and_a_rejected_one_pauses(shop, reviews):
    await agreed(shop, gems=110)
    reviews.say(purchase="REVIEW")
    assert (await shop.buy("potion")).status == 202  # from the wallet it waits as well
    reviews.say(purchase="ALLOW", payment="REVIEW")
    assert (await spend(shop, 1)).status == 201
    assert (await ended(shop))["state"] == "on"
    waiting = next(one for one in await reviews.listed() if one["money"] == "authorized")
    assert shop.query("SELECT state FROM auto_top_up_runs") == [{"state": "charging"}]

    assert (await reviews.decide({"id": waiting["purchase"]}, "reject")).status == 200

    found = await ended(shop)
    assert (found["state"], found["reason"]) == ("paused", "review_rejected")
    assert shop.balance("customer:ada:gems") == 95
