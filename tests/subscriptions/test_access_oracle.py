"""Access at any time is what an oracle says that knows only what was done and paid (S4).

Ten subscribers live through four months of random deeds on one time line. At every due date, deed, beginning and
end of access, a second before and after, and at 200 instants drawn at random, they are asked whether they may.
"""

import json
import os
from random import Random
from typing import Any

from storefront.testing import Wall, running_shop
from tests.shop.topping_up import save_method

from .access_oracle import DAY, Life, access_of, changes, has_access
from .conftest import SUBSCRIBED
from .subscribing import GOOD, subscribe

DAYS = 120
INSTANTS = 200
DUNNING = "subscriptions: {dunning: {retries: [1d, 2d], grace: 7d}, pause: {customers: true, max: 20d}}"
CARDS = {"bad card": "4000000000009995", "lost card": "4000000000009979", "good card": GOOD.replace(" ", "")}
RIGHTS = {"basic": "lounge", "tried": "chapters"}
GEMS = 300
GEMS_SPENT = """
    SELECT e.occurred_at FROM entries e JOIN transfers t ON t.entry_id = e.id
    JOIN customers c ON t.source = 'customer:' || c.id || ':gems' WHERE c.external_id = ? ORDER BY e.occurred_at
"""
BEGUN = 1_893_672_000  # 2030-01-03 12:00 UTC


class StillWall(Wall):
    """A clock that stands until it is moved, so that instants are met to the second."""

    def __init__(self) -> None:
        super().__init__()
        self.now = BEGUN

    def __call__(self) -> int:
        return self.now * 1000


class Member:
    """A subscriber: how they pay, what they have been up to, and what they were told about their access."""

    def __init__(self, name: str, kind: str) -> None:
        self.name, self.kind = name, kind
        self.sku = "tried" if kind == "trial" else "basic"
        self.subscription = ""
        self.life = Life(began=0)
        self.plans: list[tuple[int, str]] = []
        self.told: dict[int, bool] = {}


