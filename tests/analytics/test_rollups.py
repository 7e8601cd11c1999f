"""The roll-ups themselves: each commit once, however it is cut, whoever else folds; and the same when built anew."""

import asyncio

import pytest

from storefront.control.desk import Desk
from storefront.core.analytics.generations import Generation, find_current
from storefront.core.commit.outcome import Stale
from storefront.testing import running_shop
from tests.analytics.mall import LUNA, MALL, refund, wall_at
from tests.fanfunding.tipping import tip
from tests.subscriptions.subscribing import subscribe

SUMS = "metric, asset, day, kind, key, part, amount, count"
MEMBERS = "customer_id, joined_day, standing, paid_in"


@pytest.fixture
async def mall(data_folder, database_url):
    """The mall, with a little of everything sold in it."""
    (data_folder / "luna.yaml").write_text(LUNA)
    wall = wall_at("2031-01-30T12:00:00Z")
    async with running_shop(data_folder, MALL, wall=wall, database=database_url) as shop:
        pack = await shop.bought("gems-500", currency="USD")
        await shop.bought("potion", quantity=3)
        await subscribe(shop, "basic")
        await tip(shop, 1000)
        await refund(shop, pack["id"], 100)
        await shop.advance("2h")
        yield shop


def counted(shop, generation: int) -> list[tuple]:
    """Return all that a generation says."""
    sums = shop.query(f"SELECT {SUMS} FROM analytics_rollups WHERE generation = ? ORDER BY {SUMS}", generation)
    members = shop.query(f"SELECT {MEMBERS} FROM analytics_members WHERE generation = ? ORDER BY 1", generation)
    return [tuple(row.values()) for row in (*sums, *members)]


async def fold(shop, generation: Generation, page: int) -> Generation:
    """Fold all into a generation by so many rows at a time; return it as it stands then."""
    while (further := await shop.parts.roller.fold_next(generation, page)) is not None:
        generation = further
    return generation


async def test_commits_count_the_same_however_they_are_cut(mall):
    one_by_one = await fold(mall, Generation(5, state="building", is_new=True), 1)
    at_once = await fold(mall, Generation(7, state="building", is_new=True), 2_000)

    assert counted(mall, 5) == counted(mall, 7) != []
    names = ("commit_no", "counted_until", "folded")
    assert [getattr(one_by_one, name) for name in names] == [getattr(at_once, name) for name in names]
    assert ("gross", "USD", 22309, "currency_pack", "gems-500", "", 499, 1) in counted(mall, 7)
    assert await mall.parts.roller.fold_next(one_by_one, 100) is None


async def test_who_folds_beside_others_counts_nothing_twice(mall):
    roller, new = mall.parts.roller, Generation(5, state="building", is_new=True)

    tried = await asyncio.gather(*(roller.fold_next(new, 2_000) for _ in range(4)), return_exceptions=True)
    assert sorted(type(one).__name__ for one in tried) == ["Generation", "Stale", "Stale", "Stale"]
    with pytest.raises(Stale):
        await roller.fold_next(new, 2_000)
    await asyncio.gather(*(roller.catch_up() for _ in range(3)))

    assert (await mall.audit()).is_clean
    paid = "SELECT generation, sum(amount) AS n FROM analytics_rollups WHERE metric = 'payments' GROUP BY 1 ORDER BY 1"
    assert [int(row["n"]) for row in mall.query(paid)] == [499 * 2 + 1000] * 2


async def test_what_is_built_anew_is_the_same_and_takes_the_place_of_the_old(mall):
    await mall.parts.roller.fold_all()
    before = counted(mall, 1)
    desk = Desk(mall.parts, url=None, read=lambda: mall.parts.host)

    abandoned = await desk.ask("report.rebuild", {})
    begun = await desk.ask("report.rebuild", {})
    assert (abandoned["generation"], begun["generation"]) == (2, 3)
    assert begun["total"] == mall.query("SELECT folded FROM analytics_generations WHERE generation = 1")[0]["folded"]
    while not (state := await desk.ask("report.rebuild", {"generation": 3}))["finished"]:
        pass

    assert state["done"] == begun["total"]
    assert counted(mall, 3) == before
    assert mall.query("SELECT generation, state FROM analytics_generations") == [{"generation": 3, "state": "current"}]
    assert counted(mall, 1) == counted(mall, 2) == []
    await mall.bought("potion")
    assert (await mall.parts.roller.fold_all()).number == 3
    assert (await find_current(mall.parts.services.reader)).folded == state["done"] + 1


async def test_the_roller_counts_by_itself_and_its_shop_goes_on_after_a_stop(mall):
    await mall.until(lambda: mall.query("SELECT 1 FROM analytics_generations WHERE state = 'current'"))
    await mall.restart()
    await mall.bought("potion", customer="ada")
    spent = "SELECT sum(amount) AS n FROM analytics_rollups WHERE metric = 'spent'"
    await mall.until(lambda: mall.query(spent)[0]["n"] == 60)
