"""What a hold gives back after its lots' payment was lost: it pays what is owed for it, and nothing else is touched."""

import asyncio
from dataclasses import replace

import pytest

from storefront.core.accounts import issuance, sink
from storefront.core.commit.outcome import DebtOpen, Stale
from storefront.core.commit.plan import (
    CaptureHold,
    Demand,
    Deposit,
    Forgive,
    Freeze,
    LapseWallet,
    LotPart,
    LotTerms,
    MissingOf,
    OpenEntry,
    Owe,
    PlaceHold,
    ReleaseHold,
    Spend,
    TakeFrozen,
    Unfreeze,
    WalletDemand,
)

ADA = "cus_ada"
NOW = 1_800_000_000_000


@pytest.fixture
def lose(do):
    """Lets a freeze be taken, and what is missing be owed."""

    async def commit(demand, name="rev_1", *, original="ent_pack", **terms):
        owe = Owe("entry", ADA, "gems", MissingOf("frozen"), **terms)
        return await do(TakeFrozen("entry", name, ADA, demand), owe, reverses=original)

    return commit


@pytest.fixture
async def lost(do, pack, lose):
    """Of ada's 100 gems a hold pins 30; the payment is lost, so 70 are gone and 30 owed. Answers the demand."""
    demand = await pack()
    await do(PlaceHold("hold_1", ADA, "gems", 30, NOW + 9, "auction"))
    await do(Freeze("rev_1", ADA, demand))
    await lose(demand, repay_percent=1)
    return demand


def owed(books):
    return books.query("SELECT amount FROM debts")[0][0]


def waiting(books):
    return [row[0] for row in books.query("SELECT waiting FROM freezes ORDER BY id")]


def release():
    return ReleaseHold("hold_1", ADA, "gems")


def granted(amount):
    return Deposit("entry", ADA, "gems", amount, issuance("gems"), LotTerms(source="granted"))


async def test_what_is_given_back_pays_at_once_and_whole_whatever_the_share_of_a_credit_is(books, do, lost):
    assert (books.gems(ADA), owed(books)) == (30, 30)

    outcome = await do(release())

    shown = outcome.changed[ADA]["wallets"]["gems"]
    assert (shown["balance"], shown["available"], shown["held"], shown["owed"]) == (0, 0, 0, 0)
    assert (books.gems(ADA), owed(books), waiting(books)) == (0, 0, ["[]"])
    entry = "SELECT e.about, t.source, t.destination, t.amount FROM transfers t JOIN entries e ON e.id = t.entry_id"
    assert books.query(entry + " WHERE e.kind = 'debt.repaid' ORDER BY t.position") == [
        ("rev_1", "customer:cus_ada:gems", "platform:receivable:gems", 30),
        ("rev_1", "customer:cus_ada:debt:gems", "platform:issuance:gems", 30),
    ]
    assert books.query("SELECT type FROM events WHERE type LIKE 'debt.%' ORDER BY sequence") == [
        ("debt.owed",), ("debt.repaid",),
    ]  # fmt: skip


@pytest.mark.parametrize("way", ["its job", "a spend", "another hold", "another freeze", "a capture of a part"])
async def test_whoever_ends_the_hold(books, do, lost, pack, way):
    """A hundredth of a gift pays too; the rest of it is another lot, and stays."""
    await do(granted(50))
    assert (books.gems(ADA), owed(books)) == (79, 29)

    if way == "a capture of a part":
        await do(CaptureHold("entry", "hold_1", ADA, "gems", sink("gems"), 12))
        assert (books.gems(ADA), owed(books)) == (49, 11)
        return
    books.now += 9
    if way == "its job":
        await do(LapseWallet(ADA, "gems"))
    elif way == "a spend":
        await do(Spend("entry", ADA, "gems", 50, sink("gems")))
        assert (books.gems(ADA), owed(books)) == (0, 0)
        return
    elif way == "another hold":
        await do(PlaceHold("hold_2", ADA, "gems", 50, books.now + 9, "auction"))
    else:
        await do(Freeze("rev_2", ADA, await pack(10, entry="ent_more")))
        assert (books.gems(ADA), owed(books)) == (60, 0)
        return
    assert (books.gems(ADA), owed(books)) == (50, 0)


async def test_who_paid_already_pays_no_more(books, do, lost):
    await do(granted(3000))
    assert (books.gems(ADA), owed(books), waiting(books)) == (3000, 0, ["[]"])
    await do(Owe("entry", ADA, "gems", 5))  # for something else: what the hold gives back is not owed for that

    await do(release())

    assert (books.gems(ADA), owed(books)) == (3000, 5)


async def test_who_paid_a_part_pays_the_rest(books, do, lost):
    await do(granted(1000))
    assert (books.gems(ADA), owed(books)) == (1020, 20)
    outcome = await do(release())
    assert (books.gems(ADA), owed(books)) == (1000, 0)
    assert outcome.changed[ADA]["wallets"]["gems"]["available"] == 1000


async def test_what_is_written_off_is_not_taken_later(books, do, pack):
    demand = await pack()
    await do(PlaceHold("hold_1", ADA, "gems", 30, NOW + 9, "auction"))
    await do(Freeze("rev_1", ADA, demand))
    await do(TakeFrozen("entry", "rev_1", ADA, demand), reverses="ent_pack")
    assert waiting(books) == ["[]"]
    await do(Owe("entry", ADA, "gems", 7))
    await do(release())
    assert (books.gems(ADA), owed(books)) == (30, 7)


