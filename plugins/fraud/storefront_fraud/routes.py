"""HTTP of fraud, for operators and the operator's server: decisions, rules, lists and back-tests."""

from aiohttp import web

from storefront.core.principals import Role
from storefront.core.redaction import redact_text
from storefront.core.services import Services
from storefront.routing import Call, ErrorDoc, Routes, respond
from storefront_fraud.config import Settings
from storefront_fraud.lists import UnknownList, add_to_list, duration_of, remove_from_list, show_list, show_lists
from storefront_fraud.operating import back_test
from storefront_fraud.rules import RuleSet
from storefront_fraud.shapes import (
    ADD,
    DECISIONS,
    EXPLAINED,
    LIST,
    LISTS,
    ONE_LIST,
    REMOVE,
    SHOWN_RULES,
    TEST,
    TESTED,
)
from storefront_fraud.showing import NoDecision, explain, list_decisions, show_rules

OPERATORS = Role.SERVER | Role.OPERATOR
READ, WRITE = "fraud:read", "fraud:write"
ERRORS = (
    ErrorDoc("no_decision", 404, NoDecision.title, "It was made before the plugin was enabled, or is forgotten."),
    ErrorDoc("unknown_list", 404, UnknownList.title, "Write it under plugins.fraud.lists; it may be empty."),
)


def make_routes(services: Services, settings: Settings, rules: RuleSet) -> Routes:
    """Return the routes under ``/v1/fraud/``."""
    routes = Routes("fraud", errors=ERRORS)
    _add_looking(routes, services, settings, rules)
    _add_lists(routes, services, settings)
    return routes


def _add_looking(routes: Routes, services: Services, settings: Settings, rules: RuleSet) -> None:
    @routes.get("/v1/fraud/decisions", allow=OPERATORS, query=LIST, answers={200: DECISIONS}, scope=READ)
    async def list_all(call: Call) -> web.StreamResponse:
        """List decisions, newest first, those of refused purchases too."""
        return respond(await list_decisions(services, **call.query))

    @routes.get("/v1/fraud/decisions/{purchase}", allow=OPERATORS, answers={200: EXPLAINED}, scope=READ,
                refusals=["no_decision"])  # fmt: skip
    async def explain_one(call: Call) -> web.StreamResponse:
        """Explain what was decided of a purchase: every rule that matched, and every value that was read."""
        return respond(await explain(services, call.path("purchase")))

    @routes.get("/v1/fraud/rules", allow=OPERATORS, answers={200: SHOWN_RULES}, scope=READ)
    async def list_rules(call: Call) -> web.StreamResponse:
        """List the rules: when each runs, and how often it matched or failed within 24 hours."""
        return respond(await show_rules(services, rules))

    @routes.post("/v1/fraud/test", allow=OPERATORS, body=TEST, answers={200: TESTED}, scope=READ)
    async def test(call: Call) -> web.StreamResponse:
        """Replay rules over what was decided: what would be stopped, which disputes that catches, and whom else.

        Without `rules`, the shop's own: they say the same again. Nothing is written.
        """
        told = await back_test(services, settings, rules, since=call.body["since"], written=call.body.get("rules"))
        return respond(told)


def _add_lists(routes: Routes, services: Services, settings: Settings) -> None:
    @routes.get("/v1/fraud/lists", allow=OPERATORS, answers={200: LISTS}, scope=READ)
    async def all_lists(call: Call) -> web.StreamResponse:
        """List the lists."""
        return respond(await show_lists(services, settings))

    @routes.get("/v1/fraud/lists/{list}", allow=OPERATORS, answers={200: ONE_LIST}, scope=READ,
                refusals=["unknown_list"])  # fmt: skip
    async def one_list(call: Call) -> web.StreamResponse:
        """Show what is on a list, why, and until when."""
        return respond(await show_list(services, settings, call.path("list")))

    @routes.post("/v1/fraud/lists/{list}/add", allow=OPERATORS, body=ADD, answers={200: ONE_LIST}, scope=WRITE,
                 refusals=["unknown_list"])  # fmt: skip
    async def add(call: Call) -> web.StreamResponse:
        """Put values on a list, for a while or until they are removed. Safe to repeat. Audited."""
        body = call.body
        ends = None if body.get("for") is None else duration_of(body["for"])
        reason, actor = redact_text(body["reason"]), call.principal.caller
        values, name = body["values"], call.path("list")
        told = await add_to_list(services, settings, name, values, reason=reason, actor=actor, for_ms=ends)
        return respond(told)

    @routes.post("/v1/fraud/lists/{list}/remove", allow=OPERATORS, body=REMOVE, answers={200: ONE_LIST}, scope=WRITE,
                 refusals=["unknown_list"])  # fmt: skip
    async def remove(call: Call) -> web.StreamResponse:
        """Take values off a list; what the configuration says stays on it. Safe to repeat. Audited."""
        actor = call.principal.caller
        return respond(await remove_from_list(services, settings, call.path("list"), call.body["values"], actor=actor))
