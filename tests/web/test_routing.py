"""Declaring and mounting routes, and what is answered where none is."""

import asyncio

import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry

from storefront.core.principals import Role, anonymous
from storefront.routing import ErrorDoc, RouteError, Routes, respond
from storefront.web.edge import mount
from storefront.web.limits import RateLimiter
from storefront.web.metrics import HttpMetrics

OPEN = {"type": "object", "properties": {}}
CLOSED = OPEN | {"additionalProperties": False}


async def handler(call):
    """Answer."""
    return respond({})


async def nameless(call):
    return respond({})


class Everybody:
    """Recognises nobody."""

    def authenticate(self, authorization, cookie, address):
        return anonymous(address)


def mounted(*registries: Routes) -> web.Application:
    app = web.Application()
    metrics = HttpMetrics(CollectorRegistry())
    mount(app, registries, authenticator=Everybody(), limiter=RateLimiter({}), metrics=metrics)
    return app


def test_a_route_without_a_rule_cannot_be_declared():
    with pytest.raises(TypeError, match="allow"):
        Routes("shop").get("/v1/x")(handler)
    with pytest.raises(RouteError, match="who may call it"):
        Routes("shop").get("/v1/x", allow=Role(0))(handler)


@pytest.mark.parametrize(
    ("declare", "words"),
    [
        (lambda routes: routes.post("/v1/x", allow=Role.PUBLIC, body=OPEN)(handler), "additionalProperties"),
        (lambda routes: routes.get("/v1/x", allow=Role.PUBLIC, query=OPEN)(handler), "additionalProperties"),
        (lambda routes: routes.get("/v1/x", allow=Role.PUBLIC, body=CLOSED)(handler), "GET has no body"),
        (lambda routes: routes.get("v1/x", allow=Role.PUBLIC)(handler), "begin with /"),
        (lambda routes: routes.get("/v1/x", allow=Role.PUBLIC, limit="rare")(handler), "limit must be one of"),
        (lambda routes: routes.get("/v1/x", allow=Role.PUBLIC)(nameless), "docstring"),
        (
            lambda routes: routes.post("/v1/x", allow=Role.PUBLIC, body=CLOSED, raw_body=True)(handler),
            "exclude each other",
        ),
    ],
)
def test_a_wrong_declaration_fails_and_says_where(declare, words):
    with pytest.raises(RouteError, match=words) as raised:
        declare(Routes("shop"))
    assert "shop (" in str(raised.value)


def test_two_routes_that_clash_fail_the_start_and_both_are_named():
    core, fraud = Routes("core"), Routes("fraud")
    core.get("/v1/purchases/{id}", allow=Role.PUBLIC)(handler)
    fraud.get("/v1/purchases/{purchase:\\d+}", allow=Role.PUBLIC)(handler)
    with pytest.raises(RouteError, match=r"declared twice: by core \(.*handler\) and by fraud \("):
        mounted(core, fraud)


def test_the_same_path_with_another_method_does_not_clash():
    core, fraud = Routes("core"), Routes("fraud")
    core.get("/v1/x", allow=Role.PUBLIC)(handler)
    fraud.post("/v1/x", allow=Role.PUBLIC)(handler)
    mounted(core, fraud)


def test_an_undocumented_error_code_fails_the_start():
    routes = Routes("fraud")
    routes.get("/v1/x", allow=Role.PUBLIC, refusals=["too_risky"])(handler)
    with pytest.raises(RouteError, match="too_risky"):
        mounted(routes)


def test_one_code_documented_twice_fails_the_start():
    doc = ErrorDoc("sold_out", 409, "None left", "Wait.")
    with pytest.raises(RouteError, match="sold_out is documented by both core and fraud"):
        mounted(Routes("fraud", errors=[doc]))


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/nothing", "/v1/catalog/", "/v1/things/", "/v2/catalog", "/%2e%2e/etc"]
)
async def test_an_unknown_path_is_a_problem_document(world, path):
    assert (await world.get(path)).is_problem(404, "not_found")


