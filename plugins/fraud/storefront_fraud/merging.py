"""What of the fraud rules moves when two customers become one: what both did counts together."""

from collections.abc import Mapping
from typing import Any

from storefront.core.commit.merging import Moves, Parties, Row
from storefront_fraud.learning import ANCHOR
from storefront_fraud.rings import RINGS, Buckets, buckets_of, text_of
from storefront_fraud.tables import counters, decisions, meters, profiles


def _decision(row: Row, parties: Parties) -> Mapping[str, Any]:
    return {**row, "customer_id": parties.target_id, "identity": parties.renamed(row["identity"])}


def _count_together(row: Row, theirs: Row, parties: Parties) -> Mapping[str, Any]:
    added: Buckets = {}
    for ring, (_, most) in RINGS.items():
        places: dict[int, list[int]] = {}
        for place, times, amount in (*buckets_of(row)[ring], *buckets_of(theirs)[ring]):
            there = places.setdefault(place, [place, 0, 0])
            there[1] += times
            there[2] += amount
        added[ring] = [places[place] for place in sorted(places) if place > max(places) - most]
    newest = max(row["updated_at"], theirs["updated_at"])
    return {**theirs, "buckets": text_of(added), "updated_at": newest}


def _keep_theirs(row: Row, theirs: Row, parties: Parties) -> Mapping[str, Any]:
    return theirs


MOVES: tuple[Moves, ...] = (
    Moves(decisions, change=_decision),
    Moves(counters, column="value", join=_count_together),
    Moves(profiles, join=_keep_theirs, anchor=lambda row: ANCHOR),
    Moves(meters, join=_keep_theirs, anchor=lambda row: ANCHOR),
)
