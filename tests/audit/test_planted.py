"""Every check can fail: one violation is planted behind the program's back, and exactly that check sees it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from storefront.core.audit import CHECKS, Report, verify_file

from .goods_plants import GOODS_PLANTS
from .lot_plants import LOT_PLANTS
from .planted_given_back import GIVEN_BACK
from .planted_receipts import TAX_AND_RECEIPTS
from .planted_roles import ROLES
from .promo_plants import PROMOTIONS

WALLET = "customer:cus_ada:gems"

# What the plant is called -> (check, or two joined by "and"; statements; what the audit says).
PLANTS: dict[str, tuple[str, list[str], str]] = {
    "an entry without a transfer": (
        "L1",
        ["INSERT INTO entries VALUES ('ent_x', 9, 'reward', 'quest', 'cus_ada', 'test', NULL, 0, 0, NULL)"],
        "entry ent_x (reward) has no transfer",
    ),
    "a transfer in the wrong asset": (
        "L1",
        ["UPDATE transfers SET asset = 'USD' WHERE entry_id = 'ent_reward_10'"],
        "moves USD, but the account platform:issuance:gems is kept in gems",
    ),
    "a balance raised": (
        "L2",
        [f"UPDATE accounts SET balance = balance + 20 WHERE id = '{WALLET}'"],
        f"wallet {WALLET} says 413, its transfers say 393",
    ),
    "an open account with a balance": (
        "L2",
        ["UPDATE accounts SET balance = 5 WHERE id = 'platform:revenue:USD'"],
        "open account platform:revenue:USD keeps a balance of 5",
    ),
    "a lot shrunk": (
        "L2 and L9",
        ["UPDATE lots SET amount = amount - 3, remaining = remaining - 3 WHERE cost_amount = 499"],
        f"wallet {WALLET} says 393, its lots say 390",
    ),
    "gems earned after they were spent": (
        "L3",
        ["UPDATE entries SET commit_no = 900 WHERE about = 'pur_pack'"],
        f"{WALLET} stood at -60 after commit",
    ),
    "a deleted event": (
        "L4",
        ["DELETE FROM events WHERE type = 'customer.created'"],
        "anchor cus_ada counts 9 events, the books hold 8 of them, the last numbered 9",
    ),
    "a tail cut off": (
        "L4",
        ["UPDATE anchors SET sequence = sequence + 1 WHERE id = 'cus_ada'"],
        "anchor cus_ada counts 10 events, the books hold 9 of them",
    ),
    "a transfer numbered past a gap": (
        "L4",
        [
            "UPDATE transfers SET position = 1 WHERE entry_id = 'ent_reward_10'",
            "UPDATE credits SET transfer = 1 WHERE entry_id = 'ent_reward_10'",
        ],
        "entry ent_reward_10 holds 1 transfers, but they are numbered up to 1",
    ),
    "events out of commit order": (
        "L4",
        ["UPDATE events SET commit_no = 900 WHERE type = 'customer.created'"],
        "event 2 of cus_ada stands in commit 2, the one before it in 900",
    ),
    "a reversal of nothing": (
        "L5",
        ["UPDATE entries SET reverses = 'ent_gone' WHERE id = 'ent_reversal'"],
        "entry ent_reversal reverses ent_gone, which does not exist",
    ),
    "more reversed than was given": (
        "L5",
        ["UPDATE entries SET reverses = 'ent_reward_10' WHERE id = 'ent_reversal'"],
        f"entry ent_reward_10 moved 10 on {WALLET}, its reversals moved -20",
    ),
    "a reversal before its original": (
        "L5",
        ["UPDATE entries SET commit_no = 900 WHERE id = 'ent_reward_50'"],
        "which was committed after it (900 after",
    ),
    "a fraction of a cent": (
        "L6",
        [f"UPDATE {table} SET cost_amount = 4.5 WHERE cost_amount = 499" for table in ("lots", "credits")],
        "cost_amount is 4.5, which is not stored as an integer",
    ),
    "an amount past 2^53": (
        "L6",
        [f"UPDATE {table} SET cost_amount = {2**53} WHERE cost_amount = 499" for table in ("lots", "credits")],
        "cost_amount is 9007199254740992, which is more than 2^53−1",
    ),
    "a column of floats": ("L6", ["CREATE TABLE prices (amount REAL)"], "prices.amount has the type REAL"),
    "gems that went nowhere": (
        "L7",
        [
            "INSERT INTO accounts VALUES ('platform:revenue:gems', 'platform', 'revenue', 'gems', 0, 0, NULL)",
            "INSERT INTO entries VALUES ('ent_x', 9, 'odd', 'quest', 'cus_ada', 'test', NULL, 0, 0, NULL)",
            "INSERT INTO transfers VALUES ('ent_x', 0, 'platform:issuance:gems', 'platform:revenue:gems', 'gems', 40)",
        ],
        "customers hold 424 gems, but 627 issued − 163 spent − 0 expired = 464; platform:revenue:gems has 40",
    ),
    "a draw for another transfer": (
        "L9 and E1-movements",
        ["UPDATE draws SET transfer = 7 WHERE entry_id = 'ent_sword' AND position = 0"],
        "draw 0 of entry ent_sword names transfer 7, which the entry does not have",
    ),
    "a draw made smaller": (
        "L9 and E1-movements",
        ["UPDATE draws SET amount = amount - 1 WHERE entry_id = 'ent_potion' AND position = 0"],
        f"transfer 0 of entry ent_potion took 27 from wallet {WALLET}, its draws say 26",
    ),
    **LOT_PLANTS,
    "a purchase without its entry": (
        "L10 and E1-movements",
        ["UPDATE purchases SET entry_id = NULL WHERE id = 'pur_sword'"],
        "purchase pur_sword is completed for 120 gems, but names no entry",
    ),
    "a purchase with another's entry": (
        "L10 and E1-movements",
        ["UPDATE purchases SET entry_id = 'ent_reward_10' WHERE id = 'pur_sword'"],
        "its entry ent_reward_10 is about quest",
    ),
    "a purchase paid with too little": (
        "L10 and E5-events",
        [
            "UPDATE purchases SET total = 130, lines = "
            """'[{"type": "adjustment", "total": {"amount": 10}}]' WHERE id = 'pur_sword'"""
        ],
        "purchase pur_sword is completed for 130 gems, but its entry ent_sword took 120 gems from the buyer",
    ),
    "a purchase charged twice": (
        "L10",
        [
            "INSERT INTO entries VALUES"
            " ('ent_x', 9, 'purchase.settled', 'pur_pack', 'cus_ada', 'test', NULL, 0, 0, NULL)",
            "INSERT INTO transfers VALUES ('ent_x', 0, 'gateway:sandbox:clearing:USD', 'platform:revenue:USD',"
            " 'USD', 499)",
        ],
        "purchase pur_pack was booked 2 times as purchase.settled",
    ),
    "money for no purchase": (
        "L10",
        [
            "INSERT INTO entries VALUES"
            " ('ent_x', 9, 'payment.unapplied', 'pur_no', 'cus_ada', 'test', NULL, 0, 0, NULL)",
            "INSERT INTO transfers VALUES ('ent_x', 0, 'gateway:sandbox:clearing:USD', 'platform:revenue:USD',"
            " 'USD', 499)",
        ],
        "entry ent_x (payment.unapplied) is about pur_no, which is no purchase",
    ),
    "a payment for another amount": (
        "L10",
        ["UPDATE payments SET amount = 1 WHERE id = 'pay_pur_waiting'"],
        "payment pay_pur_waiting asks for 1 USD, its purchase pur_waiting costs 499 USD",
    ),
    "goods that nobody paid": (
        "L10",
        ["UPDATE payments SET state = 'awaiting' WHERE id = 'pay_pur_pack'"],
        "purchase pur_pack is completed, but its payment pay_pur_pack is awaiting",
    ),
    "two keys for one purchase": (
        "I1",
        ["UPDATE idempotency SET object_id = 'pur_sword' WHERE object_id = 'pur_potions'"],
        "2 keys of POST /v1/purchases claim to have made pur_sword",
    ),
    "an answer without bytes": (
        "I3",
        ["UPDATE idempotency SET body = NULL WHERE object_id = 'pur_sword'"],
        "key key-pur_sword of sk_1 for POST /v1/purchases is answered, but has no status and body to repeat",
    ),
    "an answer without effect": (
        "I3",
        ["UPDATE idempotency SET object_id = 'pur_gone' WHERE object_id = 'pur_sword'"],
        "is answered for pur_gone, which does not exist",
    ),
    "a consumption that took nothing": (
        "I3 and E1-movements",
        ["UPDATE item_movements SET about = 'drunk' WHERE about = 'con_1'"],
        "is answered for con_1, which does not exist",
    ),
    "a key open for nothing": (
        "I3",
        ["UPDATE idempotency SET object_id = NULL WHERE object_id = 'pur_waiting'"],
        "is open, but names nothing that is under way",
    ),
    "one charge for two payments": (
        "I4",
        ["UPDATE payments SET gateway_payment = 'pi_1' WHERE id = 'pay_pur_waiting'"],
        "2 payments name the payment pi_1 of sandbox as theirs",
    ),
    "a charge that nothing claims": (
        "I4",
        ["UPDATE claims SET about = 'pur_expired' WHERE key = 'payment:sandbox:pi_1'"],
        "payment pay_pur_pack is received, but no claim keeps pi_1 from paying again",
    ),
    "an item from nowhere": (
        "E1",
        ["UPDATE items SET quantity = quantity + 1 WHERE sku = 'sword'"],
        "cus_ada owns 2 sword, its movements say 1",
    ),
    "an item gone": ("E1", ["DELETE FROM items WHERE sku = 'sword'"], "cus_ada owns 0 sword, its movements say 1"),
    "a right from an unpaid purchase": (
        "E1 and E1-rights",
        ["UPDATE entitlements SET source_id = 'pur_expired' WHERE key = 'arena'"],
        "(arena) is active, but its purchase pur_expired is expired",
    ),
    "a right after a full refund": (
        "E1 and E1-rights",
        ["UPDATE entitlements SET ended_at = NULL WHERE source_id = 'pur_cap'"],
        "(vip) is active, but its purchase pur_cap is completed (refunded full, dispute none)",
    ),
    "an item from an unpaid purchase": (
        "E1 and E1-movements",
        ["UPDATE item_movements SET about = 'pur_waiting' WHERE sku = 'potion' AND quantity > 0"],
        "but its purchase pur_waiting is pending",
    ),
    "a potion drunk before it was bought": (
        "E6 and E1-movements",
        ["UPDATE item_movements SET commit_no = 1 WHERE sku = 'potion' AND quantity < 0"],
        "cus_ada had used 1 potion more than were given after commit 1",
    ),
    "one consumption that took twice": (
        "E6",
        [
            "INSERT INTO item_movements SELECT 'mov_x', commit_no, customer_id, sku, quantity, cause, about, "
            "bought_with FROM item_movements WHERE about = 'con_1'",
            "UPDATE items SET quantity = 1 WHERE sku = 'potion'",
        ],
        "consumption con_1 took items 2 times",
    ),
    "goods before the verdict": (
        "E7 and E5-events and E7-reviews",
        [
            "UPDATE purchases SET status = 'in_review' WHERE id = 'pur_potions'",
            "UPDATE events SET type = 'purchase.in_review' WHERE subject = 'pur_potions'",
        ],
        "purchase pur_potions is in review, but mov_",
    ),
    "a counter raised": (
        "E3",
        ["UPDATE counters SET value = 2 WHERE key = 'limit:sword:cus_ada:lifetime:0'"],
        "counter limit:sword:cus_ada:lifetime:0 says 2, the purchases it counts say 1",
    ),
    "an hour's counter lost": (
        "E3",
        ["DELETE FROM counters WHERE key = 'limit:sword:cus_ada:hour:1763715600000'"],
        "counter limit:sword:cus_ada:hour:1763715600000 says 0, the purchases it counts say 1",
    ),
    "a month's counter in the wrong month": (
        "E3",
        [
            "UPDATE counters SET key = 'limit:sword:cus_ada:month:1764547200000' "
            "WHERE key = 'limit:sword:cus_ada:month:1761955200000'"
        ],
        "counter limit:sword:cus_ada:month:1764547200000 says 1, the purchases it counts say 0",
    ),
    "a place in the stock that nobody holds": (
        "E3",
        ["UPDATE counters SET value = 3 WHERE key = 'limit:gems-500:*:lifetime:0'"],
        "counter limit:gems-500:*:lifetime:0 says 3, the purchases it counts say 2",
    ),
    "a limit passed": (
        "E3",
        [
            """UPDATE catalog_versions SET document = replace(document, '"count": 9', '"count": 1')""",
        ],
        "counter limit:gems-500:*:lifetime:0 says 2, no version allowed over 1",
    ),
    "a bill that asks for more than was paid": (
        "E4-bills",
        [
            "UPDATE purchases SET bill = 'bill_x', lines = replace(lines, ']', ',{\"type\":\"adjustment\","
            '"total":{"amount":1}}]\') WHERE id = \'pur_sword\''
        ],
        "purchase pur_sword cost 120 gems, the lines of its bill say 121",
    ),
    "a price edited": (
        "E4",
        ["UPDATE catalog_versions SET document = replace(document, '120', '150')"],
        "purchase pur_sword cost 120 gems, its catalog version and its lines say 150",
    ),
    "a discount removed": (
        "E4",
        ["UPDATE purchases SET lines = '[]' WHERE id = 'pur_potions'"],
        "purchase pur_potions cost 27 gems, its catalog version and its lines say 30",
    ),
    "a price from nowhere": (
        "E4",
        ["UPDATE purchases SET catalog_version = 'cat_gone' WHERE id = 'pur_potions'"],
        "purchase pur_potions names the catalog version cat_gone, which is not stored",
    ),
    "a status without its event": (
        "E3 and E5",
        ["UPDATE purchases SET status = 'canceled', reserved = '[\"\"]' WHERE id = 'pur_waiting'"],
        "purchase pur_waiting is canceled, its last event says pending",
    ),
    "a way that is not allowed": (
        "E5 and E5-events",
        ["UPDATE events SET type = 'purchase.rejected' WHERE subject = 'pur_pack' AND type = 'purchase.pending'"],
        "purchase pur_pack went from rejected to completed, which is not allowed",
    ),
    "events of no purchase": (
        "E5",
        ["UPDATE events SET type = 'purchase.completed', subject = 'pur_no' WHERE type = 'customer.created'"],
        "events tell of purchase pur_no, which does not exist",
    ),
    "a key that nobody made": (
        "A2",
        ["DELETE FROM audit_actions WHERE action = 'key.created'"],
        "key key_1 (game server) was created, but no audit row says by whom",
    ),
    "a key that nobody revoked": (
        "A2",
        ["DELETE FROM audit_actions WHERE action = 'key.revoked'"],
        "key key_1 (game server) was revoked, but no audit row says by whom",
    ),
    **GIVEN_BACK,
    **GOODS_PLANTS,
    **TAX_AND_RECEIPTS,
    **ROLES,
    **PROMOTIONS,
    "a payment without its purchase": (
        "database",
        ["UPDATE payments SET purchase_id = 'pur_no' WHERE id = 'pay_pur_expired'"],
        "of payments names a row of purchases that does not exist",
    ),
}


@pytest.mark.parametrize("name", PLANTS)
async def test_exactly_this_check_sees(name: str, books: Path, plant: Callable[..., None]) -> None:
    check, statements, message = PLANTS[name]
    plant(statements)

    report = await verify_file(books, deep=True)

    assert failed(report) == set(check.split(" and ")), [violation.message for violation in report.violations]
    assert any(message in violation.message for violation in report.violations), report.violations


@pytest.mark.parametrize(
    ("last", "message"),
    [
        ("DROP TRIGGER entries_no_update", "entries can be changed: its trigger entries_no_update is missing"),
        (
            "CREATE TRIGGER draws_no_delete BEFORE DELETE ON draws BEGIN SELECT 1; END",
            "draws can be changed: its trigger draws_no_delete was altered",
        ),
    ],
)
async def test_a_guard_that_is_gone_or_blunt_is_seen(
    books: Path, plant: Callable[..., None], last: str, message: str
) -> None:
    plant([], last="DROP TRIGGER draws_no_delete" if "CREATE" in last else "")
    plant([], last=last)

    report = await verify_file(books, deep=True)

    assert failed(report) == {"L4-guards"}
    assert [violation.message for violation in report.violations] == [message]


async def test_a_refund_of_more_than_was_paid_is_seen_from_both_sides(books: Path, plant: Callable[..., None]) -> None:
    plant(["UPDATE reversals SET amount = 31 WHERE id = 'rev_hat'"])

    report = await verify_file(books, deep=True)

    assert failed(report) == {"L10-reversals", "E1-reversals", "E5-events"}
    assert any("31 of 30" in violation.message for violation in report.violations)


def test_every_check_has_a_plant() -> None:
    planted = {name for checks, _, _ in PLANTS.values() for name in checks.split(" and ")}
    elsewhere = {
        "L4-guards",
        "A1",
        "L2-checkpoints",
        "L2-freezes",
        "L2-debts",
        "L10-gateway",
        "L7-gateways",
        "W1",
        "W2",
        "O2",
        "O2-counter",
        "E1-gifts",
        "E1-transfers",
        "L10-shared",
        "M1",
        "E3-top-ups",
        "U-usage",
        "X1",
        "X2",
    }
    assert planted | elsewhere == {check.name for check in CHECKS}


def failed(report: Report) -> set[str]:
    return {check.name for check in report.checks if not check.has_passed}
