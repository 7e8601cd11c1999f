"""Puts the account page together: who looks, what they asked to see, and what stands in the books."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from yarl import URL

from storefront.core.errors import StorefrontError
from storefront.core.payment_methods import list_methods
from storefront.core.services import Services
from storefront.core.top_ups import country_of
from storefront.pages import Link, PageFrame
from storefront_subscriptions.account.beginning import Beginner, begin_choice
from storefront_subscriptions.account.choices import (
    Chosen,
    change_choice,
    families_on_sale,
    preview_view,
)
from storefront_subscriptions.account.finals import final_notes
from storefront_subscriptions.account.news import PATH, news_of, refusal_words
from storefront_subscriptions.account.paying import invoice_line, methods_view
from storefront_subscriptions.account.plans import plan_card
from storefront_subscriptions.account.reading import (
    Standing,
    keeper_of,
    read_purchases,
    read_standings,
)
from storefront_subscriptions.account.views import AccountView, Choice, PreviewView
from storefront_subscriptions.account.wording import Wording, method_name
from storefront_subscriptions.cards import newest_kept
from storefront_subscriptions.change_rules import Direction
from storefront_subscriptions.config import Settings, Tier
from storefront_subscriptions.previewing import preview
from storefront_subscriptions.trials import may_try
from storefront_subscriptions.usage_lines import usage_due
from storefront_subscriptions.usage_terms import charges_of


@dataclass(frozen=True, slots=True)
class Reader:
    """Who looks at the page, and what its address asks for."""

    page: PageFrame
    customer_id: str | None
    customer: str | None
    country: str | None
    query: Mapping[str, Any]


def new_key() -> str:
    """Return an idempotency key for a button of this page."""
    return secrets.token_urlsafe(18)


async def account_view(services: Services, settings: Settings, reader: Reader) -> AccountView:
    """Return the whole page as its reader sees it now."""
    customer_id, country = reader.customer_id, reader.country
    if customer_id is not None:
        country = await country_of(services, customer_id, country)
    wording = Wording(services, reader.page.locale, services.clock.now(), country)
    news = await news_of(wording, reader.query, owner=reader.customer_id)
    if reader.customer_id is None:
        return AccountView(reader.page, None, news)
    standings = await read_standings(services, reader.customer_id, asks_at_end=settings.at_end.is_asked)
    methods = await list_methods(services, reader.customer_id)
    keeper = keeper_of(services, standings)
    kept = [one for one in methods if one["gateway"] == keeper]
    bought, has_more = await read_purchases(services, reader.customer_id, before=reader.query.get("before"))
    older = URL(PATH).with_query(before=bought[-1]["id"]).with_fragment("invoices") if has_more else None
    plans = [await plan_card(wording, one, settings.pause) for one in standings]
    changeable = [one for one, card in zip(standings, plans, strict=True) if card.is_changeable]
    return AccountView(
        page=reader.page,
        customer=reader.customer,
        news=news,
        notes=tuple(await final_notes(wording, reader.customer_id)),
        plans=tuple(plans),
        choices=tuple(
            await _choices(wording, settings, reader, standings, changeable=changeable, kept=newest_kept(kept))
        ),
        methods=None if keeper is None else await methods_view(wording, standings, kept),
        invoices=tuple(invoice_line(wording, row) for row in bought),
        older=None if older is None else Link("Older", str(older)),
    )


async def _choices(
    wording: Wording,
    settings: Settings,
    reader: Reader,
    standings: list[Standing],
    *,
    changeable: list[Standing],
    kept: Mapping[str, Any] | None,
) -> list[Choice]:
    services, customer_id = wording.services, reader.customer_id
    assert customer_id is not None, "strangers are offered nothing"
    on_sale, found = families_on_sale(wording), []
    for one in standings:
        offers = on_sale.pop(one.row["family"], [])
        if one in changeable:
            found.append(await _change(wording, settings, reader, one, offers))
    every = [Tier.of(offer) for offers in on_sale.values() for offer in offers]
    tried = frozenset([tier.sku for tier in every if await may_try(services, customer_id, tier)])
    who = Beginner(customer_id, reader.country, tried, None if kept is None else method_name(kept), new_key)
    heading = "Add a plan" if standings else "Choose a plan"
    found += [await begin_choice(wording, who, family, offers, heading) for family, offers in on_sale.items()]
    return [one for one in found if one is not None]


async def _change(
    wording: Wording, settings: Settings, reader: Reader, one: Standing, offers: list[Any]
) -> Choice | None:
    query, shown, refusal = reader.query, None, None
    chosen = None
    if query.get("subscription") == one.row["id"] and "plan" in query:
        chosen = Chosen.parse(query["plan"], seats=query.get("seats"), timing=query.get("timing"))
        try:
            shown = await _preview(wording, settings, reader, one, chosen)
        except StorefrontError as refused:
            refusal = refusal_words(refused.code)
    return change_choice(wording, one, offers, chosen, preview=shown, refusal=refusal)


async def _preview(wording: Wording, settings: Settings, reader: Reader, one: Standing, chosen: Chosen) -> PreviewView:
    services, row = wording.services, one.row
    shown = await preview(services, settings, row, chosen.as_wanted(row), country=reader.country)
    rule = settings.changes.rule(row["family"], Direction(shown["direction"]), row["sku"], shown["tier"])
    offer = services.catalogs.active.offer(shown["tier"])
    agreed = (await services.catalogs.version(row["catalog_version"])).offer(row["sku"])
    used = await usage_due(services, row, row["currency"])
    pending = sum(line.amount for line in used) if used or charges_of(agreed) else None
    return preview_view(wording, one, chosen, shown, rule=rule, new_key=new_key, offer=offer, pending=pending)
