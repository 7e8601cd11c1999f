"""Counting what only shadow rules read: a job per attempt, exactly once, a moment after its commit."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from storefront.core.commit.apply import LateView
from storefront.core.commit.plan import Change, Insert, Key, Late, Plan, Step
from storefront.core.services import Services
from storefront_fraud.cases import counter_key
from storefront_fraud.judging import DECISION
from storefront_fraud.rings import add, buckets_of, text_of
from storefront_fraud.tables import COUNTERS, DECISIONS

COUNT_STEP = "fraud.count_late"
_DONE = "[]"


async def count_later(services: Services, payload: Mapping[str, Any]) -> None:
    """Count a decision by the dimensions that it still has to be counted by."""
    row = await services.reader.first(DECISION, **payload)
    if row is None or row["to_count"] == _DONE:
        return
    identity, customer_id = msgspec.json.decode(row["identity"]), row["customer_id"]
    keys = {name: counter_key(name, identity[name], customer_id) for name in msgspec.json.decode(row["to_count"])}
    plan = Plan(actor="plugin:fraud", anchors={customer_id})
    plan.anchors.update(key.anchor for key in keys.values() if key.anchor is not None)
    decision = Key(DECISIONS, (row["purchase_id"], row["stage"]), customer_id)
    plan.add(Late(COUNT_STEP, (decision, *keys.values()), {"decision": decision, "keys": keys}))
    await services.engine.commit(plan)


def count_step(view: LateView, facts: Mapping[str, Any]) -> Sequence[Step]:
    """Late step: add to the counters at the time of the decision, if nobody has yet."""
    decision: Key = facts["decision"]
    row = view.row(decision)
    if row is None or row["to_count"] == _DONE:
        return ()
    steps: list[Step] = []
    counted = set(msgspec.json.decode(row["counted"]))
    for dimension, key in facts["keys"].items():
        known = view.row(key)
        buckets = buckets_of(known)
        add(buckets, row["created_at"], row["amount"] or 0)
        counted.add(dimension)
        # As of the attempt, however late it is counted: a counter stays while its newest attempt says something.
        newest = row["created_at"] if known is None else max(known["updated_at"], row["created_at"])
        told = {"dimension": dimension, "value": key.id[1], "buckets": text_of(buckets), "updated_at": newest}
        steps.append(Insert(COUNTERS, key.id, key.anchor, told, replace=True))
    changes = {"to_count": _DONE, "counted": msgspec.json.encode(sorted(counted)).decode()}
    anchor = row["customer_id"]
    return [*steps, Change(DECISIONS, decision.id, anchor, {"to_count": row["to_count"]}, changes)]
