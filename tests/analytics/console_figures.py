"""The figures on the console's pages, as they are drawn, against the oracle: every tile, every row of every chart."""

import json
from collections import Counter
from datetime import date
from fractions import Fraction
from typing import Any

import aiohttp

from storefront.core.operators.people import add_operator
from storefront.core.operators.roles import OperatorRole
from storefront.core.operators.signing_in import make_link
from tests.analytics.given_oracle import GEMS, given, paid_off, purse, taken_with_periods, wallets
from tests.analytics.oracle import DAY_MS, FIRST, Oracle, cohorts_of, iso
from tests.analytics.sheets import Sheet, number, numbers

SOURCES = {"sales": "Sales", "memberships": "Memberships", "fan_funding": "Fan funding", "other": "Other"}
GIVEN = {"tips": "Tips", "pledges": "Pledges", "elsewhere": "Elsewhere"}
KINDS = {"new": "New", "expansion": "More", "reactivation": "Came back", "contraction": "Less", "churn": "Left"}
WALLET = {"purchased": "Purchased", "gift": "Gift", "granted": "Granted", "memberships": "Memberships",
          "returned": "Returned", "item": "Item", "tip": "Tip", "subscription": "Subscription",
          "taken_back": "Taken back"}  # fmt: skip
DATED = frozenset(WALLET.values())
_MONTHS = {
    f"{date(year, month, 1):%b %Y}": f"{year}-{month:02}" for year in (2031, 2032, 2033) for month in range(1, 13)
}
COHORTS = 8
"""How many months of members the first page shows."""
SPANS = (("7", 7), ("30", 30), ("90", 90))


def months_back(day: str, many: int) -> str:
    """Return the month so many before a day's."""
    year, month = divmod(int(day[:4]) * 12 + int(day[5:7]) - 1 - many, 12)
    return f"{year}-{month + 1:02}"


