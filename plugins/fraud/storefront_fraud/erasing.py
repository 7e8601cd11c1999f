"""Forgetting an erased customer: what their purchases were judged and counted by, in one commit with the counters.

A network or a device may be others' as well: its counter stays for them, and counts theirs alone.
"""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Select, bindparam, select

from storefront.core.clock import DAY_MS
from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Change, Plan, Remove
from storefront.core.errors import Unavailable
from storefront.core.privacy.blanking import blank
from storefront.core.privacy.register import Person
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront_fraud.cases import counter_key
from storefront_fraud.learning import ANCHOR as SCORES
from storefront_fraud.lists import anchor_of
from storefront_fraud.privacy import DECISIONS_HELD, known_by
from storefront_fraud.rings import LONGEST_MS, add, buckets_of, text_of
from storefront_fraud.tables import COUNTERS, DECISIONS, LIST_ENTRIES, counters, decisions, list_entries

TIMES_DECIDED = 5
_DECISIONS = Query(select(decisions).where(decisions.c.customer_id == bindparam("customer_id")))
_COUNTER = Query(
    select(counters).where(counters.c.dimension == bindparam("dimension"), counters.c.value == bindparam("value"))
)


async def forget_judged(services: Services, person: Person) -> None:
    """Blank what was read of a customer's purchases, and take it out of counters and lists. Safe to repeat."""
    for _ in range(TIMES_DECIDED):
        judged = await services.reader.all(_DECISIONS, customer_id=person.id)
        plan = Plan(actor="plugin:fraud", anchors={person.id, SCORES}, is_erasure=True)
        await _take_off_lists(services, plan, person)
        for dimension, value in sorted(_counted_by(judged)):
            await _recount(services, plan, person, dimension, value)
        for row in judged:
            after = blank(DECISIONS_HELD, row)
            changes = {name: after[name] for name in after if after[name] != row[name]}
            expect = {"counted": row["counted"], "to_count": row["to_count"], "to_learn": row["to_learn"]}
            if changes:
                plan.add(Change(DECISIONS, (row["purchase_id"], row["stage"]), person.id, expect, changes))
        try:
            if plan.list:
                await services.engine.commit(plan)
        except Stale:
            continue
        return
    raise Unavailable("Too much is changing at once; try again.")


async def _take_off_lists(services: Services, plan: Plan, person: Person) -> None:
    for row in await services.reader.scan(select(list_entries).where(known_by(list_entries, person))):
        plan.anchors.add(anchor_of(row["list"]))
        plan.add(Remove(LIST_ENTRIES, (row["list"], row["value"]), anchor_of(row["list"])))


def _counted_by(judged: Sequence[Row]) -> set[tuple[str, str]]:
    """Return the (dimension, value) that purchases were or will be counted by."""
    return {counted for row in judged for counted in msgspec.json.decode(row["identity"]).items()}


async def _recount(services: Services, plan: Plan, person: Person, dimension: str, value: str) -> None:
    """Let a counter count what is others', or remove it; the plan is stale if it moves meanwhile."""
    row = await services.reader.first(_COUNTER, dimension=dimension, value=value)
    if row is None:
        return
    key = counter_key(dimension, value, person.id)
    assert key.anchor is not None, "a counter hangs under its value"
    plan.anchors.add(key.anchor)
    others = [
        one
        for one in await services.reader.scan(_of_others(services, person, value))
        if msgspec.json.decode(one["identity"]).get(dimension) == value
        and dimension in msgspec.json.decode(one["counted"])
    ]
    buckets = buckets_of(None)
    for one in others:
        add(buckets, one["created_at"], one["amount"] or 0)
    newest = max((one["created_at"] for one in others), default=0)
    plan.add(Change(COUNTERS, key.id, key.anchor, {"buckets": row["buckets"]},
                    {"buckets": text_of(buckets), "updated_at": newest}))  # fmt: skip
    if not others:
        plan.add(Remove(COUNTERS, key.id, key.anchor))


def _of_others(services: Services, person: Person, value: str) -> Select[tuple[str]]:
    since = services.clock.now() - 2 * (LONGEST_MS + DAY_MS)
    quoted = msgspec.json.encode(value).decode()
    return select(decisions).where(
        decisions.c.customer_id != person.id,
        decisions.c.created_at >= since,
        decisions.c.identity.contains(quoted, autoescape=True),
    )
