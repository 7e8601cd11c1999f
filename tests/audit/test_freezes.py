"""The checks of freezes and debts can fail: a small book of a disputed pack, and what is planted in it."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from storefront.core.accounts import issuance, sink
from storefront.core.audit import Report, verify_file
from storefront.core.clock import Clock
from storefront.core.commit.engine import CommitEngine
from storefront.core.commit.plan import (
    Demand,
    Deposit,
    Freeze,
    GrantEntitlement,
    GrantItem,
    LotPart,
    LotTerms,
    MissingOf,
    OpenEntry,
    Owe,
    PlaceHold,
    Plan,
    Spend,
    TakeFrozen,
    WalletDemand,
)
from storefront.core.granting import add_grant
from storefront.core.sqlite_database import SqliteDatabase

from .test_planted import failed

DAN, ELI = "cus_dan", "cus_eli"
NOW = 1_763_717_400_000

# What the plant is called -> (check; statements; what the audit says).
PLANTS: dict[str, tuple[str, list[str], str]] = {
    "a lot with less frozen": (
        "L2-freezes",
        ["UPDATE lots SET frozen = frozen - 1 WHERE frozen > 0"],
        "of customer:cus_dan:gems has 49 frozen, open freezes say 50",
    ),
    "a lot that thawed": (
        "L2-freezes",
        ["UPDATE lots SET frozen = 0 WHERE frozen > 0"],
        "of customer:cus_dan:gems has nothing frozen, open freezes say 50",
    ),
    "items that thawed in part": (
        "L2-freezes",
        ["UPDATE items SET frozen = 1"],
        "item potion of cus_dan has 1 frozen, open freezes say 2",
    ),
    "a right that grants again": (
        "L2-freezes",
        ["UPDATE entitlements SET frozen_by = NULL"],
        "freeze rev_open has the entitlement arena of cus_dan, which is not frozen",
    ),
    "a right that somebody else freezes": (
        "L2-freezes",
        ["UPDATE entitlements SET frozen_by = 'rev_done'"],
        "says that rev_done freezes it, but rev_open does",
    ),
    "a freeze of more than was demanded": (
        "L2-freezes",
        ["""UPDATE freezes SET demand = replace(demand, '"potion":2', '"potion":1') WHERE id = 'rev_open'"""],
        "freeze rev_open has 1 more of potion than was demanded",
    ),
    "a freeze that waits for more than is held": (
        "L2-freezes",
        ["UPDATE freezes SET waiting = replace(waiting, ',30]', ',31]') WHERE id = 'rev_open'"],
        "from hold hold_open, which pins 30 of it",
    ),
    "a freeze that says it took more": (
        "L2-freezes",
        ["UPDATE freezes SET parts = replace(parts, ',15]', ',16]') WHERE id = 'rev_done'"],
        "freeze rev_done says that it took 16 of",
    ),
    "a freeze that ended never": (
        "L2-freezes",
        ["UPDATE freezes SET closed_at = NULL WHERE id = 'rev_done'"],
        "freeze rev_done is taken, closed at None",
    ),
    "a freeze that waits, although it is over": (
        "L2-freezes",
        ["UPDATE freezes SET state = 'released', closed_at = created_at WHERE id = 'rev_open'"],
        "freeze rev_open is released, and waits for hold hold_open",
    ),
    "a freeze that waits, although nothing is owed": (
        "L2-freezes",
        ["UPDATE freezes SET state = 'taken', closed_at = created_at WHERE id = 'rev_open'"],
        "freeze rev_open was taken and waits for a hold, but cus_dan owes no gems",
    ),
    "a debt that was forgiven": (
        "L2-debts",
        ["UPDATE debts SET amount = amount - 1"],
        "cus_eli owes 9 gems, the transfers of that debt say 10",
    ),
    "a debt that is not written down": (
        "L2-debts",
        ["DELETE FROM debts"],
        "customer:cus_eli:debt:gems stands at 10, but there is no such debt",
    ),
}


@pytest.fixture(scope="module")
def frozen_book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("frozen") / "shop.db"
    asyncio.run(_write(path))
    return path


@pytest.fixture
def books(frozen_book: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(frozen_book, tmp_path / "shop.db"))


async def test_the_book_of_a_dispute_is_in_order(books: Path) -> None:
    report = await verify_file(books, deep=True)
    assert report.is_clean, report.explain()
    assert (report.counts["freezes"], report.counts["debts"]) == (2, 1)


@pytest.mark.parametrize("name", PLANTS)
async def test_exactly_this_check_sees(name: str, books: Path, plant: Callable[..., None]) -> None:
    check, statements, message = PLANTS[name]
    plant(statements)

    report: Report = await verify_file(books, deep=True)

    assert failed(report) == {check}, [violation.message for violation in report.violations]
    assert any(message in violation.message for violation in report.violations), report.violations


async def test_a_repayment_that_strikes_nothing_off_is_seen(books: Path, plant: Callable[..., None]) -> None:
    plant(["UPDATE transfers SET destination = 'platform:sink:gems' WHERE destination = 'platform:receivable:gems'"])

    report = await verify_file(books, deep=False)

    messages = [violation.message for violation in report.violations if violation.check == "L2-debts"]
    assert any("0 were paid and 10 struck off" in message for message in messages), messages


async def _write(path: Path) -> None:
    """Dan's pack of 100 gems is disputed after he spent 20 and put 30 into an auction; Eli's of 40 is lost after 25.

    Eli owes 25: half of the next 20 gems pays 10 of it, half of 10 more pays 5.
    """
    database = SqliteDatabase(path)
    await database.open(mode="sandbox")
    engine = CommitEngine(database.store, Clock(lambda: NOW))
    engine.start()
    lot = await _filled(engine, DAN, 100, 20)
    plan = _plan(DAN)
    plan.add(
        GrantItem(DAN, "potion", 2, "quest"),
        GrantEntitlement(DAN, "arena", True, "reward", "quest"),
        PlaceHold("hold_open", DAN, "gems", 30, NOW + 1, "auction"),
    )
    await engine.commit(plan)
    plan = _plan(DAN)
    demand = Demand(
        f"ent_{DAN}", (WalletDemand("gems", (LotPart(lot, 100),), 100),), {"potion": 2}, ("arena",), "quest"
    )
    plan.add(Freeze("rev_open", DAN, demand))
    await engine.commit(plan)
    await _lose(engine, await _filled(engine, ELI, 40, 25))
    await engine.stop()
    await database.close()


async def _filled(engine: CommitEngine, customer: str, amount: int, spent: int) -> str:
    """Fill a wallet, spend of it, and return its lot."""
    plan = _plan(customer)
    plan.add(OpenEntry("entry", f"ent_{customer}", "test.pack", "pack", customer))
    plan.add(Deposit("entry", customer, "gems", amount, issuance("gems"), LotTerms()))
    await engine.commit(plan)
    plan = _plan(customer)
    plan.entry("test.spend", about="thing", anchor=customer)
    plan.add(Spend("entry", customer, "gems", spent, sink("gems")))
    outcome = await engine.commit(plan)
    [[lot, _]] = outcome.results["lots:spend"]
    return str(lot)


async def _lose(engine: CommitEngine, lot: str) -> None:
    demand = Demand(f"ent_{ELI}", (WalletDemand("gems", (LotPart(lot, 40),), 40),))
    plan = _plan(ELI)
    plan.add(Freeze("rev_done", ELI, demand))
    await engine.commit(plan)
    plan = _plan(ELI)
    plan.add(
        OpenEntry("entry", "ent_take", "test.dispute_lost", "rev_done", ELI, reverses=f"ent_{ELI}"),
        TakeFrozen("entry", "rev_done", ELI, demand),
        Owe("entry", ELI, "gems", MissingOf("frozen"), repay_percent=50),
    )
    await engine.commit(plan)
    plan = _plan(ELI)
    plan.entry("test.gift", about="quest", anchor=ELI)
    plan.add(Deposit("entry", ELI, "gems", 20, issuance("gems"), LotTerms(source="granted")))
    await engine.commit(plan)
    plan = _plan(ELI)
    add_grant(plan, customer_id=ELI, asset="gems", amount=10, reason="a prize", actor="test", now=NOW)
    await engine.commit(plan)


def _plan(customer: str) -> Plan:
    return Plan(actor="test", anchors={customer})
