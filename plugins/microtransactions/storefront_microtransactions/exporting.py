"""What can be taken out: openings of containers, and commands for game servers."""

from collections.abc import Sequence

from storefront.core.exporting.columns import document, flag, integer, text, time
from storefront.core.exporting.lists import Export, equals, with_customer
from storefront_microtransactions.deliveries.rows import LEASED
from storefront_microtransactions.deliveries.tables import commands
from storefront_microtransactions.tables import openings


def _openings() -> Export:
    return Export(
        name="openings",
        title="Containers that were opened, with all that each draw can be computed from again",
        scope="customers:read",
        statement=with_customer(openings),
        order=(openings.c.id,),
        at=openings.c.opened_at,
        owner=openings.c.customer_id,
        columns=(
            text("id"),
            text("customer"),
            text("sku"),
            integer("number"),
            document("drawn"),
            document("gave"),
            text("seed"),
            text("commitment"),
            text("client_seed"),
            document("run_gives", "run_key"),
            integer("run_times"),
            text("odds_version"),
            text("entry", "entry_id"),
            time("opened_at"),
        ),
    )


def _commands() -> Export:
    return Export(
        name="deliveries",
        title="Commands for game servers, and what became of each",
        scope="operations:read",
        statement=with_customer(commands),
        order=(commands.c.id,),
        at=commands.c.created_at,
        owner=commands.c.customer_id,
        filters={"state": equals(commands.c.state), "server": equals(commands.c.server),
                 "purchase": equals(commands.c.purchase_id)},
        columns=(
            text("id"),
            text("server"),
            text("customer"),
            text("player"),
            text("command"),
            flag("online_only"),
            text("stage"),
            text("sku"),
            text("purchase", "purchase_id"),
            text("opening", "opening_id"),
            text("event", "event_id"),
            text("state"),
            integer("attempts"),
            text("template"),
            text("leased_by", take=lambda row, _: row["leased_by"] if row["state"] == LEASED else None),
            time("lease_until", take=lambda row, _: row["lease_until"] if row["state"] == LEASED else None),
            time("due_at", take=lambda row, _: max(row["due_at"], row["retry_at"])),
            text("last_error"),
            text("canceled_for"),
            text("resend_of"),
            time("created_at"),
            time("closed_at"),
        ),
    )  # fmt: skip


EXPORTS: Sequence[Export] = (_openings(), _commands())
