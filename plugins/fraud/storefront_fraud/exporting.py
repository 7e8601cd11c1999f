"""What can be taken out: decisions, and what is on lists."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, or_, select

from storefront.core.exporting.columns import Context, document, text, time
from storefront.core.exporting.lists import Export, equals, with_customer
from storefront.core.reading import Row
from storefront_fraud.config import Settings
from storefront_fraud.showing import show_decision
from storefront_fraud.tables import decisions, list_entries

_READ = "fraud:read"


def _decisions() -> Export:
    return Export(
        name="fraud-decisions",
        title="What was decided of each purchase and payment, and why",
        scope=_READ,
        statement=with_customer(decisions),
        order=(decisions.c.purchase_id, decisions.c.stage),
        at=decisions.c.created_at,
        owner=decisions.c.customer_id,
        filters={"verdict": equals(decisions.c.verdict), "purchase": equals(decisions.c.purchase_id)},
        columns=(
            text("purchase", "purchase_id"),
            text("stage"),
            text("customer"),
            text("customer_id"),
            text("verdict"),
            text("decided_by"),
            text("outcome"),
            document("matches"),
            document("attributes"),
            document("anomaly", take=lambda row, _: show_decision(row)["anomaly"]),
            text("rules_version"),
            text("catalog_version"),
            time("created_at"),
        ),
    )


def _list_entries() -> Export:
    return Export(
        name="fraud-lists",
        title="What is on each list now, by the configuration or put on it",
        scope=_READ,
        statement=select(list_entries),
        order=(list_entries.c.list, list_entries.c.value),
        at=list_entries.c.created_at,
        filters={"list": equals(list_entries.c.list)},
        written=_of_configuration,
        only=_is_on,
        columns=(text("list"), text("value"), text("reason"), text("actor"), time("created_at"), time("expires_at")),
    )


def _of_configuration(context: Context) -> Iterable[Row]:
    settings = Settings.of(context.config.plugins["fraud"].options)
    told: dict[str, Any] = {"reason": "in the configuration", "actor": "config", "created_at": None, "expires_at": None}
    for name in sorted(settings.lists):
        for value in sorted(settings.lists[name]):
            yield {"list": name, "value": value, **told}


def _is_on(context: Context) -> ColumnElement[bool]:
    return or_(list_entries.c.expires_at.is_(None), list_entries.c.expires_at > context.now)


EXPORTS: Sequence[Export] = (_decisions(), _list_entries())
