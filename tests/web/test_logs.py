"""Request ids on every answer and line, one access line per request worth it, and no secret in any of them."""

import logging
from io import StringIO

import pytest
import structlog

from storefront.core.principals import Role
from storefront.routing import Routes, respond
from storefront.web.logs import configure_logging

CANARIES = {
    "secret key": "sk_live_4f9Gh2LmNpQrStUvWxYz0123456789abcdefAB",
    "publishable key": "pk_live_4f9Gh2LmNpQrStUvWxYz01",
    "operator key": "ak_9Zy8Xw7Vu6Ts5Rq4Po3Nm2Lk1Ji",
    "overlay token": "ovl_9Zy8Xw7Vu6Ts5Rq4Po3N",
    "webhook secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
    "session": "eyJhbGciOiJFZDI1NTE5In0.eyJzdWIiOiJjdXNfYWRhIn0.c2lnbmF0dXJlX29mX3RoZV90b2tlbg",
    "card": "4242424242424242",
    "card in groups": "4242 4242 4242 4242",
    "e-mail": "ada@lovelace.example",
    "database": "postgresql://shop:hunter22@db/shop",
    "basic": "Basic YWRhOmh1bnRlcjIy",
}
TRACES = ("4f9Gh2Lm", "9Zy8Xw7V", "C2FVsBQI", "c2lnbmF0", "42424242", "4242 4242", "lovelace", "hunter22", "YWRhOmh1")


@pytest.mark.parametrize("path", ["/v1/catalog", "/v1/nothing", "/v1/broken", "/v1/things/1"])
async def test_a_sane_request_id_is_echoed_and_logged(world, path):
    answer = await world.get(path, headers={"X-Request-Id": "trace-7/abc"})
    assert answer.headers["X-Request-Id"] == "trace-7/abc"
    assert {line["request_id"] for line in world.lines()} == {"trace-7/abc"}


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "k\u00e9", "sk_live_4f9Gh2LmNpQrStUv", "a@b.example"])
async def test_any_other_request_id_is_replaced(world, given):
    answer = await world.get("/v1/catalog", headers={"X-Request-Id": given})
    assert answer.headers["X-Request-Id"].startswith("req_")
    assert answer.headers["X-Request-Id"] == answer.json["request_id"]


async def test_made_request_ids_differ(world):
    made = {(await world.get("/v1/catalog")).headers["X-Request-Id"] for _ in range(10)}
    assert len(made) == 10


async def test_an_unexpected_error_is_told_to_the_log_and_not_to_the_caller(world):
    answer = await world.get("/v1/broken")
    assert answer.is_problem(500, "internal_error")
    assert b"hunter22" not in answer.body
    assert b"RuntimeError" not in answer.body
    (line,) = [line for line in world.lines() if line["event"] == "request failed"]
    assert "RuntimeError" in line["exception"]
    assert "break_down" in line["exception"]
    assert line["request_id"] == answer.json["request_id"]


async def test_writes_and_failures_are_logged_and_good_reads_only_for_the_curious(start):
    world = await start(level="info")
    await world.get("/v1/catalog")
    await world.order({"sku": "gems"}, token=world.session("ada"))
    await world.get("/v1/things/7")
    lines = [{name: line.get(name) for name in ("method", "route", "status", "caller")} for line in world.lines()]
    assert lines == [
        {"method": "POST", "route": "/v1/orders", "status": 201, "caller": "customer:cus_ada"},
        {"method": "GET", "route": "/v1/things/{id}", "status": 401, "caller": None},
    ]
    curious = await start(level="debug")
    await curious.get("/v1/catalog")
    assert [line["route"] for line in curious.lines()] == ["/v1/catalog"]


@pytest.mark.parametrize("canary", CANARIES.values(), ids=CANARIES)
async def test_no_secret_reaches_the_log_by_any_way_in(world, canary):
    headers = {"X-Request-Id": canary, "Idempotency-Key": canary, "Cookie": f"storefront_session={canary}"}
    for path in ("/v1/catalog", "/v1/things/1", "/v1/nothing/" + canary, "/v1/things/" + canary, "/v1/broken"):
        await world.get(path, headers=headers)
        await world.get(path, params={"after": canary}, token=canary)
        await world.send("POST", path, data=canary)
    await world.order({"sku": canary, canary: canary})
    await world.order(canary.encode())
    await world.order({"sku": "gems"}, key=canary, headers={"Content-Type": canary})
    await world.raw(f"{canary} HTTP/1.1\r\n{canary}\r\n\r\n".encode())
    log = world.log.getvalue()
    assert log
    assert [trace for trace in TRACES if trace in log] == []


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize("canary", CANARIES.values(), ids=CANARIES)
def test_even_who_logs_a_secret_does_not_write_it(canary, form):
    log = StringIO()
    configure_logging("debug", form, stream=log)
    try:
        logger = structlog.stdlib.get_logger("careless")
        logger.info(f"got {canary}", header=f"x {canary}", nested={"a": [canary, {"b": canary}]}, plain=canary)
        logging.getLogger("library").warning("also %s", canary)
        try:
            raise ValueError(canary)
        except ValueError:
            logger.exception("failed")
    finally:
        configure_logging("warning")
    assert log.getvalue().count("[redacted]") >= 5
    assert [trace for trace in TRACES if trace in log.getvalue()] == []


def test_fields_with_secret_names_are_masked_whatever_they_hold():
    log = StringIO()
    configure_logging("info", "json", stream=log)
    structlog.stdlib.get_logger("careless").info(
        "x", password="swordfish", api_key="swordfish", authorization="swordfish", nested={"cookie": "swordfish"}
    )
    configure_logging("warning")
    assert "swordfish" not in log.getvalue()


async def test_a_line_cannot_be_forged_through_the_path(start):
    world = await start()
    configure_logging("info", "console", stream=world.log)
    await world.raw(b"GET /v1/%0a2026-01-01%20[error]%20forged HTTP/1.1\r\nHost: x\r\n\r\n")
    lines = world.log.getvalue().splitlines()
    assert len(lines) == 1
    assert "\\n2026-01-01" in lines[0]


async def test_what_is_not_http_is_mentioned_without_its_bytes(world):
    await world.raw(b"\x16\x03\x01swordfish\r\n\r\n")
    assert "swordfish" not in world.log.getvalue()
    assert "Traceback" not in world.log.getvalue()


def test_a_call_without_a_key_says_how_to_declare_one():
    routes = Routes("x")

    @routes.get("/v1/x", allow=Role.PUBLIC)
    async def show(call):
        """Show.

        Twice, if need be.
        """
        return respond({})

    (route,) = routes
    assert (route.summary, route.description) == ("Show", "Twice, if need be.")
