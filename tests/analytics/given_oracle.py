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
        if row["sku"] == "gems-500":
            add("gift" if row["recipient_id"] else "purchased", row["completed_at"], 500 * row["quantity"])
        if row["pay_with"] == "wallet":
            add(row["kind"], row["completed_at"], row["total"])
    for row in oracle.grants:
        add("granted", row["created_at"], row["amount"] or 0)
    for row in oracle.credits:
        add("memberships", row["created_at"], row["amount"])
    for row in oracle.reversals:
        if row["state"] not in ("completed", "lost"):
            continue
        if row["gateway"] is None:
            add("returned", row["closed_at"], row["amount"])
        taken = sum(one["taken"] for one in json.loads(row["taken_back"]).get("credits", ()))
        add("taken_back", row["closed_at"], taken)
    return {name: (amount, many) for name, (amount, many) in found.items()}