class TimeLine:
    """One shop and its members; ``down`` is when its server is off."""

    def __init__(self, shop, wall: StillWall, random: Random) -> None:
        self.shop, self.wall, self.random = shop, wall, random
        self.down = (BEGUN + 65 * DAY, BEGUN + 68 * DAY)
        self.horizon = BEGUN + DAYS * DAY
        self.members = [Member(f"{kind}-{number}", kind) for kind, count in (("card", 5), ("trial", 3), ("gems", 2))
                        for number in range(count)]  # fmt: skip
        self._marks: dict[int, set[str]] = {
            self._instant(0): {one.name for one in self.members} for _ in range(INSTANTS)
        }
        self._gone: set[str] = set()
        self._charged: list[tuple[int, str]] = []
        self._read_to: int | None = None
        for member in self.members:
            member.plans = self._plans(member)

    def _instant(self, since: int) -> int:
        """Draw an instant at which the server is up."""
        while True:
            found = BEGUN + self.random.randrange(since * DAY + 1, DAYS * DAY)
            if not self.down[0] - 2 <= found <= self.down[1] + 2:
                return found

    def _plans(self, member: Member) -> list[tuple[int, str]]:
        cards = ["bad card", "lost card", "lost card", "good card", "good card"]
        words = ["earn", "earn", "earn"] if member.kind == "gems" else cards
        words += ["ends", "stays", "pauses", *(["pauses now"] * 2 if member.kind == "gems" else [])]
        words += ["refunds", "earlier", "loses"] if member.kind == "card" else []
        begin = BEGUN + self.random.randrange(20 * DAY)
        count = self.random.randint(1, 6)
        drawn = {self._instant(20): self.random.choice(words) for _ in range(count)}
        if self.random.random() < 0.25:
            drawn[self._instant(40)] = "leaves"
        return [(begin, "begin"), *sorted(drawn.items())]

    async def play(self) -> None:
        while (instant := self._next()) is not None:
            if self.down[0] <= instant < self.down[1]:
                await self.shop.stop()
                self.wall.now = self.down[1]
                await self.shop.start()
            else:
                self.wall.now = instant
            await self._let_happen()
            for member in self.members:
                while member.plans and member.plans[0][0] <= self.wall.now:
                    await self._do(member, member.plans.pop(0)[1])
            await self._let_happen()
            await self._read_books()
            await self._ask()

    def _next(self) -> int | None:
        """Return the next instant at which something is due, planned or to be asked, or a second beside that."""
        sql = "SELECT payload, due_at FROM jobs WHERE kind = 'subscriptions.advance' AND state = 'waiting'"
        due = {json.loads(row["payload"])["subscription"]: row["due_at"] // 1000 for row in self.shop.query(sql)}
        for member in self.members:
            marks = [at for at, _ in member.plans]
            if member.subscription:
                marks += [due.get(member.subscription, 0), *changes(access_of(member.life, self.down, self.horizon))]
            for mark in marks:
                for at in (mark - 1, mark, mark + 1):
                    self._marks.setdefault(at, set()).add(member.name)
        return min((at for at in self._marks if self.wall.now < at <= self.horizon), default=None)

    async def _let_happen(self) -> None:
        self.shop.parts.jobs.wake()
        await self.shop.quiet()

    async def _do(self, member: Member, what: str) -> None:
        if what == "begin":
            await self._begin(member)
        elif what == "earn":
            await self._earn(member, self.random.randint(1, 2))
        elif what in ("ends", "stays", "leaves"):
            path = f"/v1/subscriptions/{member.subscription}/{'resume' if what == 'stays' else 'cancel'}"
            body = {} if what == "stays" else {"at": "now" if what == "leaves" else "period_end"}
            answer = await self.shop.as_customer(member.name).post(path, body)
            assert answer.status in (200, 409), answer
            if answer.status == 409 and what == "stays":
                return
        elif what in ("pauses", "pauses now"):
            if not await self._pause(member, what):
                return
        elif what in CARDS:
            if not await self._turn(member, what):
                return
        else:
            await self._money_back(member, what)
        if what not in ("begin", "earn", "refunds", "loses", "earlier"):
            member.life.deeds.append((self.wall.now, what))

    async def _pause(self, member: Member, what: str) -> bool:
        """Ask for a pause; tell whether it was granted: not while anything is due, or it ends with its period."""
        path, body = f"/v1/subscriptions/{member.subscription}/pause", {"at": "now" if " " in what else "period_end"}
        answer = await self.shop.as_customer(member.name).post(path, body)
        assert answer.status in (200, 409), answer
        return answer.status == 200

    async def _begin(self, member: Member) -> None:
        more: dict[str, Any] = {}
        if member.kind == "gems":
            await self._earn(member, 2)
            more["currency"] = "gems"
        member.life.began = self.wall.now
        member.life.trial = 14 * DAY if member.kind == "trial" else 0
        member.life.has_card = member.kind != "trial"
        member.subscription = await subscribe(self.shop, member.sku, customer=member.name, **more)

    async def _earn(self, member: Member, months: int) -> None:
        grant = {"customer": member.name, "asset": "gems", "amount": GEMS * months, "reason": "played"}
        key = f"{member.name}-{self.wall.now}"
        assert (await self.shop.as_server().post("/v1/grants", grant, key=key)).status == 201

    async def _turn(self, member: Member, what: str) -> bool:
        """Let the bank of all cards think anew, if any are there; a good one replaces what was lost or never was."""
        said = [word for _, word in member.life.deeds if word in CARDS]
        if what == "good card" and (not said or said[-1] == "lost card"):
            await save_method(self.shop, customer=member.name)
        cards = self._references(member)
        for card in cards:
            await self.shop.sandbox.turn_card(card, CARDS[what])
        return bool(cards)

    def _references(self, member: Member) -> list[str]:
        sql = "SELECT reference FROM payment_methods JOIN customers c ON c.id = customer_id WHERE c.external_id = ?"
        return [row["reference"] for row in self.shop.query(sql, member.name)]

    async def _money_back(self, member: Member, what: str) -> None:
        charges = self._charges(member)
        number = -2 if what == "earlier" else -1
        if len(charges) < -number or charges[number][1] in self._gone:
            return
        purchase = charges[number][1]
        self._gone.add(purchase)
        if what == "loses":
            await self.shop.sandbox.dispute({"id": purchase}, "lost")
        else:
            path, body = f"/v1/purchases/{purchase}/refunds", {"reason": "asked"}
            assert (await self.shop.as_server().post(path, body, key=purchase)).status in (201, 202)
        member.life.deeds.append((self.wall.now, what))

    def _charges(self, member: Member) -> list[tuple[int, str]]:
        """Return when which purchases of a member were charged, by the gateway's own books."""
        sql = ("SELECT gateway_payment, purchase_id FROM payments p JOIN customers c ON c.id = p.customer_id "
               "WHERE c.external_id = ?")  # fmt: skip
        theirs = {row["gateway_payment"]: row["purchase_id"] for row in self.shop.query(sql, member.name)}
        return sorted((at, theirs[payment]) for at, payment in self._charged if payment in theirs)

    async def _read_books(self) -> None:
        last = self.shop.query("SELECT max(commit_no) AS last FROM entries")[0]["last"]
        if last == self._read_to:
            return
        self._read_to = last
        headers = {"Authorization": f"Bearer {self.shop.sandbox.secret_key}"}
        async with self.shop.http.get("/sandbox/v1/charges?limit=100", headers=headers) as response:
            listed = await response.json()
        assert not listed["has_more"]
        self._charged = [(one["created"], one["payment_intent"]) for one in listed["data"] if one["paid"]]
        for member in self.members:
            if member.kind == "gems":
                member.life.paid = [row["occurred_at"] // 1000 for row in self.shop.query(GEMS_SPENT, member.name)]
            else:
                member.life.paid = [at for at, _ in self._charges(member)]

    async def _ask(self) -> None:
        asked = self._marks.get(self.wall.now, ())
        for member in self.members:
            if member.subscription and member.name in asked:
                path = f"/v1/entitlements/{RIGHTS[member.sku]}?customer={member.name}"
                answer = await self.shop.as_server().get(path)
                member.told[self.wall.now] = answer.json["allowed"]


async def test_access_is_what_the_oracle_says_of_deeds_and_payments(data_folder, database_url):
    seed = int(os.environ.get("STOREFRONT_SEED") or Random().randrange(1_000_000))
    print(f"seed {seed}: STOREFRONT_SEED={seed} plays it again")
    wall = StillWall()
    config = SUBSCRIBED.replace("subscriptions: {}", DUNNING)
    async with running_shop(data_folder, config, database=database_url, wall=wall) as shop:
        line = TimeLine(shop, wall, Random(seed))
        await line.play()
    for member in line.members:
        spans = access_of(member.life, line.down, line.horizon)
        wrong = [
            f"{member.name} was told {told} at {at - BEGUN}, the oracle says {not told}: {spans}, {member.life}"
            for at, told in member.told.items()
            if told is not has_access(spans, at)
        ]
        assert not wrong, f"seed {seed}\n{wrong[0]}"
        near = {at + by for at in changes(spans) for by in (-1, 0, 1) if BEGUN < at + by < line.horizon}
        unasked = {at for at in near if at not in member.told and not line.down[0] <= at <= line.down[1]}
        assert unasked <= {member.life.began - 1}, f"seed {seed}: {member.name} was not asked at {unasked}"
        assert len(member.told) >= INSTANTS // 2, "it was asked at the instants that were drawn, too"
