"""OpenAPI 3.1 from the routes' own declarations: what validates requests is what is documented."""

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from storefront import __version__
from storefront.core.principals import Role
from storefront.routing import ErrorDoc, Route, Routes
from storefront.web.errors import ERRORS

PROBLEM: Mapping[str, Any] = {
    "type": "object",
    "description": "What went wrong (RFC 9457); `code` is stable, the facts of a refusal stand beside it.",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"pointer": {"type": "string"}, "message": {"type": "string"}},
                "required": ["pointer", "message"],
            },
        },
    },
    "required": ["type", "title", "status", "code", "request_id"],
}
_ALWAYS = ("headers_too_large", "rate_limited", "internal_error", "unavailable")
_ROLES = {
    Role.CUSTOMER: "session",
    Role.SERVER: "secretKey",
    Role.OPERATOR: "operatorKey",
    Role.PUBLIC: "publishableKey",
}


def build_openapi(registries: Iterable[Routes], *, shop_name: str) -> dict[str, Any]:
    """Return the document of every route, plugins' and pages' included."""
    routes = [route for registry in registries for route in registry]
    documented = _documented(registries)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.template, {})[route.method.lower()] = _operation(route, documented)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"{shop_name}: the Storefront API",
            "version": __version__,
            "description": "Amounts are integers in the smallest unit; times are RFC 3339 in UTC. "
            "Every POST that moves value needs an Idempotency-Key: a retry under it happens once.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(tag for route in routes for tag in route.tags)],
        "paths": paths,
        "components": {"schemas": {"Problem": dict(PROBLEM)}, "securitySchemes": _security_schemes()},
    }


def _documented(registries: Iterable[Routes]) -> dict[str, ErrorDoc]:
    found = {doc.code: doc for doc in ERRORS}
    for registry in registries:
        found.update({doc.code: doc for doc in registry.errors})
    return found


def _operation(route: Route, documented: Mapping[str, ErrorDoc]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": f"{route.owner}.{getattr(route.handler, '__name__', 'handler')}",
        "summary": route.summary,
        "tags": list(route.tags),
        "parameters": _parameters(route),
        "responses": {**_answers(route), **_refusals(route, documented)},
        "security": _security(route),
    }
    if route.description:
        operation["description"] = route.description
    body = _request_body(route)
    if body is not None:
        operation["requestBody"] = body
    return operation


def _parameters(route: Route) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in route.parameters
    ]
    query = route.query or {}
    for name, schema in query.get("properties", {}).items():
        parameter = {"name": name, "in": "query", "required": name in query.get("required", ()), "schema": dict(schema)}
        if "description" in schema:
            parameter["description"] = schema["description"]
        parameters.append(parameter)
    if route.idempotent:
        parameters.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": True,
                "description": "One intention, one key; keep it for retries.",
                "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
            }
        )
    return parameters


def _request_body(route: Route) -> dict[str, Any] | None:
    if route.body is not None:
        content = {"application/json": {"schema": copy.deepcopy(dict(route.body))}}
        return {"required": not route.may_lack_body, "content": content}
    if route.form is not None:
        form = copy.deepcopy(dict(route.form))
        return {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": form}}}
    if route.media:
        content = {name: {"schema": copy.deepcopy(dict(schema))} for name, schema in route.media.items()}
        return {"required": True, "content": content}
    if route.raw_body:
        return {"required": True, "content": {"application/json": {"schema": {}}}}
    return None


def _answers(route: Route) -> dict[str, Any]:
    if route.page and not route.answers:
        page = {"description": "A page.", "content": {"text/html": {"schema": {"type": "string"}}}}
        return {"200": page, "303": {"description": "Go on to the address in Location."}}
    answers: dict[str, Any] = {}
    for status, schema in route.answers.items():
        answer: dict[str, Any] = {"description": _WORDS.get(status, "Done.")}
        if schema is not None:
            answer["content"] = {"application/json": {"schema": copy.deepcopy(dict(schema))}}
        answers[str(status)] = answer
    return answers or {"200": {"description": "Done."}}


_WORDS = {200: "As asked.", 201: "Made.", 202: "Taken; not decided yet.", 204: "Done.", 503: "Not ready."}


def _refusals(route: Route, documented: Mapping[str, ErrorDoc]) -> dict[str, Any]:
    """Group every error the route can answer with by its status."""
    codes = [*_codes_of(route), *route.refusals]
    by_status: dict[int, list[ErrorDoc]] = {}
    for code in dict.fromkeys(codes):
        doc = documented[code]
        by_status.setdefault(doc.status, []).append(doc)
    known = {str(status) for status in route.answers}
    return {
        str(status): {
            "description": "\n".join(f"`{doc.code}`: {doc.title}. {doc.advice}" for doc in docs),
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status, docs in sorted(by_status.items())
        if str(status) not in known
    }


def _codes_of(route: Route) -> list[str]:
    codes = list(_ALWAYS)
    if route.allow != Role.PUBLIC:
        codes += ["unauthorized", "forbidden"]
    if route.scope is not None:
        codes.append("missing_scope")
    if route.parameters:
        codes.append("not_found")
    if route.query is not None or route.body is not None or route.form is not None:
        codes.append("invalid_request")
    if route.body is not None or route.form is not None or route.raw_body:
        codes += ["malformed_request", "body_too_large", "unsupported_media_type", "body_too_slow"]
    if route.idempotent:
        codes += ["idempotency_key_required", "idempotency_key_invalid", "idempotency_key_in_flight"]
        codes.append("idempotency_key_reused")
    return codes


def _security(route: Route) -> list[dict[str, list[str]]]:
    found: list[dict[str, list[str]]] = [
        {name: [route.scope] if route.scope and name != "session" else []}
        for role, name in _ROLES.items()
        if role in route.allow
    ]
    return [*found, {}] if Role.PUBLIC in route.allow else found


def _security_schemes() -> dict[str, Any]:
    def bearer(words: str) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": words}

    return {
        "session": bearer("A customer's session token, minted by POST /v1/sessions."),
        "secretKey": bearer("A server's secret key, sk_…"),
        "operatorKey": bearer("An operator's key, ak_…"),
        "publishableKey": bearer("A publishable key, pk_…; may be in every copy of the game."),
    }
