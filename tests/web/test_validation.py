"""Well-formed but wrong: 422 with a pointer to each wrong field, in plain English."""

import json

import pytest

BOUNDS = "must lie between -9007199254740991 and 9007199254740991"


async def errors(world, body) -> dict[str, str]:
    answer = await world.order(body)
    assert answer.is_problem(422, "invalid_request"), answer.body
    return {error["pointer"]: error["message"] for error in answer.json["errors"]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0", "must be at least 1"),
        ("-1", "must be at least 1"),
        ("1000001", "must be at most 1000000"),
        ("1.5", "must be an integer"),
        ("1.0", "must be an integer, written without a fraction or exponent"),
        ("1e2", "must be an integer, written without a fraction or exponent"),
        ("1E0", "must be an integer, written without a fraction or exponent"),
        ('"1"', "must be an integer"),
        ("true", "must be an integer"),
        ("null", "must be an integer"),
        ("[]", "must be an integer"),
        ("9223372036854775808", "must be at most 1000000"),
        ("-" + "9" * 5000, "must be at least 1"),
    ],
)
async def test_a_quantity_that_is_none_says_why(world, text, message):
    assert await errors(world, f'{{"sku":"gems","quantity":{text}}}'.encode()) == {"/quantity": message}


@pytest.mark.parametrize("text", ["9007199254740992", "-9007199254740992", "18446744073709551616", "1" * 5000])
async def test_integers_that_javascript_would_round_are_refused_everywhere(world, text):
    assert await errors(world, f'{{"sku":"gems","big":{text}}}'.encode()) == {"/big": BOUNDS}
    assert await errors(world, f'{{"sku":"gems","lines":[1,{text}]}}'.encode()) == {"/lines/1": BOUNDS}


async def test_an_unknown_field_is_refused_and_the_near_one_named(world):
    assert await errors(world, {"sku": "gems", "quantiy": 2}) == {"/quantiy": "Unknown field; did you mean quantity?"}
    assert await errors(world, {"sku": "gems", "price": 1}) == {"/price": "Unknown field"}
    nested = {"sku": "gems", "recipient": {"name": "bob", "nmae": "x"}}
    assert await errors(world, nested) == {"/recipient/nmae": "Unknown field; did you mean name?"}


async def test_every_wrong_field_is_listed_at_once(world):
    body = {"sku": "", "quantity": 0, "pay_with": "shells", "recipient": {}, "metadata": {"a": 1}}
    assert await errors(world, body) == {
        "/sku": "must not be empty",
        "/quantity": "must be at least 1",
        "/pay_with": "must be one of wallet, stripe",
        "/recipient/name": "is required",
        "/metadata/a": "must be text",
    }


async def test_pointers_escape_and_messages_repeat_no_value(world):
    found = await errors(world, {"sku": "gems", "a/b~c": "hunter2", "pay_with": "sk_live_0123456789abcdef"})
    assert set(found) == {"/a~1b~0c", "/pay_with"}
    assert "hunter2" not in str(found)
    assert "sk_live" not in str(found)


@pytest.mark.parametrize("body", [b"[]", b'"sku"', b"1", b"null", b"true"])
async def test_a_body_that_is_no_object_is_422(world, body):
    assert await errors(world, body) == {"": "must be an object"}


async def test_a_flood_of_mistakes_is_cut_to_twenty(world):
    answer = await world.order(json.dumps({"sku": "gems", "lines": ["x"] * 150}).encode())
    assert len(answer.json["errors"]) == 20


async def test_a_query_is_converted_and_defaults_are_filled_in(world):
    token = world.session()
    answer = await world.get("/v1/things/7?limit=5&dry_run=true&after=a%20b%2B+c&order=newest", token=token)
    assert answer.json["query"] == {"limit": 5, "dry_run": True, "after": "a b+ c", "order": "newest"}
    assert (await world.get("/v1/things/7", token=token)).json["query"] == {"limit": 20}


@pytest.mark.parametrize(
    ("query", "pointer", "message"),
    [
        ("limit=0", "?limit", "must be at least 1"),
        ("limit=101", "?limit", "must be at most 100"),
        ("limit=1.0", "?limit", "must be an integer"),
        ("limit=", "?limit", "must be an integer"),
        ("limit=٣", "?limit", "must be an integer"),
        ("limit=" + "9" * 5000, "?limit", "must be an integer"),
        ("limit=1&limit=2", "?limit", "must be given once"),
        ("dry_run=yes", "?dry_run", "must be true or false"),
        ("order=best", "?order", "must be one of newest, oldest"),
        ("limitt=1", "?limitt", "Unknown field; did you mean limit?"),
    ],
)
async def test_a_wrong_query_is_422(world, query, pointer, message):
    answer = await world.get(f"/v1/things/7?{query}", token=world.session())
    assert answer.is_problem(422, "invalid_request")
    assert answer.json["errors"] == [{"pointer": pointer, "message": message}]


async def test_a_route_without_parameters_takes_none(world):
    answer = await world.get("/v1/catalog?utm_source=mail")
    assert answer.is_problem(422, "invalid_request")


async def test_a_query_that_is_not_text_is_400(world):
    for query in ("after=%ff", "after=%00", "&".join(f"a{n}=1" for n in range(200))):
        raw = await world.raw(
            f"GET /v1/things/7?{query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            f"Authorization: Bearer {world.session()}\r\n\r\n".encode()
        )
        assert raw.startswith(b"HTTP/1.1 400 "), query


async def test_a_form_is_checked_like_a_body(world):
    good = await world.send("POST", "/shop/buy", data={"sku": "gems & more", "quantity": "2"})
    assert good.json["body"] == {"sku": "gems & more", "quantity": 2}
    bad = await world.send("POST", "/shop/buy", data={"sku": "gems", "price": "1"})
    assert (bad.status, bad.headers["Content-Type"]) == (422, "text/html; charset=utf-8")
    assert (await world.send("POST", "/shop/buy", json={"sku": "gems"})).status == 415
