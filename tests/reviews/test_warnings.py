"""Early fraud warnings become events that plugins follow: each is told once, whatever is done about it."""

import json


def told(shop):
    rows = shop.query("SELECT subject, payload FROM events WHERE type = 'payment.fraud_warning' ORDER BY commit_no")
    return [(row["subject"], json.loads(row["payload"])) for row in rows]


async def test_a_warning_is_told_once_with_its_purchase_and_customer(shop, reviews):
    bought = await shop.bought("gems-500", currency="USD")
    waiting = await reviews.in_review()
    warnings = [await shop.sandbox.warn_of_fraud(purchase) for purchase in (bought, waiting)]
    await shop.quiet()
    for purchase in (bought, waiting):
        await shop.as_customer().post(f"/v1/purchases/{purchase['id'] if purchase is bought else purchase.json['id']}"
                                      "/finalize")  # fmt: skip
    await shop.advance("1h")

    found = told(shop)
    assert sorted(subject for subject, _ in found) == sorted([bought["id"], waiting.json["id"]])
    payload = dict(found)[bought["id"]]
    (customer,) = shop.query("SELECT id FROM customers WHERE external_id = 'ada'")
    assert (payload["purchase"], payload["customer_id"]) == (bought["id"], customer["id"])
    assert (payload["gateway"], payload["kind"], payload["sku"]) == ("sandbox", "made_with_stolen_card", "gems-500")
    assert {one["warning"] for _, one in found} == {warning["id"] for warning in warnings}
    assert (await shop.seen(bought))["refunded"] == "full"  # as the configuration says
    assert reviews.status(waiting) == "in_review"  # its money is not taken: reject it
