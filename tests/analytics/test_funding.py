"""What fans gave: a pledge that is collected counts as that, and not as a tip beside it; a gem tip is of the gems."""

from storefront.core.analytics.overview import read_overview
from storefront.testing import running_shop
from tests.analytics.mall import lines, report, values
from tests.fanfunding.pledging import luna_tours, pledged, seen
from tests.fanfunding.tipping import FAN_SHOP, give, tip


async def test_pledges_and_tips_are_told_apart_by_creator_and_currency(tmp_path):
    (tmp_path / "luna.yaml").write_text(luna_tours(600))
    async with running_shop(tmp_path, FAN_SHOP) as shop:
        one = await pledged(shop, 600)
        await tip(shop, 100)
        await shop.bought("gems-500", currency="USD")
        assert (await give(shop, 50, "gems", by=shop.as_customer("ada"))).status == 201
        await shop.advance("10d1h")
        await seen(shop, one, "collected")

        told = await report(shop, "fanfunding")

        given = {(asset, kind): (value, count) for _, asset, kind, _, value, count in lines(told, "fanfunding_given")}
        assert given == {("USD", "tips"): (100, 1), ("USD", "pledges"): (600, 1), ("gems", "tips"): (50, 1)}
        # Luna gets 90 % of each.
        assert (values(told, "gross", asset="USD"), values(told, "share", asset="USD")) == ([700], [630])
        assert values(told, "share", asset="gems") == [45]
        page = await read_overview(shop.parts.services, currency="USD")
        assert [(part.name, part.amount, part.count) for part in page.fan_funding.parts] == [
            ("pledges", 600, 1), ("tips", 100, 1)]  # fmt: skip
        assert page.fan_funding.total == 700
        assert [(part.name, part.amount) for part in page.wallet.sinks] == [("tip", 50)]
