"""What of the plugin's tables is personal: what was read of a buyer, what they are counted by, what is on a list.

Counters and lists are erased together with the decisions by which they are found (``forgetting.py``).
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Table, exists, false, literal, or_, select

from storefront.core.privacy.register import Held, Person, by
from storefront.core.reading import Row
from storefront_fraud.learning import ANCHOR
from storefront_fraud.tables import counters, decisions, list_entries, meters, profiles, shared


def known_by(table: Table, person: Person) -> ColumnElement[bool]:
    """Find values that a purchase of the customer was counted or judged by: addresses, cards, networks."""
    quoted = literal('"') + table.c.value + literal('"')
    read = or_(decisions.c.identity.contains(quoted), decisions.c.attributes.contains(quoted))
    found = exists(select(decisions.c.purchase_id).where(decisions.c.customer_id == person.id, read))
    return or_(table.c.value.in_((person.id, person.external_id)), found)


def _none(table: Table, person: Person) -> ColumnElement[bool]:
    return false()


def _scores(row: Row) -> str:
    return ANCHOR


DECISIONS_HELD = Held(
    decisions,
    by("customer_id"),
    personal="matches attributes counted to_count identity behaviour anomaly",
    # What is not known any more cannot be learned from.
    erased={"matches": "[]", "attributes": "{}", "counted": "[]", "to_count": "[]", "identity": "{}", "to_learn": 0},
    also=(ANCHOR,),
    plain="purchase_id stage customer_id verdict decided_by outcome amount errors rules_version catalog_version "
    "created_at to_learn",
)
REGISTER: Sequence[Held] = (
    DECISIONS_HELD,
    Held(counters, known_by, personal="value", plain="dimension updated_at", withheld="buckets", erases=_none),
    Held(list_entries, known_by, personal="value reason", plain="list actor created_at expires_at", erases=_none),
    Held(profiles, by("customer_id"), personal="profile", plain="customer_id updated_at", goes=True, anchor=_scores),
    Held(shared, plain="id version world updated_at", withheld="salt"),
    Held(
        meters,
        by("customer_id"),
        personal="profile reasons",
        plain="customer_id meter until score highest highest_at updated_at",
        goes=True,
        anchor=_scores,
    ),
)
