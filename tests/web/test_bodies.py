"""Bodies: what is not JSON, too much, too slow, or of another kind; every case is a problem document."""

import gzip
import json

import pytest

GOOD = b'{"sku":"gems"}'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"{}{}",
        b"{'sku':'gems'}",
        b'{"sku":"gems",}',
        b'{"sku":"gems"} //',
        b'{"sku":"\x01"}',
        b'{"sku":"\xff"}',
        b"\xef\xbb\xbf" + GOOD,
        GOOD.decode().encode("utf-16"),
        b'{"sku":"gems","sku":"sword"}',
        b'{"sku":"gems","recipient":{"name":"a","na\\u006de":"b"}}',
        b'{"sku":"gems","weight":NaN}',
        b'{"sku":"gems","weight":-Infinity}',
        b'{"sku":"gems","weight":1e400}',
        b'{"sku":"\\ud800"}',
        b'{"\\udfff":1}',
        b'{"sku":"a\\u0000b"}',
        b'{"sku":"gems","quantity":01}',
        b'{"sku":"gems","quantity":0x10}',
        b"[" * 65 + b"]" * 65,
        b"[" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    ],
    ids=lambda body: repr(body[:24]),
)
async def test_what_two_parsers_could_read_differently_is_400(world, body):
    answer = await world.order(body)
    assert answer.is_problem(400, "malformed_request")


@pytest.mark.parametrize(
    "body",
    [
        b' {"sku" : "gems"} \n',
        b'{"sku":"\\ud83d\\ude00"}',
        b'{"sku":"\xf0\x9f\x98\x80"}',
        b'{"sku":"\\\\u0000"}',
        b'{"sku":"[[[[{{{{"}',
        b'{"sku":"gems","weight":1.5}',
        b'{"sku":"gems","weight":2.0}',
        b'{"sku":"gems","weight":1e2}',
        b'{"sku":"v1.0e9-1234567890123456"}',
        b'{"sku":"gems","big":9007199254740991}',
        b'{"sku":"gems","big":-9007199254740991}',
    ],
    ids=lambda body: repr(body[:40]),
)
async def test_good_json_is_taken_as_it_is(world, body):
    answer = await world.order(body)
    assert (answer.status, answer.json["body"]) == (201, json.loads(body))


async def test_64_levels_are_read_and_brackets_inside_strings_are_no_levels(world):
    deep = b"[" * 63 + b"]" * 63
    answer = await world.order(b'{"sku":"gems","weight":' + deep + b"}")
    assert answer.is_problem(422, "invalid_request")
    assert (await world.order(b'{"sku":"gems","weight":[' + deep + b"]}")).is_problem(400, "malformed_request")
    text = '"' + "[" * 30 + '\\"' + "{" * 8 + '"'
    assert (await world.order(f'{{"sku":{text}}}'.encode())).status == 201


async def test_a_body_of_one_byte_too_many_is_413(start):
    world = await start(body_limit_bytes=100)
    fits = b'{"sku":"gems"}' + b" " * 86
    assert (await world.order(fits)).status == 201
    assert (await world.order(fits + b" ")).is_problem(413, "body_too_large")


async def test_a_chunked_body_is_counted_too(start):
    world = await start(body_limit_bytes=100)
    head = (
        b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
        b"Idempotency-Key: k1\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    chunk = b"64\r\n" + GOOD + b" " * 86 + b"\r\n"
    assert (await world.raw(head + chunk + b"0\r\n\r\n")).startswith(b"HTTP/1.1 201 ")
    assert (await world.raw(head + chunk + b"1\r\n \r\n0\r\n\r\n")).startswith(b"HTTP/1.1 413 ")
    endless = await world.raw(head + (b"10000\r\n" + b" " * 65536 + b"\r\n") * 16)
    assert endless.startswith(b"HTTP/1.1 413 ")


async def test_two_megabytes_are_413_and_the_next_request_is_answered(world):
    answer = await world.order(b'{"sku":"' + b"a" * 2_000_000 + b'"}')
    assert answer.is_problem(413, "body_too_large")
    assert (await world.order(GOOD)).status == 201


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=latin-1",
        "application/jsonp",
        "application/json, text/plain",
        "",
    ],
)
async def test_another_media_type_is_415(world, content_type):
    answer = await world.order(GOOD, headers={"Content-Type": content_type})
    assert answer.is_problem(415, "unsupported_media_type")


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON", 'application/json; charset="UTF-8"'])
async def test_json_in_utf_8_is_taken(world, content_type):
    assert (await world.order(GOOD, headers={"Content-Type": content_type})).status == 201


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "identity"])
async def test_an_encoded_body_is_415_whatever_it_unpacks_to(world, coding):
    bomb = gzip.compress(b"\0" * 10_000_000)
    answer = await world.order(bomb, headers={"Content-Encoding": coding})
    assert answer.is_problem(415, "unsupported_media_type")


async def test_a_body_that_does_not_arrive_in_time_is_408(start):
    world = await start(body_seconds=0.05)
    answer = await world.raw(
        b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
        b'Idempotency-Key: k1\r\nContent-Length: 14\r\n\r\n{"sku"'
    )
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"body_too_slow"' in answer


async def test_broken_chunks_are_400_and_not_our_fault(world):
    answer = await world.raw(
        b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
        b'Idempotency-Key: k1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{"sku"\r\n'
    )
    assert b" 400 " in answer.partition(b"\r\n")[0]
    assert not [line for line in world.lines() if line["level"] == "error" and line["logger"] == "storefront.edge"]


async def test_a_raw_route_gets_the_bytes_up_to_its_own_limit(world):
    path = "/webhooks/stripe?livemode=false"
    assert (await world.send("POST", path, data=b"\x00\xff")).json == {"bytes": 2}
    assert (await world.send("POST", path, data=b"x" * 65)).is_problem(413, "body_too_large")


@pytest.mark.parametrize("key", ["", " ", "a b", "ключ", "k\u00e9", "k" * 256])
async def test_a_bad_idempotency_key_is_400(world, key):
    headers = [("Idempotency-Key", key.encode("utf-8").decode("latin-1"))]
    answer = await world.order(GOOD, key=None, headers=headers)
    assert answer.is_problem(400, "idempotency_key_invalid")


async def test_no_idempotency_key_is_400_and_two_are_no_better(world):
    assert (await world.order(GOOD, key=None)).is_problem(400, "idempotency_key_required")
    two = await world.raw(
        b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
        b'Idempotency-Key: k1\r\nIdempotency-Key: k1\r\nContent-Length: 14\r\n\r\n{"sku":"gems"}'
    )
    assert two.startswith(b"HTTP/1.1 400 ")
    assert b"idempotency_key_invalid" in two
    longest = await world.order(GOOD, key="~" * 255)
    assert (longest.status, longest.json["key"]) == (201, "~" * 255)


@pytest.mark.parametrize("target", ["/v1/tune", "/v1/nothing"])
async def test_headers_and_addresses_that_are_too_long_are_told_in_our_own_words(start, target):
    world = await start()
    fits = await world.client.get(target, headers={"X-Long": "x" * 8_190})
    long = await world.client.get(target, headers={"X-Long": "x" * 8_191})
    far = await world.client.get(f"{target}?{'x' * 9_000}")
    assert fits.status != 431
    for answer in (long, far):
        problem = await answer.json()
        assert (answer.status, problem["code"], answer.content_type) == (
            431, "headers_too_large", "application/problem+json",
        )  # fmt: skip
        assert problem["request_id"] == answer.headers["X-Request-ID"]
