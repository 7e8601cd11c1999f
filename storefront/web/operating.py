"""What an operator looks at and does over HTTP: the same use cases as in the shell."""

from aiohttp import web

from storefront.core.clock import parse_iso
from storefront.core.errors import FieldError, Invalid
from storefront.core.operating.alarms import list_alarms
from storefront.core.operating.disputes import accept_dispute, answer_dispute, list_disputes, show_dispute
from storefront.core.operating.inbox import list_events, replay_event, show_event
from storefront.core.operating.jobs import list_jobs, retry_job
from storefront.core.operating.losses import show_loss, show_possible_loss
from storefront.core.operating.reconciliations import list_reconciliations, reconcile_now
from storefront.core.principals import Role
from storefront.routing import Call, Routes, respond
from storefront.web.operator_shapes import (
    ALARMS,
    ALARMS_QUERY,
    DISPUTE,
    DISPUTES,
    DISPUTES_QUERY,
    EVIDENCE,
    INBOX,
    INBOX_EVENT,
    INBOX_EVENT_IN_FULL,
    INBOX_QUERY,
    JOB,
    JOBS,
    JOBS_QUERY,
    LOSS,
    OF_ACCOUNT,
    RECONCILE,
    RECONCILIATIONS,
    REPORT,
)
from storefront.web.services import SERVICES

routes = Routes("core", tags=["operating"])
EVENT_PATH = "/v1/inbox/{gateway}/{event}"
_READS, _WRITES = "payments:read", "payments:write"


@routes.get("/v1/inbox", allow=Role.OPERATOR, query=INBOX_QUERY, answers={200: INBOX}, scope=_READS)
async def list_inbox(call: Call) -> web.StreamResponse:
    """List what gateways told by webhook, newest first, and what became of it.

    `quarantined` events cannot be ours, and their `note` says why: nothing was granted for them.
    """
    query = call.query
    page = await list_events(
        call.app[SERVICES],
        gateway=query.get("gateway"),
        state=query.get("state"),
        limit=query["limit"],
        after=query.get("after"),
    )
    return respond(page)


@routes.get(
    EVENT_PATH,
    allow=Role.OPERATOR,
    query=OF_ACCOUNT,
    answers={200: INBOX_EVENT_IN_FULL},
    scope=_READS,
    refusals=["event_ambiguous"],
)
async def get_inbox_event(call: Call) -> web.StreamResponse:
    """Show an event as the gateway wrote it, and the job that processes it while it waits."""
    account = call.query.get("account")
    return respond(await show_event(call.app[SERVICES], call.path("gateway"), call.path("event"), account=account))


@routes.add(
    "POST",
    EVENT_PATH + "/replay",
    allow=Role.OPERATOR,
    query=OF_ACCOUNT,
    answers={200: INBOX_EVENT},
    scope=_WRITES,
    refusals=["event_ambiguous", "event_forgotten", "gateway_unavailable"],
)
async def replay_inbox_event(call: Call) -> web.StreamResponse:
    """Process an event again by asking the gateway, whatever became of it. Safe to repeat; audited."""
    answer = await replay_event(
        call.app[SERVICES],
        call.path("gateway"),
        call.path("event"),
        account=call.query.get("account"),
        actor=call.principal.caller,
    )
    return respond(answer)


@routes.get("/v1/disputes", allow=Role.OPERATOR, query=DISPUTES_QUERY, answers={200: DISPUTES}, scope=_READS)
async def list_all_disputes(call: Call) -> web.StreamResponse:
    """List disputes, newest first, with the time by which evidence must be in."""
    query = call.query
    page = await list_disputes(
        call.app[SERVICES], state=query.get("state"), limit=query["limit"], after=query.get("after")
    )
    return respond(page)


@routes.get("/v1/disputes/{id}", allow=Role.OPERATOR, answers={200: DISPUTE}, scope=_READS)
async def get_dispute(call: Call) -> web.StreamResponse:
    """Show a dispute, and what it took of the goods."""
    return respond(await show_dispute(call.app[SERVICES], call.path("id")))


