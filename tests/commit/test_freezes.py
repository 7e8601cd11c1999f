"""Freezes over a real database: exactly what is there is set aside, given back or taken, whatever happens meanwhile."""

import asyncio

import pytest

from storefront.core.accounts import issuance, sink
from storefront.core.commit.freezes import demand_of
from storefront.core.commit.outcome import InsufficientFunds, NotEnoughItems, Stale
from storefront.core.commit.plan import (
    CaptureHold,
    Demand,
    Deposit,
    Freeze,
    GrantEntitlement,
    LapseWallet,
    LotPart,
    LotTerms,
    PlaceHold,
    ReleaseHold,
    Restore,
    TakeBack,
    TakeFrozen,
    TakeItem,
    Unfreeze,
)
from storefront.core.commit.state import NotNamed

ADA, BOB = "cus_ada", "cus_bob"
NOW = 1_800_000_000_000


def lot_of(demand):
    return demand.wallets[0].parts[0].lot_id


def lots(books):
    return books.query("SELECT remaining, held, frozen FROM lots ORDER BY id")


async def test_what_is_frozen_is_seen_and_neither_spent_held_nor_taken_back(books, do, pack, spend):
    demand = await pack()
    await books.commit(spend(ADA, 40))

    outcome = await do(Freeze("rev_1", ADA, demand))

    shown = outcome.changed[ADA]["wallets"]["gems"]
    assert (shown["balance"], shown["available"], shown["held"], shown["frozen"]) == (60, 0, 0, 60)
    assert outcome.versions[ADA][1] == outcome.versions[ADA][0] + 1
    for refused in (
        spend(ADA, 1).list[1],
        PlaceHold("hold_1", ADA, "gems", 1, NOW + 9, "test"),
        TakeBack("entry", "ent_pack", ADA, "gems", 1, issuance("gems"), (LotPart(lot_of(demand), 100),), 100),
    ):
        with pytest.raises(InsufficientFunds):
            await do(refused)


async def test_won_gives_back_exactly_what_was_frozen_and_once(books, do, pack, spend):
    demand = await pack()
    await books.commit(spend(ADA, 40))
    await do(Freeze("rev_1", ADA, demand))
    restored = Restore("entry", books.query("SELECT id FROM entries WHERE kind = 'test.spend'")[0][0], ADA, "gems", 15,
                       sink("gems"), (LotPart(lot_of(demand), 40),))  # fmt: skip
    await do(restored, reverses=restored.original)
    assert lots(books) == [(75, 0, 60)]

    await do(Unfreeze("rev_1", ADA, demand))

    assert lots(books) == [(75, 0, 0)]
    for second in (Unfreeze("rev_1", ADA, demand), TakeFrozen("entry", "rev_1", ADA, demand)):
        with pytest.raises(Stale):
            await do(second)
    assert books.query("SELECT state, closed_at IS NULL FROM freezes") == [("released", False)]


async def test_lost_takes_exactly_what_was_frozen_and_says_what_is_missing(books, do, pack, spend, credit):
    demand = await pack(items={"potion": 3}, rights=("arena",))
    await books.commit(spend(ADA, 40))
    await do(TakeItem(ADA, "potion", 1, "use_1"))
    await do(Freeze("rev_1", ADA, demand))
    await books.commit(credit(ADA, 25))

    outcome = await do(TakeFrozen("entry", "rev_1", ADA, demand), reverses="ent_pack")

    assert outcome.results["taken:frozen"] == {"wallets": {"gems": 60}, "items": {"potion": 2}, "rights": ["arena"]}
    assert outcome.results["missing:frozen"] == {"wallets": {"gems": 40}, "items": {"potion": 1}}
    assert books.gems(ADA) == 25
    assert books.query("SELECT quantity, frozen FROM items") == [(0, 0)]
    moved = "SELECT quantity, about FROM item_movements WHERE cause = 'taken_back'"
    assert books.query(moved) == [(-2, "rev_1")]
    assert books.query("SELECT ended_at, frozen_by FROM entitlements") == [(NOW, None)]
    with pytest.raises(Stale):
        await do(Unfreeze("rev_1", ADA, demand))


async def test_frozen_items_are_seen_and_not_used_and_a_frozen_right_does_not_grant(books, do, pack):
    demand = await pack(items={"potion": 2}, rights=("arena",))

    frozen = await do(Freeze("rev_1", ADA, demand))
    assert frozen.changed[ADA]["items"][0]["frozen"] is True
    assert frozen.changed[ADA]["items"][0]["quantity"] == 2
    right = frozen.changed[ADA]["entitlements"]["arena"]
    assert (right["active"], right["reason"]) == (False, "frozen")
    with pytest.raises(NotEnoughItems):
        await do(TakeItem(ADA, "potion", 1, "use_1"))
    given_again = await do(GrantEntitlement(ADA, "arena", True, "reward", "pack"))
    assert given_again.changed[ADA]["entitlements"]["arena"]["active"] is False
    other = await do(GrantEntitlement(ADA, "arena", True, "reward", "another"))
    assert other.changed[ADA]["entitlements"]["arena"]["active"] is True

    thawed = await do(Unfreeze("rev_1", ADA, demand))
    assert thawed.changed[ADA]["items"][0]["frozen"] is False
    assert books.query("SELECT source_id, frozen_by, ended_at FROM entitlements ORDER BY source_id") == [
        ("another", None, None), ("pack", None, None),
    ]  # fmt: skip
    await do(TakeItem(ADA, "potion", 2, "use_1"))


