"""Every figure once more, in plain Python from purchases, refunds, payments and subscriptions; nothing of the shop's.

It reads rows that say how things stand, never entries or events, from which the shop's figures are counted.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import date, timedelta
from fractions import Fraction
from functools import cached_property
from statistics import median
from typing import Any

from tests.analytics.standings import Movement, movements

DAY_MS, HOUR_MS = 86_400_000, 3_600_000
FIRST = 22_280
"""2031-01-01, when the years begin."""
MICRO_UNITS = 10**12
"""So many parts of the smallest unit are one: what usage costs is counted in these."""
SOURCES = {"subscription": "memberships", "tip": "fan_funding"}


def iso(day: int) -> str:
    return (date(1970, 1, 1) + timedelta(days=day)).isoformat()


def monthly(price: int, interval: str) -> int:
    return price if interval == "month" else round(Fraction(price, 12))


def cohorts_of(by_day: Mapping[int, Mapping[str, Any]], last: int) -> tuple[dict[str, int], dict[tuple[str, int], int]]:
    """Return who joined by month, and how many of them pay at the end of each month after that is over."""
    ends = [day for day in by_day if iso(day + 1).endswith("-01") and day >= FIRST]
    since: dict[str, str] = {}
    for day in sorted(by_day):
        for customer in by_day[day]:
            since.setdefault(customer, iso(day)[:7])
    kept: dict[tuple[str, int], int] = {}
    for month in set(since.values()):
        after = [day for day in ends if iso(day)[:7] > month and day <= last]
        for number, day in enumerate(after, start=1):
            kept[month, number] = sum(since[customer] == month for customer in by_day[day])
    return dict(Counter(since.values())), kept


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
        self.pledged = {row["tip_id"] for row in query("SELECT * FROM fanfunding_pledges")}
        self.passbook = query("SELECT * FROM fanfunding_lines")
        self.payouts = query("SELECT * FROM fanfunding_payouts")
        self.decisions = query("SELECT * FROM fraud_decisions")
        self.listed = query("SELECT * FROM fraud_list_entries")
        self.credits = query("SELECT * FROM subscriptions_credits")
        self.grants = query("SELECT * FROM grants")
        self.customers = query("SELECT count(*) AS n FROM customers")[0]["n"]
        self.entries = query("SELECT count(*) AS n FROM entries")[0]["n"]
        self.usage = query("SELECT * FROM usage_accounts")
        self._movements: list[Movement] | None = None
        self.debts = query("SELECT * FROM debts")
        self.lots = query("SELECT * FROM lots")

    def money(self) -> dict[tuple[str, str, str, str], int]:
        """Return ``(figure, day, currency, source) -> amount``."""
        return self._money

    @cached_property
    def _money(self) -> dict[tuple[str, str, str, str], int]:
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
        for row in self.passbook:
            if row["owed"] < 0:  # what a creator owed is paid off by what came in later
                found["share", iso(row["created_at"] // DAY_MS), row["currency"], "fan_funding"] += row["owed"]
        for row in self.movements:
            source = "other" if row["about"] is None else self._source(row["about"])
            found["fees", iso(row["booked_at"] // DAY_MS), row["currency"], source] += row["fee"]
        return {place: amount for place, amount in found.items() if amount}

    def earned(self, currency: str, first: str, last: str) -> dict[tuple[str, str], int]:
        """Return ``(day, source) -> what it brought`` of a period; what went back is the source ``refunds``."""
        found: Counter[tuple[str, str]] = Counter()
        signs = {"gross": 1, "tax": -1, "share": -1, "fees": -1, "refunds": -1, "refunded_tax": 1}
        for (figure, day, money, source), amount in self.money().items():
            if money == currency and first <= day <= last:
                is_back = figure in ("refunds", "refunded_tax")
                found[day, "refunds" if is_back else source] += signs[figure] * amount
        return found

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
        moved, by_day, at = self.standings(), {}, 0
        for day in days:
            while at < len(moved) and moved[at][0] < (day + 1) * DAY_MS:
                _, name, customer, currency, amount = moved[at]
                at += 1
                standing[name] = (customer, currency, amount)
            at_end: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
            for customer, currency, amount in standing.values():
                if amount:
                    at_end[customer][currency] += amount
            by_day[day] = {customer: dict(owed) for customer, owed in at_end.items()}
        return by_day

    def late(self, currency: str, first: int, last: int) -> dict[str, list[int]]:
        """Return the renewals that failed at first and were decided in some days: ``recovered``, ``given_up``."""
        found: dict[str, list[int]] = {}
        for one in self.invoices:
            kind = {"paid": "recovered", "uncollectible": "given_up"}.get(one["state"])
            is_late = one["state"] == "uncollectible" or one["attempts"] > 1
            is_renewal = one["period"] > 0 and one["total"] > 0 and one["currency"] == currency
            if kind and is_late and is_renewal and first <= one["closed_at"] // DAY_MS <= last:
                found.setdefault(kind, []).append(one["total"])
        return found

    def dunning(self, currency: str) -> dict[str, tuple[int, int]]:
        """Return what those of all time came to: amount, invoices."""
        return {kind: (sum(some), len(some)) for kind, some in self.late(currency, 0, 99_999).items()}

    def steps(self) -> list[int]:
        """Return how many customers are known, began, tried, had for nothing, paid, paid again, and are over."""
        paid = Counter(
            row["customer_id"]
            for row in self.invoices
            if row["state"] == "paid" and row["period"] >= 0 and row["total"] > 0
        )
        done = [row for row in self.invoices if row["state"] == "paid"]
        states: dict[str, set[str]] = defaultdict(set)
        for row in self.subscriptions.values():
            states[row["customer_id"]].add(row["billing_state"])
        ended = {"canceled", "incomplete_expired"}
        return [
            self.customers,
            len(states),
            len({row["customer_id"] for row in done if row["period"] < 0}),
            len({row["customer_id"] for row in done if row["period"] >= 0 and row["total"] == 0}),
            len(paid),
            sum(times > 1 for times in paid.values()),
            sum("canceled" in one and one <= ended for one in states.values()),
        ]

    def recurring(self) -> list[Movement]:
        """Return how what customers pay a month moved."""
        if self._movements is None:
            self._movements = movements(self.standings())
        return self._movements

    def left(self, currency: str, first: int, last: int) -> int:
        """Return how often a customer stopped paying in a currency within these days."""
        return sum(
            (money, kind) == (currency, "churn") and first <= when // DAY_MS <= last
            for when, money, kind, _ in self.recurring()
        )

    def moved(self, currency: str, first: int, last: int) -> dict[str, dict[int, int]]:
        """Return ``kind -> day -> amount`` of what moved within these days."""
        found: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        for when, money, kind, amount in self.recurring():
            if money == currency and first <= when // DAY_MS <= last:
                found[kind][when // DAY_MS] += amount
        return found

    def held(self) -> int:
        """Return what players hold now, which lots say; of days before they say nothing."""
        return sum(lot["remaining"] for lot in self.lots if lot["account"].endswith(":gems"))

    def given(self) -> int:
        """Return what was granted, by hand and by memberships."""
        by_hand = sum(row["amount"] for row in self.grants if row["asset"] == "gems")
        return by_hand + sum(row["amount"] for row in self.credits)

    def used(self) -> int:
        """Return what left wallets for what was used."""
        return sum(int(row["billed"]) for row in self.usage) // MICRO_UNITS

    def spent(self) -> int:
        rows = self.purchases.values()
        return sum(row["total"] for row in rows if row["pay_with"] == "wallet" and row["status"] == "completed")
