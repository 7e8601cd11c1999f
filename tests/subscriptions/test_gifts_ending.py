"""What becomes of given periods when the plan that has them ends, waits to be paid, or loses their money."""

import pytest

from storefront.testing import running_shop

from .changing import pass_days
from .gifting import GIVING, gift, theirs
from .subscribing import see, subscribe


@pytest.fixture
async def club(data_folder, database_url):
    async with running_shop(data_folder, GIVING, database=database_url) as shop:
        yield shop


def left_of_gifts(club):
    """Return each gift's state and the periods that it has left, the oldest first."""
    rows = club.query("SELECT state, remaining FROM subscriptions_gifts ORDER BY id")
    return [(row["state"], row["remaining"]) for row in rows]


async def test_a_second_gift_is_had_when_the_first_ones_money_ends_a_plan_that_was_canceled_and_to_be_paused(club):
    mine = await subscribe(club, "bronze", customer="bob")
    first = await gift(club, "bronze", 2)
    await gift(club, "bronze", 2, by="cleo")
    await pass_days(club, 31)
    assert (await club.as_server().post(f"/v1/subscriptions/{mine}/pause", {})).status == 200
    assert (await club.as_customer("bob").post(f"/v1/subscriptions/{mine}/cancel", {})).status == 200
    assert (await see(club, mine, customer="bob"))["gifted"]["periods_left"] == 3
    await club.sandbox.dispute(first, "lost")
    await club.quiet()
    new, old = await theirs(club)
    assert (old["id"], old["billing_state"], old["reason"]) == (mine, "canceled", "gift_dispute_lost")
    assert (new["billing_state"], new["has_access"], new["gifted"]["periods_left"]) == ("active", True, 1)
    assert left_of_gifts(club) == [("taken_back", 0), ("given", 1)]


async def test_the_credits_of_a_gift_that_was_given_up_go_with_its_money(club):
    given_up = await gift(club, "patron", 3)
    (found,) = await theirs(club)
    await club.as_customer("bob").post(f"/v1/subscriptions/{found['id']}/cancel", {"at": "now"})
    await club.quiet()
    assert (left_of_gifts(club), await gems(club, "bob")) == ([("given_up", 0)], 60)
    await refund_all(club, given_up)
    assert (left_of_gifts(club), await gems(club, "bob")) == ([("given_up", 0)], 0)


async def gems(club, customer):
    return (await club.as_customer(customer).get("/v1/me")).json["wallets"]["gems"]["balance"]


async def refund_all(club, purchase):
    path, body = f"/v1/purchases/{purchase['id']}/refunds", {"reason": "asked"}
    back = await club.as_server().post(path, body, key=purchase["id"])
    assert back.status == 201, back
    await club.quiet()
