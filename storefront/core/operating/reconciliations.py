"""Reconciliations for an operator: the last report of each gateway, and comparing now."""

from typing import Any

import msgspec
from sqlalchemy import select

from storefront.core.clock import iso
from storefront.core.commit.plan import Plan
from storefront.core.errors import FieldError, Invalid
from storefront.core.gateway_payments import anchor_of
from storefront.core.gateways import BalanceBook
from storefront.core.privileged import record_action
from storefront.core.reconciling import reconcile
from storefront.core.services import Services
from storefront.core.tables import gateway_books


def gateways_with_books(services: Services) -> list[str]:
    """Return the gateways that can be reconciled: those that show their own books."""
    return [name for name, gateway in services.gateways.items() if isinstance(gateway, BalanceBook)]


async def list_reconciliations(services: Services) -> list[dict[str, Any]]:
    """Return where each gateway with books stands: ``[{gateway, followed_at, report}]``; None was never compared."""
    books = {row["gateway"]: row for row in await services.reader.scan(select(gateway_books))}
    found = []
    for name in gateways_with_books(services):
        book = books.get(name)
        report = None if book is None or book["report"] is None else msgspec.json.decode(book["report"])
        own = services.reconciliations.get(name)
        # One that this process made may not have been stored, because the books moved on at that moment.
        if own is not None and (report is None or iso(own.at) > report["at"]):
            report = own.to_json()
        found.append({"gateway": name, "followed_at": None if book is None else iso(book["followed_at"]),
                      "report": report})  # fmt: skip
    return found


async def reconcile_now(services: Services, gateway: str, *, since: int | None, actor: str) -> dict[str, Any]:
    """Compare a gateway's records from ``since`` (ms) on with ours, mend what is safe, and return the report.

    Raises:
        Invalid: there is no such gateway, or it shows no books.
        GatewayFailed: it did not answer; what was mended so far stays.
    """
    known = gateways_with_books(services)
    if gateway not in known:
        wrong = f"must be one of {', '.join(known)}" if known else "no gateway here shows its books"
        raise Invalid(f"There is nothing to reconcile at {gateway}: {wrong}.", errors=[FieldError("/gateway", wrong)])
    now = services.clock.now()
    plan = Plan(actor=actor, anchors={anchor_of(gateway)})
    facts = {"since": None if since is None else iso(since)}
    record_action(plan, "gateway.reconciled", actor=actor, about=gateway, facts=facts, now=now,
                  wall=services.clock.wall())  # fmt: skip
    await services.engine.commit(plan)
    return (await reconcile(services, gateway, since=since)).to_json()
