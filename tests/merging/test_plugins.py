"""Merging customers who have something with plugins: tips and boards, decisions of the fraud rules."""

from storefront.core.ids import new_id
from storefront.plugins import PluginHost
from storefront.testing import running_shop
from tests.fanfunding.tipping import FAN_SHOP, LUNA, tip
from tests.fraud.screened import shop_with
from tests.merging.test_merging import merge

SCREENED = shop_with('{id: many, do: review, when: "velocity.customer.count_1h > 100"}')


async def test_what_both_gave_a_creator_adds_up(data_folder, database_url):
    (data_folder / "luna.yaml").write_text(LUNA)
    async with running_shop(data_folder, FAN_SHOP, database=database_url) as shop:
        for name, amount in (("guest", 300), ("ada", 700)):
            await shop.session(name)
            tipped = await tip(shop, amount, by=shop.as_customer(name))
        await shop.quiet()
        assert (await merge(shop)).status == 200
        fans = shop.query("SELECT gross FROM fanfunding_fans WHERE span = 'all'")
        assert [row["gross"] for row in fans] == [1000]
        assert len(shop.query("SELECT DISTINCT customer_id FROM fanfunding_tips")) == 1
        await tip(shop, 500, by=shop.as_customer("guest"))
        back = {"reason": "asked for"}
        answer = await shop.as_server().post(f"/v1/purchases/{tipped['id']}/refunds", back, key=new_id("key"))
        assert answer.status in (200, 201, 202), answer
        await shop.quiet()


async def test_what_both_did_counts_together_in_velocity(data_folder, database_url):
    async with running_shop(data_folder, SCREENED, database=database_url) as shop:
        for name in ("guest", "ada"):
            await shop.session(name)
            await shop.bought("gems-500", customer=name)
        await shop.quiet()
        assert (await merge(shop)).status == 200
        assert len(shop.query("SELECT DISTINCT customer_id FROM fraud_decisions")) == 1
        await shop.bought("gems-500", customer="guest")


async def test_every_table_of_plugins_that_names_a_customer_says_what_becomes_of_it(data_folder):
    async with running_shop(data_folder, SCREENED) as shop:
        host: PluginHost = shop.parts.host
        said = {moves.table.name for moves in host.moves()}
        named = {table.name for table in host.tables() if "customer_id" in table.columns}
        assert named - said <= {"microtransactions_openings"}
