"""What fans gave and what creators have, and what wallets took in and gave out, once more from rows."""

import json
from collections import Counter
from typing import Any

DAY_MS = 86_400_000
GEMS = "gems"


def given(oracle: Any, currency: str, first: int, last: int) -> dict[tuple[str, int], int]:
    """Return ``(source, day) -> what fans gave`` of some days."""
    found: Counter[tuple[str, int]] = Counter()
    for row in oracle.tips:
        if row["paid_at"] is not None and row["currency"] == currency and first <= row["paid_at"] // DAY_MS <= last:
            is_ours = row["purchase_id"].startswith("pur_")
            source = ("pledges" if row["id"] in oracle.pledged else "tips") if is_ours else "elsewhere"
            found[source, row["paid_at"] // DAY_MS] += row["amount"]
    return found


def purse(oracle: Any, currency: str) -> tuple[int, int]:
    """Return what the one creator can be paid, less what they owe, and what waits."""
    tips = [row for row in oracle.tips if row["paid_at"] is not None and row["currency"] == currency]
    ids = {row["id"] for row in tips}
    waits = sum(row["reserved"] for row in tips)
    back = sum(row["wanted"] for row in oracle.back if row["tip_id"] in ids and row["stage"] in ("frozen", "taken"))
    gone = sum(row["amount"] - row["returned"] for row in oracle.payouts if row["currency"] == currency)
    return max(0, sum(row["earned"] for row in tips) - waits - back - gone), waits


def wallets(oracle: Any, first: int, last: int) -> dict[str, tuple[int, int]]:
    """Return ``source or sink -> (amount, how often)`` of gems in some days, as far as rows tell days."""
    found: dict[str, list[int]] = {}

    def add(name: str, at: int | None, amount: int) -> None:
        if at is not None and amount and first <= at // DAY_MS <= last:
            of = found.setdefault(name, [0, 0])
            of[0] += amount
            of[1] += 1

    for row in oracle.purchases.values():
        if row["status"] != "completed":
            continue
        if row["pay_with"] == "wallet":
            add(row["kind"], row["completed_at"], row["total"])
    for row in oracle.grants:
        add("granted", row["created_at"], row["amount"] or 0)
    for lot in oracle.lots:  # what pays off a debt comes into no wallet: a lot has the rest
        name = "memberships" if lot["expires_at"] is not None else lot["source"]
        if name != "granted" and lot["account"].endswith(f":{GEMS}"):
            add(name, lot["opened_at"], lot["amount"])
    for row in oracle.reversals:
        if row["state"] not in ("completed", "lost"):
            continue
        if row["gateway"] is None:
            add("returned", row["closed_at"], row["amount"])
        taken = sum(one["taken"] for one in json.loads(row["taken_back"]).get("credits", ()))
        add("taken_back", row["closed_at"], taken)
    return {name: (amount, many) for name, (amount, many) in found.items()}


def taken_with_periods(oracle: Any, first: int, last: int) -> int:
    """Return how much at most was taken back of memberships' credits in some days, because their money went back."""
    gone = {
        row["purchase_id"]
        for row in oracle.reversals
        if row["state"] in ("completed", "lost") and first <= row["closed_at"] // DAY_MS <= last
    }
    return sum(row["amount"] for row in oracle.credits if row["purchase_id"] in gone)


def credited(oracle: Any) -> int:
    """Return what all purchases, grants and memberships credited, less what of it paid off debts."""
    packs = [row for row in oracle.purchases.values() if row["sku"] == "gems-500" and row["status"] == "completed"]
    return sum(500 * row["quantity"] for row in packs) + oracle.given() - paid_off(oracle)


def paid_off(oracle: Any) -> int:
    """Return what of credits paid off what had been owed since a dispute was lost."""
    lost = [row for row in oracle.reversals if row["state"] in ("completed", "lost")]
    owed = sum(one["owed"] for row in lost for one in json.loads(row["taken_back"]).get("credits", ()))
    return owed - sum(row["amount"] for row in oracle.debts)
