"""Lists of what an operator looks after: codes, keys, webhooks both ways, jobs, alarms, events, the audit trail."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, func, select

from storefront.core.alarms import ALARM_CLOSED
from storefront.core.api_keys import KeyKind
from storefront.core.exporting.columns import Context, document, integer, money, text, time
from storefront.core.exporting.lists import Export, equals, with_customer
from storefront.core.promos.codes import shown_code
from storefront.core.promos.redeeming import GIVEN_BACK
from storefront.core.reading import Row
from storefront.core.tables import (
    alarms,
    api_keys,
    audit_actions,
    claims,
    customers,
    events,
    inbox,
    jobs,
    promo_codes,
    redemptions,
    referrals,
    webhook_deliveries,
    webhook_endpoints,
)

_REFERRER = customers.alias("referrer")


def operations_lists() -> Sequence[Export]:
    """Return the lists of what an operator looks after."""
    return [
        *(_promo_codes(), _redemptions(), _referrals(), _keys(), _endpoints(), _deliveries(), _inbox()),
        *(_jobs(), _alarms(), _events(), _audit_actions()),
    ]


def _promo_codes() -> Export:
    holds = and_(redemptions.c.code == promo_codes.c.code, redemptions.c.state != GIVEN_BACK)
    uses = select(func.count()).select_from(redemptions).where(holds).scalar_subquery()
    named = customers.c.external_id.label("customer")
    statement = select(promo_codes, uses.label("uses"), named)
    return Export(
        name="promo-codes",
        title="Codes that were generated, given to customers or switched off; those of the YAML stand there",
        scope="promo_codes:read",
        statement=statement.join(customers, customers.c.id == promo_codes.c.customer_id, isouter=True),
        order=(promo_codes.c.code,),
        at=promo_codes.c.created_at,
        owner=promo_codes.c.customer_id,
        filters={"campaign": equals(promo_codes.c.campaign)},
        columns=(
            text("code", take=_code),
            text("campaign"),
            text("batch"),
            integer("number"),
            text("customer"),
            integer("uses"),
            time("disabled_at"),
            time("created_at"),
        ),
    )


def _redemptions() -> Export:
    return Export(
        name="redemptions",
        title="Which codes were used for which purchases",
        scope="promo_codes:read",
        statement=with_customer(redemptions),
        order=(redemptions.c.purchase_id, redemptions.c.code),
        at=redemptions.c.created_at,
        owner=redemptions.c.customer_id,
        filters={"state": equals(redemptions.c.state), "purchase": equals(redemptions.c.purchase_id)},
        columns=(
            text("code", take=_code),
            text("name"),
            text("purchase", "purchase_id"),
            text("customer"),
            *money("discount", "amount"),
            text("state"),
            time("created_at"),
        ),
    )


def _referrals() -> Export:
    statement = with_customer(referrals, _REFERRER.c.external_id.label("referrer"))
    return Export(
        name="referrals",
        title="Who brought whom, and what became of it",
        scope="customers:read",
        statement=statement.join(_REFERRER, _REFERRER.c.id == referrals.c.referrer_id),
        order=(referrals.c.customer_id,),
        at=referrals.c.created_at,
        owner=referrals.c.customer_id,
        filters={"state": equals(referrals.c.state)},
        columns=(
            text("id"),
            text("customer"),
            text("referrer"),
            text("state"),
            text("purchase", "purchase_id"),
            document("rewards"),
            time("due_at"),
            time("created_at"),
            time("updated_at"),
        ),
    )


def _keys() -> Export:
    return Export(
        name="keys",
        title="API keys, without what would let one use them",
        scope="keys:write",
        statement=select(*(column for column in api_keys.c if column.name != "hash")),
        order=(api_keys.c.created_at, api_keys.c.id),
        at=api_keys.c.created_at,
        columns=(
            text("id"),
            text("kind", take=lambda row, _: KeyKind(row["kind"]).name.lower()),
            text("name"),
            document("scopes"),
            time("created_at"),
            time("expires_at"),
            time("revoked_at"),
        ),
    )


def _endpoints() -> Export:
    def rotates_until(row: Row, context: Context) -> Any:
        return row["previous_secret_until"] if context.wall < row["previous_secret_until"] else None

    return Export(
        name="webhook-endpoints",
        title="Servers that are told of events, without their secrets",
        scope="webhooks:write",
        statement=select(webhook_endpoints).where(webhook_endpoints.c.state != "deleted"),
        order=(webhook_endpoints.c.id,),
        at=webhook_endpoints.c.created_at,
        filters={"state": equals(webhook_endpoints.c.state)},
        columns=(
            text("id"),
            text("url"),
            text("description"),
            document("event_types"),
            text("state"),
            text("reason"),
            time("previous_secret_until", take=rotates_until),
            time("created_at"),
        ),
    )


def _deliveries() -> Export:
    return Export(
        name="webhook-deliveries",
        title="What was sent to which endpoint, and what became of it",
        scope="webhooks:write",
        statement=select(webhook_deliveries),
        order=(webhook_deliveries.c.endpoint_id, webhook_deliveries.c.event_id),
        at=webhook_deliveries.c.created_at,
        filters={"state": equals(webhook_deliveries.c.state), "endpoint": equals(webhook_deliveries.c.endpoint_id)},
        columns=(
            text("endpoint", "endpoint_id"),
            text("event", "event_id"),
            text("type", "event_type"),
            text("state"),
            integer("attempts"),
            time("due_at", take=lambda row, _: row["due_at"] if row["state"] == "waiting" else None),
            time("created_at"),
            time("closed_at"),
        ),
    )


def _inbox() -> Export:
    return Export(
        name="inbox",
        title="What gateways told by webhook, and what became of it; not its text",
        scope="payments:read",
        statement=select(*(column for column in inbox.c if column.name != "raw")),
        order=(inbox.c.gateway, inbox.c.account, inbox.c.event_id),
        at=inbox.c.received_at,
        filters={"gateway": equals(inbox.c.gateway), "state": equals(inbox.c.state)},
        columns=(
            text("gateway"),
            text("account"),
            text("event", "event_id"),
            text("type"),
            text("reference"),
            text("state"),
            text("note"),
            time("received_at"),
            time("processed_at"),
        ),
    )


def _jobs() -> Export:
    return Export(
        name="jobs",
        title="Jobs that wait, and those that were given up",
        scope="operations:read",
        statement=select(jobs),
        order=(jobs.c.id,),
        at=jobs.c.created_at,
        filters={"state": equals(jobs.c.state), "kind": equals(jobs.c.kind)},
        columns=(
            text("id"),
            text("kind"),
            text("state"),
            integer("attempts"),
            time("due_at"),
            text("last_error"),
            document("payload"),
            time("created_at"),
        ),
    )


def _alarms() -> Export:
    closed = claims.c.key == ALARM_CLOSED + alarms.c.id
    return Export(
        name="alarms",
        title="What went wrong in a way that a person should know of",
        scope="operations:read",
        statement=select(alarms, claims.c.about.label("closed_at")).join(claims, closed, isouter=True),
        order=(alarms.c.id,),
        at=alarms.c.raised_at,
        filters={"kind": equals(alarms.c.kind)},
        columns=(text("id"), text("kind"), text("about"), document("facts"), time("raised_at"), time("closed_at")),
    )


def _events() -> Export:
    return Export(
        name="events",
        title="Everything that happened, in the order of its commits",
        scope="events:read",
        statement=select(events),
        order=(events.c.commit_no, events.c.anchor, events.c.sequence),
        at=events.c.occurred_at,
        filters={"kind": equals(events.c.type)},
        columns=(
            text("id"),
            text("type"),
            text("subject"),
            integer("commit_no"),
            integer("sequence"),
            document("data", "payload"),
            time("time", "occurred_at"),
        ),
    )


def _audit_actions() -> Export:
    return Export(
        name="audit-actions",
        title="What privileged people and keys did",
        scope="audit:read",
        statement=select(audit_actions),
        order=(audit_actions.c.recorded_at, audit_actions.c.id),
        at=audit_actions.c.recorded_at,
        filters={"kind": equals(audit_actions.c.action)},
        columns=(
            text("id"),
            text("actor"),
            text("action"),
            text("about"),
            document("facts"),
            time("occurred_at"),
            time("recorded_at"),
        ),
    )


def _code(row: Row, _: Context) -> str:
    return shown_code(row["code"])
