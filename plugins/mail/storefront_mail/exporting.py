"""What can be taken out: which mails were sent, without addresses and words."""

from collections.abc import Sequence

from storefront.core.exporting.columns import integer, text, time
from storefront.core.exporting.lists import Export, equals, with_customer
from storefront_mail.tables import messages

EXPORTS: Sequence[Export] = (
    Export(
        name="mails",
        title="Mails that were ordered, and what became of each",
        scope="operations:read",
        statement=with_customer(messages),
        order=(messages.c.id,),
        at=messages.c.occurred_at,
        owner=messages.c.customer_id,
        filters={"state": equals(messages.c.state), "kind": equals(messages.c.template)},
        columns=(
            text("id"),
            text("customer"),
            text("event", "event_id"),
            text("type", "event_type"),
            text("template"),
            text("state"),
            text("reason"),
            integer("attempts"),
            time("occurred_at"),
            time("updated_at"),
        ),
    ),
)
