"""What can be taken out: subscriptions, their invoices, changes, pauses, gifts, credits and usage."""

from collections.abc import Sequence
from typing import Any

from storefront.core.config.model_usage import show_decimal
from storefront.core.exporting.columns import Context, decimal, document, flag, integer, money, text, time
from storefront.core.exporting.lists import Export, equals, with_customer
from storefront.core.reading import Row
from storefront.core.tables import customers
from storefront.core.usage.reading import PICO_PLACES, quantity_text
from storefront_subscriptions.rows import INCOMPLETE, INCOMPLETE_EXPIRED, has_access, lines_of, will_renew
from storefront_subscriptions.tables import changes, credits, finals, gifts, invoices, pauses, subscriptions, usage

_READ = "customers:read"
_GIVER = customers.alias("giver")


def _subscriptions() -> Export:
    return Export(
        name="subscriptions",
        title="Every subscription, as it is now",
        scope=_READ,
        statement=with_customer(subscriptions),
        order=(subscriptions.c.id,),
        at=subscriptions.c.created_at,
        owner=subscriptions.c.customer_id,
        filters={"state": equals(subscriptions.c.billing_state), "kind": equals(subscriptions.c.family)},
        columns=(
            text("id"),
            text("customer"),
            text("sku"),
            text("family"),
            text("interval"),
            text("billing_state"),
            flag("has_access", take=lambda row, context: has_access(row, context.now)),
            time("access_until"),
            integer("period"),
            time("period_start", take=_of_period("period_start")),
            time("period_end", take=_of_period("period_end")),
            flag("will_renew", take=lambda row, _: will_renew(row)),
            *money("price"),
            integer("seats"),
            text("pay_with"),
            text("reason"),
            integer("failures"),
            time("next_attempt_at"),
            time("created_at"),
            time("ended_at"),
        ),
    )


def _invoices() -> Export:
    return Export(
        name="invoices",
        title="Invoices of subscriptions, one for each period",
        scope=_READ,
        statement=with_customer(invoices),
        order=(invoices.c.id,),
        at=invoices.c.created_at,
        owner=invoices.c.customer_id,
        filters={"state": equals(invoices.c.state), "subscription": equals(invoices.c.subscription_id)},
        columns=(
            text("id"),
            text("subscription", "subscription_id"),
            text("customer"),
            text("sku"),
            text("interval"),
            integer("period"),
            time("period_start"),
            time("period_end"),
            text("state"),
            *money("total"),
            document("lines", take=_lines),
            integer("attempts"),
            text("purchase", "purchase_id"),
            time("created_at"),
            time("closed_at"),
        ),
    )


def _finals() -> Export:
    return Export(
        name="final-invoices",
        title="Invoices for usage that was left when a subscription ended",
        scope=_READ,
        statement=with_customer(finals),
        order=(finals.c.id,),
        at=finals.c.created_at,
        owner=finals.c.customer_id,
        filters={"state": equals(finals.c.state), "subscription": equals(finals.c.subscription_id)},
        columns=(
            text("id"),
            text("subscription", "subscription_id"),
            text("customer"),
            integer("number"),
            text("sku"),
            text("state"),
            *money("total"),
            document("lines", take=_lines),
            text("reason"),
            integer("attempts"),
            time("next_attempt_at"),
            text("purchase", "purchase_id"),
            time("created_at"),
            time("closed_at"),
        ),
    )


def _changes() -> Export:
    return Export(
        name="subscription-changes",
        title="Changes of tier, interval and seats",
        scope=_READ,
        statement=with_customer(changes),
        order=(changes.c.id,),
        at=changes.c.created_at,
        owner=changes.c.customer_id,
        filters={"state": equals(changes.c.state), "kind": equals(changes.c.direction),
                 "subscription": equals(changes.c.subscription_id)},
        columns=(
            text("id"),
            text("subscription", "subscription_id"),
            text("customer"),
            text("state"),
            text("direction"),
            text("timing"),
            text("old_tier", "old_sku"),
            text("tier", "sku"),
            text("interval"),
            integer("seats"),
            *money("price"),
            *money("credit", shows=False),
            *money("charge", shows=False),
            *money("total", shows=False),
            text("purchase", "purchase_id"),
            time("change_at", "at"),
            time("created_at"),
            time("closed_at"),
        ),
    )  # fmt: skip


