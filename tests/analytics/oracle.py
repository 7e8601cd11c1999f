"""Every figure once more, in plain Python from purchases, refunds, payments and subscriptions; nothing of the shop's.

It reads rows that say how things stand, never entries or events, from which the shop's figures are counted.
"""

import json
from collections import Counter, defaultdict
from datetime import date, timedelta
from fractions import Fraction
from statistics import median
from typing import Any

DAY_MS, HOUR_MS = 86_400_000, 3_600_000
SOURCES = {"subscription": "memberships", "tip": "fan_funding"}


def iso(day: int) -> str:
    return (date(1970, 1, 1) + timedelta(days=day)).isoformat()


def monthly(price: int, interval: str) -> int:
    return price if interval == "month" else round(Fraction(price, 12))


class Oracle:
    """Reads a shop's rows once, and answers for days (since 1970)."""

    def __init__(self, shop: Any) -> None:
        query = shop.query
        self.purchases = {row["id"]: row for row in query("SELECT * FROM purchases")}
        self.payments = {row["purchase_id"]: row for row in query("SELECT * FROM payments")}
        self.reversals = query("SELECT * FROM reversals")
        self.movements = query("SELECT * FROM gateway_movements")
        self.subscriptions = {row["id"]: row for row in query("SELECT * FROM subscriptions")}
        self.invoices = query("SELECT * FROM subscriptions_invoices")
        self.changes = query("SELECT * FROM subscriptions_changes")
        self.tips = query("SELECT * FROM fanfunding_tips")
        self.back = query("SELECT * FROM fanfunding_reversals")
        self.grants = query("SELECT * FROM grants")
        self.lots = query("SELECT * FROM lots")

    def money(self) -> dict[tuple[str, str, str, str], int]:
        """Return ``(figure, day, currency, source) -> amount``."""
        found: Counter[tuple[str, str, str, str]] = Counter()
        for row in self.purchases.values():
            if row["status"] == "completed" and row["pay_with"] != "wallet":
                where = (iso(row["completed_at"] // DAY_MS), row["currency"], self._source(row["id"]))
                found["gross", *where] += row["total"]
                found["tax", *where] += self._tax(row)
        for row in self.reversals:
            if row["gateway"] is not None and row["state"] in ("completed", "lost"):
                where = (iso(row["closed_at"] // DAY_MS), row["currency"], self._source(row["purchase_id"]))
                facts = json.loads(row["facts"])
                found["refunds", *where] += row["amount"] - facts.get("over", 0)
                found["refunded_tax", *where] += sum(facts.get("tax", {}).values())
        for row in self.tips:
            if row["paid_at"] is not None:
                found["share", iso(row["paid_at"] // DAY_MS), row["currency"], "fan_funding"] += row["earned"]
        tips = {row["id"]: row for row in self.tips}
        for row in self.back:
            if row["stage"] == "taken":
                where = (iso(row["updated_at"] // DAY_MS), tips[row["tip_id"]]["currency"], "fan_funding")
                found["share", *where] -= row["wanted"] - row["owed"]
        for row in self.movements:
            source = "other" if row["about"] is None else self._source(row["about"])
            found["fees", iso(row["booked_at"] // DAY_MS), row["currency"], source] += row["fee"]
        return {place: amount for place, amount in found.items() if amount}

    def _source(self, purchase_id: str) -> str:
        return SOURCES.get(self.purchases[purchase_id]["kind"], "sales")

    def _tax(self, row: dict[str, Any]) -> int:
        return sum(line["total"]["amount"] for line in json.loads(row["lines"]) if line["type"] == "tax")

    def net(self, currency: str, first: str, last: str) -> int:
        signs = {"gross": 1, "tax": -1, "refunds": -1, "refunded_tax": 1, "share": -1, "fees": -1}
        return sum(
            signs[figure] * amount
            for (figure, day, money, _), amount in self.money().items()
            if money == currency and first <= day <= last
        )

    def settled(self, currency: str) -> int:
        rows = [row for row in self.movements if row["about"] is not None and row["currency"] == currency]
        return sum(row["amount"] - row["fee"] for row in rows)

    def checkouts(self, currency: str) -> tuple[int, int]:
        """Return how many were sent to a gateway's page, and how many of them paid."""
        asked = [p for p in self.payments.values() if p["method"] is None and p["currency"] == currency]
        return len(asked), sum(one["received_amount"] > 0 for one in asked)

    def time_to_clear(self, currency: str) -> float:
        rows = [m for m in self.movements if m["kind"] == "payment" and m["about"] and m["currency"] == currency]
        return median((m["booked_at"] - self.payments[m["about"]]["created_at"]) // HOUR_MS for m in rows)

    def standings(self) -> list[tuple[int, str, str, str, int]]:
        """Return ``(when, subscription, customer, currency, amount a month)``, in order, each time one changes."""
        moved = []
        for one in self.invoices:
            if one["state"] == "paid" and one["period"] >= 0:
                moved.append((one["closed_at"], one["subscription_id"], one))
        for one in self.changes:
            if one["state"] == "done" and one["timing"] == "now":
                moved.append((one["closed_at"], one["subscription_id"], one))
        found = []
        for when, name, terms in moved:
            amount = monthly(terms["price"] * terms["seats"], terms["interval"])
            found.append((when, name, self.subscriptions[name]["customer_id"], terms["currency"], amount))
        for name, row in self.subscriptions.items():
            if row["ended_at"] is not None:
                found.append((row["ended_at"], name, row["customer_id"], row["currency"], 0))
        return sorted(found, key=lambda one: one[:2])

    def customers_by_day(self, days: range) -> dict[int, dict[str, dict[str, int]]]:
        """Return ``day -> customer -> currency -> amount a month`` at each day's end."""
        standing: dict[str, tuple[str, str, int]] = {}
        moved, by_day = self.standings(), {}
        for day in days:
            while moved and moved[0][0] < (day + 1) * DAY_MS:
                _, name, customer, currency, amount = moved.pop(0)
                standing[name] = (customer, currency, amount)
            at_end: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
            for customer, currency, amount in standing.values():
                if amount:
                    at_end[customer][currency] += amount
            by_day[day] = {customer: dict(owed) for customer, owed in at_end.items()}
        return by_day

    def dunning(self, currency: str) -> dict[str, tuple[int, int]]:
        """Return what renewals that failed at first came to: ``recovered`` and ``given_up`` -> amount, invoices."""
        found: dict[str, list[int]] = {}
        for one in self.invoices:
            kind = {"paid": "recovered", "uncollectible": "given_up"}.get(one["state"])
            is_late = one["state"] == "uncollectible" or one["attempts"] > 1
            if kind and is_late and one["period"] > 0 and one["total"] > 0 and one["currency"] == currency:
                found.setdefault(kind, []).append(one["total"])
        return {kind: (sum(totals), len(totals)) for kind, totals in found.items()}

    def left(self, currency: str, first: int, last: int) -> int:
        """Return how often a customer stopped paying in a currency within these days."""
        standing: dict[str, tuple[str, str, int]] = {}
        many = 0
        for when, name, customer, money, amount in self.standings():
            before = self._owed(standing, customer, currency)
            standing[name] = (customer, money, amount)
            has_left = before > 0 and self._owed(standing, customer, currency) == 0
            many += has_left and first <= when // DAY_MS <= last
        return many

    def _owed(self, standing: dict[str, tuple[str, str, int]], customer: str, currency: str) -> int:
        return sum(amount for who, money, amount in standing.values() if (who, money) == (customer, currency))

    def held(self) -> int:
        """Return what players hold now, which lots say; of days before they say nothing."""
        return sum(lot["remaining"] for lot in self.lots if lot["account"].endswith(":gems"))

    def given(self) -> int:
        return sum(row["amount"] for row in self.grants if row["asset"] == "gems")

    def spent(self) -> int:
        rows = self.purchases.values()
        return sum(row["total"] for row in rows if row["pay_with"] == "wallet" and row["status"] == "completed")
