"""Bad input: each is a problem document with the right status and code, and nothing is written."""

import json

import msgspec
import pytest

PATH = "/v1/purchases"
BUY = {"sku": "gems-500"}
KEY = {"Idempotency-Key": "k1"}


def is_problem(reply, status: int, code: str) -> bool:
    """Whether a reply is a whole problem document that says this."""
    if not reply.headers.get("Content-Type", "").startswith("application/problem+json"):
        return False
    body = msgspec.json.decode(reply.body)
    whole = {"type", "title", "status", "detail", "code", "request_id"} <= set(body)
    same = (reply.status, body["status"], body["code"]) == (status, status, code)
    return whole and same and reply.headers["X-Request-Id"] == body["request_id"]


async def refused(shop, cases, status: int, code: str) -> None:
    """Send every case (name -> content, headers) as ada and as the game's server; each must end alike."""
    await shop.session("ada")
    await shop.quiet()
    before = shop.rows()
    wrong = {}
    for name, (content, headers) in cases.items():
        reply = await shop.as_customer("ada").send("POST", PATH, content=content, headers=headers)
        if not is_problem(reply, status, code):
            wrong[name] = (reply.status, reply.body[:300])
    assert wrong == {}
    assert shop.rows() == before


def bodies(**cases):
    return {name: (json.dumps(body).encode(), KEY) for name, body in cases.items()}


async def test_a_quantity_that_is_none_is_refused(shop):
    raw = {
        "zero": "0", "minus one": "-1", "a fraction": "1.5", "a string": '"1"', "true": "true", "null": "null",
        "2^63": "9223372036854775808", "2^53": "9007199254740992", "1.0": "1.0", "1e2": "1e2", "minus zero": "-0",
        "a million and one": "1000001", "a list": "[1]", "an object": "{}",
    }  # fmt: skip
    cases = {name: (f'{{"sku":"gems-500","quantity":{text}}}'.encode(), KEY) for name, text in raw.items()}
    await refused(shop, cases, 422, "invalid_request")


async def test_the_wrong_field_is_pointed_at(shop):
    answer = await shop.as_customer("ada").post(PATH, {"sku": "gems-500", "quantity": 1.5}, key="k1")
    assert [error["pointer"] for error in answer.json["errors"]] == ["/quantity"]
    answer = await shop.as_customer("ada").post(PATH, {"sku": "gems-500", "price": 1}, key="k1")
    assert any("price" in error["pointer"] + error["message"] for error in answer.json["errors"])


async def test_an_unknown_sku_is_refused(shop):
    cases = bodies(unknown={"sku": "excalibur"}, case={"sku": "Sword"}, space={"sku": "sword "}, kind={"sku": "item"})
    await refused(shop, cases, 422, "unknown_offer")


async def test_unknown_fields_and_prices_of_the_clients_are_refused(shop):
    cases = bodies(
        unknown={**BUY, "colour": "red"},
        price={**BUY, "price": 1},
        prices={**BUY, "prices": {"USD": 1}},
        amount={**BUY, "amount": 1},
        total={**BUY, "total": {"amount": 1, "currency": "USD"}},
        status={**BUY, "status": "completed"},
        proto={**BUY, "__proto__": {}},
        nothing={},
        sku_null={"sku": None},
        sku_list={"sku": ["gems-500"]},
        sku_empty={"sku": ""},
        sku_long={"sku": "x" * 101},
        currency={**BUY, "currency": 5},
        other_currency={**BUY, "currency": "JPY"},
        wallet={**BUY, "pay_with": "wallet"},
        nobody={**BUY, "pay_with": "paypal"},
        expected_text={**BUY, "expected_price": "4.99"},
        expected_extra={**BUY, "expected_price": {"amount": 499, "currency": "USD", "x": 1}},
        expected_fraction={**BUY, "expected_price": {"amount": 4.99, "currency": "USD"}},
        metadata={**BUY, "metadata": {"a": 1}},
        metadata_many={**BUY, "metadata": {str(n): "x" for n in range(21)}},
        away={**BUY, "return_url": "https://evil.example/"},
        script={**BUY, "return_url": "javascript:alert(1)"},
        two_durables={"sku": "chest", "quantity": 2},
        top_list=[BUY],
        top_text="gems-500",
        top_null=None,
    )
    await refused(shop, cases, 422, "invalid_request")


async def test_an_amount_too_large_to_charge_is_refused(shop):
    cases = bodies(much={**BUY, "quantity": 1_000_000})
    await refused(shop, cases, 422, "amount_not_chargeable")


async def test_a_missing_idempotency_key_is_refused(shop):
    await refused(shop, {"missing": (b'{"sku":"gems-500"}', {})}, 400, "idempotency_key_required")


