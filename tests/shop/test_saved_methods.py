"""Saved payment methods: kept by the gateway, charged without a payment page; a bank may want to ask their owner."""

from storefront.core.ids import new_id

ASKS_ALWAYS = "4000 0027 6000 3184"
DECLINES_LATER = "4000 0000 0000 0341"


async def save_card(shop, card="4242 4242 4242 4242", *, challenge=None, customer="ada"):
    """Buy a pack and let the gateway keep the card; return the saved method."""
    answer = await shop.buy("gems-500", customer=customer, save_payment_method=True)
    assert answer.status == 202, answer
    assert await shop.pay(answer, card, challenge) == 303
    await shop.settled(answer)
    methods = (await shop.as_customer(customer).get("/v1/payment-methods")).json["data"]
    return methods[-1]


async def test_a_card_that_was_saved_pays_at_once(shop):
    method = await save_card(shop)
    assert (method["kind"], method["brand"], method["last4"]) == ("card", "visa", "4242")

    bought = await shop.buy("gems-500", payment_method=method["id"], key="once")

    assert (bought.status, bought.json["status"]) == (201, "completed")
    assert shop.balance("customer:ada:gems") == 1000
    again = await shop.buy("gems-500", payment_method=method["id"], key="once")
    assert (again.json["id"], again.headers["Idempotent-Replayed"]) == (bought.json["id"], "true")
    assert [charge["amount"] for charge in (await shop.sandbox.books())["charges"]] == [499, 499]


async def test_nothing_is_kept_of_a_card_that_nobody_asked_to_save(shop):
    await shop.bought("gems-500")
    assert (await shop.as_customer().get("/v1/payment-methods")).json["data"] == []


async def test_a_charge_that_is_declined_is_a_purchase_that_failed(shop):
    method = await save_card(shop)
    declining = await save_method_by_setup(shop, DECLINES_LATER)

    declined = await shop.buy("gems-500", payment_method=declining["id"], key="no")

    assert (declined.status, declined.json["code"]) == (402, "payment_declined")
    again = await shop.buy("gems-500", payment_method=declining["id"], key="no")
    assert (again.status, again.json["code"]) == (402, "payment_declined")
    failed = await shop.seen({"id": declined.json["purchase"]})
    assert (failed["status"], failed["payment"]["failure"]) == ("failed", declined.json["reason"])
    assert again.json["purchase"] == declined.json["purchase"]
    assert [row["status"] for row in shop.query("SELECT status FROM purchases ORDER BY id")] == ["completed", "failed"]
    assert method["id"] != declining["id"]
    assert shop.balance("customer:ada:gems") == 500


async def save_method_by_setup(shop, card, challenge=None):
    """Save a card on the gateway's page without paying; return the method."""
    opened = await shop.as_customer().post("/v1/payment-methods/setups", {})
    assert (opened.status, opened.json["state"]) == (201, "open"), opened
    assert await shop.pay({"payment": {"redirect_url": opened.json["redirect_url"]}}, card, challenge) == 303
    setup = (await shop.as_customer().get(f"/v1/payment-methods/setups/{opened.json['id']}")).json
    assert setup["state"] == "saved", setup
    methods = (await shop.as_customer().get("/v1/payment-methods")).json["data"]
    return next(one for one in methods if one["id"] == setup["payment_method"])


async def test_a_card_can_be_saved_without_paying(shop):
    method = await save_method_by_setup(shop, "4242 4242 4242 4242")
    assert (await shop.buy("gems-500", payment_method=method["id"])).status == 201
    assert len((await shop.sandbox.books())["charges"]) == 1


async def test_a_bank_that_wants_its_customer_is_asked_about_the_same_charge(shop):
    method = await save_method_by_setup(shop, ASKS_ALWAYS, "pass")

    asked = await shop.buy("gems-500", payment_method=method["id"])

    assert (asked.status, asked.json["status"]) == (202, "pending")
    url = asked.json["payment"]["redirect_url"]
    async with shop.http.post(url, data={"challenge": "pass"}, allow_redirects=False) as answer:
        assert answer.status == 303
    assert (await shop.settled(asked))["status"] == "completed"
    charges = (await shop.sandbox.books())["charges"]
    assert [charge["status"] for charge in charges if charge["status"] == "succeeded"] == ["succeeded"]
    assert shop.balance("customer:ada:gems") == 500


async def test_a_customer_whom_the_bank_does_not_know_is_told_so_by_the_purchase(shop):
    method = await save_method_by_setup(shop, ASKS_ALWAYS, "pass")
    asked = await shop.buy("gems-500", payment_method=method["id"])
    url = asked.json["payment"]["redirect_url"]
    async with shop.http.post(url, data={"challenge": "fail"}, allow_redirects=False) as answer:
        assert answer.status == 303

    failed = await shop.settled(asked)

    assert (failed["status"], failed["payment"]["failure"]) == ("failed", "payment_intent_authentication_failure")
    assert shop.balance("customer:ada:gems") == 0


async def test_a_lost_reply_charges_once(shop):
    method = await save_card(shop)
    await shop.sandbox.webhooks("drop")
    await shop.sandbox.misbehave("lose_reply", "POST /v1/payment_intents", times=9)
    lost = await shop.buy("gems-500", payment_method=method["id"], key="once")
    assert (lost.status, lost.json["code"]) == (503, "gateway_unavailable")
    await shop.sandbox.misbehave("lose_reply", "POST /v1/payment_intents", clear=True)

    again = await shop.buy("gems-500", payment_method=method["id"], key="once")

    assert (again.status, again.json["status"]) == (201, "completed")
    assert [charge["amount"] for charge in (await shop.sandbox.books())["charges"]] == [499, 499]


async def test_another_customers_method_is_not_there(shop):
    method = await save_card(shop)
    refused = await shop.buy("gems-500", customer="bob", payment_method=method["id"])
    assert refused.status == 404
    gone = await shop.as_customer("bob").delete(f"/v1/payment-methods/{method['id']}")
    assert gone.status == 404
    assert (await shop.as_customer("bob").get("/v1/payment-methods")).json["data"] == []


async def test_a_forgotten_method_charges_nothing_more(shop):
    method = await save_card(shop)
    assert (await shop.as_customer().delete(f"/v1/payment-methods/{method['id']}")).status == 204
    assert (await shop.buy("gems-500", payment_method=method["id"], key=new_id("key"))).status == 404
    assert (await shop.as_customer().get("/v1/payment-methods")).json["data"] == []