async def test_an_unknown_path_is_a_page_for_a_browser(world):
    answer = await world.get("/nothing", headers={"Accept": "text/html,*/*"})
    assert (answer.status, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")


async def test_another_method_is_405_and_says_which_are_answered(world):
    answer = await world.send("DELETE", "/v1/things/7", token=world.session())
    assert answer.is_problem(405, "method_not_allowed")
    assert answer.headers["Allow"] == "GET, HEAD"
    assert (await world.get("/v1/orders")).headers["Allow"] == "POST"


async def test_head_answers_like_get_without_a_body(world):
    got = await world.get("/v1/catalog")
    head = await world.send("HEAD", "/v1/catalog")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["Content-Type"] == "application/json"
    assert abs(int(head.headers["Content-Length"]) - len(got.body)) == 0
    assert head.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_nul_in_the_path_is_404(world):
    assert (await world.raw(b"GET /v1/things/a%00b HTTP/1.1\r\nHost: x\r\n\r\n")).startswith(b"HTTP/1.1 404 ")


async def test_http_1_0_and_closing_clients_get_whole_answers(world):
    old = await world.raw(b"GET /v1/catalog HTTP/1.0\r\n\r\n")
    closing = await world.raw(b"GET /v1/catalog HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert b"Connection: close" in closing
    for answer in (old, closing):
        assert b" 200 OK\r\n" in answer
        assert answer.endswith(b"}")


async def test_pipelined_requests_are_answered_in_their_order(world):
    request = b"GET /v1/catalog HTTP/1.1\r\nHost: x\r\nX-Request-Id: %d\r\n\r\n"
    answer = await world.raw(request % 1 + request % 2)
    assert b"X-Request-Id: 1\r\n" in answer


async def test_every_answer_carries_the_security_headers(start):
    world = await start(public_url="https://shop.example")
    answers = [
        await world.get("/v1/catalog"),
        await world.get("/v1/nothing"),
        await world.get("/v1/broken"),
        await world.get("/v1/things/7", token=world.session()),
        await world.order(b"{"),
        await world.send("OPTIONS", "/v1/orders"),
    ]
    for answer in answers:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        assert answer.headers["Server"] == "storefront"
        assert answer.headers["Date"].endswith("GMT")
        assert answer.headers.getall("X-Request-Id") == [answer.headers["X-Request-Id"]]


async def test_only_allowed_origins_may_read_and_never_with_cookies(start):
    world = await start(allowed_origins=frozenset({"https://play.example"}))
    friend, foe = {"Origin": "https://play.example"}, {"Origin": "https://evil.example"}

    read = await world.get("/v1/catalog", headers=friend)
    assert read.headers["Access-Control-Allow-Origin"] == "https://play.example"
    assert read.headers["Vary"] == "Origin"
    preflight = await world.send("OPTIONS", "/v1/orders", headers=friend)
    assert (preflight.status, preflight.headers["Access-Control-Allow-Methods"]) == (204, "OPTIONS, POST")
    assert "Idempotency-Key" in preflight.headers["Access-Control-Allow-Headers"]

    for answer in (read, preflight, await world.get("/v1/catalog", headers=foe)):
        assert "Access-Control-Allow-Credentials" not in answer.headers
    assert "Access-Control-Allow-Origin" not in (await world.get("/v1/catalog", headers=foe)).headers
    assert "Access-Control-Allow-Methods" not in (await world.send("OPTIONS", "/v1/orders", headers=foe)).headers
    assert (await world.send("OPTIONS", "/v1/nothing", headers=friend)).status == 404


async def test_a_refusal_is_answered_with_its_facts(world):
    answer = await world.get("/v1/tune")
    assert answer.is_problem(409, "out_of_tune")
    assert (answer.json["detail"], answer.json["cents"]) == ("Flat by a third.", -33)


async def test_a_shop_that_closes_sends_new_requests_away(world):
    world.edge.drain()
    answer = await world.get("/v1/catalog")
    assert answer.is_problem(503, "unavailable")
    assert answer.headers["Retry-After"] == "5"


async def test_a_stream_that_fails_is_cut_off_and_never_ends_well(world):
    with pytest.raises(Exception, match=r"(?i)payload|transfer|disconnect|closed|reset"):
        await world.get("/v1/stream")
    assert any(line["event"] == "stream failed" for line in world.lines())
    assert (await world.get("/v1/catalog")).status == 200


async def test_a_client_that_hangs_up_before_its_stream_begins_is_no_failure_of_ours(world):
    _, writer = await asyncio.open_connection("127.0.0.1", world.client.port)
    writer.write(b"GET /v1/slow-stream HTTP/1.1\r\nHost: x\r\n\r\n")
    await writer.drain()
    writer.transport.abort()
    async with asyncio.timeout(20):
        while not (found := [line for line in world.lines() if line.get("route") == "/v1/slow-stream"]):
            await world.get("/v1/catalog")
    assert [(line["status"], line["level"]) for line in found] == [(499, "info")]
    assert not [line for line in world.lines() if line["level"] == "error"]
