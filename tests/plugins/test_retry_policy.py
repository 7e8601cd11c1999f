"""Who says when a renewal that failed is charged again: a plugin's policy, and the schedule where that cannot say."""

import json

import pytest

from storefront.core.clock import parse_iso
from storefront.core.config import ConfigError
from storefront.testing import running_shop
from tests.subscriptions.conftest import SUBSCRIBED
from tests.subscriptions.subscribing import invoices, see, subscribe

POLICY = """
def __init__(self, config):
    self.told = []

async def next_attempt(self, failed):
    self.told.append(failed)
    {}
"""
PATIENT = "return failed.attempts[-1].at + 10 * 86_400_000 if len(failed.attempts) < 3 else None"
MOODY = """if len(failed.attempts) == 2:
        await asyncio.Event().wait()
    if len(failed.attempts) in (3, 4):
        return True if len(failed.attempts) == 3 else failed.due_at - 1
    raise RuntimeError('the moon is full')
"""


def with_policy(name):
    return SUBSCRIBED.replace("subscriptions: {}", f"subscriptions: {{dunning: {{policy: {name}}}}}, {name}: {{}}")


async def short_of_funds(shop):
    subscription = await subscribe(shop)
    method = shop.query("SELECT reference FROM payment_methods")[0]["reference"]
    await shop.sandbox.turn_card(method, "4000000000009995")
    await shop.advance("30d")
    await shop.advance("1h")
    return subscription


def told(shop):
    rows = shop.query("SELECT payload FROM events WHERE type = 'subscription.renewal_failed' ORDER BY sequence")
    return [(facts["policy"], facts["next_attempt_at"]) for facts in (json.loads(row["payload"]) for row in rows)]


async def test_a_plugin_says_when_a_renewal_is_tried_again_and_when_never(strangers, tmp_path):
    strangers.write("patient", POLICY.format(PATIENT))
    async with running_shop(tmp_path, with_policy("patient")) as shop:
        subscription = await short_of_funds(shop)
        await shop.advance("9d")
        assert (await invoices(shop, subscription))[0]["attempts"] == 1
        await shop.advance("2d")
        assert (await invoices(shop, subscription))[0]["attempts"] == 2
        [first, second] = told(shop)
        assert (first[0], second[0]) == ("patient", "patient")
        assert (await see(shop, subscription))["next_attempt_at"] == second[1]
        await shop.advance("11d")
        assert (await see(shop, subscription))["billing_state"] == "canceled"
        assert len(await shop.sandbox.charged()) == 1

        asked = shop.parts.host.hooks.manager.get_plugin("patient").told
        [invoice, _] = await invoices(shop, subscription)
        last = asked[-1]
        assert [len(one.attempts) for one in asked] == [1, 2, 3]
        assert {(one.invoice, one.amount.amount_minor, one.sku, one.pay_with) for one in asked} == {
            (invoice["id"], 499, "basic", "sandbox")
        }
        assert {attempt.reason for attempt in last.attempts} == {"declined:insufficient_funds"}
        assert last.due_at <= last.attempts[0].at
        assert 10 <= (last.attempts[1].at - last.attempts[0].at) / 86_400_000 < 11


async def test_where_it_raises_hangs_or_answers_no_time_the_schedule_says_and_the_shop_goes_on(strangers, tmp_path):
    strangers.write("moody", POLICY.format(MOODY))
    async with running_shop(tmp_path, with_policy("moody")) as shop:
        shop.parts.host.hooks.deadline_seconds = 0.05
        subscription = await short_of_funds(shop)
        for days in (2, 5, 7, 7):
            await shop.advance(f"{days}d")
        rows = shop.query("SELECT occurred_at FROM events WHERE type = 'subscription.renewal_failed' ORDER BY sequence")
        waits = [parse_iso(at) - row["occurred_at"] for row, (_, at) in zip(rows, told(shop), strict=True)]
        assert [round(one / 86_400_000) for one in waits] == [2, 5, 7, 7]
        assert {policy for policy, _ in told(shop)} == {"subscriptions"}
        assert (await see(shop, subscription))["billing_state"] == "canceled"
        [health] = [one for one in shop.parts.host.describe() if one["name"] == "moody"]
        assert (health["state"], "next_attempt: " in health["reason"]) == ("quarantined", True)
        assert await shop.bought("gems-500", customer="bob")


async def test_a_policy_of_a_plugin_that_is_not_there_is_a_mistake(tmp_path):
    wrong = SUBSCRIBED.replace("subscriptions: {}", "subscriptions: {dunning: {policy: learned}}")
    with pytest.raises(ConfigError, match=r"dunning\.policy: the plugin learned is not enabled"):
        async with running_shop(tmp_path, wrong):
            pass
