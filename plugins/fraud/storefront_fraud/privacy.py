"""What of the plugin's tables is personal: what was read of a buyer, what they are counted by, what is on a list."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Table, exists, literal, or_, select

from storefront.core.privacy.register import Held, Person, by
from storefront_fraud.tables import counters, decisions, list_entries, meters, profiles, shared


def _known_by(table: Table, person: Person) -> ColumnElement[bool]:
    """Find values that a purchase of the customer was counted or judged by: addresses, cards, networks."""
    quoted = literal('"') + table.c.value + literal('"')
    read = or_(decisions.c.identity.contains(quoted), decisions.c.attributes.contains(quoted))
    found = exists(select(decisions.c.purchase_id).where(decisions.c.customer_id == person.id, read))
    return or_(table.c.value.in_((person.id, person.external_id)), found)


REGISTER: Sequence[Held] = (
    Held(
        decisions,
        by("customer_id"),
        personal="matches attributes counted to_count identity behaviour anomaly",
        plain="purchase_id stage customer_id verdict decided_by outcome amount errors rules_version catalog_version "
        "created_at to_learn",
    ),
    Held(counters, _known_by, personal="value", plain="dimension updated_at", withheld="buckets"),
    Held(list_entries, _known_by, personal="value reason", plain="list actor created_at expires_at"),
    Held(profiles, by("customer_id"), personal="profile", plain="customer_id updated_at"),
    Held(shared, plain="id version world updated_at", withheld="salt"),
    Held(
        meters,
        by("customer_id"),
        personal="profile reasons",
        plain="customer_id meter until score highest highest_at updated_at",
    ),
)
