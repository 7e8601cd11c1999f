"""Webhook, the buyer's return, cancel and the sweep, all upon one purchase: one end, the same for all."""

import asyncio

from storefront.core.gateway_books import book_missed, follow_books
from storefront.core.gateways import PaymentFacts
from storefront.core.gateways.stripe import StripeGateway
from storefront.testing import HANG_SECONDS, Shop


class SlowAnswers(StripeGateway):
    """The shop's own gateway on a slow line: an answer is there at once, and heard when the test says so."""

    def __init__(self, gateway: StripeGateway) -> None:
        self.__dict__.update(gateway.__dict__)
        self.has_answer = asyncio.Event()
        self.go_on = asyncio.Event()

    async def look_up(self, reference: str) -> PaymentFacts:
        facts = await super().look_up(reference)
        self.has_answer.set()
        await self.go_on.wait()
        return facts


async def test_a_paid_purchase_settles_once_whoever_comes_first(arena):
    await arena.sandbox.webhooks("hold")
    for turn in range(5):
        name = f"ada-{turn}"
        purchase = await arena.buy("gems-500", customer=name)
        assert await arena.pay(purchase) == 303
        caller, path = arena.as_customer(name), f"/v1/purchases/{purchase.json['id']}"

        answers = await asyncio.gather(
            *(caller.post(f"{path}/finalize") for _ in range(4)),
            *(caller.post(f"{path}/cancel") for _ in range(4)),
            arena.sandbox.release("shuffled", copies=3),
            arena.advance("2m"),
        )

        assert {answer.json["status"] for answer in answers[:8]} == {"completed"}
        await arena.quiet()
        assert arena.balance(f"customer:{name}:gems") == 500
        story = arena.query("SELECT type FROM events WHERE subject = ? ORDER BY sequence", purchase.json["id"])
        assert [event["type"] for event in story] == ["purchase.pending", "purchase.completed"]
    assert arena.balance("platform:revenue:USD") == 5 * 499
    assert len(await arena.sandbox.charged()) == 5


async def test_paying_and_canceling_at_once_end_in_one_of_the_two(arena):
    ends = set()
    for turn in range(8):
        name = f"ada-{turn}"
        purchase = await arena.buy("gems-500", customer=name)
        caller, path = arena.as_customer(name), f"/v1/purchases/{purchase.json['id']}"

        paid, *_ = await asyncio.gather(
            arena.pay(purchase),
            caller.post(f"{path}/cancel"),
            caller.post(f"{path}/finalize"),
            caller.post(f"{path}/cancel"),
        )
        await arena.quiet()

        seen = await arena.seen(purchase)
        ends.add((paid, seen["status"], arena.balance(f"customer:{name}:gems")))
    assert ends <= {(303, "completed", 500), (410, "canceled", 0)}
    charged = await arena.sandbox.charged()
    assert len(charged) == len({purchase_id for purchase_id, _ in charged})
    assert arena.balance("platform:revenue:USD") == 499 * len(charged)


async def test_an_unpaid_purchase_canceled_and_expired_at_once_ends_once(arena):
    for turn in range(3):
        name = f"ada-{turn}"
        purchase = await arena.buy("last-coin-1", customer=name)
        assert purchase.status == 202
        caller, path = arena.as_customer(name), f"/v1/purchases/{purchase.json['id']}"

        await asyncio.gather(
            *(caller.post(f"{path}/cancel") for _ in range(4)),
            *(caller.post(f"{path}/finalize") for _ in range(4)),
            arena.advance("40m"),
        )
        await arena.quiet()

        assert (await arena.seen(purchase))["status"] in ("canceled", "expired")
        assert arena.query("SELECT value FROM counters WHERE key NOT LIKE 'pending:%'") == [{"value": 0}]
        story = arena.query("SELECT type FROM events WHERE subject = ? ORDER BY sequence", purchase.json["id"])
        assert len(story) == 2


async def test_an_answer_from_before_the_payment_does_not_stand_for_one_from_after_it(arena):
    purchase = await arena.buy("gems-500")
    gateways = arena.parts.services.gateways
    slow = gateways["sandbox"] = SlowAnswers(gateways["sandbox"])
    caller, path = arena.as_customer("ada"), f"/v1/purchases/{purchase.json['id']}/finalize"
    early = asyncio.create_task(caller.post(path))
    await slow.has_answer.wait()  # the gateway has said "unpaid", but nobody has heard it yet

    await arena.sandbox.webhooks("before_reply")
    assert await arena.pay(purchase) == 303
    await _until_claimed(arena)
    slow.go_on.set()

    assert (await early).status == 200
    await arena.quiet()
    assert (await arena.seen(purchase))["status"] == "completed"
    assert arena.balance("customer:ada:gems") == 500


async def test_a_durable_for_money_paid_twice_at_once_is_given_once_and_owed_once(arena):
    answers = await asyncio.gather(*(arena.buy("chest") for _ in range(2)))
    assert [answer.status for answer in answers] == [202, 202]

    assert await asyncio.gather(*(arena.pay(answer) for answer in answers)) == [303, 303]
    seen = [await arena.settled(answer) for answer in answers]

    assert sorted(purchase["status"] for purchase in seen) == ["completed", "paid"]
    assert arena.balance("platform:revenue:USD") == 1499
    assert arena.balance("customer:ada:unapplied:USD") == 1499
    assert (await arena.as_customer("ada").get("/v1/me")).json["items"][0]["quantity"] == 1


async def _until_claimed(arena: Shop) -> None:
    """Wait until the jobs of all webhooks that came have begun."""
    async with asyncio.timeout(HANG_SECONDS):
        while True:
            if not arena.query("SELECT id FROM jobs WHERE kind = 'inbox.process' AND attempts = 0"):
                return
            await asyncio.sleep(0.01)


async def test_a_movement_that_is_followed_and_found_missing_at_once_is_booked_once(arena):
    services = arena.parts.services
    for turn in range(5):
        answer = await arena.buy("gems-100", key=f"k{turn}")
        await arena.pay(answer)
        await arena.settled(answer)
        looks = [book_missed(services, "sandbox", 0) for _ in range(8)]
        await asyncio.gather(*looks, *(follow_books(services, "sandbox") for _ in range(8)))
        rows = arena.query("SELECT COUNT(*) AS n FROM entries WHERE kind = 'gateway.payment'")
        assert rows[0]["n"] == turn + 1
