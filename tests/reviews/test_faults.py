"""A gateway in trouble while it captures or lets go: what was decided is done once, whatever became of the reply."""

import pytest

from tests.faults.stories import Story
from tests.faults.troubles import ALL

CHOSEN = ("timeout_before", "timeout_after_success", "reset_after_success", "500_after_success", "502", "rate_limit",
          "truncated", "unknown_status", "dns")  # fmt: skip
TROUBLES = [trouble for trouble in ALL if trouble.name in CHOSEN]
CAPTURED, LET_GO = ("succeeded", 1, 499, 0), ("canceled", 0, 0, 0)


@pytest.mark.parametrize("how", ["approve", "reject"])
async def test_a_decision_is_carried_out_once_through_every_trouble(shop, reviews, how):
    verb = "capture" if how == "approve" else "cancel"
    decided = []
    for trouble in TROUBLES:
        purchase = await reviews.in_review(customer=trouble.name)
        reviews.say(purchase="ALLOW")
        async with Story(shop, [trouble], times=6).trouble(f"POST /v1/payment_intents/*/{verb}"):
            for _ in range(2):
                answer = await reviews.decide(purchase, how)
                assert answer.status in (200, 202), (trouble.name, answer)
        decided.append((trouble.name, purchase))
    await shop.advance("30m")
    await shop.quiet()

    status, money = ("completed", CAPTURED) if how == "approve" else ("rejected", LET_GO)
    for name, purchase in decided:
        assert (name, reviews.status(purchase), await reviews.money(purchase)) == (name, status, money)
        assert shop.balance(f"customer:{name}:gems") == (500 if how == "approve" else 0)


@pytest.mark.parametrize("says", ["ALLOW", "REFUSE"])
async def test_a_verdict_on_an_authorisation_is_carried_out_once_through_every_trouble(shop, reviews, says):
    reviews.say(payment=says)
    verb = "capture" if says == "ALLOW" else "cancel"
    judged = []
    for trouble in TROUBLES:
        opened = await shop.buy("gems-500", currency="USD", customer=trouble.name)
        async with Story(shop, [trouble], times=6).trouble(f"POST /v1/payment_intents/*/{verb}"):
            assert await shop.pay(opened) == 303
            await shop.as_customer(trouble.name).post(f"/v1/purchases/{opened.json['id']}/finalize")
        judged.append((trouble.name, opened))
    await shop.advance("30m")
    await shop.quiet()

    status, money = ("completed", CAPTURED) if says == "ALLOW" else ("rejected", LET_GO)
    for name, purchase in judged:
        assert (name, reviews.status(purchase), await reviews.money(purchase)) == (name, status, money)
    assert len(reviews.judge.asked) == len(TROUBLES)
