"""Receipts: what stands on them, who sees them, and that anybody can check them without us."""

import base64
import json
from typing import Any

import pytest
from joserfc import jws
from joserfc.errors import BadSignatureError
from joserfc.jwk import KeySet

from storefront.testing import Shop
from storefront.testing.tiny_shop import OPERATOR_KEY


async def numbered(shop: Shop, purchase: Any) -> Any:
    """Wait until a purchase's receipt has its number."""
    await shop.until(lambda: shop.query("SELECT 1 FROM receipts WHERE about = ?", purchase["id"]))
    answer = await shop.as_server().get(f"/v1/purchases/{purchase['id']}/receipt")
    assert answer.status == 200, answer
    return answer.json


async def published_keys(shop: Shop) -> KeySet:
    answer = await shop.as_nobody().get("/.well-known/jwks.json")
    assert answer.status == 200, answer
    return KeySet.import_key_set(answer.json)


def checked(token: str, keys: KeySet) -> Any:
    """Check a receipt as a stranger does, with a JOSE library and the published keys alone."""
    return json.loads(jws.deserialize_compact(token, keys, algorithms=["Ed25519"]).payload)


async def test_a_receipt_says_what_was_bought_and_its_tax(taxed: Shop) -> None:
    purchase = await taxed.bought("gems-500", currency="EUR")

    receipt = await numbered(taxed, purchase)
    document = receipt["document"]

    assert (receipt["series"], receipt["number"], receipt["label"]) == ("TEST-R", 1, "TEST-R-000001")
    assert document["mode"] == "sandbox"
    assert document["seller"] == {
        "name": "Lowtide Games GmbH",
        "tax_id": "DE123456789",
        "country": "DE",
        "address": ["Hafenstrasse 1", "20457 Hamburg"],
    }
    assert document["purchase"]["id"] == purchase["id"]
    assert document["customer"].startswith("cus_")
    assert document["gateway"]["name"] == "sandbox"
    assert document["gateway"]["payment"].startswith("pi_")
    assert [line["total"]["amount"] for line in document["lines"]] == [479]
    assert document["discounts"] == []
    assert document["tax"] == [
        {
            "type": "tax",
            "title": "VAT 19%",
            "jurisdiction": "DE",
            "name": "VAT",
            "class": "digital",
            "percent": "19",
            "included": True,
            "base": {"amount": 403, "currency": "EUR"},
            "total": {"amount": 76, "currency": "EUR"},
        }
    ]
    assert (document["net"]["amount"], document["total"]["amount"]) == (403, 479)
    assert document["catalog_version"] == purchase["catalog_version"]
    assert "ada" not in json.dumps(document)


async def test_anybody_can_check_a_receipt_and_no_changed_one_passes(taxed: Shop) -> None:
    receipt = await numbered(taxed, await taxed.bought("gems-500"))
    keys = await published_keys(taxed)

    document = checked(receipt["jws"], keys)
    assert document == receipt["document"]
    assert document["number"] == 1

    header, _, signature = receipt["jws"].split(".")
    forged = base64.urlsafe_b64encode(json.dumps({**document, "number": 2}).encode()).decode().rstrip("=")
    with pytest.raises(BadSignatureError):
        checked(f"{header}.{forged}.{signature}", keys)


async def test_another_customers_receipt_is_not_there(taxed: Shop) -> None:
    purchase = await taxed.bought("gems-500")
    await numbered(taxed, purchase)
    path = f"/v1/purchases/{purchase['id']}/receipt"

    assert (await taxed.as_customer("ada").get(path)).status == 200
    assert (await taxed.bearing(OPERATOR_KEY).get(path)).status == 200
    foreign = await taxed.as_customer("bob").get(path)
    assert (foreign.status, foreign.json["code"]) == (404, "not_found")
    assert (await taxed.as_nobody().get(path)).status == 401
    missing = await taxed.as_customer("ada").get("/v1/purchases/pur_nothing/receipt")
    assert (missing.status, missing.json["code"]) == (404, "not_found")


async def test_what_took_no_real_money_has_no_receipt(taxed: Shop) -> None:
    await taxed.bought("gems-500")
    sword = await taxed.bought("sword")
    waiting = (await taxed.buy("gems-1200")).json

    for purchase in (sword, waiting):
        answer = await taxed.as_customer().get(f"/v1/purchases/{purchase['id']}/receipt")
        assert (answer.status, answer.json["code"]) == (409, "no_receipt")


async def test_purchases_that_are_not_paid_take_no_number(taxed: Shop) -> None:
    first = await taxed.bought("gems-500")
    left = (await taxed.buy("gems-1200")).json
    await taxed.as_customer().post(f"/v1/purchases/{left['id']}/cancel")
    second = await taxed.bought("gems-1200")

    assert (await numbered(taxed, first))["number"] == 1
    assert (await numbered(taxed, second))["number"] == 2
    assert taxed.query("SELECT count(*) AS n FROM receipts")[0]["n"] == 2


async def test_a_new_key_signs_new_receipts_and_the_old_ones_can_still_be_checked(taxed: Shop) -> None:
    old = await numbered(taxed, await taxed.bought("gems-500"))
    folder = taxed.parts.services.config.data_dir / "keys"
    await taxed.stop()
    (folder / "signing-1.pem").rename(folder / "retired-1.pem")
    await taxed.start()
    new = await numbered(taxed, await taxed.bought("gems-500", customer="bob"))

    keys = await published_keys(taxed)

    kids = [json.loads(base64.urlsafe_b64decode(one["jws"].split(".")[0] + "==")) for one in (old, new)]
    assert kids[0]["kid"] != kids[1]["kid"]
    assert checked(old["jws"], keys)["number"] == 1
    assert checked(new["jws"], keys)["number"] == 2
    assert len(keys.keys) == 2
