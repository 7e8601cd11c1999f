"""Analytics over HTTP: the same reports as ``storefront report``, as JSON or CSV."""

from typing import Any

from aiohttp import hdrs, web

from storefront.core.analytics.lines import csv_of
from storefront.core.analytics.reports import read_report
from storefront.core.principals import Role
from storefront.routing import Call, Routes, respond
from storefront.web.analytics_shapes import OVERVIEW, QUERY, REPORT
from storefront.web.services import SERVICES

routes = Routes("core", tags=["analytics"])
SCOPE = "analytics:read"
_CSV = "text/csv"


async def _tell(call: Call, name: str) -> web.StreamResponse:
    query = call.query
    told = await read_report(
        call.app[SERVICES], name, since=query.get("from"), until=query.get("to"), currency=query.get("currency")
    )
    return _as_csv(name, told) if _wants_csv(call) else respond(told)


def _wants_csv(call: Call) -> bool:
    """Tell whether CSV is asked for: by ``format``, else by an ``Accept`` that names it and no JSON before it."""
    if "format" in call.query:
        return bool(call.query["format"] == "csv")
    accepted = [part.partition(";")[0].strip() for part in call.request.headers.get(hdrs.ACCEPT, "").split(",")]
    return next((one for one in accepted if one in (_CSV, "application/json", "*/*")), None) == _CSV


def _as_csv(name: str, told: dict[str, Any]) -> web.Response:
    headers = {
        "Content-Disposition": f'attachment; filename="{name}-{told["from"]}-{told["to"]}.csv"',
        "Vary": hdrs.ACCEPT,
    }
    return web.Response(text=csv_of(told["figures"]), content_type=_CSV, charset="utf-8", headers=headers)


@routes.get("/v1/analytics/overview", allow=Role.OPERATOR, query=QUERY, answers={200: OVERVIEW}, scope=SCOPE)
async def show_overview(call: Call) -> web.StreamResponse:
    """Show the first page's figures: MRR, churn, what a member pays and is worth, net revenue day by day, and more.

    Each figure says its formula and links to what it is made of. Amounts are in the smallest unit; those of several
    currencies are never added up, unless the configuration states rates (`analytics:`), which `totals` name.
    """
    return await _tell(call, "overview")


@routes.get("/v1/analytics/revenue", allow=Role.OPERATOR, query=QUERY, answers={200: REPORT}, scope=SCOPE)
async def show_revenue(call: Call) -> web.StreamResponse:
    """Show what each source brought, by day and in the period: gross, tax, refunds, shares, fees, net, settled."""
    return await _tell(call, "revenue")


@routes.get("/v1/analytics/memberships", allow=Role.OPERATOR, query=QUERY, answers={200: REPORT}, scope=SCOPE)
async def show_memberships(call: Call) -> web.StreamResponse:
    """Show MRR day by day with its movements, churn, revenue per member, lifetime value, and what dunning brought."""
    return await _tell(call, "memberships")


@routes.get("/v1/analytics/cohorts", allow=Role.OPERATOR, query=QUERY, answers={200: REPORT}, scope=SCOPE)
async def show_cohorts(call: Call) -> web.StreamResponse:
    """Show retention: of those who joined in a month, how many still paid at the end of each month after it."""
    return await _tell(call, "cohorts")


@routes.get("/v1/analytics/fanfunding", allow=Role.OPERATOR, query=QUERY, answers={200: REPORT}, scope=SCOPE)
async def show_fanfunding(call: Call) -> web.StreamResponse:
    """Show what fans gave, by source and by creator, what went back of it, and what creators earned."""
    return await _tell(call, "fanfunding")


@routes.get("/v1/analytics/wallets", allow=Role.OPERATOR, query=QUERY, answers={200: REPORT}, scope=SCOPE)
async def show_wallets(call: Call) -> web.StreamResponse:
    """Show the economy of virtual currencies: issued by source, spent by sink, lapsed, taken back, held by players."""
    return await _tell(call, "wallets")


@routes.get("/v1/analytics/payments", allow=Role.OPERATOR, query=QUERY, answers={200: REPORT}, scope=SCOPE)
async def show_payments(call: Call) -> web.StreamResponse:
    """Show what gateways received and kept, cost per transaction, time to clear, and how many checkouts were paid."""
    return await _tell(call, "payments")
