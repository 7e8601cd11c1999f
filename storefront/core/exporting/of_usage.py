"""Lists of what meters counted, what it came to, and of what experiments showed."""

from collections.abc import Sequence

from storefront.core.config.model_usage import show_decimal
from storefront.core.exporting.columns import decimal, integer, money, text, time
from storefront.core.exporting.lists import Export, equals, with_customer
from storefront.core.tables import (
    experiment_exposures,
    usage_lines,
    usage_windows,
)
from storefront.core.usage.reading import PICO_PLACES, quantity_text


def usage_lists() -> Sequence[Export]:
    """Return the lists of what customers used and were shown."""
    return [_usage(), _usage_lines(), _exposures()]


def _usage() -> Export:
    return Export(
        name="usage",
        title="What meters counted, hour by hour",
        scope="usage:read",
        statement=with_customer(usage_windows),
        order=(usage_windows.c.customer_id, usage_windows.c.meter, usage_windows.c.start),
        at=usage_windows.c.start,
        owner=usage_windows.c.customer_id,
        filters={"kind": equals(usage_windows.c.meter)},
        columns=(
            text("customer"),
            text("meter"),
            time("start"),
            integer("events"),
            decimal("quantity", take=lambda row, _: quantity_text(int(row["quantity"]))),
        ),
    )


def _usage_lines() -> Export:
    return Export(
        name="usage-lines",
        title="What closed periods of usage came to",
        scope="usage:read",
        statement=with_customer(usage_lines),
        order=(usage_lines.c.id,),
        at=usage_lines.c.created_at,
        owner=usage_lines.c.customer_id,
        filters={"kind": equals(usage_lines.c.kind)},
        columns=(
            text("id"),
            text("customer"),
            text("feature"),
            text("kind"),
            integer("number"),
            time("period_start", "start"),
            time("period_end", "ends_at"),
            decimal("quantity", take=lambda row, _: quantity_text(int(row["quantity"]))),
            decimal("cost", take=lambda row, _: show_decimal(int(row["cost"]), PICO_PLACES)),
            *money("amount"),
            time("created_at"),
        ),
    )


def _exposures() -> Export:
    return Export(
        name="experiment-exposures",
        title="Who was shown which variant of an experiment",
        scope="operations:read",
        statement=with_customer(experiment_exposures),
        order=(experiment_exposures.c.experiment, experiment_exposures.c.customer_id),
        at=experiment_exposures.c.exposed_at,
        owner=experiment_exposures.c.customer_id,
        columns=(text("experiment"), text("customer"), text("variant"), time("exposed_at")),
    )