async def test_what_somebody_sees_of_a_hold_that_is_over_is_what_a_commit_does(books, do, lost, credit):
    books.now += 9
    seen = (await books.commit(credit(ADA, 100))).changed[ADA]["wallets"]["gems"]
    done = (await do(LapseWallet(ADA, "gems"))).changed[ADA]["wallets"]["gems"]
    assert seen == done
    assert (seen["balance"], seen["available"], seen["held"], seen["owed"]) == (100, 100, 0, 0)


async def test_a_debt_that_a_hold_over_time_pays_blocks_nothing(books, do, pack, lose, spend):
    demand = await pack()
    await do(PlaceHold("hold_1", ADA, "gems", 30, NOW + 9, "auction"), granted(50))
    await do(Freeze("rev_1", ADA, demand))
    await lose(demand, block_spending=True)
    with pytest.raises(DebtOpen):
        await books.commit(spend(ADA, 50))

    books.now += 9

    await books.commit(spend(ADA, 50))
    assert (books.gems(ADA), owed(books)) == (0, 0)


async def test_an_open_freeze_comes_first_and_two_never_wait_for_the_same(books, do, pack, lose):
    demand = await pack()
    half = Demand("ent_pack", (WalletDemand("gems", (LotPart(demand.wallets[0].parts[0].lot_id, 60),), 100),))
    await do(PlaceHold("hold_1", ADA, "gems", 100, NOW + 9, "auction"))
    await do(Freeze("rev_1", ADA, half))
    await lose(half)
    await do(Freeze("rev_2", ADA, half))
    hold = f'"hold_1","gems","{half.wallets[0].parts[0].lot_id}"'
    assert waiting(books) == [f"[[{hold},60]]", f"[[{hold},40]]"]

    await do(CaptureHold("entry", "hold_1", ADA, "gems", sink("gems"), 20))

    # 80 come back: the open one gets its 40, and 40 of 60 are paid.
    assert books.query("SELECT remaining, held, frozen FROM lots") == [(40, 0, 40)]
    assert (owed(books), waiting(books)) == (20, ["[]", "[]"])
    await do(Unfreeze("rev_2", ADA, half))
    assert (books.gems(ADA), owed(books)) == (40, 20)


async def test_it_waits_for_no_more_than_is_owed(books, do, pack):
    """A part of what was missing was got in another way: that part is not taken once more."""
    demand, other = await pack(), replace(await pack(12, entry="ent_other"), original=None)
    await do(PlaceHold("hold_1", ADA, "gems", 30, NOW + 9, "auction"))
    await do(Freeze("rev_1", ADA, demand), Freeze("rev_2", ADA, other))
    await do(Owe("entry", ADA, "gems", 1000))
    undone, taken = TakeFrozen("other", "rev_2", ADA, other, "undone"), TakeFrozen("entry", "rev_1", ADA, demand)
    opened = OpenEntry("other", "ent_undone", "test", "rev_2", ADA)
    owe = Owe("entry", ADA, "gems", MissingOf("frozen", less=("undone",)))
    await do(opened, undone, taken, owe, reverses="ent_pack")
    assert waiting(books)[0].endswith(",18]]")

    await do(release())

    assert (books.gems(ADA), owed(books)) == (12, 1000)


async def test_what_lapsed_while_it_was_held_pays_first_and_only_the_rest_lapses(books, do, pack, lose):
    demand = await pack(expires_at=NOW + 5)
    await do(PlaceHold("hold_1", ADA, "gems", 30, NOW + 9, "auction"))
    await do(Freeze("rev_1", ADA, demand))
    await lose(demand)
    await do(granted(10))
    books.now += 9

    await do(LapseWallet(ADA, "gems"))

    assert (books.gems(ADA), owed(books)) == (0, 0)
    assert books.query("SELECT amount FROM transfers WHERE destination = 'platform:breakage:gems'") == [(10,)]


async def test_what_is_forgiven_waits_for_nothing_and_only_as_it_was_read(books, do, lost):
    forgive = Forgive("entry", ADA, "gems", 30, expected=30, freeze_ids=("rev_1",))
    await do(Owe("entry", ADA, "gems", 100))
    with pytest.raises(Stale):
        await do(Forgive("entry", ADA, "gems", 30, expected=29, freeze_ids=("rev_1",)))

    await do(forgive)
    await do(release())

    assert (books.gems(ADA), owed(books), waiting(books)) == (30, 100, ["[]"])


async def test_lost_and_let_go_at_once_it_is_taken_once(books, pack, do, plan_for, credit):
    demand = await pack()
    await do(PlaceHold("hold_1", ADA, "gems", 30, NOW + 9, "auction"))
    await do(Freeze("rev_1", ADA, demand))
    losing, releasing = plan_for(ADA), plan_for(ADA)
    losing.entry("test", about="rev_1", anchor=ADA, reverses="ent_pack")
    losing.add(TakeFrozen("entry", "rev_1", ADA, demand), Owe("entry", ADA, "gems", MissingOf("frozen")))
    releasing.add(release())
    await asyncio.gather(*(books.commit(plan) for plan in (losing, releasing, credit(ADA, 5))))
    assert (books.gems(ADA), owed(books)) == (5, 0)
