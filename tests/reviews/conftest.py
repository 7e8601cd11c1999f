"""A shop with a judge who says what a test wants, and what the test asks of its reviews."""

from typing import Any

import pytest

from storefront.testing import OPERATOR_KEY, running_shop
from tests.plugins.conftest import strangers  # noqa: F401 a fixture

JUDGE = """
def __init__(self, config):
    self.says = {"purchase": "ALLOW", "payment": "ALLOW"}
    self.judges_payments = True
    self.asked = []

def verdict(self, about):
    from storefront.core.assessing import Assessment, Verdict
    return Assessment(Verdict[self.says[about]], (f"the {about} looks odd",))

@hookimpl
async def assess_purchase(self, attempt, plan):
    return self.verdict("purchase")

@hookimpl
async def assess_payment(self, attempt, plan):
    self.asked.append(attempt.facts)
    plan.count("judge:payments", anchor=attempt.customer_id)
    return self.verdict("payment")
"""


class Reviews:
    """What a test does with reviews: as the judge, as an operator, and by looking at the books."""

    def __init__(self, shop: Any) -> None:
        self.shop = shop
        self.judge = shop.parts.host.hooks.manager.get_plugin("judge")

    def say(self, **verdicts: str) -> None:
        """Let the judge answer this from now on: ``purchase="REVIEW"``."""
        self.judge.says |= verdicts

    async def listed(self, query: str = "?state=open") -> list[dict[str, Any]]:
        answer = await self.shop.bearing(OPERATOR_KEY).get(f"/v1/reviews{query}")
        assert answer.status == 200, answer
        return answer.json["data"]

    async def decide(self, purchase: Any, how: str, reason: str = "seen") -> Any:
        """Approve or reject, and return the answer."""
        path = f"/v1/reviews/{_id(purchase)}/{how}"
        return await self.shop.bearing(OPERATOR_KEY).post(path, {"reason": reason})

    def status(self, purchase: Any) -> str:
        """Return a purchase's real status, which its buyer does not see."""
        return self.shop.query("SELECT status FROM purchases WHERE id = ?", _id(purchase))[0]["status"]

    async def comes(self, purchase: Any, status: str) -> None:
        """Wait until a purchase has this real status, and nothing is left to do."""
        await self.shop.until(lambda: self.status(purchase) == status)
        await self.shop.quiet()

    def told(self, purchase: Any) -> list[str]:
        """Return what was told of a purchase, in order."""
        sql = "SELECT type FROM events WHERE subject = ? AND type LIKE 'purchase.%' ORDER BY sequence"
        return [row["type"].removeprefix("purchase.") for row in self.shop.query(sql, _id(purchase))]

    async def in_review(self, sku: str = "gems-500", *, customer: str = "ada", **more: Any) -> Any:
        """Return a purchase that was paid by card and is in review, its money authorised."""
        self.say(purchase="REVIEW")
        opened = await self.shop.buy(sku, customer=customer, currency="USD", **more)
        assert await self.shop.pay(opened) == 303
        await self.comes(opened, "in_review")
        return opened

    async def money(self, purchase: Any) -> tuple[str, int, int, int]:
        """Return the state of a payment at the gateway, how often and how much was captured, how much refunded."""
        payment = await self.shop.sandbox.payment_of(purchase)
        (found,) = [one for one in (await self.shop.sandbox.books())["payments"] if one["payment_intent"] == payment]
        return found["status"], found["times_charged"], found["captured"], found["refunded"]


def _id(purchase: Any) -> str:
    return (purchase if isinstance(purchase, dict) else purchase.json)["id"]


@pytest.fixture
def judge(strangers):  # noqa: F811
    """The judge, installed before anybody looks which plugins there are."""
    return strangers.write("judge", JUDGE)


@pytest.fixture
async def shop(judge, strangers, tmp_path):  # noqa: F811
    """The tiny shop with the judge; its books are audited when the test is over."""
    async with running_shop(tmp_path, strangers.shop("judge: {}")) as running:
        yield running


@pytest.fixture
def reviews(shop) -> Reviews:
    return Reviews(shop)
