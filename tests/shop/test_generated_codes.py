"""Codes by the thousand, switching codes off, and what stands in the way of guessing them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from storefront.testing import Answer, Shop, running_shop
from storefront.testing.tiny_shop import OPERATOR_KEY, TINY_SHOP

CODES = """
promo_codes:
  NEWS: {percent: 50, bulk: true, per_customer: 1}
  WINTER: {percent: 10}
"""


@pytest.fixture
async def mailing(data_folder, database_url) -> AsyncIterator[Shop]:
    async with running_shop(data_folder, TINY_SHOP + CODES, database=database_url) as shop:
        yield shop


async def generate(shop: Shop, batch: str, count: int) -> Answer:
    body = {"batch": batch, "count": count}
    return await shop.bearing(OPERATOR_KEY).post("/v1/promo-codes/news/codes", body)


async def codes(shop: Shop, batch: str) -> list[str]:
    """Return all codes of a batch, read page by page."""
    found: list[str] = []
    after: str | None = ""
    while after is not None:
        cursor = f"&after={after}" if after else ""
        page = await shop.bearing(OPERATOR_KEY).get(f"/v1/promo-codes/NEWS/codes?batch={batch}&limit=400{cursor}")
        assert page.status == 200, page
        found += [one["code"] for one in page.json["data"]]
        after = page.json["next"]
    return found


async def switch(shop: Shop, code: str, verb: str) -> Any:
    answer = await shop.bearing(OPERATOR_KEY).post(f"/v1/promo-codes/{code}/{verb}")
    assert answer.status == 200, answer
    return answer.json


async def test_a_batch_is_made_once_however_often_it_is_asked_for(mailing):
    first = await generate(mailing, "december", 1200)
    again = await generate(mailing, "december", 1200)
    await generate(mailing, "press", 3)

    assert first.json == {"campaign": "NEWS", "batch": "december", "made": 1200, "count": 1200}
    assert again.json == first.json
    made = await codes(mailing, "december")
    assert (len(made), len(set(made))) == (1200, 1200)
    assert all(len(code) == 19 and set(code) <= set("23456789ABCDEFGHJKMNPQRSTVWXYZ-") for code in made)
    listed = (await mailing.bearing(OPERATOR_KEY).get("/v1/promo-codes")).json["data"]
    assert [(one["code"], one["generated"]) for one in listed] == [("NEWS", 1203), ("WINTER", 0)]


async def test_a_batch_that_many_make_at_once_has_as_many_codes_as_were_asked_for(mailing):
    answers = await asyncio.gather(*(generate(mailing, "rush", 900) for _ in range(8)))

    assert {answer.json["made"] for answer in answers} == {900}
    assert len(set(await codes(mailing, "rush"))) == 900


async def test_a_generated_code_works_once_and_one_per_customer(mailing):
    await generate(mailing, "december", 2)
    first, second = await codes(mailing, "december")

    bought = await mailing.bought("gems-500", promo_code=first.lower().replace("-", " "))
    taken = await mailing.buy("gems-500", customer="bob", promo_code=first)
    greedy = await mailing.buy("gems-500", promo_code=second)
    shown = await mailing.bearing(OPERATOR_KEY).get(f"/v1/promo-codes/{first}")

    assert bought["total"]["amount"] == 249
    assert (taken.json["reason"], greedy.json["reason"]) == ("used_up", "used_by_you")
    assert (await mailing.buy("gems-500", promo_code="NEWS")).json["reason"] == "unknown"
    told = shown.json["redemptions"][0]
    assert (shown.json["campaign"], shown.json["batch"], told["purchase"]) == ("NEWS", "december", bought["id"])
    assert (told["customer"], told["state"]) == ("ada", "redeemed")
    assert told["discount"] == {"amount": 250, "currency": "USD"}


async def test_what_is_switched_off_answers_like_what_never_was(mailing):
    await generate(mailing, "december", 1)
    (code,) = await codes(mailing, "december")
    never = await mailing.buy("gems-500", promo_code="NEVERWAS")
    for name, typed in (("WINTER", "winter"), (code, code), ("NEWS", code)):
        assert (await switch(mailing, name, "disable"))["disabled_at"] is not None
        refused = await mailing.buy("gems-500", promo_code=typed)
        assert {**refused.json, "request_id": ""} == {**never.json, "request_id": ""}
        assert (await switch(mailing, name, "enable"))["disabled_at"] is None
        quote = await mailing.as_customer().post("/v1/quotes", {"sku": "gems-500", "promo_code": typed})
        assert quote.status == 200
    actions = mailing.query("SELECT action FROM audit_actions ORDER BY id")
    assert [one["action"] for one in actions if one["action"].startswith("promo_code.")] == [
        "promo_code.disabled", "promo_code.enabled",
    ] * 3  # fmt: skip


async def test_a_purchase_that_was_begun_before_its_code_was_switched_off_keeps_its_price(mailing):
    held = await mailing.buy("gems-500", promo_code="winter")
    await switch(mailing, "WINTER", "disable")

    assert await mailing.pay(held) == 303
    assert (await mailing.settled(held))["total"]["amount"] == 449


async def test_only_operators_work_with_codes(mailing):
    for caller in (mailing.as_customer(), mailing.as_server(), mailing.as_nobody()):
        assert (await caller.get("/v1/promo-codes")).status in (401, 403)
        assert (await caller.post("/v1/promo-codes/WINTER/disable")).status in (401, 403)
    operator = mailing.bearing(OPERATOR_KEY)
    assert (await operator.get("/v1/promo-codes/NEVERWAS")).status == 404
    assert (await operator.post("/v1/promo-codes/WINTER/codes", {"batch": "b", "count": 1})).status == 404


async def test_ten_wrong_guesses_are_the_last_for_a_while(mailing):
    guesses = await asyncio.gather(
        *(mailing.as_customer().post("/v1/quotes", {"sku": "sword", "promo_code": f"GUESS{n}"}) for n in range(32))
    )
    right = await mailing.as_customer().post("/v1/quotes", {"sku": "gems-500", "promo_code": "WINTER"})
    other = await mailing.as_customer("bob").post("/v1/quotes", {"sku": "gems-500", "promo_code": "WINTER"})
    without = await mailing.as_customer().post("/v1/quotes", {"sku": "gems-500"})

    statuses = [answer.status for answer in guesses]
    assert (statuses.count(409), statuses.count(429)) == (10, 22)
    assert (right.status, right.json["code"]) == (429, "rate_limited")
    assert int(right.headers["Retry-After"]) >= 1
    assert '"promo_code";' in right.headers["RateLimit-Policy"]
    assert (other.status, without.status) == (200, 200)


async def test_a_right_code_is_no_guess_however_often_it_is_typed(mailing):
    for _ in range(40):
        answer = await mailing.as_customer().post("/v1/quotes", {"sku": "gems-500", "promo_code": "WINTER"})
        assert answer.status == 200


async def test_many_accounts_of_one_address_share_its_guesses(mailing):
    statuses = []
    for name in range(7):
        for guess in range(10):
            body = {"sku": "sword", "promo_code": f"GUESS{name}{guess}"}
            statuses.append((await mailing.as_customer(f"guest-{name}").post("/v1/quotes", body)).status)

    assert (statuses.count(409), statuses.count(429)) == (60, 10)


async def test_a_game_server_is_held_per_customer_not_per_address(mailing):
    await mailing.session("ada")
    await mailing.session("bob")
    body = {"sku": "sword", "promo_code": "GUESS"}
    server = mailing.as_server()
    answers = [await server.post("/v1/quotes", {**body, "customer": "ada"}) for _ in range(11)]
    other = await server.post("/v1/quotes", {**body, "customer": "bob"})

    assert [answer.status for answer in answers] == [409] * 10 + [429]
    assert other.status == 409
