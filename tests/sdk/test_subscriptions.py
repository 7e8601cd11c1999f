"""Subscriptions through the Python client: begun, given, changed, paused, ended; and blocking."""

import asyncio

import pytest
from storefront_sdk import (
    BlockingStorefront,
    Conflict,
    GiftNotPossible,
    Money,
    Purchase,
    StorefrontClient,
    Subscription,
)

from storefront.testing import SERVER_KEY, running_shop
from tests.subscriptions.gifting import GIVING


@pytest.fixture
async def club(tmp_path):
    async with running_shop(tmp_path, GIVING) as shop:
        for name in ("ada", "bob"):
            grant = {"customer": name, "asset": "gems", "amount": 5_000, "reason": "start"}
            assert (await shop.as_server().post("/v1/grants", grant, key=f"start-{name}")).status == 201
        yield shop


async def test_a_game_begins_changes_and_ends_a_subscription(club):
    async with StorefrontClient(club.url, token=await club.session("ada")) as game:
        assert not (await game.check("lounge")).allowed
        bought = await game.subscriptions.subscribe("bronze", currency="gems", idempotency_key="once")
        again = await game.subscriptions.subscribe("bronze", currency="gems", idempotency_key="once")
        assert (bought.is_completed, again.is_replay, again.id) == (True, True, bought.id)
        assert (await game.check("lounge")).allowed
        (mine,) = await game.subscriptions.list()
        assert mine.id == bought.raw["details"]["subscription"]
        assert (mine.will_renew, mine.credit, mine.owed) == (True, Money(0, "gems"), Money(0, "gems"))

        seen = await game.subscriptions.preview(mine.id, "silver")
        assert ([line.total.amount for line in seen.lines], seen.timing) == ([600], "now")
        assert (seen.returned, seen.renews_for) == (Money(300, "gems"), Money(600, "gems"))
        changed = await game.subscriptions.change(mine.id, token=seen.token)
        assert isinstance(changed, Purchase)
        later = await game.subscriptions.change(mine.id, "bronze")
        assert isinstance(later, Subscription)
        assert (later.sku, later.pending_change.tier, later.pending_change.state) == ("silver", "bronze", "scheduled")
        assert (await game.subscriptions.revoke_change(mine.id)).pending_change is None
        (invoice,) = await game.subscriptions.invoices(mine.id)
        assert (invoice.state, invoice.total, invoice.lines[0].title) == ("paid", Money(300, "gems"), "Bronze, 30 days")
        assert (await game.subscriptions.credits(mine.id)).granted == ()
        assert not (await game.subscriptions.cancel(mine.id)).will_renew
        assert (await game.subscriptions.resume(mine.id)).will_renew
        assert (await game.subscriptions.cancel(mine.id, at="now")).billing_state == "canceled"
        assert not (await game.check("lounge")).allowed
        with pytest.raises(Conflict) as over:
            await game.subscriptions.cancel(mine.id)
    assert over.value.code == "subscription_over"


async def test_a_game_gives_periods_and_its_server_pauses(club):
    async with (
        StorefrontClient(club.url, token=await club.session("ada")) as game,
        StorefrontClient(club.url, key=SERVER_KEY) as server,
    ):
        given = await game.subscriptions.gift("bronze", recipient="bob", periods=2, currency="gems")
        assert (given.total, given.raw["recipient"]) == (Money(600, "gems"), {"id": "bob"})
        await club.quiet()
        (theirs,) = await server.subscriptions.list(customer="bob")
        assert (theirs.gifted.periods_left, theirs.will_renew) == (1, False)
        assert (await server.subscriptions.resume(theirs.id)).will_renew
        assert (await server.subscriptions.pause(theirs.id)).pause.state == "scheduled"
        with pytest.raises(GiftNotPossible):
            await game.subscriptions.gift("silver", recipient="bob", periods=1, currency="gems")
        with pytest.raises(Conflict) as other:
            await server.subscriptions.gift("silver", recipient="bob", periods=1, customer="ada", currency="gems")
        assert other.value.facts["possible"]["sku"] == "bronze"


async def test_the_blocking_client_has_them_too(club):
    token = await club.session("bob")

    def play() -> tuple[str, str]:
        with BlockingStorefront(club.url, token=token) as shop:
            shop.subscriptions.subscribe("bronze", currency="gems")
            (mine,) = shop.subscriptions.list()
            return mine.sku, shop.subscriptions.cancel(mine.id, at="now").billing_state

    assert await asyncio.to_thread(play) == ("bronze", "canceled")