class Pages:
    """The console as one signed-in operator reads it, and the oracle beside it."""

    def __init__(self, http: aiohttp.ClientSession, oracle: Oracle, now: int) -> None:
        last = now // DAY_MS
        self._http, self._oracle, self._now, self._last = http, oracle, now, last
        self._by_day = oracle.customers_by_day(range(FIRST - 1, last + 1))
        self._kept = cohorts_of(self._by_day, last)

    async def _read(self, path: str) -> Sheet:
        async with self._http.get(path) as answer:
            assert answer.status == 200, path
            return Sheet(await answer.text())

    async def compare(self) -> None:
        for span, days in SPANS:
            for currency in ("USD", "EUR", "GBP", "JPY"):
                sheet = await self._read(f"/console?span={span}&currency={currency}")
                self._tiles(sheet, currency, days)
                self._revenue(sheet, currency, days)
                self._given(sheet, "Fan funding by source", currency, days)
                self._wallet(sheet, days)
                self._cohorts(sheet)
                await self._memberships(span, currency, days)
            await self._creators(span, days)
            await self._wallets(span, days)
        await self._rules()
        await self._lists()
        await self._books()

    def _owed(self, day: int, currency: str) -> list[int]:
        return [one[currency] for one in self._by_day[day].values() if currency in one]

    def _tiles(self, sheet: Sheet, currency: str, days: int) -> None:
        last, before = self._last, self._last - days
        now, was = self._owed(last, currency), self._owed(before, currency)
        figure, below = sheet.tiles["Monthly recurring"]
        assert number(figure) == sum(now), (currency, days)
        assert number(below.partition("was")[2]) == sum(was)
        for other in ("USD", "EUR", "GBP", "JPY"):
            amount = sum(self._owed(last, other))
            if other != currency and amount:
                assert amount in numbers(below.partition("also")[2])
        left = self._oracle.left(currency, before + 1, last)
        self._share(sheet.tiles["Churn"][0], left, len(was))
        shown = sheet.tiles["Per member"][0]
        assert number(shown) == (round(Fraction(sum(now), len(now))) if now else 0)
        lifetime = sheet.tiles["Lifetime value"][0]
        if left and now and was:
            churn = Fraction(left, len(was))
            assert number(lifetime) == round(Fraction(sum(now), len(now)) / (churn / days * Fraction("30.4375")))
        else:
            assert lifetime == "–"

    def _share(self, shown: str, part: int, whole: int) -> None:
        """Check a share in per cent, which is shown with one decimal."""
        if not whole:
            assert shown == "–"
        else:
            assert abs(number(shown) - Fraction(1000 * part, whole)) <= Fraction(1, 2), (shown, part, whole)

    def _revenue(self, sheet: Sheet, currency: str, days: int) -> None:
        earned = self._oracle.earned(currency, iso(self._last - days + 1), iso(self._last))
        before = self._oracle.earned(currency, iso(self._last - 2 * days + 1), iso(self._last - days))
        if not any(earned.values()):
            assert "Net revenue per day" not in sheet.tables
            return
        rows = sheet.tables["Net revenue per day"]
        names = rows[0][1:-1]
        for at, row in enumerate(rows[1:-1]):
            day = iso(self._last - days + 1 + at)
            told = {name: number(cell) for name, cell in zip(names, row[1:-1], strict=True)}
            due = {words: earned.get((day, source), 0) for source, words in SOURCES.items()}
            due["Refunds"] = earned.get((day, "refunds"), 0)
            assert {name: amount for name, amount in told.items() if amount} == {
                name: amount for name, amount in due.items() if amount
            }, (currency, day)
            assert number(row[-1]) == sum(due.values())
        assert number(rows[-1][-1]) == sum(earned.values())
        shown = sheet.figures["Net revenue per day"]
        assert number(shown) == sum(earned.values())
        if sum(before.values()):
            change = Fraction(1000 * abs(sum(earned.values()) - sum(before.values())), abs(sum(before.values())))
            assert abs(numbers(shown)[1] - change) <= Fraction(1, 2)
        for other in ("USD", "EUR", "GBP"):
            net = sum(self._oracle.earned(other, iso(self._last - days + 1), iso(self._last)).values())
            if other != currency and net:
                assert net in numbers(sheet.hints["Net revenue per day"])

    def _cohorts(self, sheet: Sheet) -> None:
        """Check who joined in each month, and of months with many how many still paid after one, two … of them."""
        joined, kept = self._kept
        title = "Of 100 who joined, still paying"
        rows, titles = sheet.tables.get(title, [])[1:], sheet.titles.get(title, [])[1:]
        first = months_back(iso(self._last), COHORTS - 1)
        assert bool(rows) == any(month >= first for month in joined)
        for row, told in zip(rows, titles, strict=True):
            month = _MONTHS[row[0]]
            assert number(row[1]) == joined.get(month, 0), month
            for at, words in enumerate(told[2:], start=1):
                assert not words or numbers(words) == [kept[month, at], joined[month]]

    def _given(self, sheet: Sheet, title: str, currency: str, days: int, words: dict[str, str] | None = None) -> None:
        due: Counter[str] = Counter()
        for (source, _), amount in given(self._oracle, currency, self._last - days + 1, self._last).items():
            due[(words or GIVEN)[source]] += amount
        if not due:
            assert title not in sheet.tables
            return
        shown = {name: one[0] for name, one in sheet.numbers(title).items()}
        assert shown == {**due, "Total": due.total()}, (title, currency)
        assert number(sheet.figures[title]) == due.total()

    def _wallet(self, sheet: Sheet, days: int) -> None:
        due = wallets(self._oracle, self._last - days + 1, self._last)
        assert numbers(sheet.hints["Gems in and out"])[-1] == self._oracle.held()
        if "Gems in and out" not in sheet.tables:
            assert not any(map(any, due.values()))
            return
        rows = {row[0]: sum(map(number, row[1:])) for row in sheet.tables["Gems in and out"][1:-1]}
        self._same({name: (amount,) for name, amount in rows.items()}, due, days)
        into, out_of = (number(cell) for cell in sheet.tables["Gems in and out"][-1][1:])
        assert number(sheet.figures["Gems in and out"]) == into - out_of

    def _same(self, rows: dict[str, tuple[int, ...]], due: dict[str, tuple[int, int]], days: int) -> None:
        """Compare what came in and went out.

        Of what was taken back with a period's money, and of grants that paid off a debt, rows tell only the most.
        """
        taken = rows.pop("Taken back", (0,))[0] - due.pop("taken_back", (0, 0))[0]
        assert 0 <= taken <= taken_with_periods(self._oracle, self._last - days + 1, self._last)
        granted = due.pop("granted", (0, 0))[0]
        assert 0 <= granted - rows.pop("Granted", (0,))[0] <= paid_off(self._oracle)
        shown = {name: told for name, told in rows.items() if name in DATED}
        assert shown == {WALLET[name]: told[: len(shown.get(WALLET[name], told))] for name, told in due.items()}

    async def _memberships(self, span: str, currency: str, days: int) -> None:
        sheet = await self._read(f"/console/memberships?span={span}&currency={currency}")
        last, before = self._last, self._last - days
        now, was = self._owed(last, currency), self._owed(before, currency)
        assert number(sheet.tiles["Monthly recurring"][0]) == sum(now)
        self._share(sheet.tiles["Customers who left"][0], self._oracle.left(currency, before + 1, last), len(was))
        moved = self._oracle.moved(currency, before + 1, last)
        gone = -sum(sum(moved[kind].values()) for kind in ("churn", "contraction") if kind in moved)
        self._share(sheet.tiles["Revenue lost"][0], gone, sum(was))
        if moved:
            rows = sheet.tables["How monthly recurring moved"]
            for at, row in enumerate(rows[1:-1]):
                day = before + 1 + at
                due = {KINDS[kind]: by_day.get(day, 0) for kind, by_day in moved.items()}
                assert dict(zip(rows[0][1:-1], map(number, row[1:-1]), strict=True)) == due, iso(day)
            assert number(rows[-1][-1]) == sum(sum(one.values()) for one in moved.values())
        else:
            assert "How monthly recurring moved" not in sheet.tables
        self._dunning(sheet, currency, before + 1, last)
        self._funnel(sheet)
        if f"{len(now):,} pay" in sheet.root.words():
            assert sum(now) in numbers(sheet.root.words())

    def _dunning(self, sheet: Sheet, currency: str, first: int, last: int) -> None:
        told = {name: sum(amounts) for name, amounts in self._oracle.late(currency, first, last).items()}
        many = {name: len(amounts) for name, amounts in self._oracle.late(currency, first, last).items()}
        lines = sheet.lines["Renewals that failed"]
        for words, kind in (("Paid by a later attempt", "recovered"), ("Given up", "given_up")):
            assert number(lines[f"{words} ({many.get(kind, 0):,})"]) == told.get(kind, 0)
        won, lost = told.get("recovered", 0), told.get("given_up", 0)
        self._share(lines["Won back, of what is decided"], won, won + lost)
        self._share(sheet.tiles["Won back after a decline"][0], won, won + lost)

    def _funnel(self, sheet: Sheet) -> None:
        due = self._oracle.steps()
        shown = [one[0] for name, one in sheet.numbers("How far customers came").items() if name != "Total"]
        assert shown == due

    async def _creators(self, span: str, days: int) -> None:
        for currency in ("USD", "EUR", GEMS):
            sheet = await self._read(f"/console/creators?span={span}&currency={currency}")
            words = {**GIVEN, "elsewhere": "Given elsewhere"}
            self._given(sheet, "Fan funding by source", currency, days, words)
            due = given(self._oracle, currency, self._last - days + 1, self._last)
            if due:
                assert sheet.numbers("Fan funding by creator")["Total"] == [sum(due.values())]
                one = await self._read(f"/console/creators/luna?span={span}&currency={currency}")
                rows = one.tables["What fans gave"]
                by_day: Counter[int] = Counter()
                for (_, day), amount in due.items():
                    by_day[day] += amount
                shown = [number(row[-1]) for row in rows[1:-1]]
                assert shown == [by_day[self._last - days + 1 + at] for at in range(days)]
        ready = {code: purse(self._oracle, code) for code in ("USD", "EUR", GEMS)}
        row = sheet.tables["Creators"][1]
        assert sorted(numbers(row[1])) == sorted(amount for amount, _ in ready.values() if amount)
        assert sorted(numbers(row[2])) == sorted(waits for _, waits in ready.values() if waits)
        lately = [tip for tip in self._oracle.tips if (tip["paid_at"] or 0) >= self._now - 30 * DAY_MS]
        sums: Counter[str] = Counter()
        for tip in lately:
            sums[tip["currency"]] += tip["amount"]
        assert numbers(row[4]) == ([len(lately), *(amount for _, amount in sorted(sums.items()))] if lately else [])

    async def _wallets(self, span: str, days: int) -> None:
        sheet = await self._read(f"/console/wallets?span={span}")
        held = [lot for lot in self._oracle.lots if lot["account"].endswith(f":{GEMS}") and lot["remaining"]]
        _, amount, many = sheet.tables["Held by customers"][1]
        assert (number(amount), number(many)) == (self._oracle.held(), len({lot["account"] for lot in held}))
        due = wallets(self._oracle, self._last - days + 1, self._last)
        assert numbers(sheet.hints["Gems in and out"])[-1] == self._oracle.held()
        if "Gems in and out" not in sheet.tables:
            assert not any(map(any, due.values()))
            return
        rows = {row[0]: tuple(map(number, row[1:3])) for title in ("Where it came from", "Where it went")
                for row in sheet.tables.get(title, [])[1:]}  # fmt: skip
        self._same(rows, due, days)

    async def _rules(self) -> None:
        """Check what was decided within 7 days, by day and verdict."""
        sheet = await self._read("/console/fraud")
        first = self._last - 6
        due = [row for row in self._oracle.decisions if row["created_at"] // DAY_MS >= first]
        if not due:
            assert "Decided within 7 days" not in sheet.tables
            return
        rows = sheet.tables["Decided within 7 days"]
        shown = [number(row[-1]) for row in rows[1:-1]]
        by_day = Counter(row["created_at"] // DAY_MS for row in due)
        assert shown == [by_day[first + at] for at in range(7)]
        assert number(sheet.figures["Decided within 7 days"]) == len(due)
        since = self._now - 7 * DAY_MS
        lately = [row for row in self._oracle.decisions if row["created_at"] >= since]
        matched = Counter(one["rule"] for row in lately for one in json.loads(row["matches"]))
        title = "Matched within 7 days, by rule"
        rows = sheet.numbers(title) if matched else {}
        shown = [row[0] for name, row in rows.items() if name != "Total"]
        assert sorted(shown) == sorted(matched.values())
        assert bool(matched) == (title in sheet.tables)

    async def _lists(self) -> None:
        sheet = await self._read("/console/fraud")
        there = Counter(
            row["list"] for row in self._oracle.listed if row["expires_at"] is None or row["expires_at"] > self._now
        )
        assert {name: one[0] for name, one in sheet.numbers("Lists").items() if one[0]} == there

    async def _books(self) -> None:
        sheet = await self._read("/console/books")
        assert number(sheet.tiles["Owed to customers"][0]) == self._oracle.held()
        assert number(sheet.tiles["Unmatched"][0]) == 0
        assert number(sheet.tiles["Entries"][0]) == self._oracle.entries


async def compare_pages(shop: Any, oracle: Oracle) -> None:
    """Read the console's pages as a support operator, and compare all that they show."""
    services = shop.parts.services
    now = services.clock.now()
    login = f"eyes-{now}@example.com"
    await add_operator(services, login, OperatorRole.SUPPORT, actor="operator:shell")
    _, code, _ = await make_link(services, login, actor="operator:shell")
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(base_url=shop.url, cookie_jar=jar) as http:
        async with http.post("/console/sign-in/link", data={"code": code}) as answer:
            assert answer.status == 200
        await Pages(http, oracle, now).compare()