def _pauses() -> Export:
    return Export(
        name="subscription-pauses",
        title="Pauses of subscriptions",
        scope=_READ,
        statement=with_customer(pauses),
        order=(pauses.c.id,),
        at=pauses.c.created_at,
        owner=pauses.c.customer_id,
        filters={"state": equals(pauses.c.state), "subscription": equals(pauses.c.subscription_id)},
        columns=(
            text("id"),
            text("subscription", "subscription_id"),
            text("customer"),
            text("state"),
            text("cause"),
            flag("keep_anchor", "keeps_anchor"),
            time("starts_at"),
            time("resume_at"),
            time("resumed_at"),
            time("created_at"),
            time("closed_at"),
        ),
    )


def _gifts() -> Export:
    statement = with_customer(gifts, _GIVER.c.external_id.label("giver"))
    return Export(
        name="subscription-gifts",
        title="Periods that somebody bought for somebody else",
        scope=_READ,
        statement=statement.join(_GIVER, _GIVER.c.id == gifts.c.giver_id),
        order=(gifts.c.id,),
        at=gifts.c.created_at,
        owner=gifts.c.customer_id,
        filters={"state": equals(gifts.c.state)},
        columns=(
            text("id"),
            text("giver"),
            text("customer"),
            text("sku"),
            text("interval"),
            integer("periods"),
            integer("remaining"),
            *money("price"),
            integer("seats"),
            text("state"),
            text("subscription", "subscription_id"),
            text("purchase", "purchase_id"),
            time("created_at"),
            time("closed_at"),
        ),
    )


def _credits() -> Export:
    return Export(
        name="subscription-credits",
        title="Virtual currency that subscriptions granted, slot by slot",
        scope=_READ,
        statement=with_customer(credits),
        order=(credits.c.id,),
        at=credits.c.created_at,
        owner=credits.c.customer_id,
        filters={"asset": equals(credits.c.asset), "subscription": equals(credits.c.subscription_id)},
        columns=(
            text("id"),
            text("subscription", "subscription_id"),
            text("customer"),
            text("cause"),
            *money("amount", currency="asset"),
            *money("worth", "target", currency="asset", shows=False),
            time("slot_start"),
            time("slot_end"),
            text("purchase", "purchase_id"),
            text("entry", "entry_id"),
            time("created_at"),
        ),
    )


def _usage() -> Export:
    return Export(
        name="subscription-usage",
        title="Usage that subscriptions' invoices ask for",
        scope=_READ,
        statement=with_customer(usage),
        order=(usage.c.id,),
        at=usage.c.created_at,
        owner=usage.c.customer_id,
        filters={"kind": equals(usage.c.kind), "subscription": equals(usage.c.subscription_id)},
        columns=(
            text("id"),
            text("subscription", "subscription_id"),
            text("customer"),
            text("invoice", "invoice_id"),
            integer("period"),
            text("feature"),
            text("meter"),
            text("sku"),
            text("kind"),
            integer("number"),
            time("starts_at"),
            time("ends_at"),
            decimal("quantity", take=lambda row, _: quantity_text(int(row["quantity"]))),
            decimal("cost", take=lambda row, _: show_decimal(int(row["cost"]), PICO_PLACES)),
            *money("amount"),
            time("created_at"),
        ),
    )


def _of_period(name: str) -> Any:
    def found(row: Row, _: Context) -> Any:
        return None if row["billing_state"] in (INCOMPLETE, INCOMPLETE_EXPIRED) else row[name]

    return found


def _lines(row: Row, _: Context) -> list[dict[str, Any]]:
    currency = row["currency"]
    return [{"title": title, "total": {"amount": amount, "currency": currency}} for title, amount in lines_of(row)]


EXPORTS: Sequence[Export] = (
    *(_subscriptions(), _invoices(), _finals(), _changes(), _pauses(), _gifts(), _credits(), _usage()),
)
