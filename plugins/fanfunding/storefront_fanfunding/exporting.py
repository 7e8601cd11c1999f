"""What can be taken out: creators, tips, pledges, payouts and their statements, badges, goals."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Select, Table, and_, select

from storefront.core.exporting.columns import Context, document, flag, integer, money, text, time
from storefront.core.exporting.lists import Export, equals
from storefront.core.reading import Row
from storefront.core.tables import catalog_versions, customers, settings
from storefront_fanfunding.board_tables import badges, reached
from storefront_fanfunding.payout_routes import SCOPE
from storefront_fanfunding.pledge_tables import campaigns, pledges
from storefront_fanfunding.rows import OF_BLOCKED
from storefront_fanfunding.shapes import show_tip
from storefront_fanfunding.tables import blocks, creators, lines, payouts, tips

_SALES = "purchases:read"
_SAID = ("title", "about", "links")
"""What creators say of themselves: texts, or texts by language."""


def _of_creator(table: Table, *more: Any) -> Select[Any]:
    named = creators.c.name.label("creator")
    return select(table, named, *more).join(creators, creators.c.id == table.c.creator_id)


def _creators() -> Export:
    is_active = and_(settings.c.key == "active_catalog", settings.c.value == catalog_versions.c.hash)
    return Export(
        name="creators",
        title="Creators as the catalog that is on sale has them",
        scope="catalog:read",
        statement=select(catalog_versions.c.document).join(settings, is_active),
        order=(catalog_versions.c.hash,),
        spread=_spread_creators,
        columns=(text("id"), text("name"), *(document(part, take=_said(part)) for part in _SAID)),
    )


def _said(part: str) -> Any:
    return lambda row, _: row[part]


def _spread_creators(row: Row) -> Iterable[Row]:
    found = msgspec.json.decode(row["document"]).get("creators", {})
    for name, told in sorted(found.items()):
        yield {"id": name, "name": told.get("name", name), **{part: told.get(part) for part in _SAID}}


def _tips() -> Export:
    is_blocked = blocks.c.creator_id.is_not(None).label("is_blocked")
    return Export(
        name="tips",
        title="Tips: what everybody may see of them, and what each came to",
        scope=_SALES,
        statement=_of_creator(tips, is_blocked).join(blocks, OF_BLOCKED, isouter=True),
        order=(tips.c.id,),
        at=tips.c.created_at,
        owner=tips.c.customer_id,
        filters={"state": equals(tips.c.state), "creator": equals(creators.c.name),
                 "purchase": equals(tips.c.purchase_id)},
        columns=(
            text("id"),
            text("creator"),
            text("purchase", "purchase_id"),
            text("state"),
            integer("sequence"),
            text("name", take=_public("name")),
            text("message", take=_public("message")),
            flag("anonymous", "is_anonymous"),
            flag("held", "is_held"),
            *money("amount"),
            *money("total", shows=False),
            *money("earned", shows=False),
            *money("returned", shows=False),
            text("tier"),
            text("source"),
            time("created_at"),
            time("paid_at"),
            time("release_at"),
        ),
    )  # fmt: skip


def _public(name: str) -> Any:
    def found(row: Row, _: Context) -> Any:
        return show_tip(row, row["creator"])[name]

    return found


def _pledges() -> Export:
    return Export(
        name="pledges",
        title="Pledges to campaigns, without names and words",
        scope=_SALES,
        statement=_of_creator(pledges),
        order=(pledges.c.id,),
        at=pledges.c.created_at,
        owner=pledges.c.customer_id,
        filters={"state": equals(pledges.c.state), "creator": equals(creators.c.name)},
        columns=(
            text("id"),
            text("creator"),
            text("goal"),
            text("state"),
            text("reason"),
            *money("amount"),
            text("tier"),
            flag("anonymous", "is_anonymous"),
            text("pay_with"),
            text("purchase", "purchase_id"),
            text("tip", "tip_id"),
            integer("attempts"),
            time("next_attempt_at"),
            time("created_at"),
            time("opened_at"),
            time("closed_at"),
        ),
    )


def _campaigns() -> Export:
    return Export(
        name="campaigns",
        title="Campaigns, with what was pledged and collected",
        scope=_SALES,
        statement=_of_creator(campaigns),
        order=(campaigns.c.creator_id, campaigns.c.goal),
        at=campaigns.c.created_at,
        filters={"state": equals(campaigns.c.state), "creator": equals(creators.c.name)},
        columns=(
            text("creator"),
            text("goal"),
            text("title"),
            text("state"),
            *money("target"),
            *money("pledged", shows=False),
            *money("collected", shows=False),
            integer("backers"),
            time("deadline"),
            time("created_at"),
            time("closed_at"),
            time("settled_at"),
        ),
    )


def _payouts() -> Export:
    return Export(
        name="payouts",
        title="Payouts to creators",
        scope=SCOPE,
        statement=_of_creator(payouts),
        order=(payouts.c.id,),
        at=payouts.c.created_at,
        filters={"state": equals(payouts.c.state), "creator": equals(creators.c.name)},
        columns=(
            text("id"),
            text("creator"),
            text("state"),
            *money("amount"),
            *money("returned", shows=False),
            text("pay_with"),
            text("account"),
            text("reference"),
            text("reason"),
            flag("four_eyes"),
            text("created_by"),
            text("approved_by"),
            time("created_at"),
            time("approved_at"),
            time("paid_at"),
            time("failed_at"),
            time("approvable_from"),
        ),
    )


def _statements() -> Export:
    return Export(
        name="statement-lines",
        title="Every line of creators' statements: what was released, went back, and was paid out",
        scope=SCOPE,
        statement=_of_creator(lines, tips.c.total.label("tip"), tips.c.earned.label("share")).join(
            tips, tips.c.id == lines.c.about, isouter=True
        ),
        order=(lines.c.creator_id, lines.c.currency, lines.c.sequence),
        at=lines.c.created_at,
        filters={"kind": equals(lines.c.kind), "creator": equals(creators.c.name)},
        columns=(
            text("creator"),
            integer("line", "sequence"),
            time("at", "created_at"),
            text("kind"),
            text("about"),
            *money("tip"),
            *money("share", shows=False),
            *money("amount", shows=False),
            *money("owed", shows=False),
            *money("balance", shows=False),
            *money("debt", shows=False),
            text("entry", "entry_id"),
        ),
    )


def _badges() -> Export:
    named = customers.c.external_id.label("customer")
    return Export(
        name="badges",
        title="Badges of fans, with the rule that gave each",
        scope="customers:read",
        statement=_of_creator(badges, named).join(customers, customers.c.id == badges.c.customer_id),
        order=(badges.c.customer_id, badges.c.creator_id, badges.c.badge),
        at=badges.c.granted_at,
        owner=badges.c.customer_id,
        filters={"creator": equals(creators.c.name)},
        columns=(
            text("customer"),
            text("creator"),
            text("badge"),
            document("reason"),
            flag("sticky", "is_sticky"),
            time("granted_at"),
        ),
    )


def _goals() -> Export:
    return Export(
        name="reached-goals",
        title="Goals that were reached",
        scope="catalog:read",
        statement=_of_creator(reached),
        order=(reached.c.creator_id, reached.c.goal, reached.c.span, reached.c.stretch),
        at=reached.c.reached_at,
        filters={"creator": equals(creators.c.name)},
        columns=(
            text("creator"),
            text("goal"),
            text("span"),
            integer("stretch"),
            *money("target"),
            *money("amount", shows=False),
            time("reached_at"),
        ),
    )


EXPORTS: Sequence[Export] = (
    *(_creators(), _tips(), _pledges(), _campaigns(), _payouts(), _statements(), _badges(), _goals()),
)