@pytest.mark.parametrize("way", ["released", "captured in part", "captured", "over"])
async def test_what_a_hold_gives_back_is_frozen_at_once_and_what_it_takes_is_spent(books, do, pack, way):
    demand = await pack()
    await do(PlaceHold("hold_1", ADA, "gems", 30, NOW + 9, "test"))
    await do(Freeze("rev_1", ADA, demand))
    assert lots(books) == [(100, 30, 70)]

    if way == "released":
        await do(ReleaseHold("hold_1", ADA, "gems"))
    elif way == "over":
        books.now += 9
        await do(LapseWallet(ADA, "gems"))
    else:
        amount = 12 if "part" in way else None
        await do(CaptureHold("entry", "hold_1", ADA, "gems", sink("gems"), amount))

    remaining = {"released": 100, "over": 100, "captured in part": 88, "captured": 70}[way]
    assert lots(books) == [(remaining, 0, remaining)]
    outcome = await do(TakeFrozen("entry", "rev_1", ADA, demand), reverses="ent_pack")
    assert outcome.results["missing:frozen"]["wallets"] == {"gems": 100 - remaining}
    assert books.gems(ADA) == 0


async def test_two_freezes_never_freeze_the_same_and_never_wait_for_the_same(books, do, pack):
    demand = await pack()
    await do(PlaceHold("hold_1", ADA, "gems", 30, NOW + 9, "test"))
    await do(Freeze("rev_1", ADA, demand))
    await do(Freeze("rev_2", ADA, demand))
    assert lots(books) == [(100, 30, 70)]

    await do(ReleaseHold("hold_1", ADA, "gems"))
    await do(Unfreeze("rev_2", ADA, demand))
    assert lots(books) == [(100, 0, 100)]
    await do(Unfreeze("rev_1", ADA, demand))
    assert lots(books) == [(100, 0, 0)]


async def test_a_hold_that_is_given_back_after_the_end_is_free_again(books, do, pack):
    demand = await pack()
    await do(PlaceHold("hold_1", ADA, "gems", 30, NOW + 9, "test"))
    await do(Freeze("rev_1", ADA, demand))
    outcome = await do(TakeFrozen("entry", "rev_1", ADA, demand), reverses="ent_pack")
    assert outcome.results["missing:frozen"]["wallets"] == {"gems": 30}

    await do(ReleaseHold("hold_1", ADA, "gems"))
    assert lots(books) == [(30, 0, 0)]


async def test_a_lot_that_lapsed_while_it_was_frozen_lapses_when_it_is_given_back(books, do, pack):
    demand = await pack(expires_at=NOW + 5)
    await do(Freeze("rev_1", ADA, demand))
    books.now += 5
    await do(LapseWallet(ADA, "gems"))
    assert books.gems(ADA) == 100

    await do(Unfreeze("rev_1", ADA, demand))

    assert books.gems(ADA) == 0
    assert books.query("SELECT amount FROM transfers WHERE destination = 'platform:breakage:gems'") == [(100,)]


async def test_no_more_is_taken_than_the_original_gave(books, do, pack):
    """A part was taken back before, and came in again by another way: it is not taken twice."""
    demand = await pack()
    parts = demand.wallets[0].parts
    await do(TakeBack("entry", "ent_pack", ADA, "gems", 80, issuance("gems"), parts, 100), reverses="ent_pack")
    await do(Deposit("entry", ADA, "gems", 50, issuance("gems"), LotTerms(payment="pay_ent_pack")))
    await do(Freeze("rev_1", ADA, demand))
    assert lots(books) == [(70, 0, 70)]

    outcome = await do(TakeFrozen("entry", "rev_1", ADA, demand), reverses="ent_pack")

    assert outcome.results["taken:frozen"]["wallets"] == {"gems": 20}
    assert lots(books) == [(50, 0, 0)]


async def test_freezing_nothing_and_taking_nothing_writes_no_entry(books, do, pack, spend):
    demand = await pack()
    await books.commit(spend(ADA, 100))
    await do(Freeze("rev_1", ADA, demand))
    outcome = await do(TakeFrozen("entry", "rev_1", ADA, demand), reverses="ent_pack")
    assert outcome.results["missing:frozen"]["wallets"] == {"gems": 100}
    assert books.query("SELECT state, parts, entry_id FROM freezes") == [("taken", "[]", None)]
    assert books.query("SELECT count(*) FROM entries WHERE reverses IS NOT NULL") == [(0,)]


async def test_a_race_of_won_and_lost_and_a_use_has_one_end(books, pack, plan_for, spend):
    demand = await pack()
    plan = plan_for(ADA)
    plan.add(Freeze("rev_1", ADA, demand))
    await books.commit(plan)
    won, lost, again = (plan_for(ADA) for _ in range(3))
    won.add(Unfreeze("rev_1", ADA, demand))
    for plan in (lost, again):
        plan.entry("test", about="rev_1", anchor=ADA, reverses="ent_pack")
        plan.add(TakeFrozen("entry", "rev_1", ADA, demand))
    results = await asyncio.gather(
        *(books.commit(plan) for plan in (spend(ADA, 1), lost, won, again, spend(ADA, 1))), return_exceptions=True
    )
    assert [type(result).__name__ for result in results] == [
        "InsufficientFunds", "Outcome", "Stale", "Stale", "InsufficientFunds",
    ]  # fmt: skip


async def test_a_freeze_is_made_once_and_ended_by_its_own_demand(books, do, pack):
    demand = await pack()
    await do(Freeze("rev_1", ADA, demand))
    with pytest.raises(Stale):
        await do(Freeze("rev_1", ADA, demand))
    with pytest.raises(NotNamed):
        await do(Unfreeze("rev_1", ADA, Demand("ent_pack")))
    with pytest.raises(Stale):
        await do(Unfreeze("rev_1", BOB, demand), customer=BOB)
    [[text]] = books.query("SELECT demand FROM freezes")
    assert demand_of({"demand": text}) == demand
