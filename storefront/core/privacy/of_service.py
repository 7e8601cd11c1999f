"""The register of what the service needs to run: customers, answers, events, jobs, raw webhooks, the audit trail.

Rows without a column for the customer are found by what they are about, or by our id in their text.
"""

from collections.abc import Sequence

from storefront.core import tables as t
from storefront.core.privacy.of_sales import OF_PURCHASE, PURCHASES
from storefront.core.privacy.register import Held, Whose, by, either, equals, holds_id, mentions, through

_REVERSALS = by("customer_id")


def _about(column: str) -> Whose:
    """Find rows that are about the customer, or about what they bought, got, set aside, saved, gave or had reversed."""
    return either(
        by(column),
        through(column, t.purchases, PURCHASES),
        *(
            through(column, table, by("customer_id"))
            for table in (t.reversals, t.grants, t.holds, t.payment_methods, t.setups, t.customer_transfers)
        ),
        through(column, t.payments, OF_PURCHASE),
    )


_EVENTS = either(_about("subject"), by("anchor"), mentions("payload"))
_OF_EVENT = through("event_id", t.events, _EVENTS)
_INBOX = either(
    through("reference", t.payments, OF_PURCHASE, to="gateway_ref"),
    through("reference", t.payments, OF_PURCHASE, to="gateway_payment"),
    through("reference", t.setups, by("customer_id"), to="gateway_ref"),
    through("reference", t.reversals, _REVERSALS, to="gateway_ref"),
    through("reference", t.payment_methods, by("customer_id"), to="reference"),
    through("reference", t.payers, by("customer_id"), to="reference"),
    holds_id("raw"),
)

REGISTER: Sequence[Held] = (
    Held(
        t.customers,
        by("id", "merged_into"),
        personal="external_id country",
        plain="id created_at merged_into merged_at",
    ),
    Held(
        t.customer_notes,
        by("customer_id"),
        personal="note",
        plain="id customer_id author created_at",
    ),
    Held(
        t.claims,
        either(equals("key", lambda person: f"customer:{person.external_id}"), mentions("key"), _about("about")),
        personal="key",
        plain="about",
    ),
    Held(
        t.idempotency,
        either(equals("caller", lambda person: f"customer:{person.id}"), _about("object_id"), holds_id("body")),
        personal="key body",
        plain="caller operation object_id state status created_at",
        withheld="fingerprint",
    ),
    Held(
        t.events,
        _EVENTS,
        personal="payload",
        plain="anchor sequence id commit_no type subject occurred_at recorded_at",
    ),
    Held(
        t.jobs,
        either(by("anchor"), mentions("payload"), mentions("unique_key")),
        personal="payload last_error",
        plain="id unique_key anchor kind state due_at attempts lease_until created_at",
    ),
    Held(
        t.inbox,
        _INBOX,
        personal="raw note",
        plain="gateway account event_id type reference state received_at processed_at",
    ),
    Held(
        t.alarms,
        either(_about("about"), mentions("facts")),
        personal="facts",
        plain="id kind about raised_at",
    ),
    Held(
        t.audit_actions,
        either(_about("about"), mentions("facts")),
        personal="facts",
        plain="id actor action about occurred_at recorded_at",
    ),
    Held(
        t.webhook_deliveries,
        _OF_EVENT,
        plain="endpoint_id event_id event_type commit_no anchor sequence state attempts due_at created_at closed_at",
    ),
    Held(
        t.webhook_attempts,
        _OF_EVENT,
        personal="error excerpt",
        plain="id endpoint_id event_id attempted_at status latency_ms",
    ),
    Held(
        t.webhook_endpoints,
        plain="id url description event_types state reason secret_number previous_secret_until cursor_commit_no "
        "cursor_anchor cursor_sequence created_at",
    ),
    # Operators are the shop's own people, and what they sign in with is nobody's to export.
    Held(t.operators, plain="id login role totp_step created_at ended_at", withheld="password totp"),
    Held(
        t.console_sessions,
        plain="operator_id method created_at expires_at seen_at confirmed_at ended_at",
        withheld="digest",
    ),
    Held(t.operator_links, plain="operator_id created_at expires_at used_at", withheld="digest"),
    Held(t.api_keys, plain="id kind name scopes created_at expires_at revoked_at", withheld="hash"),
    Held(t.settings, plain="key", withheld="value"),
)
