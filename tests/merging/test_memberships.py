"""Merging customers who have subscriptions: what renews goes on as the target's, and nothing churns."""

import pytest

from storefront.testing import running_shop
from tests.merging.test_merging import merge
from tests.subscriptions.conftest import SUBSCRIBED
from tests.subscriptions.subscribing import begin, events, into_the_next_period, see, subscribe


@pytest.fixture
async def shop(data_folder, database_url):
    """A shop with tiers, a guest and ada."""
    async with running_shop(data_folder, SUBSCRIBED, database=database_url) as running:
        for name in ("guest", "ada"):
            await running.session(name)
        yield running


def rolled(shop, metric):
    rows = shop.query(
        "SELECT kind, SUM(amount) AS amount, SUM(count) AS count FROM analytics_rollups WHERE metric = ? GROUP BY kind",
        metric,
    )
    return {row["kind"]: (int(row["amount"]), int(row["count"])) for row in rows}


async def test_a_subscription_goes_on_as_the_targets_and_nothing_churns(shop):
    running = await subscribe(shop, "basic", customer="guest")
    assert (await merge(shop)).status == 200
    state = (await shop.as_server().get("/v1/customers/ada")).json
    assert ([one["sku"] for one in state["subscriptions"]], state["entitlements"]["lounge"]["active"]) == (
        ["basic"],
        True,
    )
    await into_the_next_period(shop, running)
    assert (await see(shop, running))["billing_state"] == "active"
    assert events(shop)[-1] == "renewed"
    await shop.until(lambda: rolled(shop, "members"))
    assert (rolled(shop, "recurring"), rolled(shop, "members")) == ({"new": (499, 1)}, {"joined": (0, 1)})


async def test_of_two_who_paid_one_member_is_left_and_no_revenue(shop):
    for name, sku in (("guest", "basic"), ("ada", "tried")):
        await subscribe(shop, sku, customer=name, **({"trial": False} if sku == "tried" else {}))
    answer = await merge(shop)
    assert [one["what"] for one in answer.json["hindrances"]] == ["payment_method"]
    (method,) = (await shop.as_customer("guest").get("/v1/payment-methods")).json["data"]
    path = f"/v1/payment-methods/{method['id']}"
    assert (await shop.as_customer("guest").delete(path)).status in (200, 204)
    assert (await merge(shop)).status == 200
    await shop.until(lambda: "left" in rolled(shop, "members"))
    assert rolled(shop, "recurring") == {"new": (799, 2)}
    assert rolled(shop, "members") == {"joined": (0, 2), "left": (0, 1)}


async def test_two_of_one_family_are_refused(shop):
    for name in ("guest", "ada"):
        await subscribe(shop, "basic", customer=name)
    refused = await merge(shop)
    assert refused.status == 409, refused
    found = {(one["what"], one["id"], one["of"]) for one in refused.json["hindrances"]}
    assert ("subscription", "membership", "both") in found


async def test_a_trial_of_the_source_is_no_more_there_for_the_target(shop):
    running = await subscribe(shop, "tried", customer="guest")
    path = f"/v1/subscriptions/{running}/cancel"
    assert (await shop.as_customer("guest").post(path, {"at": "now"}, key="cancel")).status == 200
    assert (await merge(shop)).status == 200
    answer = await begin(shop, "tried", customer="ada")
    assert answer.json["total"]["amount"] == 300, answer