async def test_a_bad_idempotency_key_is_refused(shop):
    keys = {"empty": "", "overlong": "k" * 256, "space": "a b", "not ascii": "k\u00e9y", "only a space": " "}
    cases = {name: (b'{"sku":"gems-500"}', {"Idempotency-Key": key}) for name, key in keys.items()}
    await shop.session("ada")
    before = shop.rows()
    for name, (content, headers) in cases.items():
        reply = await shop.as_customer("ada").send("POST", PATH, content=content, headers=headers)
        codes = ("idempotency_key_invalid", "idempotency_key_required")
        assert any(is_problem(reply, 400, code) for code in codes), (name, reply)
    assert shop.rows() == before
    assert (await shop.buy("gems-500", key="k" * 255)).status == 202


async def test_a_body_of_two_megabytes_is_refused(shop):
    long = json.dumps({**BUY, "metadata": {"a": "x" * 2_000_000}}).encode()
    await refused(shop, {"2 MB": (long, KEY)}, 413, "body_too_large")


async def test_malformed_json_is_refused(shop):
    texts = [
        b"", b" ", b"{", b'{"sku":"gems-500"', b'{"sku":"gems-500"}}', b"sku=gems-500", b"{'sku':'gems-500'}",
        b'{"sku":"gems-500",}', b'{"sku":"gems-500","sku":"sword"}', b'{"sku":"gems-500","quantity":NaN}',
        b'{"sku":"gems-500","quantity":Infinity}', b'{"sku":"gems-500","quantity":1e400}', b'{"sku":"\xff"}',
        b'{"sku":"\\ud800"}', b'{"sku":"a\\u0000"}', b'{"sku":"gems-500","quantity":01}', b"\xef\xbb\xbf{}",
        b'{"sku":' * 65 + b"1" + b"}" * 65, b"[" * 100_000,
    ]  # fmt: skip
    cases = {repr(text[:40]): (text, KEY) for text in texts}
    await refused(shop, cases, 400, "malformed_request")


async def test_another_content_type_is_refused(shop):
    types = ["text/plain", "application/x-www-form-urlencoded", "application/xml", "application/json; charset=latin-1",
             "multipart/form-data; boundary=x", "application/jsonp"]  # fmt: skip
    cases = {name: (b'{"sku":"gems-500"}', {**KEY, "Content-Type": name}) for name in types}
    cases["compressed"] = (b'{"sku":"gems-500"}', {**KEY, "Content-Encoding": "gzip"})
    await refused(shop, cases, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "body", [{}, {"customer": ""}, {"customer": 5}, {"customer": "x" * 201}, {"customer": "a\nb"}, {"customer": " "},
             {"customer": "ada", "ttl_seconds": 59}, {"customer": "ada", "ttl_seconds": 901},
             {"customer": "ada", "ttl_seconds": "900"}, {"customer": "ada", "country": "Germany"},
             {"customer": "ada", "admin": True}],
)  # fmt: skip
async def test_a_session_for_nobody_is_refused(shop, body):
    before = shop.rows()
    answer = await shop.as_server().post("/v1/sessions", body)
    assert (answer.status, answer.json["code"]) == (422, "invalid_request")
    assert shop.rows() == before


async def test_paths_and_queries_that_mean_nothing_are_refused(shop):
    await shop.bought("gems-500")
    await shop.quiet()
    before = shop.rows()
    ada, server = shop.as_customer("ada"), shop.as_server()
    for caller, path, status in [
        (ada, "/v1/nothing", 404), (ada, "/v1/purchases/pur_nothing", 404), (ada, "/v1/purchases/%00", 404),
        (ada, "/v1/purchases/' OR 1=1 --", 404), (ada, "/v1/purchases?limit=0", 422),
        (ada, "/v1/purchases?limit=101", 422), (ada, "/v1/purchases?limit=ten", 422),
        (ada, "/v1/purchases?after=x", 422), (ada, "/v1/purchases?colour=red", 422),
        (server, "/v1/events?after=x", 422), (server, "/v1/customers/nobody", 404),
        (server, "/v1/entitlements/sword?customer=nobody", 404), (server, "/v1/entitlements/sword", 422),
    ]:  # fmt: skip
        answer = await caller.get(path)
        assert (answer.status, answer.json["status"]) == (status, status), path
    assert (await ada.send("DELETE", "/v1/purchases")).status == 405
    assert shop.rows() == before


async def test_nothing_strange_is_consumed(shop):
    await shop.bought("gems-500")
    await shop.bought("potion", quantity=3)
    await shop.quiet()
    before = shop.rows()
    ada = shop.as_customer("ada")
    path = "/v1/microtransactions/inventory/potion/consume"
    for quantity in (0, -1, 1.5, "1", True, 2**63, None):
        answer = await ada.post(path, {"quantity": quantity}, key="k1")
        assert (answer.status, answer.json["code"]) == (422, "invalid_request"), quantity
    unknown = await ada.post("/v1/microtransactions/inventory/nothing/consume", {"quantity": 1}, key="k1")
    assert unknown.status == 409
    assert shop.rows() == before
