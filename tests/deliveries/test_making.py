"""What happens in the shop becomes commands: once each, in order, and undone where they never went out."""

from storefront_microtransactions.deliveries.config import DeliveryConfig
from storefront_microtransactions.deliveries.making import make_commands

from storefront.core.events import START, read_events
from storefront.testing import running_shop

from .conftest import DELIVERY_SHOP, fund, refund, states, told

GIVE, TITLE = "give ada diamond_sword 1", "title ada {hero}"


async def test_a_purchase_becomes_the_commands_of_its_offer(shop):
    sword = await shop.bought("sword")
    await told(shop)

    assert states(shop) == [("survival", GIVE, "queued"), ("lobby", TITLE, "queued")]
    [row, _] = shop.query("SELECT * FROM microtransactions_commands ORDER BY position")
    [event] = shop.query("SELECT id FROM events WHERE type = 'purchase.completed' AND subject = ?", sword["id"])
    assert (row["purchase_id"], row["event_id"], row["player"]) == (sword["id"], event["id"], "ada")
    queued = shop.query("SELECT type, subject FROM events WHERE type LIKE 'delivery.%' ORDER BY anchor, sequence")
    assert [one["type"] for one in queued] == ["delivery.queued", "delivery.queued"]


async def test_a_purchase_by_card_is_delivered_once_it_is_paid(shop, lobby):
    answer = await shop.buy("gems-500")
    assert await lobby.commands() == []
    await shop.pay(answer)
    await shop.settled(answer)
    await told(shop)
    assert await lobby.commands() == ["broadcast ada bought 1 x gems-500"]


async def test_an_event_that_is_told_again_and_again_makes_nothing_more(shop):
    await shop.bought("sword")
    await shop.bought("arrow", quantity=3)
    await told(shop)
    before = states(shop)

    for event in await read_events(shop.parts.services.reader, START, 1000):
        await make_commands(shop.parts.services, DeliveryConfig(), event)

    assert states(shop) == before
    assert len(before) == 5


async def test_each_unit_may_be_a_command_of_its_own(shop, survival):
    await shop.bought("arrow", quantity=3)
    await told(shop)
    [event] = shop.query("SELECT id FROM events WHERE type = 'purchase.completed' AND payload LIKE '%arrow%'")
    assert await survival.run_all() == [f"give ada arrow 1 {event['id']}"] * 3
    assert len({row["id"] for row in shop.query("SELECT id FROM microtransactions_commands")}) == 3


async def test_a_refund_before_delivery_cancels_and_sends_nothing_to_that_server(shop, survival, lobby):
    sword = await shop.bought("sword")
    await told(shop)
    assert await lobby.run_all() == [TITLE]

    await refund(shop, sword)

    assert states(shop) == [
        ("survival", GIVE, "canceled"),
        ("lobby", TITLE, "done"),
        ("log", f"refunded {sword['id']}", "queued"),
    ]
    assert await survival.commands(online=["ada"]) == []


async def test_a_refund_after_delivery_sends_what_takes_it_back(shop, survival):
    sword = await shop.bought("sword")
    await told(shop)
    assert await survival.run_all(online=["ada"]) == [GIVE]

    await refund(shop, sword)

    assert await survival.run_all() == ["clear ada diamond_sword 1"]


async def test_a_refund_of_what_a_server_has_had_is_sent_behind_it(shop, survival):
    sword = await shop.bought("sword")
    await told(shop)
    leased = await survival.lease(online=["ada"])

    await refund(shop, sword)

    assert await survival.commands(online=["ada"]) == []
    assert (await survival.say("fail", leased, reason="no room", retry_after=0)).status == 200
    assert await survival.run_all(online=["ada"]) == [GIVE, "clear ada diamond_sword 1"]


async def test_a_refund_of_a_part_takes_back_as_many(shop, survival):
    potions = await shop.bought("potion", quantity=5)
    await refund(shop, potions, quantity=2)
    assert await survival.run_all() == ["give ada potion 5", "clear ada potion 2"]
    await refund(shop, potions, quantity=3)
    assert await survival.run_all() == ["clear ada potion 3"]


async def test_what_is_used_up_has_a_stage_of_its_own(shop, survival):
    await shop.bought("potion", quantity=5)
    await shop.as_customer().post("/v1/microtransactions/inventory/potion/consume", {"quantity": 2}, key="drink")
    await told(shop)
    assert await survival.run_all() == ["give ada potion 5", "effect ada heal 2"]


async def test_a_grant_of_an_offer_is_delivered_like_a_purchase(shop, survival):
    body = {"customer": "ada", "sku": "potion", "quantity": 2, "reason": "a gift"}
    assert (await shop.as_server().post("/v1/grants", body, key="g1")).status == 201
    await told(shop)
    assert await survival.run_all() == ["give ada potion 2"]


async def test_a_dispute_bans_and_one_that_is_won_unbans(shop, lobby):
    pack = await shop.bought("gems-500")
    await told(shop)
    await lobby.run_all()

    await shop.sandbox.dispute(pack)
    await shop.quiet()
    await told(shop)
    assert await lobby.run_all() == [f"ban ada {pack['id']}"]
    await shop.sandbox.dispute(pack, "won")
    await shop.quiet()
    await told(shop)
    assert await lobby.run_all() == ["unban ada"]


async def test_a_dispute_that_is_opened_and_lost_bans_once(shop, lobby):
    pack = await shop.bought("gems-500")
    await told(shop)
    await lobby.run_all()
    for state in ("needs_response", "lost"):
        await shop.sandbox.dispute(pack, state)
        await shop.quiet()
    await told(shop)
    assert await lobby.run_all() == [f"ban ada {pack['id']}"]


async def test_a_dispute_that_is_won_revives_what_it_had_canceled(shop, lobby):
    pack = await shop.bought("gems-500")
    await told(shop)
    await shop.sandbox.dispute(pack)
    await shop.quiet()
    await told(shop)
    assert states(shop) == [("lobby", "broadcast ada bought 1 x gems-500", "canceled")]

    await shop.sandbox.dispute(pack, "won")
    await shop.quiet()
    await told(shop)

    assert await lobby.run_all() == ["broadcast ada bought 1 x gems-500"]
    assert len(states(shop)) == 1


async def test_a_delayed_command_comes_when_its_time_has_come_and_holds_up_nothing(shop, survival):
    await shop.bought("fly")
    await shop.bought("potion")
    await told(shop)
    assert await survival.run_all() == ["fly ada on", "give ada potion 1"]
    await shop.advance("59m")
    assert await survival.run_all() == []
    await shop.advance("2m")
    assert await survival.run_all() == ["fly ada off"]


async def test_a_shop_without_deliveries_is_told_no_events_until_it_has_some(data_folder, database_url):
    async with running_shop(data_folder, PLAIN_SHOP, database=database_url) as shop:
        await fund(shop)
        await shop.bought("charm")
        assert shop.query("SELECT key FROM settings WHERE key = 'cursor:microtransactions'") == []
        (data_folder / "shop.yaml").write_text(DELIVERY_SHOP)
        await shop.restart()
        await shop.bought("potion")
        await told(shop)
        assert states(shop) == [("survival", "give ada potion 1", "queued")]


PLAIN_SHOP = (
    DELIVERY_SHOP[: DELIVERY_SHOP.index("offers:")]
    + """
offers:
  gems-100: {kind: currency_pack, title: 100 gems, contents: {gems: 100}, prices: {USD: 99}}
  charm: {kind: item, type: consumable, title: Charm, prices: {gems: 1}}
"""
)
