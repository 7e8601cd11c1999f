"""What a game's server does: sell for its customers, look at them, follow what happens."""

import asyncio
from contextlib import aclosing

import pytest
from storefront_sdk import (
    BlockingStorefront,
    GoodsUsed,
    HoldNotOpen,
    HoldTooSmall,
    NotTransferable,
    PassedInstance,
    RefundTooLarge,
    StorefrontClient,
)

from storefront.testing import HANG_SECONDS, SERVER_KEY, TINY_SHOP, running_shop


async def test_a_server_sees_the_customers_it_names(shop, server):
    await shop.bought("gems-500")
    await server.purchase("potion", quantity=3, customer="ada")
    assert await server.consume("potion", customer="ada") == 2
    assert (await server.wallet("gems", customer="ada")).balance == 455
    assert [(item.sku, item.quantity) for item in await server.inventory(customer="ada")] == [("potion", 2)]
    assert (await server.check("sword", customer="ada")).offers == ("sword",)
    await server.purchase("sword", customer="ada")
    assert (await server.check("sword", customer="ada")).allowed
    assert (await server.quote("potion", quantity=2, customer="ada")).total == (30, "gems")


async def test_a_server_grants_and_refunds(shop, server):
    grant = await server.grants.create("ada", asset="gems", amount=200, reason="a prize", idempotency_key="g1")
    again = await server.grants.create("ada", asset="gems", amount=200, reason="a prize", idempotency_key="g1")
    assert (grant.customer, grant.amount, again == grant, again.is_replay) == ("ada", 200, True, True)
    assert await server.grants.get(grant.id) == grant
    potions = await server.purchase("potion", quantity=4, customer="ada")
    await server.consume("potion", customer="ada")

    with pytest.raises(GoodsUsed) as refused:
        await server.refund(potions, reason="a mistake")
    assert refused.value.facts["missing"] == [{"sku": "potion", "quantity": 1}]
    shown = await server.refund(potions, quantity=3, reason="a mistake", dry_run=True)
    made = await server.refund(potions, quantity=3, reason="a mistake")

    assert (shown.id, shown.amount, made.amount, made.number) == (None, (45, "gems"), (45, "gems"), 1)
    assert made.taken_back["items"][0]["taken"] == 3
    assert (await server.wallet("gems", customer="ada")).balance == 185
    with pytest.raises(RefundTooLarge):
        await server.refund(potions, amount=16, reason="a mistake")


async def test_a_server_holds_funds_and_takes_a_part(shop, server):
    await shop.bought("gems-500")
    held = await server.holds.place("ada", "gems", 200, expires_in_seconds=300, reason="auction 42")
    assert (held.amount, held.is_open, held.customer, held.reason) == (200, True, "ada", "auction 42")
    wallet = await server.wallet("gems", customer="ada")
    assert (wallet.balance, wallet.available, wallet.held) == (500, 300, 200)

    with pytest.raises(HoldTooSmall) as small:
        await server.holds.capture(held, 201)
    assert small.value.facts == {"held": 200, "required": 201}
    captured = await server.holds.capture(held, 150, idempotency_key="sold")
    again = await server.holds.capture(held.id, 150, idempotency_key="sold")
    with pytest.raises(HoldNotOpen) as over:
        await server.holds.release(held)

    assert (captured.state, captured.captured, captured.is_replay) == ("captured", 150, False)
    assert (again.captured, again.is_replay) == (150, True)
    assert over.value.facts == {"state": "captured", "captured": 150}
    assert (await server.holds.get(held)).state == "captured"
    assert (await server.wallet("gems", customer="ada")).available == 350


async def test_a_server_lists_holds_newest_first_page_by_page(shop, server):
    await shop.bought("gems-500")
    await shop.bought("gems-500", customer="bob")
    placed = [
        await server.holds.place(name, "gems", 1, expires_in_seconds=300, reason=f"match {number}")
        for number, name in enumerate(["bob", *["ada"] * 60])
    ]
    await server.holds.release(placed[-1])

    everybodys = [hold.id async for hold in server.holds.list()]
    bobs = [hold.reason async for hold in server.holds.list("bob")]
    released = [hold.id async for hold in server.holds.list("ada", state="released")]

    assert everybodys == [hold.id for hold in reversed(placed)]
    assert (bobs, released) == (["match 0"], [placed[-1].id])


