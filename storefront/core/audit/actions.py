"""A2: what a privileged person did, against the record that it was done."""

from collections.abc import Iterator

from sqlalchemy import Connection, select

from storefront.core.audit.check import Check, Violation, each_row
from storefront.core.tables import api_keys, audit_actions


def keys_were_made_by_someone(connection: Connection) -> Iterator[Violation]:
    """A2: every API key has an audit row for its making, and for its end if it was revoked.

    The demo keys are constants of the program: nobody made them.
    """
    for action, happened in (("created", api_keys.c.created_at), ("revoked", api_keys.c.revoked_at)):
        recorded = select(audit_actions.c.about).where(audit_actions.c.action == f"key.{action}")
        statement = select(api_keys.c.id, api_keys.c.name).where(
            happened.is_not(None),
            ~api_keys.c.id.startswith("key_demo_", autoescape=True),
            api_keys.c.id.not_in(recorded),
        )
        for row in each_row(connection, statement):
            yield Violation("A2", (row.id,), f"key {row.id} ({row.name}) was {action}, but no audit row says by whom")
    ended = select(audit_actions.c.about).where(audit_actions.c.action == "key.revoked")
    alive = select(api_keys.c.id, api_keys.c.name).where(api_keys.c.revoked_at.is_(None), api_keys.c.id.in_(ended))
    for row in each_row(connection, alive):
        yield Violation("A2", (row.id,), f"key {row.id} ({row.name}) was revoked, and opens doors again")


CHECKS = (Check("A2", "Every key has a record of who made and revoked it", keys_were_made_by_someone),)
