"""What operators see: decisions one by one and page by page, and how each rule does."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, bindparam, select

from storefront.core.clock import DAY_MS, iso
from storefront.core.errors import NotFound
from storefront.core.operating.pages import read_page
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront_fraud.rules import Because, RuleSet
from storefront_fraud.tables import decisions

_OF_PURCHASE = Query(
    select(decisions).where(decisions.c.purchase_id == bindparam("purchase_id")).order_by(decisions.c.created_at)
)


class NoDecision(NotFound):
    code = "no_decision"
    title = "Nothing was decided of this purchase"


def show_decision(row: Row) -> dict[str, Any]:
    """Return a decision as an operator sees it."""
    return {
        "purchase": row["purchase_id"],
        "stage": row["stage"],
        "customer_id": row["customer_id"],
        "verdict": row["verdict"],
        "decided_by": row["decided_by"],
        "outcome": row["outcome"],
        "matches": msgspec.json.decode(row["matches"]),
        "attributes": msgspec.json.decode(row["attributes"]),
        "anomaly": _anomaly(row),
        "rules_version": row["rules_version"],
        "catalog_version": row["catalog_version"],
        "created_at": iso(row["created_at"]),
    }


def _anomaly(row: Row) -> dict[str, Any] | None:
    """Return the score and what counted for it, the heaviest first; None where nothing was scored."""
    told = None if row["anomaly"] is None else msgspec.json.decode(row["anomaly"])
    if told is None or told["value"] is None:
        return None
    reasons = [{**one, "weight": round(one["weight"], 2)} for one in told["reasons"]]
    return {"score": round(told["value"], 4), "reasons": reasons}


async def list_decisions(
    services: Services,
    *,
    verdict: str | None = None,
    customer: str | None = None,
    purchase: str | None = None,
    limit: int = 50,
    after: str | None = None,
) -> dict[str, Any]:
    """Return a page of decisions, newest first. ``customer`` is the game's id, ``purchase`` ours.

    Raises:
        NotFound: there is no such customer.
        Invalid: ``after`` is not of this list.
    """
    wanted = await conditions_of(services, verdict=verdict, customer=customer, purchase=purchase)
    statement = select(decisions).where(*wanted)
    by = (decisions.c.created_at, (decisions.c.purchase_id + "~" + decisions.c.stage).label("name"))
    statement = statement.add_columns(by[1])
    return await read_page(services.reader, statement, by, limit=limit, after=after, shown=show_decision)  # type: ignore[arg-type]


async def conditions_of(
    services: Services, *, verdict: str | None = None, customer: str | None = None, purchase: str | None = None
) -> list[ColumnElement[bool]]:
    """Return what must hold of decisions that are looked for; raises ``NotFound`` where nobody is called so."""
    conditions: list[ColumnElement[bool]] = []
    if verdict is not None:
        conditions.append(decisions.c.verdict == verdict)
    if purchase is not None:
        conditions.append(decisions.c.purchase_id == purchase)
    if customer is not None:
        conditions.append(decisions.c.customer_id == await services.customers.need(customer))
    return conditions


async def explain(services: Services, purchase_id: str) -> dict[str, Any]:
    """Return what was decided of a purchase, and why. Raises ``NoDecision``."""
    rows = await services.reader.all(_OF_PURCHASE, purchase_id=purchase_id)
    if not rows:
        raise NoDecision(f"Nothing was decided of {purchase_id}.")
    return {"purchase": purchase_id, "decisions": [show_decision(row) for row in rows]}


@dataclass(frozen=True, slots=True)
class Matched:
    """Rule -> how often it matched, how often it failed, and with which error last."""

    matches: Counter[str]
    errors: Counter[str]
    last: dict[str, str]


async def count_matches(services: Services, *, since: int) -> Matched:
    """Count how often each rule matched, and failed, in what was decided since then (business ms)."""
    columns = (decisions.c.matches,)
    matched = select(*columns).where(decisions.c.created_at >= since, decisions.c.matches != "[]")
    found = Matched(Counter(), Counter(), {})
    for row in await services.reader.scan(matched.order_by(decisions.c.created_at)):
        for one in msgspec.json.decode(row["matches"]):
            failed = one["because"] == Because.ERROR
            (found.errors if failed else found.matches)[one["rule"]] += 1
            if failed:
                found.last[one["rule"]] = one["error"]
    return found


async def show_rules(services: Services, rules: RuleSet) -> dict[str, Any]:
    """Return every rule with how often it matched, and failed, within the last 24 hours, and its last error."""
    counted = await count_matches(services, since=services.clock.now() - DAY_MS)
    return {
        "rules_version": rules.version,
        "data": [
            {
                "id": rule.id,
                "do": str(rule.do),
                "mode": "enforce" if rule.is_enforced else "shadow",
                "stage": str(stage),
                "when": rule.when,
                "on_missing": rule.on_missing,
                "matched": counted.matches[rule.id],
                "errors": counted.errors[rule.id],
                "last_error": counted.last.get(rule.id),
            }
            for rule, stage in rules.rules.values()
        ],
    }