async def test_a_blocking_server_holds_and_releases(shop):
    await shop.bought("gems-500")

    def play():
        with BlockingStorefront(shop.url, key=SERVER_KEY) as server:
            held = server.holds.place("ada", "gems", 200, expires_in_seconds=60, reason="match 7")
            released = server.holds.release(held)
            assert [hold.id for hold in server.holds.list("ada")] == [held.id]
            return released.state, server.holds.get(released.id).state, server.wallet("gems", customer="ada").available

    assert await asyncio.to_thread(play) == ("released", "released", 500)


async def test_a_check_for_nobody_is_no_error(server):
    answer = await server.check("sword", customer="nobody")
    assert (answer.allowed, answer.reason) == (False, "unknown")


async def test_events_are_followed_from_a_stored_cursor(shop, server):
    await shop.bought("gems-500")
    for _ in range(3):
        await server.purchase("potion", customer="ada")
    events, following = await server.events.read(limit=100)
    bought = [event.type for event in events if event.type.startswith("purchase.")]
    assert bought == ["purchase.pending"] + ["purchase.completed"] * 4
    assert (await server.events.read(following)) == ([], following)

    page, after = await server.events.read(limit=2)
    assert [event.cursor for event in page] == [None, after]
    rest, _ = await server.events.read(after)
    assert [event.id for event in page + rest] == [event.id for event in events]


async def test_a_follower_that_stops_anywhere_loses_nothing(shop, server):
    await shop.bought("gems-500")
    for _ in range(3):
        await server.purchase("potion", customer="ada")
    everything = [event.id for event in (await server.events.read())[0]]
    for stop_after in range(1, len(everything)):
        first, cursor = await follow(server, None, until=everything[stop_after - 1])
        rest, _ = await follow(server, cursor, until=everything[-1])
        assert first == everything[:stop_after]
        assert list(dict.fromkeys(first + rest)) == everything


async def follow(server, cursor, *, until):
    """Handle events up to one; returns their ids and the cursor that was stored last."""
    handled = []
    async with asyncio.timeout(HANG_SECONDS), aclosing(server.events.follow(cursor)) as following:
        async for event in following:
            handled.append(event.id)
            cursor = event.cursor
            if event.id == until:
                break
    return handled, cursor


async def test_a_follower_outlives_a_shop_that_is_away(road, client):
    async with client(key="sk_sandbox_demo", tries=1) as server:
        road.lose_replies(2)
        async with aclosing(server.events.follow(pause_seconds=0.01)) as following:
            assert (await anext(following)).type == "catalog.activated"
    assert len(road.requests) == 3


async def test_a_server_buys_for_somebody_else_and_hears_what_cannot_be_passed_on(shop, server):
    await shop.bought("gems-500")
    await server.purchase("potion", quantity=3, customer="ada", recipient="bob")
    assert [(item.sku, item.quantity) for item in await server.inventory(customer="bob")] == [("potion", 3)]
    with pytest.raises(NotTransferable):
        await server.transfers.create("bob", asset="gems", amount=10, sender="ada")


async def test_a_server_passes_the_unit_on_that_it_names(tmp_path):
    lamp = "kind: item, type: consumable, unique: true, transferable: true, title: Lamp, prices: {gems: 1}"
    async with (
        running_shop(tmp_path, f"{TINY_SHOP}  lamp: {{{lamp}}}\n") as shop,
        StorefrontClient(shop.url, key=SERVER_KEY) as server,
    ):
        await shop.bought("gems-500")
        await server.purchase("lamp", quantity=2, customer="ada")
        second = next(item for item in await server.inventory(customer="ada") if item.number == 2)
        sent = await server.transfers.create("bob", sku="lamp", instance=second.instance, sender="ada")
        assert sent.instances == (PassedInstance(second.instance, 2),)
        assert (await server.transfers.get(sent.id)).instances == sent.instances
        assert [item.instance for item in await server.inventory(customer="bob")] == [second.instance]
