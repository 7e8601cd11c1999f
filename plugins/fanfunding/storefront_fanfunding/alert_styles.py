"""What an alert looks and sounds like, and for how long: its tier's, unless a variation in the creator's file fits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import bindparam, select

from storefront.core.clock import SECOND_MS
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront_fanfunding.badge_rules import badges_of
from storefront_fanfunding.badges import held_by, titles
from storefront_fanfunding.config import Settings
from storefront_fanfunding.creators import Creator, creator_name
from storefront_fanfunding.tables import tips

DURATION, GAP = "8s", "2s"
_EARLIER = Query(
    select(tips.c.id)
    .where(
        tips.c.creator_id == bindparam("creator_id"),
        tips.c.customer_id == bindparam("customer_id"),
        tips.c.sequence < bindparam("sequence"),
    )
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class AlertStyle:
    """How one alert is shown; ``color``: ``#rrggbb``, or None for the shop's own; ``badges`` stand beside its name."""

    template: str
    sound: str
    color: str | None
    duration_ms: int
    gap_ms: int
    badges: Sequence[Mapping[str, Any]] = ()


async def style_of(services: Services, settings: Settings, alert: Row) -> AlertStyle:
    """Return an alert's style by its creator's file as it is now; that of somebody no longer in it is plain."""
    name = await creator_name(services, alert["creator_id"])
    told: Mapping[str, Any] = services.catalogs.active.creators.get(name, {})
    said: Mapping[str, Any] = told.get("alerts", {})
    tiers = told.get("tips", {}).get("tiers", ())
    tier: Mapping[str, Any] = next((one for one in tiers if one["id"] == alert["tier"]), {})
    chosen: Mapping[str, Any] = {}
    if not alert["is_test"]:
        is_first = await _is_first(services, alert)
        chosen = next((one for one in said.get("variations", ()) if _matches(one, alert, is_first)), {})
    return replace(compose(said, tier, chosen), badges=await _badges(services, settings, name, alert))


def compose(said: Mapping[str, Any], tier: Mapping[str, Any], chosen: Mapping[str, Any]) -> AlertStyle:
    """Return a style by what a file says of ``alerts``, of a tier, and of a variation, which goes first."""
    return AlertStyle(
        template=chosen.get("template") or tier.get("template", "card"),
        sound=chosen.get("sound") or tier.get("sound", "none"),
        color=tier.get("color"),
        duration_ms=milliseconds(chosen.get("duration") or said.get("duration", DURATION)),
        gap_ms=milliseconds(said.get("gap", GAP)),
    )


async def _badges(services: Services, settings: Settings, name: str, alert: Row) -> Sequence[Mapping[str, Any]]:
    """Return what stands beside an alert's name: what its fan had, and what its tier gives; nothing without a name."""
    catalog = services.catalogs.active
    if alert["is_test"] or alert["is_anonymous"] or name not in catalog.creators:
        return ()
    creator = Creator(name, catalog.creators[name], catalog, settings)
    there = await held_by(services.reader, creator, alert["creator_id"], alert["customer_id"], services.clock.now())
    given = [one for one in badges_of(creator) if {"tier": alert["tier"]} in one.rules and one not in there]
    return titles(services, [*given, *there], None)


def _matches(variation: Mapping[str, Any], alert: Row, is_first: bool) -> bool:
    least, most = variation.get("min"), variation.get("max")
    currency, amount = alert["currency"], alert["amount"]
    return (
        variation.get("tier", alert["tier"]) == alert["tier"]
        and (least is None or (currency in least and amount >= least[currency]))
        and (most is None or (currency in most and amount <= most[currency]))
        and variation.get("is_first", is_first) == is_first
        and variation.get("text_contains", "").casefold() in alert["message"].casefold()
    )


async def _is_first(services: Services, alert: Row) -> bool:
    asked = {"creator_id": alert["creator_id"], "customer_id": alert["customer_id"]}
    return await services.reader.first(_EARLIER, sequence=alert["tip_sequence"], **asked) is None


def milliseconds(text: str) -> int:
    """Return what the YAML's ``8s`` is in ms."""
    return int(text.removesuffix("s")) * SECOND_MS