@routes.get("/v1/disputes/{id}/loss", allow=Role.OPERATOR, answers={200: LOSS}, scope=_READS)
async def get_dispute_loss(call: Call) -> web.StreamResponse:
    """Show what an undecided dispute would take if it were lost now, from which lots, and who would owe; a dry run."""
    return respond(await show_loss(call.app[SERVICES], call.path("id")))


@routes.get("/v1/purchases/{id}/loss", allow=Role.OPERATOR, answers={200: LOSS}, scope=_READS)
async def get_possible_loss(call: Call) -> web.StreamResponse:
    """Show what a dispute about all of a purchase's payment would take if it came, and were lost, now; a dry run."""
    return respond(await show_possible_loss(call.app[SERVICES], call.path("id")))


@routes.post(
    "/v1/disputes/{id}/evidence",
    allow=Role.OPERATOR,
    body=EVIDENCE,
    answers={200: DISPUTE},
    scope=_WRITES,
    refusals=["dispute_decided", "gateway_unavailable"],
)
async def add_evidence(call: Call) -> web.StreamResponse:
    """Stage evidence at the gateway, or with `submit` send all that is staged to the bank, once and for all."""
    answer = await answer_dispute(
        call.app[SERVICES],
        call.path("id"),
        call.body["texts"],
        submits=call.body.get("submit", False),
        actor=call.principal.caller,
    )
    return respond(answer)


@routes.post(
    "/v1/disputes/{id}/accept",
    allow=Role.OPERATOR,
    answers={200: DISPUTE},
    scope=_WRITES,
    refusals=["dispute_decided", "gateway_unavailable"],
)
async def accept_one_dispute(call: Call) -> web.StreamResponse:
    """Give a dispute up: it is lost, and its goods are taken. There is no way back."""
    return respond(await accept_dispute(call.app[SERVICES], call.path("id"), actor=call.principal.caller))


@routes.get("/v1/reconciliations", allow=Role.OPERATOR, answers={200: RECONCILIATIONS}, scope=_READS)
async def list_last_reconciliations(call: Call) -> web.StreamResponse:
    """Show the last report of each gateway that shows its own books; null for one that was never compared."""
    return respond({"data": await list_reconciliations(call.app[SERVICES]), "next": None})


@routes.post(
    "/v1/reconciliations",
    allow=Role.OPERATOR,
    body=RECONCILE,
    answers={200: REPORT},
    scope=_WRITES,
    refusals=["gateway_unavailable"],
)
async def create_reconciliation(call: Call) -> web.StreamResponse:
    """Compare a gateway's records with payments and ledger now; what is safe is mended, the rest is listed.

    Every difference says its kind, its amount in minor units, and what a person could do about it.
    """
    since = _since(call.body.get("since"))
    answer = await reconcile_now(call.app[SERVICES], call.body["gateway"], since=since, actor=call.principal.caller)
    return respond(answer)


@routes.get("/v1/alarms", allow=Role.OPERATOR, query=ALARMS_QUERY, answers={200: ALARMS}, scope="operations:read")
async def list_all_alarms(call: Call) -> web.StreamResponse:
    """List what went wrong in a way that a person should know of, newest first."""
    query = call.query
    page = await list_alarms(call.app[SERVICES], kind=query.get("kind"), limit=query["limit"], after=query.get("after"))
    return respond(page)


@routes.get("/v1/jobs", allow=Role.OPERATOR, query=JOBS_QUERY, answers={200: JOBS}, scope="operations:read")
async def list_all_jobs(call: Call) -> web.StreamResponse:
    """List jobs, newest first: those that wait, and with `state=dead` those that were given up."""
    query = call.query
    page = await list_jobs(call.app[SERVICES], state=query.get("state"), limit=query["limit"], after=query.get("after"))
    return respond(page)


@routes.post(
    "/v1/jobs/{id}/retry",
    allow=Role.OPERATOR,
    answers={200: JOB},
    scope="operations:write",
    refusals=["job_not_dead"],
)
async def retry_one_job(call: Call) -> web.StreamResponse:
    """Let a job that was given up try again, now and as often as a new one."""
    return respond(await retry_job(call.app[SERVICES], call.path("id"), actor=call.principal.caller))


def _since(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return parse_iso(text)
    except ValueError as error:
        raise Invalid("This is not a time.", errors=[FieldError("/since", str(error))]) from error
