"""OpenAPI, the documentation pages, and the metrics: made from the routes, and complete."""

import importlib
import pkgutil
import re

import jsonschema_rs
import pytest

import storefront.core
from storefront.core.errors import StorefrontError
from storefront.web.errors import ERRORS

NEVER_ANSWERED = {
    "action_required",
    "last_owner",
    "provider_away",
    "anchor_not_kept",
    "message_not_sent",
    "backup_damaged",
    "bad_anchor",
    "cannot_be_proved",
    "cannot_connect",
    "catalog_missing",
    "database_in_use",
    "experiment_changed",
    "imported_before",
    "migration_failed",
    "move_failed",
    "not_sealed_yet",
    "other_keys",
    "restore_refused",
    "shop_has_moved",
    "target_not_empty",
    "unknown_tables",
    "wrong_mode",
}
"""Raised before the shop listens, said by a command, or turned into a purchase's state: no caller sees them."""


@pytest.fixture
async def document(world):
    answer = await world.get("/openapi.json")
    assert answer.status == 200
    return answer.json


async def test_every_path_of_the_router_is_documented(world, document):
    served = {
        (route.method, route.resource.canonical)
        for route in world.app.router.routes()
        if route.method != "HEAD" and route.resource.canonical != "/{unmatched}"
    }
    described = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert served == described


async def test_every_schema_in_it_is_a_good_one(document):
    found = 0

    def walk(part):
        nonlocal found
        if isinstance(part, dict):
            if "schema" in part and isinstance(part["schema"], dict) and "$ref" not in part["schema"]:
                jsonschema_rs.meta.validate(part["schema"])
                found += 1
            for inner in part.values():
                walk(inner)
        elif isinstance(part, list):
            for inner in part:
                walk(inner)

    walk(document)
    assert found > 10


async def test_an_operation_says_what_the_edge_enforces(document):
    assert document["openapi"].startswith("3.1")
    order = document["paths"]["/v1/orders"]["post"]
    assert order["summary"] == "Order"
    assert order["requestBody"]["content"]["application/json"]["schema"]["required"] == ["sku"]
    header = next(part for part in order["parameters"] if part["name"] == "Idempotency-Key")
    assert (header["in"], header["required"]) == ("header", True)
    assert {"201", "400", "409", "413", "415", "422", "429", "500", "503"} <= set(order["responses"])
    assert "out_of_tune" in order["responses"]["409"]["description"]
    assert {} in order["security"]

    thing = document["paths"]["/v1/things/{id}"]["get"]
    assert [part["name"] for part in thing["parameters"] if part["in"] == "path"] == ["id"]
    assert {} not in thing["security"]
    named = {name for rule in thing["security"] for name in rule}
    assert named <= set(document["components"]["securitySchemes"])
    assert {"401", "403"} <= set(thing["responses"])


async def test_nothing_in_it_is_more_than_the_documentation_page_understands(document):
    # Swagger UI covers the page with a warning as soon as a dialect is named, even the default's own base.
    assert "jsonSchemaDialect" not in document


def test_every_error_that_the_code_can_raise_is_documented():
    for module in pkgutil.walk_packages(storefront.core.__path__, "storefront.core."):
        importlib.import_module(module.name)

    def below(kind):
        for child in kind.__subclasses__():
            yield child
            yield from below(child)

    ours = {kind.code for kind in below(StorefrontError) if kind.__module__.startswith("storefront.core.")}
    assert ours - {doc.code for doc in ERRORS} == NEVER_ANSWERED


async def test_operation_ids_are_unique(document):
    ids = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
    assert len(ids) == len(set(ids))


async def test_every_error_code_is_explained_under_its_own_anchor(world):
    page = (await world.get("/docs/errors")).body.decode()
    anchors = re.findall(r'id="([a-z_0-9]+)"', page)
    assert sorted(anchors) == sorted([doc.code for doc in ERRORS] + ["out_of_tune"])
    assert all(doc.advice for doc in ERRORS)


async def test_the_documentation_page_needs_no_other_host_and_no_inline_script(world):
    answer = await world.get("/docs")
    html = answer.body.decode()
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert not re.findall(r"<script(?![^>]*\bsrc=)", html)
    links = re.findall(r'(?:src|href)="([^"]+)"', html)
    assert links
    for link in links:
        assert link.startswith("/")
        assert (await world.get(link)).status == 200, link
    assert (await world.get("/docs/assets/..%2f..%2fetc%2fpasswd")).status == 404


async def test_requests_are_counted_by_route_and_status(world):
    await world.get("/v1/catalog")
    await world.get("/v1/catalog")
    await world.get("/v1/things/7")
    await world.get("/v1/nothing-" + "x" * 20)
    await world.send("BREW", "/v1/pot")
    text = (await world.get("/metrics")).body.decode()
    assert 'storefront_http_requests_total{method="GET",route="/v1/catalog",status="200"} 2.0' in text
    assert 'storefront_http_requests_total{method="GET",route="/v1/things/{id}",status="401"} 1.0' in text
    assert 'storefront_http_requests_total{method="GET",route="(none)",status="404"} 1.0' in text
    assert 'storefront_http_request_seconds_count{method="GET",route="/v1/catalog"} 2.0' in text
    assert 'le="+Inf",method="GET",route="/v1/catalog"} 2.0' in text
    assert "nothing-" not in text


async def test_health_and_readiness_answer_strangers(world):
    assert (await world.get("/healthz")).status == 200
    assert (await world.get("/readyz")).status == 200
