"""A small book, written once by the real engine; every test gets a copy of its file.

In it gems are bought and spent, items given and used, limits counted, one entry reversed.

Ada buys 500 gems for 4.99 USD, a sword for 120 and three potions for 27 (a discount of 3), drinks one,
was given 50 and 10 gems, of which 20 were taken back: 393 gems, one sword, two potions. One of her
checkouts is still open, another has expired. What is given and taken by hand is cleo's (``given_back.py``). Eve was
given 40 gems in two lots: 25 are held; of another hold of 12, 9 were captured.
"""

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from storefront.core.accounts import clearing, issuance, revenue, sink
from storefront.core.api_keys import key_fingerprint
from storefront.core.buyer_caps import count_begun, count_over
from storefront.core.clock import Clock
from storefront.core.commit.engine import CommitEngine
from storefront.core.commit.outcome import Answer
from storefront.core.commit.plan import (
    CaptureHold,
    Change,
    Claim,
    Deposit,
    GrantEntitlement,
    GrantItem,
    IdempotencyKey,
    Insert,
    LotsOf,
    LotTerms,
    OpenEntry,
    PlaceHold,
    Plan,
    Spend,
    TakeItem,
    Transfer,
)
from storefront.core.database import Database
from storefront.core.purchasing import event_payload
from storefront.core.sealing.sealer import Sealer
from storefront.core.sqlite_database import SqliteDatabase

from .given_back import write_given_back
from .shelf import CATALOG

ADA = "cus_ada"
NOW = 1_763_717_400_000  # 2025-11-21 09:30 UTC, a Friday
HOUR, DAY, WEEK, MONTH = 1_763_715_600_000, 1_763_683_200_000, 1_763_337_600_000, 1_761_955_200_000
SWORD_COUNTERS = [
    (f"limit:sword:{ADA}:lifetime:0", ADA),
    (f"limit:sword:{ADA}:hour:{HOUR}", ADA),
    (f"limit:sword:{ADA}:month:{MONTH}", ADA),
    (f"limit:sword:*:day:{DAY}", "sku:sword"),
    (f"limit:sword:*:week:{WEEK}", "sku:sword"),
]
PACK_COUNTER = "limit:gems-500:*:lifetime:0"


@pytest.fixture(scope="session")
def finished_book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("book") / "shop.db"
    asyncio.run(write_book(SqliteDatabase(path)))
    return path


