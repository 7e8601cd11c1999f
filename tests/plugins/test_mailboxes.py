"""A plugin that is asked where customers get mail, and cannot say, stops nobody from trying a tier."""

import pytest

from storefront.testing import running_shop
from tests.subscriptions.conftest import SUBSCRIBED
from tests.subscriptions.subscribing import see, subscribe

KNOWING = """
def __init__(self, config):
    pass

async def mailbox_of(self, services, customer_id):
    {}
"""


@pytest.mark.parametrize("answer", ["raise RuntimeError('no such table')", "await asyncio.Event().wait()"])
async def test_where_it_raises_or_hangs_a_trial_begins_and_its_failure_counts(strangers, tmp_path, answer):
    strangers.write("postman", KNOWING.format(answer))
    config = SUBSCRIBED.replace("subscriptions: {}", "subscriptions: {}, postman: {}")
    async with running_shop(tmp_path, config) as shop:
        shop.parts.services.hooks.deadline_seconds = 0.05
        subscription = await subscribe(shop, "tried")

        assert (await see(shop, subscription))["billing_state"] == "trialing"
        assert shop.parts.services.hooks.health["postman"].failures >= 1
