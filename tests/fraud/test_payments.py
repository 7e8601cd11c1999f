"""Rules that read the card: judged once the payment is known, once for all, and before any goods are given."""

import asyncio
import json
import sqlite3

from storefront_fraud.rules import VERDICT_OF

from storefront.testing import running_shop

from .screened import decisions, matched, shop_with

VISA, MASTERCARD = "4242 4242 4242 4242", "5555 5555 5555 4444"


async def test_a_card_that_pays_too_often_is_blocked_and_gives_nothing(data_folder, database_url):
    rules = """
{id: card-velocity, do: block, when: "velocity.card.count_1h > 2"}
{id: small, do: allow, when: "in_list(customer.id, 'trusted')"}
{id: brand, do: review, when: "card.brand == 'amex'", mode: shadow}
"""
    async with running_shop(data_folder, shop_with(rules), database=database_url) as shop:
        for customer in ("ada", "bob"):
            await shop.bought("gems-500", customer=customer)
        third = await shop.buy("gems-500", customer="eve")
        assert third.status == 202
        await shop.pay(third, VISA)
        ended = await shop.settled(third)
        other = await shop.buy("gems-500", customer="eve")
        await shop.pay(other, MASTERCARD)
        assert (await shop.settled(other))["status"] == "completed"
        trusted = await shop.buy("gems-500", customer="vip")
        await shop.pay(trusted, VISA)
        assert (await shop.settled(trusted))["status"] == "completed"

        assert ended["status"] != "completed"
        assert shop.balance("customer:eve:gems") == 500
        first, _, blocked, _, vip = decisions(shop, "payment")
        assert first["attributes"]["velocity.card.count_1h"] == 1
        assert first["attributes"]["card.brand"] == "visa"
        assert first["attributes"]["customer.id"] == "ada"
        assert (blocked["verdict"], matched(blocked)) == ("block", ["card-velocity"])
        # Allowed before the payment was known, it stays so; that the rule matches is written down all the same.
        assert (vip["verdict"], vip["decided_by"], matched(vip)) == ("allow", "allow", ["card-velocity"])

        services = shop.parts.services
        assert services.hooks.manager.get_plugin("fraud").judges_payments
        asked = {"services": services, "attempt": await attempt_of(shop, blocked), "plan": None}
        again = await asyncio.gather(*(services.hooks.call_each("assess_payment", **asked) for _ in range(8)))
        assert [[one.verdict for one in said] for said in again] == [[VERDICT_OF["block"]]] * 8
        (row,) = shop.query("SELECT buckets FROM fraud_counters WHERE value = ?", blocked["identity"]["card"])
        assert [one[1] for one in json.loads(row["buckets"])["d"]] == [4]


async def attempt_of(shop, decision):
    """Ask about a payment once more, as the gateway tells of it now."""
    from storefront.core.assessing import PaymentAttempt

    services = shop.parts.services
    (payment,) = shop.query("SELECT * FROM payments WHERE purchase_id = ?", decision["purchase_id"])
    facts = await services.gateway(payment["gateway"]).look_up(payment["gateway_ref"])
    return PaymentAttempt(decision["purchase_id"], decision["customer_id"], facts)


async def test_what_could_not_be_had_at_the_purchase_is_not_taken_for_missing_at_the_payment(data_folder):
    rules = """{id: tamper, do: block, when: "card.brand == 'visa' && meter.score >= 0.0"}"""
    async with running_shop(data_folder, shop_with(rules, fail="block")) as shop:
        with sqlite3.connect(shop.database.path) as file:
            file.execute("ALTER TABLE fraud_meters RENAME TO away")
        answer = await shop.buy("gems-500")
        assert await shop.pay(answer) == 303
        assert (await shop.settled(answer))["status"] == "rejected"
        (one,) = decisions(shop, "payment")
        assert (one["verdict"], one["decided_by"], one["errors"]) == ("block", "fail", 1)
        assert "when the purchase was judged" in one["matches"][0]["error"]
        with sqlite3.connect(shop.database.path) as file:
            file.execute("ALTER TABLE away RENAME TO fraud_meters")