@pytest.fixture(scope="session")
def sealed_book(finished_book: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = Path(shutil.copy(finished_book, tmp_path_factory.mktemp("sealed") / "shop.db"))
    asyncio.run(seal_book(path))
    return path


@pytest.fixture
def sealed_books(books: Path, sealed_book: Path) -> Path:
    """The same path as ``books``, its eight entries sealed three, three and two at a time."""
    return Path(shutil.copy(sealed_book, books))


@pytest.fixture
def seal() -> Callable[[Path], Awaitable[int]]:
    """Seal the rest of a book that nobody has open."""
    return seal_book


@pytest.fixture
def books(finished_book: Path, tmp_path: Path) -> Path:
    """The path of a database in order."""
    return Path(shutil.copy(finished_book, tmp_path / "shop.db"))


@pytest.fixture
def plant(books: Path) -> Callable[..., None]:
    """Change the file behind the program's back, guards off; they stand again afterwards."""

    def change(statements: Sequence[str], *, last: str = "") -> None:
        connection = sqlite3.connect(books, isolation_level=None)
        connection.execute("PRAGMA ignore_check_constraints=ON")
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("BEGIN")
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            assert connection.execute(statement).rowcount != 0, f"nothing was planted by: {statement}"
        for _, sql in triggers:
            connection.execute(sql)
        if last:
            connection.execute(last)
        connection.commit()
        connection.close()

    return change


async def write_book(database: Database) -> None:
    """Write the whole book into a new database."""
    await database.open(mode="sandbox")
    engine = CommitEngine(database.store, Clock(lambda: NOW))
    engine.start()
    for plan in (_opening(), *_pack("pur_pack"), *_rewards(), _sword(), _potions(), _drink(), _give_back()):
        await engine.commit(plan)
    await write_given_back(engine, _purchase("", "", 0, ""), NOW)
    for plan in (*_holds(), _checkout("pur_expired"), _expire("pur_expired"), _checkout("pur_waiting")):
        await engine.commit(plan)
    await _earn_and_spend_at_once(engine, in_one_batch=not database.is_shared)
    await engine.stop()
    await database.close()


async def seal_book(path: Path) -> int:
    """Seal what is not sealed yet, three entries at a time; return how many seals that took."""
    database = SqliteDatabase(path)
    await database.open(mode="sandbox")
    clock = Clock(lambda: NOW)
    engine = CommitEngine(database.store, clock)
    engine.start()
    closed = await Sealer(database.reader, engine, clock, largest_seal=3).seal_all()
    await engine.stop()
    await database.close()
    return closed


def _plan() -> Plan:
    return Plan(actor="test", anchors={ADA, "shop", "sku:sword", "sku:gems-500"})


def _opening() -> Plan:
    plan = _plan()
    row = {"id": ADA, "external_id": "ada", "country": None, "created_at": NOW, "merged_into": None, "merged_at": None}
    plan.add(Insert("customers", (ADA,), ADA, row))
    plan.emit("customer.created", anchor=ADA, subject=ADA, payload={"id": ADA})
    version = {"hash": "cat_1", "document": CATALOG, "stored_at": NOW}
    plan.add(Insert("catalog_versions", ("cat_1",), None, version))
    key = {"id": "key_1", "kind": "sk", "name": "game server", "hash": b"x" * 32, "scopes": '["*"]',
           "created_at": NOW, "expires_at": None, "revoked_at": NOW}  # fmt: skip
    plan.add(Insert("api_keys", ("key_1",), None, key))
    fingerprint = key_fingerprint("sk", "game server", b"x" * 32, ["*"], None)
    made = {"kind": "sk", "scopes": ["*"], "fingerprint": fingerprint}
    for action, facts in (("created", made), ("revoked", {})):
        done = {"id": f"aud_{action}", "actor": "operator", "action": f"key.{action}", "about": "key_1",
               "facts": json.dumps(facts), "occurred_at": NOW, "recorded_at": NOW}  # fmt: skip
        plan.add(Insert("audit_actions", (f"aud_{action}",), None, done))
    return plan


def _pack(purchase_id: str) -> tuple[Plan, Plan]:
    """500 gems through the gateway: the intent, then the settlement."""
    settling = _plan()
    entry_id = settling.entry("purchase.settled", about=purchase_id, anchor=ADA)
    settling.add(Transfer("entry", clearing("sandbox", "USD"), revenue("USD"), 499, ADA))
    terms = LotTerms(payment="pay_1", cost_amount=499, cost_currency="USD")
    settling.add(Deposit("entry", ADA, "gems", 500, issuance("gems"), terms))
    done = {"status": "completed", "entry_id": entry_id, "completed_at": NOW}
    settling.add(Change("purchases", (purchase_id,), ADA, {"status": "pending"}, done))
    settling.add(Claim("payment:sandbox:pi_1", purchase_id))
    count_over(settling, ADA)
    paid = {"state": "received", "gateway_payment": "pi_1", "received_amount": 499, "received_currency": "USD"}
    settling.add(Change("payments", (f"pay_{purchase_id}",), ADA, {}, paid))
    _tell(settling, _pack_row(purchase_id, "completed"))
    return _checkout(purchase_id), settling


def _checkout(purchase_id: str) -> Plan:
    plan = _plan()
    plan.idempotency = IdempotencyKey("sk_1", "POST /v1/purchases", f"key-{purchase_id}", b"f" * 32)
    plan.object_id, plan.is_answer_open = purchase_id, True
    row = _pack_row(purchase_id, "pending")
    plan.add(Insert("purchases", (purchase_id,), ADA, row))
    payment = {"id": f"pay_{purchase_id}", "purchase_id": purchase_id, "customer_id": ADA, "gateway": "sandbox",
               "gateway_ref": f"cs_{purchase_id}", "gateway_payment": None, "amount": 499, "currency": "USD",
               "state": "awaiting", "redirect_url": None, "return_url": None, "lease_until": 0, "asked_at": None,
               "attempts": 0, "created_at": NOW, "method": None, "saves_method": 0, "card": "{}",
               "received_amount": 0, "received_currency": None, "network": None, "declined": None,
               "is_screened": 0, "asks_challenge": 0, "verdict": None, "authorized_until": None}  # fmt: skip
    plan.add(Insert("payments", (f"pay_{purchase_id}",), ADA, payment))
    plan.count(PACK_COUNTER, anchor="sku:gems-500")
    count_begun(plan, ADA, at_most=20)
    _tell(plan, row)
    return plan


def _pack_row(purchase_id: str, status: str) -> dict[str, Any]:
    reserved = json.dumps([PACK_COUNTER])
    base = _purchase(purchase_id, "gems-500", 499, "USD", status=status, reserved=reserved, completed_at=None)
    return {**base, "kind": "currency_pack", "pay_with": "sandbox"}


def _tell(plan: Plan, row: dict[str, Any]) -> None:
    plan.emit(f"purchase.{row['status']}", anchor=ADA, subject=row["id"], payload=event_payload(row))


def _expire(purchase_id: str) -> Plan:
    plan = _plan()
    over = {"status": "expired", "reserved": "[]"}
    plan.add(Change("purchases", (purchase_id,), ADA, {"status": "pending"}, over))
    plan.count(PACK_COUNTER, anchor="sku:gems-500", by=-1)
    count_over(plan, ADA)
    _tell(plan, _pack_row(purchase_id, "expired"))
    return plan


def _rewards() -> list[Plan]:
    plans = []
    for amount in (50, 10):
        plan = _plan()
        _open_entry(plan, f"ent_reward_{amount}", "reward")
        plan.add(Deposit("entry", ADA, "gems", amount, issuance("gems"), LotTerms(source=f"reward {amount}")))
        plans.append(plan)
    return plans


def _sword() -> Plan:
    plan = _bought("pur_sword", "sword", 1, 120, [])
    plan.add(GrantItem(ADA, "sword", 1, "pur_sword", at_most=1, bought_with=LotsOf("spend")))
    plan.add(GrantEntitlement(ADA, "arena", True, "purchase", "pur_sword", sku="sword"))
    for key, anchor in SWORD_COUNTERS:
        plan.count(key, anchor=anchor, at_most=5)
    return plan


def _potions() -> Plan:
    discount = {"type": "adjustment", "title": "three for 27", "total": {"amount": -3, "currency": "gems"}}
    plan = _bought("pur_potions", "potion", 3, 27, [discount])
    plan.add(GrantItem(ADA, "potion", 3, "pur_potions", bought_with=LotsOf("spend")))
    return plan


def _bought(purchase_id: str, sku: str, quantity: int, total: int, adjustments: list[Any]) -> Plan:
    plan = _plan()
    plan.idempotency = IdempotencyKey("sk_1", "POST /v1/purchases", f"key-{purchase_id}", b"f" * 32)
    plan.object_id, plan.answer = purchase_id, lambda outcome: Answer(201, b"{}")
    _open_entry(plan, f"ent_{sku}", "purchase.settled", about=purchase_id)
    plan.add(Spend("entry", ADA, "gems", total, sink("gems")))
    row = _purchase(purchase_id, sku, total, "gems", quantity=quantity, entry_id=f"ent_{sku}")
    goods = {"type": "offer", "sku": sku, "total": {"amount": total, "currency": "gems"}}
    row["lines"] = json.dumps([goods, *adjustments])
    plan.add(Insert("purchases", (purchase_id,), ADA, row))
    _tell(plan, row)
    return plan


def _drink() -> Plan:
    plan = _plan()
    plan.idempotency = IdempotencyKey("sk_1", "POST /v1/consume", "key-drink", b"f" * 32)
    plan.object_id, plan.answer = "con_1", lambda outcome: Answer(200, b"{}")
    plan.add(TakeItem(ADA, "potion", 1, "con_1"))
    told = {"id": "con_1", "customer_id": ADA, "sku": "potion", "quantity": 1}
    plan.emit("item.consumed", anchor=ADA, subject="con_1", payload=told)
    return plan


def _give_back() -> Plan:
    """Take 20 of the 50 rewarded gems back."""
    plan = _plan()
    _open_entry(plan, "ent_reversal", "reward.reversed", reverses="ent_reward_50")
    plan.add(Spend("entry", ADA, "gems", 20, issuance("gems")))
    return plan


def _holds() -> list[Plan]:
    """Eve's lots of 30 and 10: 12 are held and 9 of them captured, then 25 of the 31 that are left are held."""
    filling, holding, capturing, waiting = (Plan(actor="test", anchors={"cus_eve"}) for _ in range(4))
    for amount, priority in ((30, 1), (10, 2)):
        filling.add(OpenEntry(f"gift {amount}", f"ent_gift_{amount}", "gift", "quest", "cus_eve"))
        terms = LotTerms(source=f"gift {amount}", priority=priority)
        filling.add(Deposit(f"gift {amount}", "cus_eve", "gems", amount, issuance("gems"), terms))
    holding.add(PlaceHold("hold_done", "cus_eve", "gems", 12, NOW + 1, "auction 1"))
    capturing.add(OpenEntry("entry", "ent_capture", "hold.captured", "hold_done", "cus_eve"))
    capturing.add(CaptureHold("entry", "hold_done", "cus_eve", "gems", sink("gems"), 9))
    waiting.add(PlaceHold("hold_open", "cus_eve", "gems", 25, NOW + 1, "auction 2"))
    return [filling, holding, capturing, waiting]


async def _earn_and_spend_at_once(engine: CommitEngine, *, in_one_batch: bool) -> None:
    """Another customer earns 7 and spends 7 in one batch; the spending was decided first.

    A store with several lanes may make two batches of it.
    """
    spending, earning = (Plan(actor="test", anchors={"cus_bob"}) for _ in range(2))
    spending.entry("reward.spent", about="quest", anchor="cus_bob")
    earning.entry("reward", about="quest", anchor="cus_bob")
    spending.add(Spend("entry", "cus_bob", "gems", 7, sink("gems")))
    earning.add(Deposit("entry", "cus_bob", "gems", 7, issuance("gems"), LotTerms(source="reward")))
    earned, spent = await asyncio.gather(engine.commit(earning), engine.commit(spending))
    assert not in_one_batch or earned.moment.commit_no == spent.moment.commit_no


def _open_entry(plan: Plan, entry_id: str, kind: str, *, about: str = "quest", reverses: str | None = None) -> None:
    """Open an entry under a name that a test can speak of."""
    plan.add(OpenEntry("entry", entry_id, kind, about, ADA, reverses))


def _purchase(purchase_id: str, sku: str, total: int, currency: str, **also: Any) -> dict[str, Any]:
    base: Mapping[str, Any] = {
        "id": purchase_id, "customer_id": ADA, "sku": sku, "kind": "item", "quantity": 1, "status": "completed",
        "refunded": "none", "dispute": "none", "pay_with": "wallet", "payment_state": "none", "currency": currency,
        "total": total, "catalog_version": "cat_1", "lines": "[]", "reserved": "[]", "details": "{}",
        "metadata": "{}", "entry_id": None, "reason": None, "created_at": NOW, "updated_at": NOW,
        "completed_at": NOW, "expires_at": None, "recipient_id": None, "auto_top_up": None, "bill": None,
    }  # fmt: skip
    return {**base, **also}
