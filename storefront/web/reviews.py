"""Reviews over HTTP: what waits for a person's verdict, approving, rejecting."""

from typing import Any

from aiohttp import web

from storefront.core.operating.reviews import approve_review, list_reviews, reject_review, show_review
from storefront.core.principals import Role
from storefront.routing import Call, Routes, respond
from storefront.web.review_shapes import DECISION, REVIEW, REVIEWS, REVIEWS_QUERY
from storefront.web.services import SERVICES

routes = Routes("core", tags=["operating"])
_READS, _WRITES = "reviews:read", "reviews:write"


@routes.get("/v1/reviews", allow=Role.OPERATOR, query=REVIEWS_QUERY, answers={200: REVIEWS}, scope=_READS)
async def list_all_reviews(call: Call) -> web.StreamResponse:
    """List purchases that wait, or waited, for a person's verdict, newest first."""
    query = call.query
    page = await list_reviews(
        call.app[SERVICES],
        state=query.get("state"),
        customer=query.get("customer"),
        limit=query["limit"],
        after=query.get("after"),
    )
    return respond(page)


@routes.get("/v1/reviews/{purchase}", allow=Role.OPERATOR, answers={200: REVIEW}, scope=_READS)
async def get_review(call: Call) -> web.StreamResponse:
    """Show a review, with what the gateway says of the card."""
    return respond(await show_review(call.app[SERVICES], call.path("purchase")))


@routes.post(
    "/v1/reviews/{purchase}/approve",
    allow=Role.OPERATOR,
    body=DECISION,
    answers={200: REVIEW, 202: REVIEW},
    scope=_WRITES,
    refusals=["review_not_open", "review_decided", "goods_unavailable", "money_going_back"],
)
async def approve_one_review(call: Call) -> web.StreamResponse:
    """Approve a purchase: its money is taken, its goods are given. Safe to repeat; audited.

    202 `deciding`: the gateway did not answer, and is asked until it does; the decision stands.
    """
    answer = await approve_review(
        call.app[SERVICES], call.path("purchase"), reason=call.body["reason"], actor=call.principal.caller
    )
    return _answer(answer)


@routes.post(
    "/v1/reviews/{purchase}/reject",
    allow=Role.OPERATOR,
    body=DECISION,
    answers={200: REVIEW, 202: REVIEW},
    scope=_WRITES,
    refusals=["review_not_open", "review_decided"],
)
async def reject_one_review(call: Call) -> web.StreamResponse:
    """Reject a purchase: a hold is released, an authorisation given back, money refunded. Safe to repeat; audited."""
    answer = await reject_review(
        call.app[SERVICES], call.path("purchase"), reason=call.body["reason"], actor=call.principal.caller
    )
    return _answer(answer)


def _answer(review: dict[str, Any]) -> web.StreamResponse:
    return respond(review, status=200 if review["state"] == "closed" else 202)
