"""Whom an edit of a tier's price reaches: said by ``storefront check --against-live`` before anything is done."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, func, inspect, select

from storefront.core.catalog import Catalog
from storefront.core.catalog_changes import Effect
from storefront.core.change_words import show
from storefront.core.clock import iso
from storefront_subscriptions.config import existing_from
from storefront_subscriptions.intervals import Interval
from storefront_subscriptions.price_versions import moved_price, price_in
from storefront_subscriptions.rows import OVER
from storefront_subscriptions.tables import changes, subscriptions

_FOR_EVER = 1 << 62


def effects_on_subscriptions(connection: Connection, wanted: Catalog) -> Iterator[Effect]:
    """Yield how many running subscriptions pay another price than a catalog's, and whether and when they will pay that.

    Those that end with their period, or change to something else then, are not counted.
    """
    if not inspect(connection).has_table(subscriptions.name):
        return
    of = (subscriptions.c.sku, subscriptions.c.interval, subscriptions.c.currency, subscriptions.c.price)
    scheduled = select(changes.c.id).where(changes.c.state == "scheduled")
    statement = (
        select(*of, func.count().label("number"))
        .where(
            subscriptions.c.billing_state.not_in(OVER),
            subscriptions.c.ends_with_period == 0,
            subscriptions.c.change_id.is_(None) | subscriptions.c.change_id.not_in(scheduled),
        )
        .group_by(*of)
        .order_by(*of)
    )
    for row in map(dict, connection.execute(statement).mappings()):
        offer, after = wanted.offers.get(row["sku"]), moved_price(wanted, row, _FOR_EVER)
        since = None if offer is None else existing_from(offer)
        if offer is None or after is not None or _is_other(wanted, row):
            yield _effect(wanted, row, after, since)


def _is_other(wanted: Catalog, row: Any) -> bool:
    """Tell whether a tier has another price now, or none, for what is paid by the row's own."""
    return bool(row["price"] != price_in(wanted.offers[row["sku"]], row["interval"], row["currency"]))


def _effect(wanted: Catalog, row: Any, after: int | None, since: int | None) -> Effect:
    number, each = row["number"], _each(row["interval"])
    who = "1 subscription" if number == 1 else f"{number} subscriptions"
    before = show(row["price"], row["currency"], wanted)
    facts = {name: row[name] for name in ("interval", "currency", "number")} | {
        "before": row["price"], "after": row["price"] if after is None else after, "moves": after is not None,
        "from": None if after is None or not since else iso(since),
    }  # fmt: skip
    if after is None:
        keeps = "keeps its price of" if number == 1 else "keep their price of"
        return Effect(row["sku"], f"{who} {keeps} {before} {each}", facts)
    pays = "pays" if number == 1 else "pay"
    when = f"the first renewal since {_day(since)}" if since else "the next renewal"
    becomes = show(after, row["currency"], wanted)
    return Effect(row["sku"], f"{who} {pays} {before} {each}, and will pay {becomes} from {when} on", facts)


def _day(instant: int) -> str:
    return iso(instant).removesuffix("T00:00:00.000Z")


def _each(interval: str) -> str:
    parsed = Interval.parse(interval)
    return f"a {parsed.unit}" if parsed.count == 1 else f"every {parsed}"
